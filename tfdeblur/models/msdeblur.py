"""MSDeblur: the generator of MSDeblurWGAN, in three scales (Orlandi & Pinardi 2020, section 4.1.1; Nah et al. 2017)."""

import keras
from keras import layers

from tfdeblur.models.blocks import signed, to_signed_picture

SCALES = 3


def msdeblur(channels: int = 3, features: int = 64, depth: int = 19, residual: bool = False) -> keras.Model:
    """Build MSDeblur: a branch for each of three scales, each of which hands its picture up to the next.

    A pixel can depend on others 480 pixels away, through the coarsest branch; a network trained on 32x32 pictures gave
    the same in tiles of 256 that share 96 as for the whole picture, to a tenth of a grey level of 255.

    Sizes must be multiples of 4. With the defaults it has 11,953,609 parameters (11,939,017 trainable).

    Pictures are in [-1, 1] inside. The pyramid is made by averaging squares of four pixels (antialiased, and compiled
    on every device). The pictures of the coarser branches are the outputs of the layers `scale_4` and `scale_2`, for
    losses over all scales: see `every_scale`. Left open by the report and chosen here: no activation after the
    convolutions at either end of a branch but the tanh, and none after the transposed convolution.

    Parameters
    ----------
    channels : int
        Channels of the pictures.
    features : int
        Features of every block.
    depth : int
        Residual blocks of each branch; 19 in the report, 5 for REDS.
    residual : bool
        Whether each branch estimates the difference to the blurred picture of its scale. Not in the report.

    Returns
    -------
    keras.Model
        `(N, H, W, channels)` in [0, 1] to float32 of the same shape.
    """
    inputs = keras.Input((None, None, channels))
    pyramid = [inputs]
    for _ in range(SCALES - 1):
        pyramid.append(layers.AveragePooling2D(2, dtype="float32")(pyramid[-1]))
    restored = None
    for scale in reversed(range(SCALES)):
        blur = pyramid[scale]
        x = signed(blur)
        if restored is not None:
            below = layers.Conv2DTranspose(features, 5, strides=2, padding="same")(signed(restored))
            x = layers.Concatenate()([x, below])
        x = layers.Conv2D(features, 5, padding="same")(x)
        for _ in range(depth):
            x = _residual_block(x, features)
        restored = to_signed_picture(x, blur, 5, residual, name=f"scale_{2**scale}")
    return keras.Model(inputs, restored, name="msdeblur")


def every_scale(network: keras.Model) -> keras.Model:
    """Return a network with the same layers that returns its pictures of all scales, the finest first, as a list.

    Of a network of one scale it returns the picture alone.
    """
    names = [layer.name for layer in network.layers]
    coarse = [network.get_layer(f"scale_{2**scale}").output for scale in (1, 2) if f"scale_{2**scale}" in names]
    return keras.Model(network.input, [network.output, *coarse], name=f"{network.name}_every_scale")


def _residual_block(x, features: int):
    """Figure 4.2: no ReLU after the addition."""
    skip = x
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(features, 5, padding="same")(x)))
    x = layers.BatchNormalization()(layers.Conv2D(features, 5, padding="same")(x))
    return layers.Add()([x, skip])
