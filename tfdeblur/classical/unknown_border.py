"""Least squares where the blurred values around the image are unknown."""

import warnings

import numpy as np
from scipy import fft

from tfdeblur.classical.planes import WORKERS, from_waves
from tfdeblur.classical.toeplitz import ToeplitzInverse
from tfdeblur.classical.transforms import filtered, whole_spectra

TOLERANCE = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-7}
"""Largest residual of the border's equations over the difference from the image, for images of a dtype.

The norm is that of the expected error, so that the tolerance means the same at every noise and size of image. At 1e-3
the result is within 0.01 dB of the exact one; at 1e-7 it is exact to about 1e-6."""

MOST_STEPS = 500
"""Steps after which the tolerance is given up; the largest kernels and the least noise have taken a third of them."""

MISFITS = (1e-4, 1e-2)
"""Least and largest difference from the image, over the image, that the residual is compared with: below, rounding
counts; and however noisy the image is, the blurred values around it are consistent to 1e-5 of theirs."""

TINY = 1e-30
"""Below which a squared length is taken for this."""


class UnknownBorder:
    """The solver of `LeastSquares` where the blurred values around the image are unknown.

    If these values were `z`, one division would give the latent image: `x(z) = G (K' (b + z) + pull)` with
    `G = 1 / (|K|^2 + cost)`. The solution satisfies `z = E' K x(z)`, where E' restricts planes to what lies around the
    image. That is a positive definite system with the matrix `S = E' F E`, where F is the filter
    `cost / (|K|^2 + cost)`. Conjugate gradients solve it with two transforms a step.

    What lies around is a strip of rows and a strip of columns, each periodic along its length. Within one strip, S
    consists of a Toeplitz matrix for each frequency along the strip, and these are inverted. The sum of the solutions
    in both strips is the preconditioner (additive Schwarz). Zeros in the kernel's spectrum do not slow it down; what
    takes steps is the corner where the strips meet.

    The residual's squared norm `<r, S^-1 r>` is how far the objective is above its least value, and the preconditioner
    estimates it. The tolerance compares it with the mean squared difference from the image, times the number of unknown
    values: the error is small against the uncertainty that the noise leaves.

    Parameters
    ----------
    problem : LeastSquares
        Its `around` is where each solution begins, and becomes the solution's.
    cost : numpy.ndarray
        The filter, not negative, `(N or 1, 1, *, *)`.

    Raises
    ------
    ValueError
        The cost is 0.

    Attributes
    ----------
    steps : int
        Steps of conjugate gradients of the last solution.
    residual : float
        The last solution's residual, as `TOLERANCE` measures it, of the worst plane.
    """

    def __init__(self, problem, cost: np.ndarray):
        if not np.asarray(cost).any():
            raise ValueError("noise or weight is 0; an unknown border needs one above 0")
        self.problem, self.inverse = problem, 1 / problem.denominator(cost)
        lost = cost * self.inverse
        (height, width), (rows, columns) = problem.picture, problem.size
        self.lost = whole_spectra(lost, columns)
        lags = from_waves(lost.astype(np.complex128), columns)
        self.rows = ToeplitzInverse(fft.rfft(lags[..., : rows - height, :])) if rows > height else None
        self.columns = None
        if columns > width:
            self.columns = ToeplitzInverse(fft.rfft(lags[..., : columns - width], axis=-2).swapaxes(-2, -1))
        self.steps, self.residual = 0, np.inf

    def solve(self, pull: np.ndarray | float = 0, *, steps: int | None = None) -> np.ndarray:
        """Return the spectrum of the solution.

        Parameters
        ----------
        pull : numpy.ndarray, optional
            Spectrum towards which the solution is drawn.
        steps : int, optional
            Of conjugate gradients, at most: for solutions on the way. By default as many as the tolerance takes.

        Warns
        -----
        UserWarning
            `MOST_STEPS` do not reach the tolerance.
        """
        problem, left = self.problem, MOST_STEPS if steps is None else steps
        self.steps = 0
        while True:
            solution = self._division(pull)
            blurred = problem.planes(problem.spectrum * solution)
            rest = problem.outside(blurred) - problem.around
            ready = self._preconditioned(rest)
            gap, misfit = dot(rest, ready), problem.misfit(blurred)
            aim = problem.tolerance**2 * misfit
            self.residual = float(np.sqrt(np.maximum(gap, 0) / misfit).max())
            if self.steps >= left or (gap <= aim).all():
                break
            self.steps += self._improve(rest, ready, gap, aim, left - self.steps)
            if steps is not None:
                return self._division(pull)
        if steps is None and self.residual > problem.tolerance:
            warnings.warn(
                f"what lies beyond the border is solved for to {self.residual:.1g} of the noise instead of "
                f"{problem.tolerance:.1g} after {MOST_STEPS} steps; more noise or a smaller kernel converges faster",
                stacklevel=2,
            )
        return solution

    def _division(self, pull) -> np.ndarray:
        """Return the solution as if the estimated values around the image were known."""
        problem = self.problem
        return self.inverse * (problem.known + np.conj(problem.spectrum) * problem.waves(problem.around) + pull)

    def system(self, around: np.ndarray) -> np.ndarray:
        """Return S times values around the image, planes `(N, C, *, *)` among zeros."""
        return self.problem.outside(filtered(around, self.lost))

    def _improve(self, rest: np.ndarray, ready: np.ndarray, gap: np.ndarray, aim: np.ndarray, most: int) -> int:
        """Take steps of conjugate gradients from a residual; return how many."""
        direction, step = ready, 0
        while step < most and (gap > aim).any():
            step += 1
            image = self.system(direction)
            length = np.where(gap > aim, gap / np.maximum(dot(direction, image), TINY), 0)
            self.problem.around += length * direction
            rest = rest - length * image
            ready = self._preconditioned(rest)
            before, gap = gap, dot(rest, ready)
            direction = ready + gap / np.maximum(before, TINY) * direction
        return step

    def _preconditioned(self, rest: np.ndarray) -> np.ndarray:
        """Return the sum of the solutions in each strip alone."""
        (height, width), (rows, columns) = self.problem.picture, self.problem.size
        result = np.zeros_like(rest)
        if self.rows:
            waves = fft.rfft(rest[..., height:, :], workers=WORKERS)
            result[..., height:, :] += fft.irfft(self.rows(waves), columns, workers=WORKERS)
        if self.columns:
            waves = fft.rfft(rest[..., width:], axis=-2, workers=WORKERS).swapaxes(-2, -1)
            found = self.columns(waves).swapaxes(-2, -1)
            result[..., width:] += fft.irfft(found, rows, axis=-2, workers=WORKERS)
        return result


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the inner product of each plane, `(N, C, 1, 1)`."""
    return np.einsum("nchw,nchw->nc", a, b)[..., None, None]
