"""Kendall & Rios' estimator of one sigma for a whole picture (2019, Phase I): 3 convolutions, 3 dense layers."""

import keras
from keras import layers

from tfdeblur.models.blocks import log_energy

WIDTHS, DENSE = (32, 64, 128), (128, 64)


def kendall_sigma(*, channels: int = 1, features: int = WIDTHS[0]) -> keras.Model:
    """Build the estimator of the sigma of a picture's Gaussian blur.

    Three 5x5 convolutions, the last two of stride 2, and three dense layers: all that the report says. What the dense
    layers get are the logarithms of the last responses' mean squares in 8x8 windows, averaged over the picture: its
    contrast only shifts them, and pictures of any size will do. 282,818 parameters.

    Parameters
    ----------
    channels : int
        Of the pictures.
    features : int
        Of the first convolution, to which the other layers' are in proportion.

    Returns
    -------
    keras.Model
        Pictures `(N, H, W, channels)` in [0, 1] to float32 `(N, 2)`: sigma in pixels, and the logarithm of the variance
        of its error.
    """
    inputs = x = keras.Input((None, None, channels))
    for index, wide in enumerate(WIDTHS):
        x = layers.ELU()(layers.BatchNormalization()(x)) if index else x
        x = layers.Conv2D(wide * features // WIDTHS[0], 5, strides=2 if index else 1, padding="same")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32")(log_energy(x, 8, 8))
    x = layers.BatchNormalization(dtype="float32")(x)
    for wide in DENSE:
        x = layers.Dense(wide * features // WIDTHS[0], activation="elu")(x)
    return keras.Model(inputs, layers.Dense(2, dtype="float32", bias_initializer="ones")(x), name="kendall_sigma")
