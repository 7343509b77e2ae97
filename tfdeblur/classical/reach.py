"""How far the blurred image influences a deblurred pixel: what tiles have to share."""

import numpy as np
from scipy import fft

from tfdeblur.classical.least_squares import squared_gradient
from tfdeblur.classical.planes import WORKERS, transfer
from tfdeblur.classical.wiener import LEAST_NOISE, TYPICAL_VARIANCE

SHARE = 0.01
"""Share of the inverse filter's energy that may lie beyond its reach."""

LARGEST_REACH = 512
"""Pixels up to which reaches are measured: this stands for larger ones, too. Zeros in a kernel's spectrum and little
noise make inverse filters that hardly decay. `tiling.LARGEST_OVERLAP` limits what tiles share."""


def linear_reach(kernel: np.ndarray, noise: float) -> int:
    """Return the reach in pixels of regularised least squares under gradients of typical size.

    Parameters
    ----------
    kernel : numpy.ndarray
        `(h, w)`.
    noise : float
        Standard deviation of the noise.

    Returns
    -------
    int
        Pixels, along either axis, within which all but `SHARE` of the energy of `conj(K) / (|K|^2 + cost)` lies, and
        at least the kernel's longer side; at most `LARGEST_REACH`.
    """
    weight = max(noise, LEAST_NOISE) ** 2 / TYPICAL_VARIANCE["gradient"]
    return _reach(kernel, lambda power, size: 1 / (power + weight * squared_gradient(size, power.dtype) + 1e-12))


def iterated_reach(kernel: np.ndarray, iterations: int) -> int:
    """Return the reach in pixels of Richardson-Lucy: that of as many steps of Landweber's iteration, its linear part.

    Each step multiplies what is left of the image by `1 - |K|^2`, so that n steps apply
    `conj(K) (1 - (1 - |K|^2)^n) / |K|^2`.
    """

    def filter_of(power: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        power = np.clip(power, 1e-12, 1)
        return -np.expm1(iterations * np.log1p(-np.minimum(power, 1 - 1e-12))) / power

    return _reach(kernel, filter_of)


def _reach(kernel: np.ndarray, filter_of) -> int:
    """Return the reach of `conj(K)` times a filter of `|K|^2` and the size of the planes."""
    longest = max(kernel.shape)
    if longest >= LARGEST_REACH:
        return LARGEST_REACH
    side = fft.next_fast_len(2 * LARGEST_REACH + longest, real=True)
    spectrum = transfer(kernel[None], (side, side), np.float64)[0, 0]
    inverse = np.conj(spectrum) * filter_of(np.square(np.abs(spectrum)), (side, side))
    response = np.square(fft.irfft2(inverse, (side, side), workers=WORKERS))
    place = np.minimum(np.arange(side), side - np.arange(side))
    energy = np.bincount(np.maximum.outer(place, place).ravel(), response.ravel())
    beyond = np.cumsum(energy[::-1])[::-1] / energy.sum()
    return int(min(max(np.argmax(beyond < SHARE), longest), LARGEST_REACH))
