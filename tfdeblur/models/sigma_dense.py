"""A map of sigma from one pass over a picture of any size: what Patro (2017, section 5) names as future work."""

import keras
from keras import layers

from tfdeblur.models.blocks import log_energy

BANK, SIDE = 32, 9
"""Filters whose responses tell how much of each frequency there is, and pixels along their edges."""

STRIDE = 4
DILATIONS = (1, 2, 4, 1, 2, 4)
"""Of the residual blocks at a quarter of the size: with the bank's windows they see 64 pixels in each direction."""


def sigma_dense(*, channels: int = 1, features: int = 64) -> keras.Model:
    """Build the estimator of the sigma of Gaussian blur at every pixel, and of how far it may be off.

    A bank of learned 9x9 filters; the logarithm of its responses' mean squares in 8x8 windows, which the sharp
    picture's own contrast only shifts and blur lowers the more, the higher the frequency; residual blocks of dilated
    3x3 convolutions on that, at a quarter of the size; interpolation back: 267,490 parameters.

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
    x = layers.Conv2D(BANK, SIDE, padding="same", use_bias=False)(inputs)
    x = log_energy(x, 2 * STRIDE, STRIDE)
    x = layers.Conv2D(features, 3, padding="same")(layers.BatchNormalization()(x))
    for dilation in DILATIONS:
        y = layers.Conv2D(features, 3, padding="same", dilation_rate=dilation)(layers.ELU()(x))
        y = layers.Conv2D(features, 1, use_bias=False)(layers.ELU()(y))
        x = layers.Add()([x, y])
    x = layers.Conv2D(2, 1, dtype="float32", bias_initializer="ones")(layers.ELU()(x))
    # Repeated and averaged, which is nearly linear; Keras' own linear interpolation takes no free sizes.
    x = layers.UpSampling2D(STRIDE, dtype="float32")(x)
    x = layers.AveragePooling2D(STRIDE + 1, 1, padding="same", dtype="float32")(x)
    return keras.Model(inputs, x, name="sigma_dense")
