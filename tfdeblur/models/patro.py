"""Patro's estimator of the blur of patches (2017, section 3.3), whose widths the report does not give."""

import keras
from keras import layers

from tfdeblur.models.spectra import pyramid

SIDE = 32
"""Pixels along an edge of the patches."""

WINDOW, STRIDE = 16, 4
"""Of the spectra, which the convolutions see: 8x8 of the patch, 8x8 of the patch at half its size."""

FEATURES = (64, 64, 64, 64, 128, 128, 128, 128)
DENSE = (1024, 1024, 1024)

DROPOUT = 0.5
"""Share of the dense layers' inputs that training of classes leaves out. It raises the mean of what a ReLU passes on: a
number that is learned with it comes out too small without it, by 0.4 pixels of sigma here."""


def patro(*, channels: int = 1, classes: int | None = None, features: int = FEATURES[0]) -> keras.Model:
    """Build the estimator of the sigma of the Gaussian blur of 32x32 patches: a classifier, or a regressor.

    Eight 3x3 convolutions with batch normalisation and ReLU, halved after every fourth, then four dense layers, of
    classes with dropout: 3,288,578 parameters, 3,296,778 with 10 classes (the report: 3.27 million). What they get are
    log spectra, where the report's get pixels.

    Parameters
    ----------
    channels : int
        Of the patches; of their mean the spectra are taken.
    classes : int, optional
        How many sigmas there are, evenly spaced over the range of `tfdeblur.estimation.outputs`. Without it sigma is
        one number, and the other says how far it may be off.
    features : int
        Of the first convolution, to which the other layers' are in proportion.

    Returns
    -------
    keras.Model
        Patches `(N, 32, 32, channels)` in [0, 1] to float32 logits `(N, classes)`; or `(N, 2)`, sigma in pixels and the
        logarithm of the variance of its error.
    """
    inputs = keras.Input((SIDE, SIDE, channels))
    x = pyramid(inputs, 2, WINDOW, STRIDE)
    for index, wide in enumerate(FEATURES):
        x = layers.Conv2D(wide * features // FEATURES[0], 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        if index % 4 == 3:
            x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for wide in DENSE:
        x = layers.Dense(wide * features // FEATURES[0], activation="relu")(x)
        x = layers.Dropout(DROPOUT)(x) if classes else x
    bias = "zeros" if classes else "ones"
    return keras.Model(inputs, layers.Dense(classes or 2, dtype="float32", bias_initializer=bias)(x), name="patro")
