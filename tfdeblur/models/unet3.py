"""UNet3: three encoding and three decoding layers (Kendall & Rios, "Our approach"; after Ronneberger et al. 2015)."""

import keras
from keras import layers

from tfdeblur.models.blocks import Upsampling, finish, to_picture, u_net


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
    inputs = keras.Input((None, None, channels))
    x = u_net(inputs, features, _convolution, lambda x, _: x, 3, upsampling)
    return finish(to_picture(x, channels, 1, residual), inputs, "unet3", residual)


def _convolution(x, features: int):
    return layers.Conv2D(features, 3, padding="same", activation="relu")(x)
