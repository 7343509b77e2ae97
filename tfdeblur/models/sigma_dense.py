"""A map of sigma from one pass over a picture of any size: what Patro (2017, section 5) names as future work."""

import keras
from keras import layers, ops

from tfdeblur.models.spectra import OF_SQUARES, pyramid

LEVELS, STRIDE = 2, 8
"""Sizes of the picture whose spectra are taken, and pixels from one estimate to the next."""

ROUNDS, DILATIONS = 3, (1, 2, 4)
"""Of the picture as a whole, and of residual blocks after each: together they see 168 pixels in each direction."""

LEAK = 0.1
"""Slope below 0. Under ELU all features went flat where the blur was strong, and so did sigma."""


def sigma_dense(*, channels: int = 1, features: int = 64) -> keras.Model:
    """Build the estimator of the sigma of Gaussian blur at every pixel, and of how far it may be off.

    Log spectra of the picture and of it at half its size, in windows of 32 pixels every 8; residual blocks of dilated
    3x3 convolutions on the bands' differences and their mean, and before each third of them a part of what is seen in
    the picture as a whole: where other parts are sharper, they tell how its spectrum would be without blur.
    Interpolation back to pixels: 485,122 parameters.

    Parameters
    ----------
    channels : int
        Of the pictures; of their mean the spectra are taken.
    features : int
        Of the residual blocks.

    Returns
    -------
    keras.Model
        Pictures `(N, H, W, channels)` in [0, 1], with H and W multiples of 8 and at least 32, to float32
        `(N, H, W, 2)`: sigma in pixels, and the logarithm of the variance of its error, which is large where nothing
        can be seen.
    """
    inputs = keras.Input((None, None, channels))
    x = pyramid(inputs, LEVELS, stride=STRIDE)
    mean = ops.mean(x, -1, keepdims=True)
    x = layers.Conv2D(features, 1, name=OF_SQUARES)(layers.Concatenate()([x - mean, mean]))
    for dilation in (1, 1):
        x = _residual(x, features, dilation)
    for _ in range(ROUNDS):
        whole = layers.GlobalAveragePooling2D(keepdims=True)(_active(x))
        x = layers.Add()([x, layers.Dense(features)(_active(layers.Dense(features)(whole)))])
        for dilation in DILATIONS:
            x = _residual(x, features, dilation)
    x = layers.Conv2D(2, 1, dtype="float32", bias_initializer="ones")(_active(x))
    # Repeated and averaged, which is nearly linear; Keras' own linear interpolation takes no free sizes.
    x = layers.UpSampling2D(STRIDE, dtype="float32")(x)
    for size in ((STRIDE + 1, 1), (1, STRIDE + 1)):
        x = layers.AveragePooling2D(size, 1, padding="same", dtype="float32")(x)
    return keras.Model(inputs, x, name="sigma_dense")


def _active(x):
    return layers.LeakyReLU(LEAK)(x)


def _residual(x, features: int, dilation: int):
    """Add a dilated 3x3 convolution's features, which begin small."""
    y = layers.Conv2D(features, 3, padding="same", dilation_rate=dilation)(_active(x))
    small = keras.initializers.VarianceScaling(0.1)
    return layers.Add()([x, layers.Conv2D(features, 1, kernel_initializer=small)(_active(y))])
