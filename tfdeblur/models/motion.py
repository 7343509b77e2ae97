"""A small estimator of the motion that blurred a picture: its length and its direction."""

import keras

from tfdeblur.models.spectra import of_whole_picture, pyramid

LEVELS, ORIENTATIONS = 3, 8
"""Sizes of the picture whose spectra are taken, and directions in which they are."""

WIDTHS, DENSE = (64, 64, 128), (128, 64)


def motion(*, channels: int = 1, features: int = WIDTHS[0]) -> keras.Model:
    """Build the estimator of the motion that blurred a picture.

    What moves is blurred along its path only, so its spectrum is low in one direction and has dark stripes across it,
    the narrower, the longer the path. Three 3x3 convolutions over log spectra in eight directions, their mean over the
    picture, three dense layers: 347,395 parameters.

    Parameters
    ----------
    channels : int
        Of the pictures; of their mean the spectra are taken.
    features : int
        Of the first convolution, to which the other layers' are in proportion.

    Returns
    -------
    keras.Model
        Pictures `(N, H, W, channels)` in [0, 1], with H and W multiples of 8 and at least 64, to float32 `(N, 3)`: the
        motion as `physics.trajectories.streak` describes it, and the logarithm of the variance of its error.
    """
    inputs = keras.Input((None, None, channels))
    spectra = pyramid(inputs, LEVELS, orientations=ORIENTATIONS)
    widths, dense = ([wide * features // WIDTHS[0] for wide in each] for each in (WIDTHS, DENSE))
    return keras.Model(inputs, of_whole_picture(spectra, widths, dense, 3), name="motion")
