"""DeblurGAN's generator, conditioned on the Laplacian (Hellerstein & Hong; Kupyn et al. 2018, figure 3)."""

import keras
from keras import layers, ops

from tfdeblur.models.blocks import Upsampling, signed, to_signed_picture, upsample
from tfdeblur.physics.colour import luma


def deblurgan(
    channels: int = 3,
    features: int = 64,
    depth: int = 9,
    residual: bool = True,
    upsampling: Upsampling = "transpose",
    laplacian: bool = True,
) -> keras.Model:
    """Build DeblurGAN's generator: two strided convolutions, residual blocks, two upsamplings, a global skip.

    Sizes must be multiples of 4. With the defaults it has 11,391,811 parameters.

    Instance normalisation makes every pixel depend on the whole picture, so tiles of a large picture are not restored
    exactly as the whole would be. Otherwise than in Kupyn et al. borders are padded with zeros, not by reflection,
    which small pictures do not allow, and the sum with the blurred picture is not clipped, which would stop gradients.

    Parameters
    ----------
    channels : int
        Channels of the pictures.
    features : int
        Features at full size; the next two sizes have 2 and 4 times as many.
    depth : int
        Residual blocks; 9 in both reports.
    residual : bool
        Whether the network estimates the difference to the blurred picture, as in both reports.
    upsampling : {"transpose", "resize", "subpixel"}
        How the size is doubled; "transpose" in both reports.
    laplacian : bool
        Whether the Laplacian of the luma is given to the network as a further channel (Hellerstein & Hong section 5).

    Returns
    -------
    keras.Model
        `(N, H, W, channels)` in [0, 1] to float32 of the same shape.
    """
    inputs = keras.Input((None, None, channels))
    x = signed(inputs)
    if laplacian:
        x = layers.Concatenate()([x, laplacian_of_luma(inputs)])
    x = _normalise(layers.Conv2D(features, 7, padding="same")(x))
    for level in (1, 2):
        x = _normalise(layers.Conv2D(features * 2**level, 3, strides=2, padding="same")(x))
    for _ in range(depth):
        x = _residual_block(x, 4 * features)
    for level in (1, 0):
        x = _normalise(upsample(x, features * 2**level, 3, upsampling))
    return keras.Model(inputs, to_signed_picture(x, inputs, 7, residual), name="deblurgan")


def laplacian_of_luma(pictures):
    """Return the 3x3 Laplacian of the luma, `(N, H, W, C)` to `(N, H, W, 1)`: 4 neighbours less 4 times the middle.

    Borders are replicated, where zeros would look like edges. Hellerstein & Hong section 3.
    """
    grey = luma(pictures)
    padded = ops.pad(grey, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
    upright = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]
    across = padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return upright + across - 4 * grey


def _residual_block(x, features: int):
    skip = x
    x = layers.Dropout(0.5)(_normalise(layers.Conv2D(features, 3, padding="same")(x)))
    x = _instance_normalisation(layers.Conv2D(features, 3, padding="same")(x))
    return layers.Add()([x, skip])


def _normalise(x):
    return layers.ReLU()(_instance_normalisation(x))


def _instance_normalisation(x):
    return layers.GroupNormalization(groups=-1, epsilon=1e-5)(x)
