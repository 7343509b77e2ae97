"""Blocks that two or more architectures share."""

from collections.abc import Callable
from typing import Literal

import keras
from keras import layers, ops

Upsampling = Literal["transpose", "resize", "subpixel"]
"""How a decoder doubles the size: transposed convolution, nearest-neighbour resize then convolution (Odena et al. 2016,
no checkerboard), or sub-pixel convolution (Shi et al. 2016)."""


def upsample(x, features: int, kernel: int, method: Upsampling):
    """Double height and width, `(N, H, W, C)` to `(N, 2 H, 2 W, features)`, with a learned kernel and no activation.

    Raises
    ------
    ValueError
        `method` is none of `Upsampling`.
    """
    if method == "transpose":
        return layers.Conv2DTranspose(features, kernel, strides=2, padding="same")(x)
    if method == "resize":
        return layers.Conv2D(features, kernel, padding="same")(layers.UpSampling2D(2)(x))
    if method == "subpixel":
        return ops.depth_to_space(layers.Conv2D(4 * features, kernel, padding="same")(x), 2)
    raise ValueError(f"there is no upsampling {method!r}; there are transpose, resize and subpixel")


def u_net(x, features: int, block: Callable, bottom: Callable, kernel: int, upsampling: Upsampling):
    """Apply a block at three levels, each of half the size and twice the features, and again on the way back up.

    Parameters
    ----------
    x : tensor
        `(N, H, W, C)`.
    features : int
        Features at full size.
    block, bottom : callable
        `(tensor, features)` to a tensor of the same size: at every level, and once below the last pooling.
    kernel : int
        Size of the kernels that double the size.
    upsampling : {"transpose", "resize", "subpixel"}
        How the size is doubled.

    Returns
    -------
    tensor
        `(N, H, W, features)`.
    """
    skips = []
    for level in range(3):
        skips.append(block(x, features * 2**level))
        x = layers.MaxPooling2D(2)(skips[-1])
    x = bottom(x, features * 8)
    for level in (2, 1, 0):
        x = upsample(x, features * 2**level, kernel, upsampling)
        x = block(layers.Concatenate()([skips[level], x]), features * 2**level)
    return x


def to_picture(x, channels: int, kernel: int, residual: bool, activation: str | None = None):
    """Return to the picture's channels, in float32; what is added to the blurred picture begins small."""
    initializer = keras.initializers.RandomNormal(stddev=1e-3) if residual else "glorot_uniform"
    return layers.Conv2D(
        channels, kernel, padding="same", activation=activation, kernel_initializer=initializer, dtype="float32"
    )(x)


def signed(pictures):
    """Bring pictures from [0, 1] to [-1, 1], the range of tanh."""
    return layers.Rescaling(2.0, offset=-1.0)(pictures)


def to_signed_picture(x, blur, kernel: int, residual: bool, name: str | None = None):
    """Return to a picture in [0, 1] by a convolution with tanh, the picture itself or the difference to `blur`."""
    x = to_picture(x, blur.shape[-1], kernel, residual, activation="tanh")
    if residual:  # a difference of pictures in [0, 1] has just the range of tanh
        return layers.Add(dtype="float32", name=name)([blur, x])
    return layers.Rescaling(0.5, offset=0.5, dtype="float32", name=name)(x)


def finish(x, inputs, name: str, residual: bool) -> keras.Model:
    """Close a network: float32 output, with the blurred picture added where `residual` is asked for."""
    if residual:
        x = layers.Add(dtype="float32", name="global_residual")([inputs, x])
    return keras.Model(inputs, x, name=name)
