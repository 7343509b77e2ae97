"""The convolutions behind made blur: laws, and OpenCV, SciPy and scikit-learn's own as oracles."""

import cv2
import numpy as np
import pytest
import skimage.data
from scipy import ndimage, signal

from tfdeblur.physics.blur import convolve, gaussian_blur
from tfdeblur.physics.kernels import gaussian_kernel


@pytest.fixture(scope="module")
def picture():
    return np.float32(skimage.data.chelsea()[100:164, 100:196]) / 255


def king(image):
    return convolve(image, gaussian_kernel(5, 1.0), "zero")


def gaussian(image):
    return gaussian_blur(image, 1.7)


BLURS = pytest.mark.parametrize("blur", [gaussian, king])


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 1.7, 3.0])
def test_gaussian_is_opencvs(picture, sigma):
    # OpenCV ends a kernel up to a pixel further out, where the weights are below 1e-4.
    np.testing.assert_allclose(gaussian_blur(picture, sigma), cv2.GaussianBlur(picture, (0, 0), sigma), atol=3e-4)


def test_gaussian_is_scipys_on_every_picture_and_channel(picture):
    batch = np.stack([picture, picture[::-1]])
    for number, image in enumerate(batch):
        for channel in range(3):
            expected = ndimage.gaussian_filter(image[..., channel], 1.3, mode="mirror")
            np.testing.assert_allclose(gaussian_blur(batch, 1.3)[number, ..., channel], expected, atol=1e-6)


def test_eight_bit_gaussian_is_opencvs_to_a_level(picture):
    levels = np.uint8(np.rint(picture * 255))
    ours = np.rint(gaussian_blur(picture, 2.0) * 255)
    assert np.abs(ours - cv2.GaussianBlur(levels, (0, 0), 2.0)).max() <= 1


def test_five_by_five_kernel():
    kernel = gaussian_kernel(5, 1.0)
    column = cv2.getGaussianKernel(5, 1.0)
    np.testing.assert_allclose(kernel, column @ column.T, atol=1e-7)
    assert kernel.dtype == np.float32 and kernel.sum() == pytest.approx(1)


def test_convolution_is_scipys_with_zeros_beyond_the_border(picture):
    kernel = (
        np.random.default_rng(0).random((3, 5)).astype(np.float32)
    )  # without symmetry, so that a turned one is seen
    expected = np.stack([signal.convolve2d(picture[..., c], kernel, mode="same") for c in range(3)], -1)
    np.testing.assert_allclose(convolve(picture, kernel, "zero"), expected, atol=1e-5)
    np.testing.assert_allclose(convolve(picture[None], kernel, "zero")[0], expected, atol=1e-5)


def test_delta_and_zero_sigma_are_the_identity(picture):
    delta = np.zeros((3, 3), np.float32)
    delta[1, 1] = 1
    np.testing.assert_array_equal(convolve(picture, delta), picture)
    np.testing.assert_array_equal(gaussian_blur(picture, 0.0), picture)


@BLURS
def test_linear(blur, picture):
    other = picture[::-1, ::-1]
    np.testing.assert_allclose(blur(2 * picture - 3 * other), 2 * blur(picture) - 3 * blur(other), atol=1e-5)


@BLURS
def test_a_point_inside_keeps_its_sum(blur):
    point = np.zeros((41, 41, 2), np.float32)
    point[20, 20] = (1, 3)
    np.testing.assert_allclose(blur(point).sum((0, 1)), (1, 3), rtol=1e-6)


def test_gaussian_keeps_a_constant_up_to_the_border():
    np.testing.assert_allclose(gaussian(np.full((9, 7, 3), 0.4, np.float32)), 0.4, rtol=1e-6)


@BLURS
def test_type_is_kept_and_input_untouched(blur, picture):
    before = picture.copy()
    assert blur(picture).dtype == np.float32 and blur(picture.astype(np.float64)).dtype == np.float64
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: gaussian_blur(x, -1),
        lambda x: gaussian_blur(x, np.nan),
        lambda x: gaussian_kernel(4, 1),
        lambda x: gaussian_kernel(5, 0),
    ],
)
def test_nonsense_is_refused(call, picture):
    with pytest.raises(ValueError, match="must be"):
        call(picture)
