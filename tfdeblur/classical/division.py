"""Regularised least squares where all blurred values are known: a division of spectra."""

from collections.abc import Callable

import numpy as np

from tfdeblur.classical.transforms import (
    in_threads,
    kept,
    of_image,
    paired,
    spectra_of,
    transform_back,
    whole_spectra,
)


class Division:
    """The solver of `LeastSquares` where all blurred values are known: `x = (K' b + pull) / (|K|^2 + cost)`.

    Spectra are those of `transforms.spectra_of`.

    Parameters
    ----------
    problem : LeastSquares
        Its `extended` planes are the blurred values.
    cost : numpy.ndarray
        The filter, not negative, `(N or 1, 1, *, *)`.
    """

    def __init__(self, problem, cost: np.ndarray):
        self.problem = problem
        self.inverse = whole_spectra(1 / problem.denominator(cost), problem.size[1])
        self.transfer = problem.whole_spectrum

    def solve(self, pull: np.ndarray | None = None, *, steps: int | None = None) -> np.ndarray:
        """Return the planes of the solution, `(N, C, *, *)`, towards planes that it is drawn to; it takes no steps."""
        return self.divided(self.spectra(self.problem.extended), self.spectra(pull))

    def spectra(self, planes: np.ndarray | None) -> list | None:
        """Return the spectra of planes, and None for None."""
        return None if planes is None else spectra_of(planes, self.problem.size, self.problem.kind)

    def divided(self, blurred: list, pulls: list | None) -> np.ndarray:
        """Return the planes of the solution from the spectra of the blurred values and of the pull."""
        result = np.empty((*self.problem.blur.shape[:2], *self.problem.size), self.problem.kind)

        def divide(index: int, n: int, block: np.ndarray) -> None:
            np.conj(of_image(self.transfer, n), out=block)
            block *= blurred[index]
            if pulls:
                block += pulls[index]
            block *= of_image(self.inverse, n)

        def put(place: tuple[int, int], plane: np.ndarray) -> None:
            result[place] = plane

        self.each_plane(divide, put)
        return result

    def each_plane(self, fill: Callable, use: Callable) -> None:
        """Call `use` with the place of each plane and the plane, whose spectra `fill` puts into a complex array.

        `fill` takes the index in `paired`, the index of the image, and the array.
        """
        pairs = paired(*self.problem.blur.shape[:2])

        def of_some(index: int) -> None:
            places = pairs[index]
            block = kept("block", self.problem.size, self.transfer.dtype)
            fill(index, places[0][0], block)
            transform_back(block)
            for part, place in zip((block.real, block.imag), places, strict=False):
                use(place, part)

        in_threads(of_some, range(len(pairs)))
