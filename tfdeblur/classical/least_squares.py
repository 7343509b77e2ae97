"""Regularised least squares under a known kernel, solved in the frequencies."""

import functools

import numpy as np
from scipy import fft

from tfdeblur.classical.division import Division
from tfdeblur.classical.planes import checked_kernels, to_pictures, to_planes, transfer
from tfdeblur.classical.transforms import filtered, whole_spectra
from tfdeblur.classical.unknown_border import Border, UnknownBorder
from tfdeblur.physics.boundaries import indices

BOUNDARIES = ("unknown", "extended", "circular")


class LeastSquares:
    """The problem `min |k * x - b|^2 + <x, cost x> - 2 <x, pull>`, where `cost` is a filter and `pull` are planes.

    For an image that repeats, one division of spectra solves it. Where the boundary is unknown, the difference counts
    inside the image alone, and the latent image around it is estimated too (Almeida & Figueiredo 2013 state the
    problem). Planes and spectra have the dtype of the image.

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
    blur : numpy.ndarray
        The blurred planes, `(N, C, H, W)`.
    spectrum, power : numpy.ndarray
        The kernel's transfer function as `rfft2` orders it, `(N or 1, 1, *, *)`, and its squared magnitude.

    Raises
    ------
    ValueError
        The kernel does not suit the images, or there is no such boundary.
    """

    def __init__(self, blur: np.ndarray, kernel: np.ndarray, boundary: str):
        if boundary not in BOUNDARIES:
            raise ValueError(f"there is no boundary {boundary!r}; there are {', '.join(BOUNDARIES)}")
        kernels = checked_kernels(kernel, blur)
        self.blur = to_planes(blur)
        self.kind, self.picture = self.blur.dtype, self.blur.shape[2:]
        reach = (0, 0) if boundary == "circular" else tuple(side - 1 for side in kernels.shape[1:])
        self.size = periodic_size(self.picture, reach)
        self.unknown = boundary == "unknown" and self.size != self.picture
        self.spectrum = transfer(kernels, self.size, self.kind)
        self.power = np.square(self.spectrum.real) + np.square(self.spectrum.imag)

    @functools.cached_property
    def border(self) -> Border:
        """The blurred values around the image, at first a smooth continuation."""
        return Border(self.blur, self.extended)

    @functools.cached_property
    def extended(self) -> np.ndarray:
        """The blurred planes and a smooth continuation around them."""
        extended = np.empty((*self.blur.shape[:2], *self.size), self.kind)
        extend(self.blur, extended)
        return extended

    @functools.cached_property
    def whole_spectrum(self) -> np.ndarray:
        """All columns of the kernel's transfer function."""
        return whole_spectra(self.spectrum, self.size[1])

    def pictures(self, planes: np.ndarray) -> np.ndarray:
        """Return the images in planes, `(N, H, W, C)`."""
        return to_pictures(planes[..., : self.picture[0], : self.picture[1]])

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

    def under(self, cost) -> Division | UnknownBorder:
        """Return the solver for a cost, `(N or 1, 1, *, *)`."""
        cost = np.asarray(cost, self.kind)
        return UnknownBorder(self, cost) if self.unknown else Division(self, cost)


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
