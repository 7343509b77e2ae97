"""Blind deconvolution by maximum likelihood: Richardson-Lucy for the picture and for the kernel in turn."""

import numpy as np

from tfdeblur.classical.planes import (
    checked_kernels,
    convolution,
    from_waves,
    to_pictures,
    to_planes,
    to_waves,
    transfer,
)
from tfdeblur.classical.richardson_lucy import SMALLEST, Weight, first_estimate, updated


def blind_richardson_lucy(
    blur: np.ndarray, guess: np.ndarray, *, iterations: int = 10, inner: int = 1, boundary: str = "unknown"
) -> tuple[np.ndarray, np.ndarray]:
    """Deblur pictures with kernels that are estimated from each of them, beginning from a guess.

    Steps of Richardson-Lucy for the picture and for the kernel alternate (Fish et al. 1995; MATLAB's `deconvblind`).
    Both raise the likelihood, which has its maximum far from the truth: the result depends on the guess and on
    stopping early. This is the baseline of Kendall & Rios, with `guess` a Gaussian of sigma 1.

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)` in [0, 1], not negative.
    guess : numpy.ndarray
        `(h, w)` or `(N, h, w)`. The kernel is sought within these sides, and stays 0 where the guess is.
    iterations : int
        Steps of the kernel.
    inner : int
        Steps of the picture for each of the kernel.
    boundary : {"unknown", "zero", "circular"}
        What lies beyond the border.

    Returns
    -------
    pictures : numpy.ndarray
        `(N, H, W, C)`, not negative, not clipped at 1; float64 if `blur` is, else float32.
    kernels : numpy.ndarray
        `(N, h, w)`, not negative, summing to 1.

    Raises
    ------
    ValueError
        The picture or the guess has negative values, the guess does not suit it, or there is no such boundary.
    """
    kernels = checked_kernels(guess, blur)
    planes = to_planes(blur)
    if min(planes.min(), kernels.min()) < 0:
        raise ValueError("the picture or the guess has negative values; Richardson-Lucy takes values of at least 0")
    kernels = np.broadcast_to(kernels, (len(blur), *kernels.shape[1:])).astype(planes.dtype)
    operator = convolution(kernels, planes.shape[2:], boundary, planes.dtype)
    estimate = first_estimate(operator, planes, boundary)
    weight, planes = Weight.of(operator, planes), operator.spread(planes)
    for _ in range(iterations):
        for _ in range(inner):
            estimate = updated(operator, planes, estimate, weight)
        ratio = planes / np.maximum(operator.forward(estimate), SMALLEST)
        gain = _lags(estimate, ratio, kernels.shape[1:])
        seen = np.broadcast_to(weight.seen, planes.shape)
        kernels = np.maximum(kernels * gain / _lags(estimate, seen, kernels.shape[1:]), 0)
        kernels /= kernels.sum((1, 2), keepdims=True)
        operator = operator.with_spectrum(transfer(kernels, operator.size, planes.dtype))
        weight = Weight.of(operator, operator.inside(planes))
    return to_pictures(operator.inside(estimate)), kernels


def _lags(estimate: np.ndarray, planes: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    """Return `sum_i planes[i] estimate[i - j]` for each place j of a kernel, over pixels and channels, `(N, h, w)`."""
    size = planes.shape[2:]
    lags = from_waves((np.conj(to_waves(estimate, size)) * to_waves(planes, size)).sum(1), size[1])
    return np.roll(lags, (sides[0] // 2, sides[1] // 2), (1, 2))[:, : sides[0], : sides[1]]
