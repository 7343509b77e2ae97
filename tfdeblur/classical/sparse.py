"""Deconvolution under sparse gradients: total variation, and the hyper-Laplacian of natural pictures."""

import functools
from collections.abc import Callable

import numpy as np

from tfdeblur.classical.least_squares import LeastSquares, squared_gradient
from tfdeblur.classical.planes import adjoint_gradient, gradient
from tfdeblur.classical.transforms import in_threads
from tfdeblur.classical.wiener import noise_variance, per_picture

TV_WEIGHT, HYPER_LAPLACIAN_WEIGHT = 20.0, 5.0
"""Weight of the prior over the noise's variance."""

PENALTY = 20.0
"""Of split Bregman, over the weight: one over the size of a gradient that is kept."""

PENALTIES = tuple(2 ** (1.5 * step) for step in range(2, 12))
INNER = 2
"""The half-quadratic penalty's values, over the weight, and how often each is used."""

STEPS = 3
"""Of conjugate gradients for what lies beyond the border, in each iteration but the last."""

LARGEST, ENTRIES = 2.0, 20001
"""Largest gradient in the table and its entries: a step of 1e-4."""


def total_variation(
    blur: np.ndarray,
    kernel: np.ndarray,
    *,
    noise: float | np.ndarray | None = None,
    weight: float | np.ndarray | None = None,
    iterations: int = 40,
    boundary: str = "unknown",
) -> np.ndarray:
    """Deblur pictures with known kernels under isotropic total variation, by split Bregman.

    Minimises `|k * x - b|^2 / 2 + weight * sum |grad x|` (Rudin & Osher 1994; Goldstein & Osher 2009).

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)` in [0, 1].
    kernel : numpy.ndarray
        `(h, w)`, or one for each picture, `(N, h, w)`.
    noise : float or numpy.ndarray, optional
        Standard deviation, for all or for each picture; estimated by default, at least that of 8 bit. It sets the
        weight. Kernels that are not quite right want 0.01.
    weight : float or numpy.ndarray, optional
        Instead of the noise: 1e-5 for clean pictures, 1e-2 for very noisy ones.
    iterations : int
        How many.
    boundary : {"unknown", "circular"}
        What lies beyond the border: something unknown, which is estimated too, or the picture again.

    Returns
    -------
    numpy.ndarray
        `(N, H, W, C)`, not clipped; float64 if `blur` is, else float32.

    Raises
    ------
    ValueError
        The kernel does not suit the pictures, or there is no such boundary.
    """
    problem = LeastSquares(blur, kernel, boundary)
    weight = _weights(problem, blur, noise, weight, TV_WEIGHT)
    penalty = PENALTY * weight
    solver = problem.under(penalty * squared_gradient(problem.size, weight.dtype))
    bregman = np.zeros((2, *problem.blur.shape[:2], *problem.size), weight.dtype)

    def bregman_step(plane: np.ndarray, place: tuple[int, int]) -> np.ndarray:
        aim = [d + bregman[axis][place] for axis, d in enumerate(gradient(plane))]
        norm = np.sqrt(np.square(aim[0]) + np.square(aim[1]))
        kept = np.maximum(1 - 1 / (PENALTY * np.maximum(norm, 1e-12)), 0)
        for axis, d in enumerate(aim):
            bregman[axis][place] = d * (1 - kept)
            d *= 2 * kept - 1  # the gradient that is kept, less the new Bregman variable
        return penalty[place[0], 0] * adjoint_gradient(aim)

    planes, pull = solver.solve(), None
    for _ in range(iterations):
        pull = of_each_plane(bregman_step, planes)
        planes = solver.solve(pull, steps=STEPS)
    return problem.pictures(solver.solve(pull))


def hyper_laplacian(
    blur: np.ndarray,
    kernel: np.ndarray,
    *,
    noise: float | np.ndarray | None = None,
    weight: float | np.ndarray | None = None,
    exponent: float = 2 / 3,
    boundary: str = "unknown",
) -> np.ndarray:
    """Deblur pictures with known kernels under the gradients' own statistics (Krishnan & Fergus 2009).

    Minimises `|k * x - b|^2 / 2 + weight * sum |dx|^exponent + |dy|^exponent` by half-quadratic splitting, whose
    penalty grows step by step.

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)` in [0, 1].
    kernel : numpy.ndarray
        `(h, w)`, or one for each picture, `(N, h, w)`.
    noise : float or numpy.ndarray, optional
        As in `total_variation`.
    weight : float or numpy.ndarray, optional
        Instead of the noise: 1e-6 for clean pictures, 1e-3 for noisy ones.
    exponent : float
        In (0, 1]; 1/2 to 4/5 for photographs.
    boundary : {"unknown", "circular"}
        What lies beyond the border: something unknown, which is estimated too, or the picture again.

    Returns
    -------
    numpy.ndarray
        `(N, H, W, C)`, not clipped; float64 if `blur` is, else float32.

    Raises
    ------
    ValueError
        The kernel does not suit the pictures, the exponent is out of range, or there is no such boundary.
    """
    if not 0 < exponent <= 1:
        raise ValueError(f"exponent is {exponent}; it must be above 0 and at most 1")
    problem = LeastSquares(blur, kernel, boundary)
    weight = _weights(problem, blur, noise, weight, HYPER_LAPLACIAN_WEIGHT)
    gradient_cost = squared_gradient(problem.size, weight.dtype)
    planes = None
    for penalty in PENALTIES:
        solver = problem.under(weight * penalty * gradient_cost)
        pull_of = functools.partial(_shrunk, shrink=shrinkage(exponent, penalty), scale=weight * penalty)
        planes = solver.solve() if planes is None else planes
        for _ in range(INNER):
            pull = of_each_plane(pull_of, planes)
            planes = solver.solve(pull, steps=STEPS)
    return problem.pictures(solver.solve(pull))


def _shrunk(plane: np.ndarray, place: tuple[int, int], shrink: Callable, scale: np.ndarray) -> np.ndarray:
    return scale[place[0], 0] * adjoint_gradient([shrink(d) for d in gradient(plane)])


def of_each_plane(function: Callable, planes: np.ndarray) -> np.ndarray:
    """Return what a function makes of each plane `(H, W)` and its place in planes `(N, C, H, W)`."""
    result = np.empty_like(planes)

    def of_one(place: tuple[int, int]) -> None:
        result[place] = function(planes[place], place)

    in_threads(of_one, list(np.ndindex(*planes.shape[:2])))
    return result


def shrinkage(exponent: float, penalty: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function `v -> argmin_w |w|^exponent + penalty / 2 (w - v)^2`, from a table.

    Krishnan & Fergus 2009, section 2.2; solved by Newton's method for the table's entries and exact to 1e-4.
    """
    values = np.linspace(0, LARGEST, ENTRIES)
    w = values.copy()
    for _ in range(30):
        near = np.maximum(w, 1e-9)
        slope = exponent * near ** (exponent - 1) + penalty * (near - values)
        curvature = exponent * (exponent - 1) * near ** (exponent - 2) + penalty
        w = np.where(curvature > 0, np.clip(near - slope / np.where(curvature > 0, curvature, 1), 0, values), 0)
    cost = w**exponent + penalty / 2 * (w - values) ** 2
    w = np.where(cost < penalty / 2 * values**2, w, 0)

    slopes = np.append(np.diff(w), 0)

    def shrink(v: np.ndarray) -> np.ndarray:
        # The entries are evenly spaced, so that each is found by one multiplication.
        place = np.minimum(np.abs(v) * ((ENTRIES - 1) / LARGEST), ENTRIES - 1).astype(v.dtype)
        entry = place.astype(np.intp)
        place -= entry
        place *= slopes.astype(v.dtype).take(entry)
        place += w.astype(v.dtype).take(entry)
        return np.copysign(place, v, out=place)

    return shrink


def _weights(problem: LeastSquares, blur: np.ndarray, noise, weight, over_variance: float) -> np.ndarray:
    """Return the weight of the prior of each image, `(N, 1, 1, 1)`, from the noise where it is not given."""
    weight = over_variance * noise_variance(blur, noise, problem) if weight is None else weight
    weight = per_picture(weight, blur, "weight")
    if not weight.all():
        raise ValueError("noise or weight is 0; it must be above 0")
    return weight
