"""Pictures as planes, `(N, C, H, W)`, and their spectra."""

import os
from collections.abc import Sequence

import numpy as np
from scipy import fft

WORKERS = os.cpu_count()

RANGE = (-1.0, 4.0)
"""Values of images are in [0, 1]. Noise and highlights may exceed that, down and up to here; values beyond show that an
image has another scale."""

ZERO = 1e-5
"""Negative values down to this are rounding: Fourier transforms in float32 err by about 1e-7, and a step of 16 bit is
1.5e-5."""


def checked_images(images: np.ndarray) -> np.ndarray:
    """Return images `(N, H, W, C)` as floats of this machine's byte order, the same memory where they are.

    float64 and longer floats become float64, float32 and float16 become float32.

    Raises
    ------
    ValueError
        They are not such an array, or integers; or values are not finite, or outside `RANGE`.
    """
    images = _shaped(images)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"found images of type {images.dtype}; floats in [0, 1] are expected: divide by the maximum")
    images = images.astype(np.float64 if images.dtype.itemsize >= 8 else np.float32, copy=False)
    low, high = images.min(), images.max()
    if not np.isfinite([low, high]).all():
        raise ValueError("the images have values that are not finite (NaN or infinite); replace them first")
    if low < RANGE[0] or high > RANGE[1]:
        raise ValueError(
            f"the images lie in [{low:.4g}, {high:.4g}]; scale them to [0, 1] ([{RANGE[0]:g}, {RANGE[1]:g}] with noise "
            "and highlights)"
        )
    return images


def _shaped(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"found an array of shape {images.shape}; images are (N, H, W, C) with at least one pixel")
    return images


def not_negative(planes: np.ndarray) -> np.ndarray:
    """Return planes whose values below zero by rounding, down to `-ZERO`, are zero.

    Raises
    ------
    ValueError
        A value is lower.
    """
    low = planes.min()
    if low < -ZERO:
        raise ValueError(f"the image goes down to {low:.3g}; Richardson-Lucy takes values of at least 0")
    return np.maximum(planes, 0) if low < 0 else planes


def to_planes(images: np.ndarray) -> np.ndarray:
    """Return `checked_images` as planes `(N, C, H, W)`, the same memory where they are floats of the right kind."""
    return np.moveaxis(checked_images(images), -1, 1)


def to_pictures(planes: np.ndarray) -> np.ndarray:
    """Return planes `(N, C, H, W)` as pictures `(N, H, W, C)`."""
    return np.ascontiguousarray(np.moveaxis(planes, 1, -1))


def checked_kernels(kernel: np.ndarray, images: np.ndarray, trim: bool = True) -> np.ndarray:
    """Return one kernel, `(1, h, w)`, or one for each image, `(N, h, w)`.

    Frames of zeros are cut off, as many rows and columns at one end as at the other, so that the centre stays.

    Parameters
    ----------
    kernel : numpy.ndarray
        `(h, w)` or `(N, h, w)`, with odd sides.
    images : numpy.ndarray
        `(N, H, W, C)`.
    trim : bool
        Whether to cut frames of zeros off.

    Raises
    ------
    ValueError
        Sides are even, values are not finite, a kernel does not sum to 1, there is one for another number of images, or
        they are larger than the images.
    """
    kernels = np.asarray(kernel)
    kernels = kernels[None] if kernels.ndim == 2 else kernels
    count, height, width = _shaped(images).shape[:3]
    if kernels.ndim != 3 or any(side % 2 == 0 for side in kernels.shape[1:]):
        raise ValueError(f"found kernels of shape {np.shape(kernel)}; (h, w) or (N, h, w) with odd sides are expected")
    if len(kernels) not in (1, count):
        raise ValueError(f"found {len(kernels)} kernels for {count} images; one for all or one for each is expected")
    if not np.isfinite(kernels).all():
        raise ValueError("the kernel has values that are not finite (NaN or infinite)")
    sums = kernels.sum(axis=(1, 2), dtype=np.float64)
    if not np.allclose(sums, 1, atol=1e-3):
        raise ValueError(f"the kernel sums to {sums[np.abs(sums - 1).argmax()]:.4g}; it must sum to 1")
    kernels = _trimmed(kernels) if trim else kernels
    if kernels.shape[1] > height or kernels.shape[2] > width:
        raise ValueError(
            f"the kernel is {kernels.shape[2]}x{kernels.shape[1]} pixels and the image {width}x{height}; "
            "a kernel must not be larger than the image"
        )
    return kernels


def _trimmed(kernels: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        there = np.flatnonzero(kernels.any(axis=(0, 3 - axis)))
        cut = min(there[0], kernels.shape[axis] - 1 - there[-1])
        kernels = np.take(kernels, range(cut, kernels.shape[axis] - cut), axis)
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
    down, across = np.empty_like(planes), np.empty_like(planes)
    np.subtract(planes[..., 1:, :], planes[..., :-1, :], out=down[..., :-1, :])
    np.subtract(planes[..., 0, :], planes[..., -1, :], out=down[..., -1, :])
    np.subtract(planes[..., 1:], planes[..., :-1], out=across[..., :-1])
    np.subtract(planes[..., 0], planes[..., -1], out=across[..., -1])
    return [down, across]


def adjoint_gradient(differences: Sequence[np.ndarray]) -> np.ndarray:
    """Apply the adjoint of `gradient`."""
    down, across = differences
    result = -down
    result[..., 1:, :] += down[..., :-1, :]
    result[..., 0, :] += down[..., -1, :]
    result -= across
    result[..., 1:] += across[..., :-1]
    result[..., 0] += across[..., -1]
    return result
