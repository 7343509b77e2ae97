"""Point spread functions: NumPy float32, odd-sized, centred at `(h // 2, w // 2)`, summing to 1."""

import numpy as np

from tfdeblur.physics.trajectories import camera_shake, check_number, linear_motion, to_psf, trimmed

__all__ = [
    "camera_shake",
    "disk",
    "disk_reach",
    "gaussian",
    "gaussian_kernel",
    "gaussian_profiles",
    "gaussian_reach",
    "linear_motion",
    "measured",
]

TRUNCATE = 4.0
"""Where a Gaussian kernel ends, in standard deviations: SciPy's default, and OpenCV's for float pictures."""

SUBSAMPLES = 512
"""Parts into which a pixel's width is divided where an area is integrated; the height is integrated exactly."""


def gaussian_kernel(size: int, sigma: float) -> np.ndarray:
    """Return a Gaussian kernel sampled at whole pixels.

    Parameters
    ----------
    size : int
        Odd side length in pixels.
    sigma : float
        Standard deviation in pixels, above 0. King's kernel is `gaussian_kernel(5, 1.0)`.

    Returns
    -------
    numpy.ndarray
        `(size, size)`, float32, centred at `(size // 2, size // 2)`, summing to 1.

    Raises
    ------
    ValueError
        `size` is even or not positive, or `sigma` is not a number above 0.
    """
    if not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma is {sigma}; it must be a number of pixels above 0")
    if size < 1 or size % 2 == 0:
        raise ValueError(f"kernel size is {size}; it must be odd and positive, so that the kernel has a centre")
    offsets = np.arange(size) - size // 2
    profile = np.exp(-0.5 * (offsets / sigma) ** 2)
    profile /= profile.sum()
    return np.outer(profile, profile).astype(np.float32)


def gaussian(sigma: float) -> np.ndarray:
    """Return the kernel of `blur.gaussian_blur`, which ends at `round(4 sigma)` pixels; sigma 0 is the identity."""
    check_number("sigma", sigma, least=0)
    return gaussian_kernel(2 * gaussian_reach(sigma) + 1, sigma) if sigma else np.ones((1, 1), np.float32)


def gaussian_reach(sigma: float) -> int:
    """Return how many pixels a Gaussian kernel reaches to each side."""
    return int(TRUNCATE * sigma + 0.5)


def gaussian_profiles(sigma, reach: int, ops):
    """Return one-dimensional Gaussian kernels `(N, 2 reach + 1)`, each as long as its own sigma needs.

    Parameters
    ----------
    sigma : numpy.ndarray or tensor
        `(N,)`, in pixels, >= 0; 0 gives the identity.
    reach : int
        `gaussian_reach` of the largest.
    ops : module
        `numpy` or `keras.ops`, whichever sigma is of.
    """
    sigma = sigma[:, None]
    offsets = np.arange(-reach, reach + 1, dtype=np.float32)
    inside = np.abs(offsets) <= ops.floor(TRUNCATE * sigma + 0.5)
    weights = ops.where(inside, ops.exp(-0.5 * (offsets / ops.maximum(sigma, 1e-6)) ** 2), 0.0)
    return weights / ops.sum(weights, axis=1, keepdims=True)


def disk(radius: float) -> np.ndarray:
    """Return the PSF of a lens out of focus: a disk with an anti-aliased edge.

    The value of a pixel is the part of its area that the disk covers.

    Parameters
    ----------
    radius : float
        In pixels, >= 0. Up to 0.5, where one pixel holds all of it, the kernel is the identity.

    Returns
    -------
    numpy.ndarray
        `(s, s)`, float32, s = 2 ceil(radius - 1/2) + 1.

    Raises
    ------
    ValueError
        `radius` is negative or not finite.

    Examples
    --------
    >>> disk(1.0).round(2)
    array([[0.03, 0.15, 0.03],
           [0.15, 0.32, 0.15],
           [0.03, 0.15, 0.03]], dtype=float32)
    """
    half = disk_reach(radius)
    if not half:
        return np.ones((1, 1), np.float32)
    pixels = np.arange(-half, half + 1)
    x = (pixels[:, None] + (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5).ravel()
    edge = np.sqrt(np.maximum(radius**2 - x**2, 0))  # the disk covers [-edge, edge] of each column
    covered = np.minimum(edge, pixels[:, None] + 0.5) - np.maximum(-edge, pixels[:, None] - 0.5)
    covered = np.maximum(covered, 0).reshape(len(pixels), len(pixels), SUBSAMPLES).mean(-1)
    return to_psf(covered + covered.T)  # as exact along x as along y


def disk_reach(radius: float) -> int:
    """Return how many pixels a disk's kernel reaches to each side."""
    check_number("radius", radius, least=0)
    return max(int(np.ceil(radius - 0.5)), 0)


def measured(kernel: np.ndarray, centred: bool = True) -> np.ndarray:
    """Return a measured kernel as a PSF: negative values and frames of zeros cut off, odd sides, summing to 1.

    Parameters
    ----------
    kernel : numpy.ndarray
        `(h, w)`, any scale.
    centred : bool
        Whether to move the centre of mass to the middle, to the nearest pixel. An image blurred with the result is not
        shifted against the sharp one. Otherwise `(h // 2, w // 2)` stays the centre.

    Returns
    -------
    numpy.ndarray
        `(h, w)`, float32.

    Raises
    ------
    ValueError
        It is not two-dimensional, has values that are not finite, or nothing in it is positive.
    """
    kernel = np.asarray(kernel, np.float64)
    if kernel.ndim != 2:
        raise ValueError(f"an array of shape {kernel.shape} is no kernel; it must be two-dimensional, (h, w)")
    if not np.isfinite(kernel).all():
        raise ValueError("an array with values that are not finite (NaN or infinite) is no kernel; it must be finite")
    if not (kernel > 0).any():
        raise ValueError("an array in which nothing is positive is no kernel; it must have a positive sum")
    kernel = np.maximum(kernel, 0)
    padding = []
    for axis in (0, 1):
        count = kernel.shape[axis]
        centre = count // 2
        if centred:
            centre = int(np.rint(np.average(np.arange(count), weights=kernel.sum(1 - axis))))
        half = max(centre, count - 1 - centre)
        padding.append((half - centre, half - (count - 1 - centre)))
    kernel = np.pad(kernel, padding)
    return to_psf(trimmed(kernel))
