"""Critics and discriminators: functions that return a `keras.Model` from pictures to one score for each.

They work in float32 whatever the generator computes in.
"""

import keras
from keras import layers


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
    normalise = lambda: layers.GroupNormalization(groups=1, epsilon=1e-5, dtype="float32")  # noqa: E731
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
    normalise = lambda: layers.BatchNormalization(dtype="float32")  # noqa: E731
    return _critic("discriminator", channels, [features * m for m in (1, 2, 4, 8, 8)], (2, 2, 2, 1, 1), normalise)


def _critic(name: str, channels: int, features: list[int], strides: tuple[int, ...], normalise) -> keras.Model:
    inputs = keras.Input((None, None, channels), dtype="float32")
    x = layers.Rescaling(2.0, offset=-1.0, dtype="float32")(inputs)
    for count, stride in zip(features, strides, strict=True):
        x = normalise()(layers.Conv2D(count, 4, strides=stride, padding="same", dtype="float32")(x))
        x = layers.LeakyReLU(negative_slope=0.2, dtype="float32")(x)
    scores = layers.Conv2D(1, 4, padding="same", dtype="float32", name="scores")(x)
    score = layers.GlobalAveragePooling2D(dtype="float32")(scores)
    return keras.Model(inputs, layers.Reshape((), dtype="float32")(score), name=name)
