"""Least squares where the blurred values around the image are unknown."""

import warnings

import numpy as np
from scipy import fft

from tfdeblur.classical.division import Division
from tfdeblur.classical.planes import WORKERS
from tfdeblur.classical.toeplitz import ToeplitzInverse
from tfdeblur.classical.transforms import filtered, kept, of_image, spectra_of, whole_spectra

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


class Border:
    """Blurred values around the image, in the lower and the right part of planes whose upper left the image fills.

    Parameters
    ----------
    blur, extended : numpy.ndarray
        The image, `(N, C, H, W)`, and a first estimate of the planes, `(N, C, rows, columns)`.

    Attributes
    ----------
    values : numpy.ndarray
        The values, `(N, C, M)`, float64: first the lower rows, then what is right of the image.
    """

    def __init__(self, blur: np.ndarray, extended: np.ndarray):
        self.blur, self.size = blur, extended.shape[2:]
        self.values = self.of_planes(extended).astype(np.float64)

    def of_planes(self, planes: np.ndarray) -> np.ndarray:
        """Return the values around the image, `(..., M)`, of planes."""
        height, width = self.blur.shape[2:]
        parts = planes[..., height:, :], planes[..., :height, width:]
        return np.concatenate([part.reshape(*planes.shape[:-2], -1) for part in parts], -1)

    def strips(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower rows, `(..., *, columns)`, and what is right of the image, `(..., H, *)`, of values."""
        (height, width), (rows, columns) = self.blur.shape[2:], self.size
        cut = (rows - height) * columns
        lower = values[..., :cut].reshape(*values.shape[:-1], rows - height, columns)
        return lower, values[..., cut:].reshape(*values.shape[:-1], height, columns - width)

    def fill(self, values: np.ndarray, plane: np.ndarray) -> None:
        """Fill the part of a plane around the image."""
        height, width = self.blur.shape[2:]
        plane[height:], plane[:height, width:] = self.strips(values)

    def fill_among_zeros(self, values: np.ndarray, plane: np.ndarray) -> None:
        """Fill a plane that is 0 where the image is."""
        height, width = self.blur.shape[2:]
        plane[:height, :width] = 0
        self.fill(values, plane)


class UnknownBorder(Division):
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
        The values of its `border` are where each solution begins, and become the solution's.
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
        super().__init__(problem, cost)
        (height, width), (rows, columns) = problem.picture, problem.size
        self.lost = whole_spectra(cost / problem.denominator(cost), columns)
        lags = self.lost[:, None].astype(np.float64)
        self.rows = self.columns = None
        if rows > height:
            along = fft.ifft(lags[..., : columns // 2 + 1], axis=-2, workers=WORKERS)
            self.rows = ToeplitzInverse(along[..., : rows - height, :], self.transfer.dtype)
        if columns > width:
            along = fft.ifft(lags[..., : rows // 2 + 1, :], workers=WORKERS)
            self.columns = ToeplitzInverse(along[..., : columns - width].swapaxes(-2, -1), self.transfer.dtype)
        self.steps, self.residual = 0, np.inf

    def solve(self, pull: np.ndarray | None = None, *, steps: int | None = None) -> np.ndarray:
        """Return the planes of the solution, `(N, C, *, *)`.

        Parameters
        ----------
        pull : numpy.ndarray, optional
            Planes towards which the solution is drawn.
        steps : int, optional
            Of conjugate gradients, at most: for solutions on the way. By default as many as the tolerance takes.

        Warns
        -----
        UserWarning
            `MOST_STEPS` do not reach the tolerance.
        """
        tolerance, left = TOLERANCE[self.problem.kind], MOST_STEPS if steps is None else steps
        pulls = self.spectra(pull)
        self.steps = 0
        while True:
            blurred = self._blurred()
            rest, misfit = self._residual(blurred, pulls)
            ready = self._preconditioned(rest)
            gap, aim = dot(rest, ready), tolerance**2 * misfit
            self.residual = float(np.sqrt(np.maximum(gap, 0) / misfit).max())
            if self.steps >= left or (gap <= aim).all():
                break
            self.steps += self._improve(rest, ready, gap, aim, left - self.steps)
            if steps is not None:
                blurred = self._blurred()
                break
        if steps is None and self.residual > tolerance:
            warnings.warn(
                f"what lies beyond the border is solved for to {self.residual:.1g} of the noise instead of "
                f"{tolerance:.1g} after {MOST_STEPS} steps; more noise or a smaller kernel converges faster",
                stacklevel=2,
            )
        return self.divided(blurred, pulls)

    def _blurred(self) -> list:
        """Return the spectra of the blurred values, those around the image as they are estimated."""
        border, (height, width) = self.problem.border, self.problem.picture

        def fill(place: np.ndarray, plane: np.ndarray) -> None:
            n, c = place
            plane[:height, :width] = border.blur[n, c]
            border.fill(border.values[n, c], plane)

        places = np.stack(np.indices(border.blur.shape[:2]), -1)
        return spectra_of(places, self.problem.size, self.problem.kind, fill)

    def _residual(self, blurred: list, pulls: list | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the border's residual, and what its squared norm is compared with, of each plane `(N, C, 1)`.

        What is lost of the blurred values, `F (b + z) - K G pull`, is their difference from the blurred solution. It is
        found without subtracting nearly equal planes, so that float32 is enough.
        """
        border, (height, width) = self.problem.border, self.problem.picture
        rest, difference = np.empty_like(border.values), np.empty((*border.values.shape[:2], 1))

        def lose(index: int, n: int, block: np.ndarray) -> None:
            np.multiply(blurred[index], of_image(self.lost, n), out=block)
            if pulls:
                reblurred = kept("reblurred", block.shape, block.dtype)
                np.multiply(pulls[index], of_image(self.inverse, n), out=reblurred)
                reblurred *= of_image(self.transfer, n)
                block -= reblurred

        def put(place: tuple[int, int], plane: np.ndarray) -> None:
            rest[place] = -border.of_planes(plane)
            difference[place] = np.square(plane[:height, :width]).mean()

        self.each_plane(lose, put)
        power = np.square(border.blur).mean((-2, -1))[..., None] + TINY
        return rest, rest.shape[-1] * np.clip(difference, MISFITS[0] ** 2 * power, MISFITS[1] ** 2 * power)

    def system(self, values: np.ndarray) -> np.ndarray:
        """Return S times values around the image, `(N, C, M)`."""
        border = self.problem.border
        return filtered(values, self.lost, border.fill_among_zeros, border.of_planes)

    def _improve(self, rest: np.ndarray, ready: np.ndarray, gap: np.ndarray, aim: np.ndarray, most: int) -> int:
        """Take steps of conjugate gradients from a residual; return how many."""
        direction, step = ready, 0
        while step < most and (gap > aim).any():
            step += 1
            image = self.system(direction)
            length = np.where(gap > aim, gap / np.maximum(dot(direction, image), TINY), 0)
            self.problem.border.values += length * direction
            rest = rest - length * image
            if step == most:
                break
            ready = self._preconditioned(rest)
            before, gap = gap, dot(rest, ready)
            direction = ready + gap / np.maximum(before, TINY) * direction
        return step

    def _preconditioned(self, rest: np.ndarray) -> np.ndarray:
        """Return the sum of the solutions in each strip alone."""
        border, (rows, columns) = self.problem.border, self.problem.size
        height, width = self.problem.picture
        result = np.zeros_like(rest)
        (lower, right), (lower_result, right_result) = (
            border.strips(rest.astype(self.problem.kind)),
            border.strips(result),
        )
        if self.rows:
            waves = fft.rfft(lower, workers=WORKERS)
            lower_result += fft.irfft(self.rows(waves), columns, workers=WORKERS)
        if self.columns:
            strip = np.concatenate([right, lower[..., width:]], -2)
            waves = fft.rfft(strip, axis=-2, workers=WORKERS).swapaxes(-2, -1)
            found = fft.irfft(self.columns(waves).swapaxes(-2, -1), rows, axis=-2, workers=WORKERS)
            right_result += found[..., :height, :]
            lower_result[..., width:] += found[..., height:, :]
        return result


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the inner product of values `(N, C, M)` for each plane, `(N, C, 1)`."""
    return np.einsum("ncm,ncm->nc", a, b)[..., None]
