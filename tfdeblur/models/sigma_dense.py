"""A map of sigma from one pass over a picture of any size: what Patro (2017, section 5) names as future work."""

import keras
import numpy as np
from keras import layers, ops

from tfdeblur.models.blocks import log_energy

FREQUENCIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Of the filters along each axis, in cycles a pixel, as training begins."""

SIDE = 11
"""Pixels along the filters' edges."""

USUAL, SPREAD = -8.0, 3.0
"""About where the logarithms of energies lie, and how far from it. Batches' own statistics, which photographs and
textures do not share, made validation jump."""

LEVELS, WINDOW, STRIDE = 3, 8, 4
"""Sizes of the picture that the banks see, the windows' edges, and the pixels from one estimate to the next."""

DILATIONS = (1, 2, 4, 1, 2, 4)
"""Of the residual blocks at a quarter of the size: with the windows they see 96 pixels in each direction."""


def sigma_dense(*, channels: int = 1, features: int = 64) -> keras.Model:
    """Build the estimator of the sigma of Gaussian blur at every pixel, and of how far it may be off.

    Banks of 11x11 filters, which begin as windowed cosines, on the picture and on it at a half and a quarter of its
    size; the logarithms of their responses' mean squares in 8x8 windows, of which the sharp picture's contrast shifts
    all alike, and blur lowers the more, the higher the frequency; residual blocks of dilated 3x3 convolutions on their
    differences and their mean, at a quarter of the size; interpolation back: 320,099 parameters.

    Parameters
    ----------
    channels : int
        Of the pictures.
    features : int
        Of the residual blocks.

    Returns
    -------
    keras.Model
        Pictures `(N, H, W, channels)` in [0, 1], with H and W multiples of 4, to float32 `(N, H, W, 2)`: sigma in
        pixels, and the logarithm of the variance of its error, which is large where nothing can be seen.
    """
    inputs = keras.Input((None, None, channels))
    energies, picture = [], inputs
    for level in range(LEVELS):
        bank = layers.Conv2D(len(FREQUENCIES) ** 2 - 1, SIDE, padding="same", use_bias=False)
        energies.append(log_energy(bank(picture), WINDOW, STRIDE // 2**level))
        bank.set_weights([np.repeat(cosines()[:, :, None], channels, axis=2) / channels])
        picture = layers.AveragePooling2D(2)(picture)
    x = layers.Concatenate()(energies)
    mean = ops.mean(x, -1, keepdims=True)
    x = layers.Concatenate()([(x - mean) / SPREAD, (mean - USUAL) / SPREAD])
    x = layers.Conv2D(features, 3, padding="same")(x)
    for dilation in DILATIONS:
        y = layers.Conv2D(features, 3, padding="same", dilation_rate=dilation)(layers.ELU()(x))
        y = layers.Conv2D(features, 1, use_bias=False)(layers.ELU()(y))
        x = layers.Add()([x, y])
    x = layers.Conv2D(2, 1, dtype="float32", bias_initializer="ones")(layers.ELU()(x))
    # Repeated and averaged, which is nearly linear; Keras' own linear interpolation takes no free sizes.
    x = layers.UpSampling2D(STRIDE, dtype="float32")(x)
    x = layers.AveragePooling2D(STRIDE + 1, 1, padding="same", dtype="float32")(x)
    return keras.Model(inputs, x, name="sigma_dense")


def cosines() -> np.ndarray:
    """Return products of cosines along both axes under Hann's window, without brightness, `(SIDE, SIDE, filters)`."""
    place = np.arange(SIDE) - SIDE // 2
    waves = np.cos(2 * np.pi * np.outer(place, FREQUENCIES))
    window = np.hanning(SIDE + 2)[1:-1]
    filters = np.einsum("y,x,yv,xu->yxvu", window, window, waves, waves).reshape(SIDE, SIDE, -1)[..., 1:]
    weight = np.outer(window, window)[..., None]
    filters = filters - weight * (filters.sum((0, 1)) / weight.sum())
    return np.float32(filters / np.sqrt(np.square(filters).sum((0, 1))))
