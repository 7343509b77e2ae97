"""Kendall & Rios' estimator of one sigma for a whole picture (2019, Phase I): 3 convolutions, 3 dense layers."""

import keras

from tfdeblur.models.spectra import of_whole_picture, pyramid

LEVELS = 3
"""Sizes of the picture whose spectra are taken: at a quarter of the size the widest blurs leave something to see."""

WIDTHS, DENSE = (64, 64, 128), (128, 64)


def kendall_sigma(*, channels: int = 1, features: int = WIDTHS[0]) -> keras.Model:
    """Build the estimator of the sigma of a picture's Gaussian blur.

    Three 3x3 convolutions and three dense layers: all that the report says. What the convolutions get are log spectra,
    in windows of 32 pixels every 8, of the picture and of it at a half and a quarter of its size; the dense layers, the
    features' mean over the picture, so pictures of any size will do. 243,650 parameters.

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
    inputs = keras.Input((None, None, channels))
    spectra = pyramid(inputs, LEVELS)
    widths, dense = ([wide * features // WIDTHS[0] for wide in each] for each in (WIDTHS, DENSE))
    return keras.Model(inputs, of_whole_picture(spectra, widths, dense, 2), name="kendall_sigma")
