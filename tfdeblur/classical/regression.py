"""Linear regressions from blurred to sharp pictures: ridge and LASSO, for all pixels at once.

A picture is a row of pixels, a restored picture is `blur @ weights`, and column m of the weights restores pixel m. The
reference is King's report (ECE 901), to whose equations the docstrings point. Everything is float64: deblurring
divides by what blur has left of the finest detail.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

RELAXATION = 1.6
"""Over-relaxation of the LASSO's iterations; 1.5 to 1.8 are usual (Boyd et al. 2011, section 3.4.3)."""

STEP = 3.0
"""The LASSO's augmented Lagrangian parameter, in units of lambda: of 1, 3, 10 and 30 the fastest on MNIST."""

CHECK = 20
"""Iterations between two looks at the duality gap, which cost one more product of matrices."""


@dataclass(frozen=True)
class NormalEquations:
    """What a least-squares fit has to know of its training pictures, and its eigendecomposition.

    Attributes
    ----------
    gram : numpy.ndarray, shape (p, p)
        Products of the inputs, summed over the pictures.
    correlation : numpy.ndarray, shape (p, q)
        Products of inputs and targets.
    squares : numpy.ndarray, shape (q,)
        Squares of the targets.
    values : numpy.ndarray, shape (p,)
        Eigenvalues of `gram`, ascending, none below zero.
    vectors : numpy.ndarray, shape (p, p)
        Its eigenvectors, in columns.
    """

    gram: np.ndarray
    correlation: np.ndarray
    squares: np.ndarray
    values: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class Lasso:
    """Weights of a LASSO, and how near they are to the best.

    Attributes
    ----------
    weights : numpy.ndarray, shape (p, q)
        Many of them exactly zero.
    multipliers : numpy.ndarray, shape (p, q)
        Where the next fit may start from, with the weights.
    objective : float
        Equation 5, summed over the targets.
    gap : float
        Duality gap: no weights have an objective below `objective - gap`.
    iterations : int
        How many it took.
    """

    weights: np.ndarray
    multipliers: np.ndarray
    objective: float
    gap: float
    iterations: int


def normal_equations(inputs: np.ndarray, targets: np.ndarray) -> NormalEquations:
    """Sum up training pictures.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (n, p)
        Blurred pictures, one a row.
    targets : numpy.ndarray, shape (n, q)
        Their sharp pictures.

    Raises
    ------
    ValueError
        There are not as many inputs as targets.
    """
    if len(inputs) != len(targets):
        raise ValueError(f"found {len(inputs)} inputs and {len(targets)} targets; a regression needs pairs")
    inputs, targets = np.asarray(inputs, np.float64), np.asarray(targets, np.float64)
    return decomposed(inputs.T @ inputs, inputs.T @ targets, (targets**2).sum(0))


def decomposed(gram: np.ndarray, correlation: np.ndarray, squares: np.ndarray) -> NormalEquations:
    """Return normal equations with their eigendecomposition."""
    # On one thread: the decomposition is many small steps, and threads that wait for one another at each of them make
    # it 50 times slower on a machine whose cores are busy.
    with threadpool_limits(1, "blas"):
        values, vectors = np.linalg.eigh(gram)
    return NormalEquations(gram, correlation, squares, np.maximum(values, 0), vectors)


def ridge(problem: NormalEquations, penalty: float) -> np.ndarray:
    """Return the weights of least squares with a squared penalty, for all targets.

    Parameters
    ----------
    problem : NormalEquations
        The training pictures.
    penalty : float
        King's lambda, above 0: large ones shrink the weights and leave blur, small ones follow noise, and pixels that
        were hardly ever lit in training get weights that mean nothing. It is scikit-learn's `alpha` of `Ridge`.

    Returns
    -------
    numpy.ndarray, shape (p, q)
        ``(G + lambda I)^-1 C``: equation 7 of King's report, solved by its equation 3.
    """
    _check(penalty)
    scaled = (problem.vectors.T @ problem.correlation) / (problem.values + penalty)[:, None]
    return problem.vectors @ scaled


def ridge_path(problem: NormalEquations, inputs: np.ndarray, penalties: Sequence[float]) -> Iterator[np.ndarray]:
    """Yield ``inputs @ ridge(problem, penalty)`` for one penalty after the other, at one product of matrices each.

    Parameters
    ----------
    problem : NormalEquations
        The training pictures.
    inputs : numpy.ndarray, shape (n, p)
        Blurred pictures to restore.
    penalties : sequence of float
        As `ridge` takes them.
    """
    rotated = np.asarray(inputs, np.float64) @ problem.vectors
    projected = problem.vectors.T @ problem.correlation
    for penalty in penalties:
        _check(penalty)
        yield (rotated / (problem.values + penalty)) @ projected


def lasso(
    problem: NormalEquations,
    penalty: float,
    *,
    start: Lasso | None = None,
    tolerance: float = 1e-3,
    most: int = 1000,
) -> Lasso:
    """Minimise ``sum_j |x_j v - y_j|^2 + lambda |v|_1`` (equation 5 of King's report) for all targets at once.

    A proximal method, ADMM (Boyd et al. 2011, section 6.4): a ridge solution and a soft threshold in turn. Accelerated
    proximal gradients take many thousands of iterations here: blur leaves a Gram matrix whose eigenvalues span more
    than twelve decades. The ridge solution of each iteration does not mind.

    Parameters
    ----------
    problem : NormalEquations
        The training pictures.
    penalty : float
        King's lambda, above 0. scikit-learn's `Lasso(alpha, fit_intercept=False)` divides the squares by twice the
        number n of pictures, so that ``alpha = lambda / (2 n)`` gives the same weights.
    start : Lasso, optional
        A fit of the same pictures with another penalty, best a somewhat larger one.
    tolerance : float
        Stop where the duality gap is at most this part of the objective, both summed over the targets.
    most : int
        Iterations at most; `gap` says how far they came.

    Returns
    -------
    Lasso
        The weights and their certificate.
    """
    _check(penalty)
    if most < 1:
        raise ValueError(f"most is {most}; at least 1 iteration is needed")
    half, rho = penalty / 2, STEP * penalty
    inverse = RELAXATION * rho * ((problem.vectors / (problem.values + rho)) @ problem.vectors.T)
    first = inverse @ problem.correlation / rho
    weights = np.zeros_like(first) if start is None else start.weights.copy()
    scaled = np.zeros_like(first) if start is None else np.clip(start.multipliers, -half, half) / rho
    step, mixed = np.empty_like(first), np.empty_like(first)
    for iteration in range(1, most + 1):  # in place: new memory would cost as much as the product
        np.subtract(weights, scaled, out=step)
        np.matmul(inverse, step, out=mixed)
        mixed += first  # the relaxation times the ridge solution
        if iteration % CHECK == 0 or iteration == most:
            objective, gap = _certificate(problem, weights, mixed / RELAXATION, scaled, penalty)
            if gap <= tolerance * objective or iteration == most:
                break
        mixed += scaled
        weights *= 1 - RELAXATION
        mixed += weights
        np.clip(mixed, -half / rho, half / rho, out=scaled)
        np.subtract(mixed, scaled, out=weights)
    return Lasso(weights, scaled * rho, objective, gap, iteration)


def _certificate(problem: NormalEquations, weights, dense, scaled, penalty: float) -> tuple[float, float]:
    """Return the objective of sparse weights, and the duality gap by the residuals of dense ones."""
    products, half = problem.correlation * weights, penalty / 2
    squares = problem.squares - 2 * products.sum(0) + ((problem.gram @ weights) * weights).sum(0)
    objective = np.maximum(squares, 0).sum() + penalty * np.abs(weights).sum()
    # What the residuals still correlate with the inputs: gram @ dense is not needed, as `dense` solves a ridge problem.
    left = STEP * penalty * (dense - weights + scaled)
    products = problem.squares - (dense * problem.correlation).sum(0)
    squares = np.maximum(products - (dense * left).sum(0), 0)
    # Scaled until none correlates by more than half of lambda, residuals are a point of the dual problem.
    scale = half / np.maximum(np.abs(left).max(0), half)
    bound = (2 * scale * products - scale**2 * squares).sum()
    return float(objective), float(objective - bound)


def _check(penalty: float) -> None:
    if not (np.isfinite(penalty) and penalty > 0):
        raise ValueError(f"lambda is {penalty}; it must be a number above 0")
