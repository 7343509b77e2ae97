"""Blur of pictures, as pure functions on NumPy arrays."""

import numpy as np
from scipy import ndimage

from tfdeblur.physics.kernels import TRUNCATE


def gaussian_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur pictures with an isotropic Gaussian, along height and width only.

    The kernel is sampled at whole pixels, ends at `round(4 sigma)` pixels and sums to 1. Beyond the border the picture
    is mirrored about the centres of its outermost pixels, `dcb|abcd|cba` (OpenCV's `BORDER_REFLECT_101`, SciPy's
    `mirror`). This is `cv2.GaussianBlur(image, (0, 0), sigma)` and `gaussian_filter(image, (sigma, sigma, 0),
    mode="mirror")` of `scipy.ndimage`.

    Parameters
    ----------
    image : numpy.ndarray
        `(..., H, W, C)`, floating point, any range.
    sigma : float
        Standard deviation in pixels. 0 returns the picture as it is; 3 takes the detail out of a 32x32 picture.

    Returns
    -------
    numpy.ndarray
        Same shape and dtype.

    Raises
    ------
    ValueError
        `sigma` is negative or not finite.

    Examples
    --------
    >>> gaussian_blur(np.eye(3, dtype="float32")[..., None], 0.5)[..., 0].round(2)
    array([[0.66, 0.25, 0.05],
           [0.25, 0.64, 0.25],
           [0.05, 0.25, 0.66]], dtype=float32)
    """
    if not (np.isfinite(sigma) and sigma >= 0):
        raise ValueError(f"sigma is {sigma}; it must be a number of pixels >= 0")
    if sigma == 0:
        return image
    axes = (image.ndim - 3, image.ndim - 2)
    return ndimage.gaussian_filter(image, sigma, mode="mirror", truncate=TRUNCATE, axes=axes)


def convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve pictures with one kernel, along height and width only, with zeros beyond the border.

    A true convolution (the kernel is turned by 180 degrees), of the picture's own size.

    Parameters
    ----------
    image : numpy.ndarray
        `(..., H, W, C)`, floating point, any range.
    kernel : numpy.ndarray
        `(h, w)`, odd sides, centred at `(h // 2, w // 2)`.

    Returns
    -------
    numpy.ndarray
        Same shape and dtype.
    """
    weights = kernel.reshape((1,) * (image.ndim - 3) + kernel.shape + (1,))
    return ndimage.convolve(image, weights.astype(image.dtype), mode="constant", cval=0.0)
