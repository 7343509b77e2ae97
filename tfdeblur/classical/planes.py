"""Pictures as planes, `(N, C, H, W)`, and their convolution with known kernels by the FFT."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft

WORKERS = os.cpu_count()
CACHED = 2**20
"""Pixels of planes that are worked on at a time."""

BOUNDARIES = ("unknown", "zero", "circular")


def to_planes(pictures: np.ndarray) -> np.ndarray:
    """Return pictures `(N, H, W, C)` as planes `(N, C, H, W)`, each in one piece of memory; float64 stays as it is."""
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or 0 in pictures.shape:
        raise ValueError(f"found an array of shape {pictures.shape}; pictures are (N, H, W, C) with at least one pixel")
    kind = np.float64 if pictures.dtype == np.float64 else np.float32
    return np.ascontiguousarray(np.moveaxis(pictures, -1, 1), dtype=kind)


def to_pictures(planes: np.ndarray) -> np.ndarray:
    """Return planes `(N, C, H, W)` as pictures `(N, H, W, C)`."""
    return np.ascontiguousarray(np.moveaxis(planes, 1, -1))


def checked_kernels(kernel: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Return one kernel, `(1, h, w)`, or one for each picture, `(N, h, w)`.

    Raises
    ------
    ValueError
        Sides are even, the kernel is larger than the pictures, there is one for another number of pictures, or it does
        not sum to 1.
    """
    kernels = np.asarray(kernel)
    kernels = kernels[None] if kernels.ndim == 2 else kernels
    count, height, width = pictures.shape[:3]
    if kernels.ndim != 3 or any(side % 2 == 0 for side in kernels.shape[1:]):
        raise ValueError(f"found kernels of shape {np.shape(kernel)}; (h, w) or (N, h, w) with odd sides are expected")
    if len(kernels) not in (1, count):
        raise ValueError(f"found {len(kernels)} kernels for {count} pictures; one for all or one for each is expected")
    if kernels.shape[1] > height or kernels.shape[2] > width:
        raise ValueError(
            f"the kernel is {kernels.shape[2]}x{kernels.shape[1]} pixels and the picture {width}x{height}; "
            "a kernel must not be larger than the picture"
        )
    sums = kernels.sum(axis=(1, 2), dtype=np.float64)
    if not np.allclose(sums, 1, atol=1e-3):
        raise ValueError(f"the kernel sums to {sums[np.abs(sums - 1).argmax()]:.4g}; it must sum to 1")
    return kernels


def parts(planes: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Divide planes `(N, C, H, W)` into such as a processor's cache can hold, by pictures and then by channels.

    What goes over large arrays again and again waits for memory; what calls a function for each small one, for Python.
    """
    count, channels, height, width = planes.shape
    pictures = max(1, CACHED // (channels * height * width))
    some = max(1, CACHED // (height * width)) if pictures == 1 else channels
    for first in range(0, count, pictures):
        for channel in range(0, channels, some):
            yield slice(first, first + pictures), slice(channel, channel + some)


def transfer(kernels: np.ndarray, size: tuple[int, int], kind: np.dtype) -> np.ndarray:
    """Return the transfer functions of kernels centred at the origin, `(N, h, w)` to `(N, 1, *, *)`, for `rfft2`."""
    count, height, width = kernels.shape
    padded = np.zeros((count, *size), kind)
    padded[:, :height, :width] = kernels
    return to_waves(np.roll(padded, (-(height // 2), -(width // 2)), (1, 2)), size)[:, None]


def to_waves(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the spectra of planes with zeros added up to some size: `rfft2`, with less copying."""
    waves = fft.rfft(planes, size[1], workers=WORKERS)
    return fft.fft(waves, size[0], axis=-2, overwrite_x=True, workers=WORKERS)


def from_waves(waves: np.ndarray, width: int, rows: slice = slice(None), spent: bool = False) -> np.ndarray:
    """Return some rows of the planes of spectra, which may be overwritten if they are `spent`."""
    waves = fft.ifft(waves, axis=-2, overwrite_x=spent, workers=WORKERS)
    return fft.irfft(waves[..., rows, :], width, workers=WORKERS)


@dataclass(frozen=True)
class Convolution:
    """A convolution with known kernels, on latent planes of the FFT's size, in which the picture lies somewhere.

    Attributes
    ----------
    spectrum, reverse : numpy.ndarray
        The kernels' transfer functions, and their conjugates.
    size, picture : tuple of int
        Of the latent planes and of the picture.
    start : tuple of int
        Where the picture begins in the latent planes.
    """

    spectrum: np.ndarray
    reverse: np.ndarray
    size: tuple[int, int]
    picture: tuple[int, int]
    start: tuple[int, int]

    def forward(self, latent: np.ndarray) -> np.ndarray:
        """Convolve latent planes, as ones that repeat."""
        return self._through(latent, self.spectrum)

    def adjoint(self, latent: np.ndarray) -> np.ndarray:
        """Apply the adjoint: correlate."""
        return self._through(latent, self.reverse)

    def spread(self, planes: np.ndarray) -> np.ndarray:
        """Lay planes of the picture's size where it lies in latent ones, among zeros."""
        latent = np.zeros((*planes.shape[:2], *self.size), planes.dtype)
        self.inside(latent)[...] = planes
        return latent

    def inside(self, latent: np.ndarray) -> np.ndarray:
        """Return the part of latent planes that is the picture's."""
        (top, left), (height, width) = self.start, self.picture
        return latent[..., top : top + height, left : left + width]

    def with_spectrum(self, spectrum: np.ndarray) -> "Convolution":
        """Return the operator of other kernels of the same size."""
        return replace(self, spectrum=spectrum, reverse=np.conj(spectrum))

    def _through(self, planes: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
        waves = to_waves(planes, self.size)
        waves *= spectrum
        return from_waves(waves, self.size[1], spent=True)


def convolution(kernels: np.ndarray, picture: tuple[int, int], boundary: str, kind: np.dtype) -> Convolution:
    """Make the operator of a convolution.

    Parameters
    ----------
    kernels : numpy.ndarray
        From `checked_kernels`.
    picture : tuple of int
        Height and width of the blurred picture.
    boundary : {"unknown", "zero", "circular"}
        What lies beyond the border: something that is unknown and estimated too, nothing, or the picture again.
    kind : dtype
        Of the planes.

    Raises
    ------
    ValueError
        There is no such boundary.
    """
    if boundary not in BOUNDARIES:
        raise ValueError(f"there is no boundary {boundary!r}; there are {', '.join(BOUNDARIES)}")
    reach = tuple(side // 2 for side in kernels.shape[1:])
    size, start = picture, (0, 0)
    if boundary != "circular":
        start = reach if boundary == "unknown" else start
        ends = (side + more + before for side, more, before in zip(picture, reach, start, strict=True))
        size = tuple(fft.next_fast_len(side, real=True) for side in ends)
    spectrum = transfer(kernels, size, kind)
    return Convolution(spectrum, np.conj(spectrum), size, picture, start)
