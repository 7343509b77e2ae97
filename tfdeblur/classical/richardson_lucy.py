"""Richardson-Lucy deconvolution (Richardson 1972, Lucy 1974): the likeliest picture under Poisson noise."""

from dataclasses import dataclass

import numpy as np

from tfdeblur.classical.planes import Convolution, checked_kernels, convolution, parts, to_pictures, to_planes

SMALLEST = 1e-12
"""Below which a denominator is taken for this."""

LEAST_SEEN = 1e-3
"""Share of a latent pixel's light in the picture below which it counts as unseen."""

DAMPING_POWER = 10
"""N of White (1994), equation 8."""


def richardson_lucy(
    blur: np.ndarray,
    kernel: np.ndarray,
    *,
    iterations: int = 30,
    boundary: str = "unknown",
    accelerated: bool = False,
    damping: float = 0.0,
    tv: float = 0.0,
    start: np.ndarray | float | None = None,
) -> np.ndarray:
    """Deblur pictures with known kernels.

    Every iteration is `x <- x / A'1 * A'(b / A x)`. It keeps the picture positive, and, without the three options, its
    light, and raises the likelihood. It has no end: noise grows with the iterations, so few of them are the
    regularisation. Where the boundary is unknown, what lies within half a kernel beyond the border is estimated too,
    so that borders do not ring (Bertero & Boccacci 2005).

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)` in [0, 1], not negative.
    kernel : numpy.ndarray
        `(h, w)`, or one for each picture, `(N, h, w)`.
    iterations : int
        How many; 10 for noisy pictures, 100 and more for clean ones.
    boundary : {"unknown", "zero", "circular"}
        What lies beyond the border.
    accelerated : bool
        Extrapolate along the last two steps (Biggs & Andrews 1997, equations 3 to 7): 30 iterations for about 100.
    damping : float
        Differences from the picture below this standard deviation are taken for noise and hardly followed (White 1994).
        0.01 for noise of 1 %.
    tv : float
        Weight of total variation (Dey et al. 2006, equation 8); 0.002 is mild, 0.02 strong.
    start : numpy.ndarray or float, optional
        The first estimate, `(N, H, W, C)` or a constant; by default the blurred picture.

    Returns
    -------
    numpy.ndarray
        `(N, H, W, C)`, not negative, not clipped at 1; float64 if `blur` is, else float32.

    Raises
    ------
    ValueError
        The picture has negative values, the kernel does not suit it, or there is no such boundary.
    """
    kernels = checked_kernels(kernel, blur)
    planes = to_planes(blur)
    if planes.min() < 0:
        raise ValueError(f"the picture goes down to {planes.min():.3g}; Richardson-Lucy takes values of at least 0")
    first = planes if start is None else np.broadcast_to(_started(planes, start), planes.shape)
    sharp = np.empty_like(planes)
    for pictures, channels in parts(planes):
        own = kernels if len(kernels) == 1 else kernels[pictures]
        operator = convolution(own, planes.shape[2:], boundary, planes.dtype)
        begin = first_estimate(operator, first[pictures, channels], boundary)
        estimate = _iterated(operator, planes[pictures, channels], begin, iterations, accelerated, (damping, tv))
        sharp[pictures, channels] = operator.inside(estimate)
    return to_pictures(sharp)


def _iterated(operator: Convolution, planes, begin, iterations: int, accelerated: bool, options) -> np.ndarray:
    """Return the last estimate, latent planes."""
    planes, weight = operator.spread(planes), Weight.of(operator, planes)
    estimate = previous = begin
    step_before, momentum = None, 0.0
    for _ in range(iterations):
        point = estimate
        if accelerated:
            point = np.maximum(estimate + momentum * (estimate - previous), 0)
        previous, estimate = estimate, updated(operator, planes, point, weight, *options)
        if accelerated:
            step = estimate - point
            momentum = 0.0 if step_before is None else _momentum(step, step_before)
            step_before = step
    return estimate


@dataclass(frozen=True)
class Weight:
    """The adjoint of ones: how much of a latent pixel's light is in the picture.

    Attributes
    ----------
    inverse : numpy.ndarray
        One over it, `(N or 1, 1, *, *)`; 1 where it is next to nothing.
    unseen : numpy.ndarray or None
        Where it is next to nothing, if anywhere.
    seen : numpy.ndarray
        1 where the picture lies, else 0.
    """

    inverse: np.ndarray
    unseen: np.ndarray | None
    seen: np.ndarray

    @classmethod
    def of(cls, operator: Convolution, planes: np.ndarray) -> "Weight":
        """Return the weight of an operator on planes of this type."""
        seen = operator.spread(np.ones_like(planes[:, :1]))
        value = operator.adjoint(seen)
        unseen = value < LEAST_SEEN
        return cls(1 / np.where(unseen, 1, value), unseen if unseen.any() else None, seen)


def updated(operator: Convolution, planes, point, weight: Weight, damping: float = 0.0, tv: float = 0.0) -> np.ndarray:
    """Return the estimate that follows `point`; all planes are latent ones."""
    ratio = operator.forward(point)
    np.maximum(ratio, SMALLEST, out=ratio)
    if damping:
        _damped(planes, ratio, damping)
        ratio *= weight.seen
    else:
        np.divide(planes, ratio, out=ratio)
    correction = operator.adjoint(ratio)
    if weight.unseen is not None:  # there the estimate stays
        np.copyto(correction, 1, where=weight.unseen)
    if tv:
        correction /= np.maximum(1 - tv * weight.inverse * _curvature(point), LEAST_SEEN)
    correction *= weight.inverse
    correction *= point
    return np.maximum(correction, 0, out=correction)  # the FFT's rounding may reach below zero


def first_estimate(operator: Convolution, planes: np.ndarray, boundary: str) -> np.ndarray:
    """Return latent planes to begin with: those given, mirrored beyond the border unless it is known to be zero."""
    if boundary == "zero":
        return operator.spread(planes)
    around = [(0, 0), (0, 0)] + [
        (before, latent - size - before)
        for before, latent, size in zip(operator.start, operator.size, operator.picture, strict=True)
    ]
    return np.pad(planes, around, mode="symmetric")


def _started(planes: np.ndarray, start) -> np.ndarray:
    return to_planes(start).astype(planes.dtype) if np.ndim(start) else np.asarray(start, planes.dtype)


def _damped(planes: np.ndarray, ratio: np.ndarray, damping: float) -> None:
    """Turn the blurred estimate in `ratio` into the damped ratio (White 1994, equations 7 and 8)."""
    blurred = ratio.copy()
    logarithm = np.log(np.maximum(planes, SMALLEST) / blurred)
    deviance = np.clip(2 / damping**2 * (planes * logarithm - planes + blurred), 0, 1)
    power = DAMPING_POWER
    np.divide(planes - blurred, blurred, out=ratio)
    ratio *= deviance ** (power - 1) * (power - (power - 1) * deviance)
    ratio += 1


def _curvature(planes: np.ndarray) -> np.ndarray:
    """Return the divergence of the unit gradient, by forward differences."""
    down = np.diff(planes, axis=2, append=planes[:, :, -1:])
    across = np.diff(planes, axis=3, append=planes[..., -1:])
    norm = np.sqrt(down**2 + across**2 + 1e-8)
    down, across = down / norm, across / norm
    return np.diff(down, axis=2, prepend=0) + np.diff(across, axis=3, prepend=0)


def _momentum(step: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return how far to go on along the last step, for each plane."""
    length = np.square(before).sum((2, 3), keepdims=True)
    return np.clip((step * before).sum((2, 3), keepdims=True) / np.maximum(length, 1e-30), 0, 1)
