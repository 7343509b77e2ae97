"""Losses: pure functions of two batches of pictures, float32 in [0, 1], that return one value per picture."""

import os
from collections.abc import Callable

import keras
from keras import ops

from tfdeblur.naming import look_up
from tfdeblur.precision import computing_in


def mse(sharp, restored):
    """Return the mean squared error of every picture, `(N, H, W, C)` to `(N,)`."""
    return ops.mean(ops.square(restored - sharp), axis=(1, 2, 3))


def mae(sharp, restored):
    """Return the mean absolute error of every picture, `(N, H, W, C)` to `(N,)`."""
    return ops.mean(ops.abs(restored - sharp), axis=(1, 2, 3))


def logcosh(sharp, restored):
    """Return the mean of log(cosh(difference)) of every picture, `(N, H, W, C)` to `(N,)`: Keras' own formula."""
    return ops.mean(keras.losses.log_cosh(sharp, restored), axis=(1, 2))


def charbonnier(sharp, restored, epsilon: float = 1e-3):
    """Return the Charbonnier loss of every picture: mean of sqrt(difference^2 + epsilon^2), `(N, H, W, C)` to `(N,)`.

    Charbonnier et al. 1994; `epsilon` is in units of the pictures' [0, 1], and where the absolute value is rounded off.
    """
    return ops.mean(ops.sqrt(ops.square(restored - sharp) + epsilon**2), axis=(1, 2, 3))


def psnr_loss(sharp, restored, epsilon: float = 1e-8):
    """Return minus the PSNR of every picture in dB, `(N, H, W, C)` to `(N,)`; `epsilon` bounds it at 80 dB."""
    return 10 / ops.log(10.0) * ops.log(mse(sharp, restored) + epsilon)


def multiscale(loss: Callable, scales: int = 3) -> Callable:
    """Return the mean of `loss` over a pyramid, each scale half the one before (Nah et al. 2017, equation 5).

    Scales are made by averaging squares of four pixels, which is antialiased and compiles on every device; sizes must
    be multiples of `2 ** (scales - 1)`.

    Parameters
    ----------
    loss : callable
        `(sharp, restored)` to one value per picture.
    scales : int
        How many sizes, the full one among them.
    """

    def over_scales(sharp, restored):
        total = loss(sharp, restored)
        for _ in range(scales - 1):
            sharp, restored = (ops.average_pool(x, 2, padding="valid") for x in (sharp, restored))
            total = total + loss(sharp, restored)
        return total / scales

    return over_scales


def over_scales(loss: Callable) -> Callable:
    """Return a loss over the pictures that a network of several scales gives (Orlandi & Pinardi 2020, equation 4.3).

    Parameters
    ----------
    loss : callable
        `(sharp, restored)` to one value per picture.

    Returns
    -------
    callable
        From sharp pictures and a list of restored ones, the finest first and each half the size of the one before, to
        one value per picture: 1 / (2 K) times the sum over the K scales, or `loss` itself for a single scale.
    """

    def total(sharp, restored):
        if len(restored) == 1:
            return loss(sharp, restored[0])
        values = []
        for picture in restored:
            values.append(loss(sharp, picture))
            sharp = ops.average_pool(sharp, 2, padding="valid")
        return sum(values) / (2 * len(restored))

    return total


LOSSES = {
    "mse": mse,
    "mae": mae,
    "logcosh": logcosh,
    "charbonnier": charbonnier,
    "psnr": psnr_loss,
    "multiscale_mse": multiscale(mse),
    "multiscale_logcosh": multiscale(logcosh),
    "multiscale_charbonnier": multiscale(charbonnier),
}


def as_unit_range(pictures):
    """Convert pictures to float32 in [0, 1]: integers of 8 bit are divided by 255, floats are kept."""
    if keras.backend.standardize_dtype(pictures.dtype) == "uint8":
        return ops.cast(pictures, "float32") / 255
    return ops.cast(pictures, "float32")


def find_loss(name: str, vgg_weights: str | None = None) -> Callable:
    """Return one of `LOSSES`, or the perceptual loss with VGG-19's weights from a file or Keras' download.

    Raises
    ------
    ValueError
        There is no such loss, or there are no weights.
    """
    if name == "perceptual":
        return perceptual(vgg_weights)
    return look_up(LOSSES | {"perceptual": perceptual}, name, "loss")


def perceptual(weights: str | None = None) -> Callable:
    """Return the perceptual loss: mean squared difference of VGG-19's features (Johnson et al. 2016, equation 2).

    The features are those of block3_conv3, as in Kupyn et al. 2018 section 3.2, in units of pictures in [0, 1]: what
    VGG-19 makes of pictures in [0, 255], divided by 255. RGB only. The network is built here, once.

    Parameters
    ----------
    weights : str, optional
        File of the weights without the top (`.h5`); without it Keras downloads those learned on ImageNet.

    Raises
    ------
    ValueError
        There is no such file, it does not fit, or nothing could be downloaded.
    """
    if weights is not None and not os.path.isfile(weights):
        raise ValueError(f"there is no file {weights} with VGG-19's weights; {_WITHOUT_VGG}")
    try:
        with computing_in("float32"):
            vgg = keras.applications.VGG19(include_top=False, weights=weights or "imagenet")
    except Exception as error:  # Keras raises Exception itself where a download fails
        where = f"from {weights}" if weights else "by Keras' download"
        raise ValueError(f"VGG-19's weights cannot be had {where} ({error}); {_WITHOUT_VGG}") from error
    features = keras.Model(vgg.input, vgg.get_layer("block3_conv3").output, trainable=False)

    def seen(pictures):
        return features(keras.applications.vgg19.preprocess_input(255 * pictures), training=False) / 255

    def loss(sharp, restored):
        return mse(ops.stop_gradient(seen(sharp)), seen(restored))

    return loss


_WITHOUT_VGG = "give --vgg-weights vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5, or do without: --loss charbonnier"
