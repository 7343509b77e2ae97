"""UNet3: three encoding and three decoding layers (Kendall & Rios, "Our approach"; after Ronneberger et al. 2015)."""

import keras
from keras import layers

from tfdeblur.models.blocks import Upsampling, finish, to_picture, upsample


def unet3(
    channels: int = 3, features: int = 64, residual: bool = False, upsampling: Upsampling = "transpose"
) -> keras.Model:
    """Build UNet3: a convolution and a pooling for each of three levels down, and the reverse up.

    Sizes must be multiples of 8. With the defaults it has 2,878,659 parameters.

    Left open by the report and chosen here: 3x3 kernels, 64 features that double with each level, ReLU, skip
    connections that are concatenated.

    Parameters
    ----------
    channels : int
        Channels of the pictures.
    features : int
        Features at full size; they double with each pooling.
    residual : bool
        Whether the blurred picture is added to the last layer, as in the report's GAN but not its phase I.
    upsampling : {"transpose", "resize", "subpixel"}
        How the size is doubled.

    Returns
    -------
    keras.Model
        `(N, H, W, channels)` in [0, 1] to float32 of the same shape.
    """
    inputs = x = keras.Input((None, None, channels))
    skips = []
    for level in range(3):
        x = layers.Conv2D(features * 2**level, 3, padding="same", activation="relu")(x)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    for level in (2, 1, 0):
        x = upsample(x, features * 2**level, 3, upsampling)
        x = layers.Concatenate()([skips[level], x])
        x = layers.Conv2D(features * 2**level, 3, padding="same", activation="relu")(x)
    return finish(to_picture(x, channels, 1, residual), inputs, "unet3", residual)
