"""Regularised least squares under a known kernel, solved in the frequencies."""

import functools

import numpy as np
from scipy import fft

from tfdeblur.classical.planes import checked_kernels, from_waves, to_pictures, to_planes, to_waves, transfer
from tfdeblur.classical.transforms import filtered, whole_spectra
from tfdeblur.classical.unknown_border import MISFITS, TINY, TOLERANCE, UnknownBorder
from tfdeblur.physics.boundaries import indices

BOUNDARIES = ("unknown", "extended", "circular")


class LeastSquares:
    """The problem `min |k * x - b|^2 + <x, cost x> - 2 <x, pull>`, where `cost` is a filter and `pull` a spectrum.

    For an image that repeats, one division of spectra solves it. Where the boundary is unknown, the difference counts
    inside the image alone, and the latent image around it is estimated too (Almeida & Figueiredo 2013 state the
    problem); this is done in float64. Spectra are those of `rfft2`, over planes `(N, C, *, *)`.

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)`.
    kernel : numpy.ndarray
        `(h, w)` or `(N, h, w)`.
    boundary : {"unknown", "extended", "circular"}
        Beyond the border lies something that is estimated too; the image's mirror; or the image again.

    Attributes
    ----------
    picture, size : tuple of int
        Height and width of the image, and of the planes, in whose upper left the image lies.
    unknown : bool
        Whether blurred values around the image are unknown; they are not where the kernel is a single pixel.
    around : numpy.ndarray
        Estimate of these values, planes `(N, C, *, *)` among zeros.
    tolerance : float
        How exactly they are solved for, as `UnknownBorder` says.

    Raises
    ------
    ValueError
        The kernel does not suit the images, or there is no such boundary.
    """

    def __init__(self, blur: np.ndarray, kernel: np.ndarray, boundary: str):
        if boundary not in BOUNDARIES:
            raise ValueError(f"there is no boundary {boundary!r}; there are {', '.join(BOUNDARIES)}")
        kernels = checked_kernels(kernel, blur)
        planes = to_planes(blur)
        self.kind, self.tolerance = planes.dtype, TOLERANCE[planes.dtype]
        self.picture = planes.shape[2:]
        reach = (0, 0) if boundary == "circular" else tuple(side - 1 for side in kernels.shape[1:])
        self.size = periodic_size(self.picture, reach)
        self.unknown = boundary == "unknown" and self.size != self.picture
        self.blur = planes.astype(np.float64) if self.unknown else planes
        self.spectrum = transfer(kernels, self.size, self.blur.dtype)
        self.power = np.square(self.spectrum.real) + np.square(self.spectrum.imag)
        self.around = self.outside(self.extended) if self.unknown else np.zeros((), self.kind)

    @functools.cached_property
    def extended(self) -> np.ndarray:
        """The blurred planes and a smooth continuation around them."""
        extended = np.empty((*self.blur.shape[:2], *self.size), self.blur.dtype)
        extend(self.blur, extended)
        return extended

    @functools.cached_property
    def known(self) -> np.ndarray:
        """Spectrum of the adjoint of the known blurred values."""
        known = self.extended
        if self.unknown:
            known = np.zeros_like(known)
            known[..., : self.picture[0], : self.picture[1]] = self.blur
        return np.conj(self.spectrum) * self.waves(known)

    def waves(self, planes: np.ndarray) -> np.ndarray:
        """Return the spectrum of planes."""
        return to_waves(planes, self.size)

    def planes(self, waves: np.ndarray) -> np.ndarray:
        """Return the planes of a spectrum."""
        return from_waves(waves, self.size[1])

    def outside(self, planes: np.ndarray) -> np.ndarray:
        """Return planes with zeros where the blurred values are known."""
        outside = planes.copy()
        outside[..., : self.picture[0], : self.picture[1]] = 0
        return outside

    def pictures(self, waves: np.ndarray) -> np.ndarray:
        """Return the images of a spectrum, `(N, H, W, C)`, and use it up."""
        planes = from_waves(waves, self.size[1], slice(self.picture[0]), spent=True)
        return to_pictures(planes[..., : self.picture[1]].astype(self.kind, copy=False))

    def solution(self, cost) -> np.ndarray:
        """Return the images of the solution, `(N, H, W, C)`, without a pull."""
        if self.unknown:
            return self.pictures(self.under(cost).solve())
        gains = np.conj(self.spectrum) * (1 / self.denominator(cost))
        return to_pictures(filtered(self.blur, whole_spectra(gains, self.size[1]), extend))

    def denominator(self, cost) -> np.ndarray:
        """Return `|K|^2 + cost`.

        Raises
        ------
        ValueError
            The kernel takes out frequencies for which there is no cost either.
        """
        whole = self.power + cost
        if whole.min() < (16 * np.finfo(whole.dtype).eps) ** 2:
            raise ValueError("the kernel takes out some frequencies altogether; it needs noise or a weight above 0")
        return whole

    def misfit(self, blurred: np.ndarray) -> np.ndarray:
        """Return the mean squared difference of blurred planes from the image, times the number of unknowns."""
        (height, width), count = self.picture, self.size[0] * self.size[1]
        power = np.square(self.blur).mean((-2, -1), keepdims=True) + TINY
        difference = np.square(blurred[..., :height, :width] - self.blur).mean((-2, -1), keepdims=True)
        return (count - height * width) * np.clip(difference, MISFITS[0] ** 2 * power, MISFITS[1] ** 2 * power)

    def under(self, cost) -> "Division | UnknownBorder":
        """Return the solver for a cost, `(N or 1, 1, *, *)`."""
        return UnknownBorder(self, cost) if self.unknown else Division(self, cost)


class Division:
    """The solver of `LeastSquares` where all blurred values are known."""

    def __init__(self, problem: LeastSquares, cost):
        self.problem, self.inverse = problem, 1 / problem.denominator(cost)

    def solve(self, pull: np.ndarray | float = 0, *, steps: int | None = None) -> np.ndarray:
        """Return the spectrum of the solution, which takes no steps."""
        return self.inverse * (self.problem.known + pull)


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
