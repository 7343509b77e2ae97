"""Regularised least squares under a known kernel, solved in the frequencies."""

import functools

import numpy as np
from scipy import fft

from tfdeblur.classical.planes import checked_kernels, from_waves, to_pictures, to_planes, to_waves, transfer
from tfdeblur.classical.transforms import filtered
from tfdeblur.physics.boundaries import indices

BOUNDARIES = ("unknown", "extended", "circular")

TINY = 1e-30
"""Below which a squared length is taken for this."""


class LeastSquares:
    """Solver of `min |k * x - b|^2 + <x, cost x> - 2 <x, pull>`, where `cost` is a filter and `pull` a spectrum.

    For a picture that repeats, one division solves it. Where the boundary is unknown, the difference counts inside the
    picture alone, and what lies around it is estimated too: by conjugate gradients, which the division preconditions
    (Almeida & Figueiredo 2013 state the problem). Spectra are those of `rfft2`, over planes `(N, C, *, *)`.

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)`.
    kernel : numpy.ndarray
        `(h, w)` or `(N, h, w)`.
    boundary : {"unknown", "extended", "circular"}
        Beyond the border lies something that is estimated too; the picture's mirror; or the picture again.

    Raises
    ------
    ValueError
        The kernel does not suit the pictures, or there is no such boundary.
    """

    def __init__(self, blur: np.ndarray, kernel: np.ndarray, boundary: str):
        if boundary not in BOUNDARIES:
            raise ValueError(f"there is no boundary {boundary!r}; there are {', '.join(BOUNDARIES)}")
        kernels = checked_kernels(kernel, blur)
        planes = to_planes(blur)
        self.picture, self.unknown = planes.shape[2:], boundary == "unknown"
        self.blur = planes
        reach = (0, 0) if boundary == "circular" else tuple(side - 1 for side in kernels.shape[1:])
        self.size = periodic_size(self.picture, reach)
        self.spectrum = transfer(kernels, self.size, planes.dtype)
        self.power = np.square(self.spectrum.real) + np.square(self.spectrum.imag)

    @functools.cached_property
    def around(self) -> np.ndarray:
        """The blurred planes and what goes on around them."""
        extended = np.empty((*self.blur.shape[:2], *self.size), self.blur.dtype)
        extend(self.blur, extended)
        return extended

    @functools.cached_property
    def extended(self) -> np.ndarray:
        """Spectrum of the adjoint of what is known, and of what may lie around it."""
        return np.conj(self.spectrum) * self.waves(self.around)

    @functools.cached_property
    def inside(self) -> np.ndarray:
        """Spectrum of the adjoint of what is known, among zeros."""
        return np.conj(self.spectrum) * self.waves(self._masked(self.around))

    def waves(self, planes: np.ndarray) -> np.ndarray:
        """Return the spectrum of planes."""
        return to_waves(planes, self.size)

    def planes(self, waves: np.ndarray) -> np.ndarray:
        """Return the planes of a spectrum."""
        return from_waves(waves, self.size[1])

    def pictures(self, waves: np.ndarray) -> np.ndarray:
        """Return the pictures of a spectrum, `(N, H, W, C)`, and use it up."""
        planes = from_waves(waves, self.size[1], slice(self.picture[0]), spent=True)
        return to_pictures(planes[..., : self.picture[1]])

    def solution(self, cost) -> np.ndarray:
        """Return the pictures of the solution, `(N, H, W, C)`, where nothing pulls."""
        if self.unknown:
            return self.pictures(self.solve(cost))
        return filtered(self.blur, np.conj(self.spectrum) * (1 / self._whole(cost)), self.size, extend)

    def solve(
        self, cost, pull: np.ndarray | None = None, start: np.ndarray | None = None, steps: int = 12
    ) -> np.ndarray:
        """Return the spectrum of the solution.

        Parameters
        ----------
        cost : numpy.ndarray
            The filter, not negative.
        pull : numpy.ndarray, optional
            Spectrum towards which the solution is drawn.
        start : numpy.ndarray, optional
            First estimate; by default the solution for a picture that goes on as its mirror.
        steps : int
            Of conjugate gradients, where the boundary is unknown.

        Raises
        ------
        ValueError
            The kernel takes out frequencies for which there is no cost either.
        """
        whole = self._whole(cost)
        if start is None or not self.unknown:
            start = (self.extended if pull is None else self.extended + pull) * (1 / whole)
        if not self.unknown:
            return start
        estimate = start
        rest = (self.inside if pull is None else self.inside + pull) - self._apply(estimate, cost)
        ready = rest / whole
        direction, size = ready, self._dot(rest, ready)
        for _ in range(steps):
            image = self._apply(direction, cost)
            length = size / np.maximum(self._dot(direction, image), TINY)
            estimate = estimate + length * direction
            rest = rest - length * image
            ready = rest / whole
            before, size = size, self._dot(rest, ready)
            direction = ready + size / np.maximum(before, TINY) * direction
        return estimate

    def _whole(self, cost) -> np.ndarray:
        whole = self.power + cost
        if whole.min() < (16 * np.finfo(whole.dtype).eps) ** 2:
            raise ValueError("the kernel takes out some frequencies altogether; it needs noise or a weight above 0")
        return whole

    def _apply(self, waves: np.ndarray, cost) -> np.ndarray:
        """Blur, leave out what is not in the picture, blur back; and add the cost."""
        seen = self.waves(self._masked(self.planes(self.spectrum * waves)))
        return np.conj(self.spectrum) * seen + cost * waves

    def _masked(self, planes: np.ndarray) -> np.ndarray:
        masked = np.zeros_like(planes)
        inside = (..., slice(self.picture[0]), slice(self.picture[1]))
        masked[inside] = planes[inside]
        return masked

    def _dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return the inner product of each plane, up to a factor."""
        counts = both_halves(self.size[1], self.power.dtype)
        return ((a.real * b.real + a.imag * b.imag) * counts).sum((-2, -1), keepdims=True)


def periodic_size(size: tuple[int, int], reach: tuple[int, int]) -> tuple[int, int]:
    """Return a size that the FFT likes, with at least so many rows and columns more; the same size where none."""
    return tuple(
        fft.next_fast_len(side + least, real=True) if least else side for side, least in zip(size, reach, strict=True)
    )


def extend(planes: np.ndarray, extended: np.ndarray) -> None:
    """Extend planes at the bottom and the right so that they go on smoothly when repeated.

    What is added fades from the mirror picture of one end into that of the other.

    Parameters
    ----------
    planes : numpy.ndarray
        `(..., H, W)`.
    extended : numpy.ndarray
        What is filled, of the same dimensions or with more rows and columns.
    """
    height, width = planes.shape[-2:]
    rows, columns = extended.shape[-2:]
    extended[..., :height, :width] = planes
    extended[..., :height, width:] = _between(planes, columns - width, -1)
    extended[..., height:, :] = _between(extended[..., :height, :], rows - height, -2)


def _between(planes: np.ndarray, more: int, axis: int) -> np.ndarray:
    """Return what lies between the end of planes and their next beginning."""
    size = planes.shape[axis]
    position = (np.arange(more, dtype=planes.dtype) + 0.5) / max(more, 1)
    fade = (position * position * (3 - 2 * position)).reshape((-1, 1) if axis == -2 else (1, -1))
    around = indices(size, more, "reflect")
    return np.take(planes, around[more + size :], axis) * (1 - fade) + np.take(planes, around[:more], axis) * fade


def squared_gradient(size: tuple[int, int], kind: np.dtype) -> np.ndarray:
    """Return `|D|^2` of forward differences along both axes, at the frequencies of `rfft2`."""
    down, across = 2 * np.pi * fft.fftfreq(size[0])[:, None], 2 * np.pi * fft.rfftfreq(size[1])
    return (4 - 2 * np.cos(down) - 2 * np.cos(across)).astype(kind)


def both_halves(width: int, kind: np.dtype) -> np.ndarray:
    """Return how often each column of `rfft2` counts in the whole spectrum of planes so wide."""
    counts = np.full(width // 2 + 1, 2, kind)
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    return counts
