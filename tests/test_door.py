"""What every classical method takes and refuses: values, types, byte orders, kernels."""

import numpy as np
import pytest
import skimage.data

from tfdeblur.classical import METHODS
from tfdeblur.classical.blind import blind_richardson_lucy
from tfdeblur.classical.kernel_estimation import estimate_kernel
from tfdeblur.physics.blur import convolve
from tfdeblur.physics.kernels import gaussian

KERNEL = gaussian(1.0)
ALL = METHODS | {
    "blind": lambda blur, kernel: blind_richardson_lucy(blur, kernel, iterations=2)[0],
    "estimate": lambda blur, kernel: estimate_kernel(blur, 5),
}
EVERY = pytest.mark.parametrize("method", ALL.values(), ids=ALL)
KNOWN = pytest.mark.parametrize("method", [*METHODS.values(), ALL["blind"]], ids=[*METHODS, "blind"])


@pytest.fixture(scope="module")
def image():
    return convolve(np.float32(skimage.data.chelsea()[None, 100:140, 100:148]) / 255, KERNEL)


@EVERY
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: np.uint8(255 * image), "type uint8; floats in"),
        (lambda image: np.int64(255 * image), "type int64; floats in"),
        (lambda image: image > 0.5, "type bool; floats in"),
        (lambda image: image + 0j, "type complex"),
        (lambda image: 255 * image, "scale them to"),
        (lambda image: image - 2, "scale them to"),
        (lambda image: np.where(image == image.max(), np.nan, image), "not finite"),
        (lambda image: np.where(image == image.max(), np.inf, image), "not finite"),
        (lambda image: image[0], "images are"),
    ],
)
def test_what_is_no_image_is_refused(method, change, message, image):
    with pytest.raises(ValueError, match=message):
        method(change(image), KERNEL)


@EVERY
@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.astype(">f4"),
        lambda image: image.astype(">f8"),
        lambda image: np.asfortranarray(image),
        lambda image: np.repeat(image, 2, axis=2)[:, :, ::2],
        lambda image: image.astype(np.longdouble),
    ],
    ids=["big-endian 32", "big-endian 64", "Fortran", "strided", "long"],
)
def test_memory_layout_changes_nothing(method, change, image):
    np.testing.assert_allclose(method(change(image), KERNEL), method(image, KERNEL), atol=2e-3)


@EVERY
def test_half_precision_is_computed_in_single(method, image):
    half = image.astype(np.float16)
    np.testing.assert_allclose(method(half, KERNEL), method(half.astype(np.float32), KERNEL), atol=1e-3)


@KNOWN
def test_kernels_that_are_not_finite_are_refused(method, image):
    with pytest.raises(ValueError, match="not finite"):
        method(image, np.where(KERNEL == KERNEL.max(), np.nan, KERNEL))


@KNOWN
def test_frames_of_zeros_around_a_kernel_change_nothing(method, image):
    framed = np.pad(KERNEL, [(40, 40), (3, 3)]) if method is not ALL["blind"] else np.pad(KERNEL, 1)
    lopsided = np.pad(KERNEL, [(0, 2), (0, 0)])  # whose centre is elsewhere
    np.testing.assert_allclose(method(image, framed), method(image, KERNEL), atol=1e-4)
    assert np.abs(method(image, lopsided) - method(image, KERNEL)).max() > 1e-2


@pytest.mark.parametrize("method", [METHODS["rl"], ALL["blind"]], ids=["rl", "blind"])
def test_richardson_lucy_takes_rounding_below_zero_and_refuses_negatives(method, image):
    blur = convolve(np.where(image > 0.5, 1, 0).astype(np.float32), gaussian(2.0))
    blur -= 2e-7
    assert blur.min() < 0
    np.testing.assert_allclose(method(blur, KERNEL), method(np.maximum(blur, 0), KERNEL))
    with pytest.raises(ValueError, match="goes down to -2e-05"):
        method(np.where(blur == blur.min(), np.float32(-2e-5), blur), KERNEL)
