"""The three steps of every blur and every adjoint, on NumPy arrays `(N, H, W, C)`; `tensors.py` has the same."""

import numpy as np
from scipy import fft, ndimage

from tfdeblur.physics.boundaries import indices

DIRECT = 25
"""Weights of a kernel up to which a direct sum is faster than Fourier transforms; along one axis it always is."""


def pad(pictures: np.ndarray, reach: tuple[int, int], boundary: str) -> np.ndarray:
    """Extend pictures by some pixels above and below, left and right, as the boundary says."""
    if boundary == "zero":
        return np.pad(pictures, ((0, 0), (reach[0],) * 2, (reach[1],) * 2, (0, 0)))
    if boundary != "valid":
        for axis in (1, 2):
            if reach[axis - 1]:
                pictures = np.take(pictures, indices(pictures.shape[axis], reach[axis - 1], boundary), axis)
    return pictures


def fold(padded: np.ndarray, reach: tuple[int, int], boundary: str) -> np.ndarray:
    """Add what `pad` has spread back to the pixels that it came from: its adjoint."""
    for axis in (1, 2):
        around = reach[axis - 1]
        if boundary == "valid" or not around:
            continue
        rows = np.moveaxis(padded, axis, 0)
        length = len(rows) - 2 * around
        folded = rows[around : around + length].copy()
        if boundary != "zero":
            sources = indices(length, around, boundary)
            for place in (*range(around), *range(around + length, len(rows))):
                folded[sources[place]] += rows[place]
        padded = np.moveaxis(folded, 0, axis)
    return padded


def valid(pictures: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """Convolve pictures with kernels `(1 or N, h, w)`, as far as the kernel lies within the picture."""
    h, w = kernels.shape[1:]
    height, width = pictures.shape[1] - h + 1, pictures.shape[2] - w + 1
    kernels = kernels.astype(pictures.dtype)
    if len(kernels) == 1 and 1 in (h, w):
        summed = ndimage.convolve1d(pictures, kernels.ravel(), axis=1 if w == 1 else 2, mode="constant")
        return summed[:, h // 2 : h // 2 + height, w // 2 : w // 2 + width]
    if h * w > DIRECT:
        size = [fft.next_fast_len(side, real=True) for side in pictures.shape[1:3]]
        spectrum = fft.rfft2(pictures, size, axes=(1, 2))
        spectrum *= fft.rfft2(kernels, size)[..., None]
        return fft.irfft2(spectrum, size, axes=(1, 2))[:, h - 1 : h - 1 + height, w - 1 : w - 1 + width]
    if len(kernels) == 1:
        summed = ndimage.convolve(pictures, kernels[..., None], mode="constant")
    else:
        each = zip(pictures, kernels, strict=True)
        summed = np.stack([ndimage.convolve(p, kernel[..., None], mode="constant") for p, kernel in each])
    return summed[:, h // 2 : h // 2 + height, w // 2 : w // 2 + width]
