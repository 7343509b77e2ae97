"""ResNet16: residual encoder and decoder (Orlandi & Pinardi 2020, section 3.1.1, figures 3.2 to 3.4)."""

import keras
from keras import layers

from tfdeblur.models.blocks import Upsampling, finish, upsample


def resnet16(
    channels: int = 3, features: int = 64, residual: bool = False, upsampling: Upsampling = "transpose"
) -> keras.Model:
    """Build ResNet16: 4 residual blocks down to 1/8 of the size and 8 times the features, 4 back up.

    Sizes must be multiples of 8. With the defaults it has 7,366,034 parameters (7,360,396 trainable).

    Left open by the report and chosen here: the single-sequence block that ends the network has a 1x1 convolution on
    its skip connection like all the others, and works in float32.

    Parameters
    ----------
    channels : int
        Channels of the pictures.
    features : int
        Features of the first block; the next ones have 2, 4 and 8 times as many.
    residual : bool
        Whether the network estimates the difference to the blurred picture. Not in the report.
    upsampling : {"transpose", "resize", "subpixel"}
        How the decoder doubles the size. The report's is "transpose".

    Returns
    -------
    keras.Model
        `(N, H, W, channels)` in [0, 1] to float32 of the same shape.
    """
    inputs = x = keras.Input((None, None, channels))
    for level, stride in enumerate([1, 2, 2, 2]):
        x = _encoder_block(x, features * 2**level, stride)
    for level in [2, 1, 0]:
        x = _decoder_block(x, features * 2**level, upsampling)
    x = _last_block(x, channels)
    return finish(x, inputs, "resnet16", residual)


def _encoder_block(x, features: int, stride: int):
    """Figure 3.2: two convolutions, the first of them strided, and a 1x1 convolution around them."""
    skip = layers.Conv2D(features, 1, strides=stride, padding="same")(x)
    x = _normalise(layers.Conv2D(features, 3, strides=stride, padding="same")(x))
    x = _normalise(layers.Conv2D(features, 3, padding="same")(x))
    return layers.Add()([x, skip])


def _decoder_block(x, features: int, upsampling: Upsampling):
    """Figure 3.3: as in the encoder, with transposed convolutions; the second and the skip double the size."""
    skip = upsample(x, features, 1, upsampling)
    x = _normalise(layers.Conv2DTranspose(features, 3, padding="same")(x))
    x = _normalise(upsample(x, features, 3, upsampling))
    return layers.Add()([x, skip])


def _last_block(x, channels: int):
    skip = layers.Conv2D(channels, 1, dtype="float32")(x)
    x = layers.Conv2D(channels, 1, dtype="float32")(x)
    x = layers.BatchNormalization(dtype="float32")(x)
    x = layers.ReLU(dtype="float32")(x)
    return layers.Add(dtype="float32")([x, skip])


def _normalise(x):
    return layers.ReLU()(layers.BatchNormalization()(x))
