"""Pictures as planes, `(N, C, H, W)`, and their spectra."""

import os
from collections.abc import Sequence

import numpy as np
from scipy import fft

WORKERS = os.cpu_count()


def to_planes(pictures: np.ndarray) -> np.ndarray:
    """Return pictures `(N, H, W, C)` as planes `(N, C, H, W)`, the same memory if they are floats already."""
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or 0 in pictures.shape:
        raise ValueError(f"found an array of shape {pictures.shape}; pictures are (N, H, W, C) with at least one pixel")
    kind = np.float64 if pictures.dtype == np.float64 else np.float32
    return np.moveaxis(np.asarray(pictures, kind), -1, 1)


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


def gradient(planes: np.ndarray) -> list[np.ndarray]:
    """Return forward differences along the last two axes, of planes that repeat."""
    return [np.roll(planes, -1, axis) - planes for axis in (-2, -1)]


def adjoint_gradient(differences: Sequence[np.ndarray]) -> np.ndarray:
    """Apply the adjoint of `gradient`."""
    down, across = differences
    return np.roll(down, 1, -2) - down + np.roll(across, 1, -1) - across
