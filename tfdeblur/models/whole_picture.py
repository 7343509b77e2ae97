"""Small estimators of the blur of a whole picture: of the sigma of a Gaussian, and of a motion.

Kendall & Rios' estimator of sigma (2019, Phase I) has three convolutions and three dense layers, which is all that
their report says of it. So has the estimator of motion: what moves is blurred along its path only, so that its spectrum
is low in one direction, with dark stripes across, the narrower, the longer the path.
"""

import keras
from keras import layers

from tfdeblur.models.spectra import pyramid

LEVELS = 3
"""Sizes of the picture whose spectra are taken: at a quarter of the size the widest blurs leave something to see."""

DIRECTIONS = 8
"""In which the spectra of what has moved are taken."""

WIDTHS, DENSE = (64, 64, 128), (128, 64)


def kendall_sigma(*, channels: int = 1, features: int = WIDTHS[0]) -> keras.Model:
    """Build the estimator of the sigma of a picture's Gaussian blur.

    What the convolutions, 3x3, get are log spectra, in windows of 32 pixels every 8, of the picture and of it at a half
    and a quarter of its size; the dense layers, the features' mean over the picture, so pictures of any size will do.
    243,650 parameters.

    Parameters
    ----------
    channels : int
        Of the pictures; of their mean the spectra are taken.
    features : int
        Of the first convolution, to which the other layers' are in proportion.

    Returns
    -------
    keras.Model
        Pictures `(N, H, W, channels)` in [0, 1], with H and W multiples of 8 and at least 64, to float32 `(N, 2)`:
        sigma in pixels, and the logarithm of the variance of its error.
    """
    return _estimator(2, channels, features, orientations=4, name="kendall_sigma")


def motion(*, channels: int = 1, features: int = WIDTHS[0]) -> keras.Model:
    """Build the estimator of the motion that blurred a picture: `kendall_sigma`, with spectra in eight directions.

    347,395 parameters. It returns float32 `(N, 3)`: the motion as `physics.trajectories.streak` describes it, and the
    logarithm of the variance of its errors.
    """
    return _estimator(3, channels, features, orientations=DIRECTIONS, name="motion")


def _estimator(count: int, channels: int, features: int, orientations: int, name: str) -> keras.Model:
    inputs = keras.Input((None, None, channels))
    x = pyramid(inputs, LEVELS, orientations=orientations)
    for wide in WIDTHS:
        x = layers.Conv2D(wide * features // WIDTHS[0], 3, padding="same", use_bias=False)(x)
        x = layers.LeakyReLU(0.1)(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    for wide in DENSE:
        x = layers.LeakyReLU(0.1)(layers.Dense(wide * features // WIDTHS[0])(x))
    return keras.Model(inputs, layers.Dense(count, dtype="float32", bias_initializer="ones")(x), name=name)
