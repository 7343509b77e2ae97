"""Richardson-Lucy deconvolution (Richardson 1972, Lucy 1974): the likeliest picture under Poisson noise."""

from dataclasses import dataclass

import numpy as np

from tfdeblur.classical.convolution import Convolution, Place
from tfdeblur.classical.planes import checked_kernels, not_negative, to_pictures, to_planes

ITERATIONS = 30
"""By default."""

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
    iterations: int = ITERATIONS,
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
        `(N, H, W, C)` in [0, 1], not negative. Values down to -1e-5 are rounding and taken for 0.
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
        Weight of total variation (Dey et al. 2006, equation 8), in proportion to how much of a pixel's light is in the
        picture; 0.002 is mild, 0.02 strong.
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
    planes = not_negative(np.ascontiguousarray(to_planes(blur)))
    operator = Convolution(checked_kernels(kernel, blur), planes.shape[2:], boundary, planes.dtype)
    first = planes if start is None else np.broadcast_to(_started(planes, start), planes.shape)
    weight = Weight.of(operator, planes)
    estimate = previous = first_estimate(operator, first)
    step_before, momentum = None, 0.0
    for _ in range(iterations):
        point = estimate
        if accelerated:
            point = np.maximum(estimate + momentum * (estimate - previous), 0)
        previous, estimate = estimate, updated(operator, planes, point, weight, damping, tv)
        if accelerated:
            step = estimate - point
            momentum = 0.0 if step_before is None else _momentum(step, step_before)
            step_before = step
    return to_pictures(operator.inside(estimate))


@dataclass(frozen=True)
class Weight:
    """The adjoint of ones: how much of a latent pixel's light is in the picture.

    Attributes
    ----------
    inverse : numpy.ndarray
        One over it, `(N, C, *, *)`; 1 where it is next to nothing.
    unseen : numpy.ndarray or None
        Where it is next to nothing, if anywhere.
    """

    inverse: np.ndarray
    unseen: np.ndarray | None

    @classmethod
    def of(cls, operator: Convolution, planes: np.ndarray) -> "Weight":
        """Return the weight of an operator on planes of this shape and type."""
        value = operator.adjoint(np.ones((len(operator.spectra), 1, *operator.picture), planes.dtype))
        unseen = value < LEAST_SEEN
        shape = (*planes.shape[:2], *operator.latent)
        inverse = np.broadcast_to(1 / np.where(unseen, 1, value), shape)
        return cls(inverse, np.broadcast_to(unseen, shape) if unseen.any() else None)


def updated(operator: Convolution, planes, point, weight: Weight, damping: float = 0.0, tv: float = 0.0) -> np.ndarray:
    """Return the estimate, latent planes, that follows `point`, for the blurred `planes`."""
    factor = weight.inverse
    if tv:
        factor = factor / np.maximum(1 - tv * _curvature(point), LEAST_SEEN)

    def ratio(blurred: np.ndarray, target: np.ndarray, place: Place) -> None:
        np.maximum(blurred, SMALLEST, out=blurred)
        if damping:
            target[...] = _damped(planes[place], blurred, damping)
        else:
            np.divide(planes[place], blurred, out=target)

    def correct(correction: np.ndarray, target: np.ndarray, place: Place) -> None:
        correction *= factor[place]
        correction *= point[place]
        np.maximum(correction, 0, out=target)  # the FFT's rounding may reach below zero
        if weight.unseen is not None:
            np.copyto(target, point[place], where=weight.unseen[place])

    return operator.adjoint(operator.forward(point, ratio), correct)


def first_estimate(operator: Convolution, planes: np.ndarray) -> np.ndarray:
    """Return latent planes to begin with: those given, mirrored beyond the border if that is unknown."""
    return np.pad(planes, [(0, 0), (0, 0), *((before, before) for before in operator.start)], mode="symmetric")


def _started(planes: np.ndarray, start) -> np.ndarray:
    return to_planes(start).astype(planes.dtype) if np.ndim(start) else np.asarray(start, planes.dtype)


def _damped(planes: np.ndarray, blurred: np.ndarray, damping: float) -> np.ndarray:
    """Return the damped ratio of planes to blurred estimates of them (White 1994, equations 7 and 8)."""
    logarithm = np.log(np.maximum(planes, SMALLEST) / blurred)
    deviance = np.clip(2 / damping**2 * (planes * logarithm - planes + blurred), 0, 1)
    power = DAMPING_POWER
    return 1 + deviance ** (power - 1) * (power - (power - 1) * deviance) * (planes - blurred) / blurred


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
