"""Image quality, one value per picture: MSE, MAE, PSNR and SSIM, and the Keras metrics that average them.

Everything is float32 inside, whatever comes in. SSIM's window is a weighted sum of shifted slices, not a
convolution: GPUs round the factors of a float32 convolution to TF32 and TPUs to bfloat16, and a variance taken as a
difference of squares does not survive that.
"""

import keras
import numpy as np
from keras import ops

from tfdeblur.physics.colour import luma as luma_of

PSNR_CAP = 50.0
"""dB that a picture counts with at most in a capped mean. Equal pictures have an infinite PSNR; 50 dB is an error of
0.8 levels of 255 (root mean square), which nobody sees, and what lies above it says nothing about deblurring."""

SSIM_WINDOW = 11
"""Pixels along an edge of SSIM's Gaussian window, and so the smallest picture that has an SSIM."""

_SSIM_SIGMA, _K1, _K2 = 1.5, 0.01, 0.03
_PICTURE = (-3, -2, -1)


def mse(a, b, data_range: float = 1.0):
    """Mean squared error of each picture, relative to the square of the data range.

    Parameters
    ----------
    a, b : tensor, shape (N, H, W, C), any numeric dtype
        Pictures with values in [0, `data_range`].
    data_range : float
        Difference of the largest and the smallest possible value: 1 for [0, 1], 255 for uint8.

    Returns
    -------
    tensor, shape (N,), float32
        In [0, 1]; 0 where the pictures are equal.
    """
    return ops.mean(ops.square(_difference(a, b, data_range)), axis=_PICTURE)


def mae(a, b, data_range: float = 1.0):
    """Mean absolute error of each picture, relative to the data range; arguments and shape as for `mse`."""
    return ops.mean(ops.abs(_difference(a, b, data_range)), axis=_PICTURE)


def psnr(a, b, data_range: float = 1.0):
    """Peak signal-to-noise ratio of each picture, ``-10 log10(mse)``, in dB; +inf where the pictures are equal.

    Arguments and shape as for `mse`. There is no gradient where the pictures are equal.
    """
    return psnr_of_mse(mse(a, b, data_range))


def psnr_of_mse(error):
    """Convert a mean squared error relative to the squared data range to a PSNR in dB."""
    return ops.log(error) * (-10 / np.log(10))


def ssim(a, b, data_range: float = 1.0, luma: bool = False):
    """Structural similarity of each picture, averaged over windows and channels.

    Gaussian window of 11 x 11 pixels with sigma 1.5, only where it fits whole, K1 = 0.01, K2 = 0.03, population
    covariance: Wang et al. 2004, eq. 13, and scikit-image's `structural_similarity` with ``gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False``. Differentiable everywhere.

    Parameters
    ----------
    a, b : tensor, shape (N, H, W, C), any numeric dtype
        Pictures with values in [0, `data_range`], H and W at least 11.
    data_range : float
        Difference of the largest and the smallest possible value: 1 for [0, 1], 255 for uint8.
    luma : bool
        Compare the luma of RGB pictures (BT.601, full range: 0.299 R + 0.587 G + 0.114 B) instead of every channel.
        Grey pictures are their own luma.

    Returns
    -------
    tensor, shape (N,), float32
        At most 1, which only equal pictures reach.

    Raises
    ------
    ValueError
        For pictures below 11 pixels in height or width, where these are known.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Transactions on Image Processing 13(4), 2004.
    """
    _check_size(a)
    a, b = _scaled(a, data_range), _scaled(b, data_range)
    if luma:
        a, b = luma_of(a), luma_of(b)
    # Variances do not change when a constant is taken away, and lose fewer digits near zero.
    centre = ops.mean(a, axis=(-3, -2), keepdims=True)
    a, b = a - centre, b - centre
    count = ops.shape(a)[0]
    windows = _window(ops.concatenate([a, b, ops.square(a) + ops.square(b), ops.square(a - b)], axis=0))
    mean_a, mean_b, squares, difference = (windows[i * count : (i + 1) * count] for i in range(4))
    # (2xy + c) / (x^2 + y^2 + c) = 1 - (x - y)^2 / (x^2 + y^2 + c), for the means and for the (co)variances: equal
    # pictures give exactly 1, and four windowed sums do instead of five.
    gap = ops.square(mean_a - mean_b)
    variances = ops.maximum(squares - ops.square(mean_a) - ops.square(mean_b), 0.0)
    means = ops.square(mean_a + centre) + ops.square(mean_b + centre)
    structure = 1 - ops.maximum(difference - gap, 0.0) / (variances + _K2**2)
    luminance = 1 - gap / (means + _K1**2)
    return ops.mean(luminance * structure, axis=_PICTURE)


def quality(sharp, restored) -> dict:
    """Return what training logs of each picture, `(N,)`: `psnr` in dB, at most `PSNR_CAP`, and `ssim`.

    Pictures are integers in [0, 255] or floats, which are clipped to [0, 1].
    """
    return {"psnr": _capped(sharp, restored), "ssim": ssim(_unit_range(sharp), _unit_range(restored))}


class PSNR(keras.metrics.Mean):
    """Mean PSNR of pictures in dB, each counting with at most `PSNR_CAP`.

    `y_true` and `y_pred` have shape (N, H, W, C) and are integers in [0, 255] or floats in [0, 1]; predictions
    are clipped to that range first.
    """

    def __init__(self, name: str = "psnr", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in the pictures of a batch."""
        return super().update_state(_capped(y_true, y_pred), sample_weight)


class SSIM(keras.metrics.Mean):
    """Mean SSIM of pictures; `y_true` and `y_pred` as for `PSNR`, at least 11 pixels high and wide."""

    def __init__(self, name: str = "ssim", luma: bool = False, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.luma = luma

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in the pictures of a batch."""
        return super().update_state(ssim(_unit_range(y_true), _unit_range(y_pred), luma=self.luma), sample_weight)

    def get_config(self):
        """Return the arguments that make an equal metric."""
        return {**super().get_config(), "luma": self.luma}


def _capped(sharp, restored):
    return ops.minimum(psnr(_unit_range(sharp), _unit_range(restored)), PSNR_CAP)


def _scaled(x, data_range: float):
    return ops.cast(x, "float32") * (1 / data_range)


def _difference(a, b, data_range: float):
    return (ops.cast(a, "float32") - ops.cast(b, "float32")) * (1 / data_range)


def _unit_range(x):
    x = ops.convert_to_tensor(x)
    if "int" in keras.backend.standardize_dtype(x.dtype):
        return _scaled(x, 255)
    return ops.clip(ops.cast(x, "float32"), 0.0, 1.0)


def _check_size(x) -> None:
    height, width = x.shape[-3:-1]
    if any(edge is not None and edge < SSIM_WINDOW for edge in (height, width)):
        raise ValueError(
            f"SSIM needs pictures of at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels, found {width}x{height}; "
            "use PSNR or MSE for smaller ones"
        )


def _window(x):
    """Weight (N, H, W, C) with the Gaussian window at each of its (H - 10) x (W - 10) whole places."""
    offsets = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SSIM_SIGMA**2))
    weights = [float(weight) for weight in weights / weights.sum()]
    last = SSIM_WINDOW - 1
    x = sum(weight * x[:, i : i - last or None] for i, weight in enumerate(weights))
    return sum(weight * x[:, :, i : i - last or None] for i, weight in enumerate(weights))
