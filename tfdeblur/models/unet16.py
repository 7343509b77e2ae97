"""UNet16: a small U-Net (Orlandi & Pinardi 2020, section 3.1.2, figure 3.5, after Ronneberger et al. 2015)."""

import keras
from keras import layers

from tfdeblur.models.blocks import Upsampling, finish, to_picture, u_net


def unet16(
    channels: int = 3, features: int = 16, residual: bool = False, upsampling: Upsampling = "transpose"
) -> keras.Model:
    """Build UNet16: three poolings from 16 features to 128 and back, with concatenated skip connections.

    Sizes must be multiples of 8. With the defaults it has 482,067 parameters.

    Left open by the report and chosen here, as in Ronneberger et al.: two 3x3 convolutions at every level, zero padding
    so that sizes are kept, no activation after the transposed convolutions nor after the last 1x1 convolution.

    Parameters
    ----------
    channels : int
        Channels of the pictures.
    features : int
        Features at full size; they double with each pooling.
    residual : bool
        Whether the network estimates the difference to the blurred picture. Not in the report.
    upsampling : {"transpose", "resize", "subpixel"}
        How the expansive path doubles the size. The report's is "transpose".

    Returns
    -------
    keras.Model
        `(N, H, W, channels)` in [0, 1] to float32 of the same shape.
    """
    inputs = keras.Input((None, None, channels))
    x = u_net(inputs, features, _two_convolutions, _two_convolutions, 2, upsampling)
    x = to_picture(x, channels, 1, residual)
    return finish(x, inputs, "unet16", residual)


def _two_convolutions(x, features: int):
    for _ in range(2):
        x = layers.Conv2D(features, 3, padding="same", activation="relu")(x)
    return x
