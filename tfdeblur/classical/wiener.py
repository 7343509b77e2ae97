"""Linear deconvolution: the filters of Wiener (1949) and Tikhonov (1963)."""

from typing import Literal

import numpy as np
from scipy import fft

from tfdeblur.classical.least_squares import LeastSquares, both_halves, squared_gradient
from tfdeblur.classical.noise_level import noise_level
from tfdeblur.classical.planes import checked_kernels, transfer

TYPICAL_VARIANCE = {"gradient": 0.06**2, "identity": 0.25**2}
"""Of a photograph's differences between neighbours, and of its pixels."""

LEAST_NOISE = 1e-4
"""Least noise where the border is unknown, a tenth of 8 bit's rounding: without noise, nothing determines what lies
beyond the border."""

SMALLEST_VARIANCE = 1e-8
"""Of a picture, so that flat ones are divided by something."""


def wiener(
    blur: np.ndarray,
    kernel: np.ndarray,
    *,
    noise: float | np.ndarray | None = None,
    boundary: str = "unknown",
    whole: np.ndarray | None = None,
) -> np.ndarray:
    """Deblur pictures with known kernels by the linear estimate of least expected squared error.

    Photographs' power falls off with the frequency, `S(f) = a / (f^2 + f0^2)^1.25`. Where the picture goes on as its
    mirror or as itself, what is restored is `conj(K) S / (|K|^2 S + N)` of the blurred picture's spectrum, with N the
    noise's power and `a` such that the blurred picture has the variance it has. Without noise this divides by K.

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)` in [0, 1].
    kernel : numpy.ndarray
        `(h, w)`, or one for each picture, `(N, h, w)`.
    noise : float or numpy.ndarray, optional
        Standard deviation, for all or for each picture; estimated by default, at least that of 8 bit. With an unknown
        border it is taken to be at least `LEAST_NOISE`.
    boundary : {"unknown", "extended", "circular"}
        Beyond the border lies something that is estimated too; the picture's mirror; or the picture again. The latter
        two take one division of spectra, a fraction of the time.
    whole : numpy.ndarray, optional
        Blurred photographs or large parts of them, `(N, H, W, C)`, of which `blur` are tiles: `a` and `f0` are theirs,
        so that all tiles are deblurred by one filter.

    Returns
    -------
    numpy.ndarray
        `(N, H, W, C)`, not clipped; float64 if `blur` is, else float32.

    Raises
    ------
    ValueError
        The kernel does not suit the pictures, noise is negative, or there is no such boundary.
    """
    problem = LeastSquares(blur, kernel, boundary)
    variance = noise_variance(blur, noise, problem)
    kind, size = problem.power.dtype, problem.size
    if whole is None:
        whole, extent, power = blur, size, problem.power
    else:
        extent = (max(*whole.shape[1:3], *np.shape(kernel)[-2:]),) * 2
        power = np.square(np.abs(transfer(checked_kernels(kernel, blur), extent, kind)))
    lowest = 1 / max(extent)
    passed = power * _photographs_power(extent, lowest, kind) * both_halves(extent[1], kind)
    passed[..., 0, 0] = 0
    observed = np.maximum(np.var(whole, axis=(1, 2, 3)).reshape(-1, 1, 1, 1) - variance, SMALLEST_VARIANCE)
    total = np.maximum(passed.sum((-2, -1), keepdims=True), SMALLEST_VARIANCE)
    amplitude = observed * (extent[0] * extent[1]) / total  # Parseval
    cost = (variance / (amplitude * _photographs_power(size, lowest, kind))).astype(kind)
    cost[..., 0, 0] = 0  # brightness is kept
    return problem.solution(cost)


def tikhonov(
    blur: np.ndarray,
    kernel: np.ndarray,
    *,
    noise: float | np.ndarray | None = None,
    weight: float | np.ndarray | None = None,
    penalty: Literal["gradient", "identity"] = "gradient",
    boundary: str = "unknown",
) -> np.ndarray:
    """Deblur pictures with known kernels by regularised least squares: `|k * x - b|^2 + weight |L x|^2`.

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)` in [0, 1].
    kernel : numpy.ndarray
        `(h, w)`, or one for each picture, `(N, h, w)`.
    noise : float or numpy.ndarray, optional
        As in `wiener`. Its variance over that of L x in photographs is the weight.
    weight : float or numpy.ndarray, optional
        Instead of the noise, for all or for each picture: 1e-4 for clean pictures, 1e-2 for noisy ones.
    penalty : {"gradient", "identity"}
        L: forward differences, or nothing.
    boundary : {"unknown", "extended", "circular"}
        As in `wiener`.

    Returns
    -------
    numpy.ndarray
        `(N, H, W, C)`, not clipped; float64 if `blur` is, else float32.

    Raises
    ------
    ValueError
        The kernel does not suit the pictures, the weight is negative, or there is no such boundary or penalty.
    """
    if penalty not in TYPICAL_VARIANCE:
        raise ValueError(f"there is no penalty {penalty!r}; there are {' and '.join(TYPICAL_VARIANCE)}")
    problem = LeastSquares(blur, kernel, boundary)
    kind = problem.power.dtype
    if weight is None:
        weight = noise_variance(blur, noise, problem) / TYPICAL_VARIANCE[penalty]
    weight = per_picture(weight, blur, "weight")
    cost = squared_gradient(problem.size, kind) if penalty == "gradient" else np.ones((), kind)
    return problem.solution(weight * cost)


def noise_variance(blur: np.ndarray, noise: float | np.ndarray | None, problem: LeastSquares) -> np.ndarray:
    """Return the variance of the noise of each image, `(N, 1, 1, 1)`, estimated where it is not given.

    It is at least that of `LEAST_NOISE` where the problem's border is unknown.
    """
    level = per_picture(noise_level(blur) if noise is None else noise, blur, "noise")
    return np.maximum(level, LEAST_NOISE if problem.unknown else 0) ** 2


def per_picture(value, blur: np.ndarray, name: str) -> np.ndarray:
    """Return a number for all pictures, or one for each, as `(N, 1, 1, 1)`.

    Raises
    ------
    ValueError
        It is negative, or there are more or fewer than pictures.
    """
    values = np.asarray(value, np.float64 if blur.dtype == np.float64 else np.float32).reshape(-1, 1, 1, 1)
    if len(values) not in (1, len(blur)):
        raise ValueError(f"found {len(values)} values of {name} for {len(blur)} pictures; give one for all or for each")
    if not (values >= 0).all():
        raise ValueError(f"{name} is {values.min()}; it must be at least 0")
    return np.broadcast_to(values, (len(blur), 1, 1, 1))


def _photographs_power(size: tuple[int, int], lowest: float, kind: np.dtype) -> np.ndarray:
    """Return `1 / (f^2 + lowest^2)^1.25` at the frequencies of `rfft2`."""
    down, across = fft.fftfreq(size[0])[:, None], fft.rfftfreq(size[1])
    return ((down**2 + across**2 + lowest**2) ** -1.25).astype(kind)
