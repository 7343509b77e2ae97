"""Blind deconvolution by maximum likelihood: Richardson-Lucy for the picture and for the kernel in turn."""

import numpy as np
from scipy import fft

from tfdeblur.classical.convolution import Convolution
from tfdeblur.classical.planes import (
    checked_kernels,
    from_waves,
    not_negative,
    to_pictures,
    to_planes,
    to_waves,
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
        `(N, H, W, C)` in [0, 1], not negative. Values down to -1e-5 are rounding and taken for 0.
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
    planes = not_negative(np.ascontiguousarray(to_planes(blur)))
    kernels = checked_kernels(guess, blur, trim=False)
    if kernels.min() < 0:
        raise ValueError(f"the guess goes down to {kernels.min():.3g}; Richardson-Lucy takes values of at least 0")
    kernels = np.broadcast_to(kernels, (len(blur), *kernels.shape[1:])).astype(planes.dtype)
    operator = Convolution(kernels, planes.shape[2:], boundary, planes.dtype)
    estimate = first_estimate(operator, planes)
    for _ in range(iterations):
        weight = Weight.of(operator, planes)
        for _ in range(inner):
            estimate = updated(operator, planes, estimate, weight)
        ratio = planes / np.maximum(operator.forward(estimate), SMALLEST)
        gain, seen = (_lags(estimate, values, operator) for values in (ratio, np.ones_like(planes)))
        kernels = np.maximum(kernels * gain / seen, 0)
        kernels /= kernels.sum((1, 2), keepdims=True)
        operator = Convolution(kernels, operator.picture, boundary, planes.dtype)
    return to_pictures(operator.inside(estimate)), kernels


def _lags(latent: np.ndarray, planes: np.ndarray, operator: Convolution) -> np.ndarray:
    """Return the gradient of `sum(planes * forward(latent))` by the kernel, `(N, h, w)`."""
    size = operator.latent
    if not operator.circular:
        ends = (side + reach for side, reach in zip(size, operator.reach, strict=True))
        size = tuple(fft.next_fast_len(end, real=True) for end in ends)
    lags = from_waves((np.conj(to_waves(latent, size)) * to_waves(planes, size)).sum(1), size[1])
    height, width = (2 * reach + 1 for reach in operator.reach)
    ahead = [reach + before for reach, before in zip(operator.reach, operator.start, strict=True)]
    return np.roll(lags, ahead, (1, 2))[:, :height, :width]
