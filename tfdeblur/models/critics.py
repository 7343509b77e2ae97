"""Critics and discriminators: functions that return a `keras.Model` from pictures to one score for each.

They work in float32 whatever the generator computes in.
"""

from collections.abc import Callable
from functools import partial

import keras
from keras import layers

from tfdeblur.models.blocks import signed
from tfdeblur.precision import computing_in


def patchgan(channels: int = 3, features: int = 64) -> keras.Model:
    """Build the PatchGAN critic of Orlandi & Pinardi (2020), figure 4.3 (after Isola et al. 2017).

    Five 4x4 convolutions with strides 2, 2, 2, 1, 1; all but the last are followed by layer normalisation and LeakyReLU
    and have 1, 2, 4 and 8 times `features`; the last gives a linear map of scores, one for each patch. The score of a
    picture is the mean over its patches. With the defaults it has 2,766,657 parameters.

    Layer normalisation is over height, width and features of each picture (Gulrajani et al. 2017), with one gain and
    offset for each feature, so that pictures may be of any size.

    Returns
    -------
    keras.Model
        `(N, H, W, channels)` in [0, 1] to `(N,)`, float32.
    """
    normalise = partial(layers.GroupNormalization, groups=1, epsilon=1e-5)
    return _critic("patchgan", channels, [features * m for m in (1, 2, 4, 8)], (2, 2, 2, 1), normalise)


def discriminator(channels: int = 3, features: int = 64) -> keras.Model:
    """Build the discriminator of Kendall & Rios' phase II: six convolutions, LeakyReLU, batch normalisation.

    Left open by the report and chosen here: 4x4 kernels; strides 2, 2, 2, 1, 1, 1; 1, 2, 4, 8 and 8 times `features`;
    the last convolution gives a map of logits, whose mean is the picture's. With the defaults it has 6,965,441
    parameters (6,962,497 trainable).

    Returns
    -------
    keras.Model
        `(N, H, W, channels)` in [0, 1] to `(N,)`, float32: the logit of being sharp.
    """
    features_of = [features * m for m in (1, 2, 4, 8, 8)]
    return _critic("discriminator", channels, features_of, (2, 2, 2, 1, 1), layers.BatchNormalization)


@computing_in("float32")
def _critic(name: str, channels: int, features: list[int], strides: tuple[int, ...], normalise: Callable):
    inputs = keras.Input((None, None, channels))
    x = signed(inputs)
    for count, stride in zip(features, strides, strict=True):
        x = normalise()(layers.Conv2D(count, 4, strides=stride, padding="same")(x))
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    scores = layers.Conv2D(1, 4, padding="same", name="scores")(x)
    score = layers.Reshape(())(layers.GlobalAveragePooling2D()(scores))
    return keras.Model(inputs, score, name=name)
