"""Losses: pure functions of two batches of pictures, float32 in [0, 1], that return one value per picture."""

from collections.abc import Callable

import keras
from keras import ops


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


def find_loss(name: str) -> Callable:
    """Return one of `LOSSES`.

    Raises
    ------
    ValueError
        There is no such loss.
    """
    if name not in LOSSES:
        raise ValueError(f"there is no loss {name!r}; there are {', '.join(LOSSES)}")
    return LOSSES[name]
