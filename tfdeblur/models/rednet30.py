"""REDNet30: a chain with symmetric skip connections (Orlandi & Pinardi 2020, section 3.1.3; Mao et al. 2016)."""

import keras
from keras import layers

from tfdeblur.models.blocks import finish, signed, to_picture, to_signed_picture


def rednet30(
    channels: int = 3, features: int = 64, depth: int = 30, residual: bool = False, tanh: bool = False
) -> keras.Model:
    """Build REDNet30: 30 times 3x3 convolution, ELU, batch normalisation, at full size throughout.

    Any size will do. With the defaults it has 1,044,931 parameters (1,041,219 trainable).

    The first half of the chain encodes, the second decodes; the output of every second encoding block is added to that
    of the decoding block that mirrors it (Mao et al. 2016, figure 1). Left open by the report and chosen here: the last
    of the 30 convolutions returns to `channels` and is followed by the ELU alone, since the report names "tanh instead
    of an ELU" as the last layer of its GAN variant and a batch normalisation would tie the picture's brightness to
    its batch. With `residual` there is no ELU either, because a difference has both signs. A stride of 1 makes
    convolution and transposed convolution the same operation up to a turn of the kernel, so both halves use the former.

    Parameters
    ----------
    channels : int
        Channels of the pictures.
    features : int
        Features of every block.
    depth : int
        Number of convolutions, even; 30 in the report.
    residual : bool
        Whether the network estimates the difference to the blurred picture, as in Mao et al. Not in the report.
    tanh : bool
        Whether it works in [-1, 1] and ends with tanh, as the generator of REDNet30WGAN does (section 4.1.2).

    Returns
    -------
    keras.Model
        `(N, H, W, channels)` in [0, 1] to float32 of the same shape.

    Raises
    ------
    ValueError
        `depth` is odd or less than 4.
    """
    if depth < 4 or depth % 2:
        raise ValueError(f"rednet30 needs an even depth of at least 4, not {depth}")
    inputs = keras.Input((None, None, channels))
    x = signed(inputs) if tanh else inputs
    encoded = {}
    for i in range(1, depth // 2 + 1):
        encoded[i] = x = _block(x, features)
    for i in range(depth // 2 - 1, 0, -1):  # i is the encoding block that this decoding block mirrors
        x = _block(x, features)
        if i % 2 == 0:
            x = layers.Add()([x, encoded[i]])
    if tanh:
        return keras.Model(inputs, to_signed_picture(x, inputs, 3, residual), name="rednet30")
    x = to_picture(x, channels, 3, residual, activation=None if residual else "elu")
    return finish(x, inputs, "rednet30", residual)


def _block(x, features: int):
    x = layers.Conv2D(features, 3, padding="same", activation="elu")(x)
    return layers.BatchNormalization()(x)
