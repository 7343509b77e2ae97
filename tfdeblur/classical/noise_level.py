"""How noisy a picture is."""

import numpy as np
from scipy import ndimage, stats

ROUNDING = 1 / 255 / np.sqrt(12)
"""Standard deviation of the error of rounding to 8 bit."""

BLOCK = 16
QUANTILE = 0.01
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
"""Takes out what is smooth and leaves white noise its variance (Immerkaer 1996)."""

FREEDOM = 0.284
"""Independent values in a pixel of filtered white noise; they say how smooth the smoothest blocks of noise are."""


def noise_level(pictures: np.ndarray, floor: float = ROUNDING) -> np.ndarray:
    """Estimate the standard deviation of the noise in pictures.

    The noise is what is left of the smoothest blocks after a high-pass filter (Immerkaer 1996): a hundredth of all
    blocks of 16x16 pixels is taken for smooth. Texture everywhere is taken for noise; blocks that are black or white
    are left out.

    Parameters
    ----------
    pictures : numpy.ndarray
        `(N, H, W, C)` in [0, 1].
    floor : float
        Least result: by default the error of rounding to 8 bit.

    Returns
    -------
    numpy.ndarray
        `(N,)`, in the unit of the pictures.
    """
    return np.array([max(floor, _of_one(picture)) for picture in np.asarray(pictures, np.float64)])


def _of_one(picture: np.ndarray) -> float:
    if min(picture.shape[:2]) < 3:
        return 0.0
    detail = _blocks(ndimage.convolve(picture, LAPLACIAN[..., None], mode="mirror"))
    levels = _blocks(picture)
    seen = (levels.max(-1) > 0) & (levels.min(-1) < 1)
    if not seen.any():
        return 0.0
    freedom = FREEDOM * detail.shape[-1]
    typical = stats.chi.ppf(QUANTILE, freedom) / np.sqrt(freedom)
    return float(np.quantile(detail[seen].std(-1), QUANTILE) / typical)


def _blocks(picture: np.ndarray) -> np.ndarray:
    """Cut a picture `(H, W, C)` into blocks, `(B, pixels)`; the rest at the bottom and the right is dropped."""
    height, width, channels = picture.shape
    rows, columns = min(BLOCK, height), min(BLOCK, width)
    down, across = height // rows, width // columns
    blocks = picture[: down * rows, : across * columns].reshape(down, rows, across, columns, channels)
    return np.moveaxis(blocks, (1, 3), (3, 4)).reshape(down * across * channels, rows * columns)
