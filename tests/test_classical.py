"""Deconvolution with known kernels: laws, and SciPy, scikit-image and dense linear algebra as oracles."""

import numpy as np
import pytest
import skimage.data
from scipy import ndimage, signal
from skimage import restoration

from tfdeblur.classical import METHODS
from tfdeblur.classical.convolution import Convolution
from tfdeblur.classical.least_squares import extend
from tfdeblur.classical.noise_level import ROUNDING, noise_level
from tfdeblur.classical.planes import to_planes
from tfdeblur.classical.richardson_lucy import richardson_lucy
from tfdeblur.classical.sparse import shrinkage, total_variation
from tfdeblur.classical.wiener import tikhonov, wiener
from tfdeblur.physics.blur import convolve
from tfdeblur.physics.kernels import gaussian, linear_motion

EVERY = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
KERNEL = linear_motion(5, 20)


@pytest.fixture(scope="module")
def picture():
    return np.float32(skimage.data.chelsea()[100:164, 100:196]) / 255


@pytest.fixture(scope="module")
def blurred():
    """A part of a photograph whose surroundings were blurred into it, in 8 bit, and the sharp part."""
    sharp = np.float32(skimage.data.chelsea()[60:220, 60:260]) / 255
    blur = np.stack([signal.convolve2d(sharp[..., c], KERNEL, mode="same") for c in range(3)], -1)
    inside = (slice(20, -20), slice(20, -20))
    return np.float32(np.rint(blur * 255) / 255)[inside][None], sharp[inside][None]


def psnr(a, b):
    return -10 * np.log10(np.mean((np.clip(a, 0, 1) - b) ** 2))


@EVERY
def test_beats_its_input_up_to_the_border(method, blurred):
    blur, sharp = blurred
    restored = method(blur, KERNEL)
    assert restored.shape == sharp.shape and restored.dtype == np.float32
    assert psnr(restored, sharp) > psnr(blur, sharp) + 3
    edge = np.ones(sharp.shape, bool)
    edge[:, 6:-6, 6:-6] = False
    assert psnr(restored[edge], sharp[edge]) > psnr(blur[edge], sharp[edge]) + 1


@EVERY
def test_without_blur_no_more_than_the_noise_changes(method, picture):
    restored = method(picture[None], np.ones((1, 1)))
    assert np.sqrt(np.mean((restored - picture) ** 2)) <= noise_level(picture[None])


@EVERY
@pytest.mark.parametrize("size", [(16, 16), (17, 31), (32, 23), (5, 40), (40, 9)])
def test_any_size(method, size, picture):
    part = picture[None, : size[0], : size[1]]
    assert method(part, gaussian(0.5)[:5, :5] / gaussian(0.5)[:5, :5].sum()).shape == part.shape


@EVERY
@pytest.mark.parametrize("size", [(1, 33), (33, 1), (1, 1)])
def test_one_pixel_wide(method, size, picture):
    part = picture[None, : size[0], : size[1]]
    kernel = np.full((1 if size[0] == 1 else 3, 1 if size[1] == 1 else 3), 1.0)
    assert np.isfinite(method(part, kernel / kernel.sum())).all()


@EVERY
def test_a_batch_is_its_pictures_one_by_one(method, picture):
    pictures = np.stack([picture, picture[::-1]])
    kernels = np.stack([gaussian(1.0), np.pad(KERNEL, [(4 - s // 2,) * 2 for s in KERNEL.shape])])
    batch = method(pictures, kernels)
    for i in range(2):
        np.testing.assert_allclose(batch[i], method(pictures[i : i + 1], kernels[i])[0], atol=1e-4)


@EVERY
def test_a_flat_picture_stays_flat(method):
    flat = np.full((1, 20, 24, 3), 0.4, np.float32)
    np.testing.assert_allclose(method(flat, KERNEL), flat, atol=1e-4)


@EVERY
@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (np.full((2, 3), 1 / 6), "odd sides"),
        (np.full((3, 3), 1.0), "sum to 1"),
        (np.full((99, 99), 1 / 99**2), "not be larger"),
        (np.full((3, 3, 3), 1 / 9), "3 kernels for 1 images"),
    ],
)
def test_wrong_kernels_are_refused(method, kernel, message, picture):
    with pytest.raises(ValueError, match=message):
        method(picture[None], kernel)


@EVERY
def test_input_is_left_alone(method, picture):
    before = picture.copy()
    method(picture[None], KERNEL)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("boundary", ["unknown", "zero", "circular"])
@pytest.mark.parametrize("size", [(19, 23), (5, 7), (330, 800)])  # one block, as small as the kernel, several blocks
@pytest.mark.parametrize("count", [1, 2])  # kernels for the two pictures
def test_operator_is_scipys_and_has_its_adjoint(boundary, size, count):
    random = np.random.default_rng(0)
    kernels = random.random((count, 5, 7))
    operator = Convolution(kernels, size, boundary, np.float64)
    latent, planes = random.random((2, 3, *operator.latent)), random.random((2, 3, *size))
    blurred = operator.forward(latent)
    assert np.vdot(blurred, planes) == pytest.approx(np.vdot(latent, operator.adjoint(planes)))
    mode, how = {"unknown": ("valid", {}), "zero": ("same", {}), "circular": ("same", {"boundary": "wrap"})}[boundary]
    expected = signal.convolve2d(latent[1, 2], kernels[count - 1], mode=mode, **how)
    np.testing.assert_allclose(blurred[1, 2], expected, atol=1e-12)


def test_what_fails_in_a_thread_is_raised():
    operator = Convolution(np.ones((1, 3, 3)), (700, 700), "zero", np.float32)
    with pytest.raises(ZeroDivisionError):
        operator.forward(np.ones((1, 1, 700, 700), np.float32), lambda values, target, place: 1 / 0)


def test_inversion_without_noise_is_exact():
    random = np.random.default_rng(0)
    sharp = random.random((2, 31, 37, 3))
    kernel = gaussian(0.6).astype(np.float64)
    blur = ndimage.convolve(sharp, kernel[None, ..., None] / kernel.sum(), mode="wrap")
    restored = wiener(blur, kernel / kernel.sum(), noise=0, boundary="circular")
    np.testing.assert_allclose(restored, sharp, atol=1e-6)
    assert restored.dtype == np.float64


def test_frequencies_that_are_gone_are_reported():
    with pytest.raises(ValueError, match="takes out some frequencies"):
        wiener(np.ones((1, 8, 8, 1)), np.array([[0.5, 0, 0.5]]), noise=0, boundary="circular")


def test_tikhonov_is_scikit_images(picture):
    grey = picture[..., 1].astype(np.float64)
    ours = tikhonov(grey[None, ..., None], KERNEL, weight=1e-2, penalty="identity", boundary="circular")
    theirs = restoration.wiener(grey, KERNEL, 1e-2, reg=np.ones((1, 1)), clip=False)
    inside = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(ours[0, ..., 0][inside], theirs[inside], atol=1e-6)


def test_extension_goes_on_smoothly(picture):
    planes = to_planes(picture[None])
    extended = np.empty((1, 3, 80, 108), np.float32)
    extend(planes, extended)
    np.testing.assert_array_equal(extended[..., :64, :96], planes)
    steps = np.abs(np.diff(np.concatenate([extended, extended[..., :1]], -1), axis=-1))
    assert steps[..., 90:].max() <= 1.5 * steps[..., :90].max()


def test_richardson_lucy_is_scikit_images(picture):
    framed = np.pad(picture, [(8, 8), (8, 8), (0, 0)])  # in black, so that both see the same beyond the border
    ours = richardson_lucy(framed[None], KERNEL, iterations=30, boundary="zero", start=0.5)[0]
    for channel in range(3):
        theirs = restoration.richardson_lucy(framed[..., channel], KERNEL, 30, clip=False)
        np.testing.assert_allclose(ours[..., channel], theirs, atol=1e-5)


@pytest.mark.parametrize("boundary", ["unknown", "circular"])
def test_richardson_lucy_keeps_light_and_sign_and_raises_the_likelihood(boundary, picture):
    blur = np.float64(picture[None])
    operator = Convolution(KERNEL[None], blur.shape[1:3], boundary, np.float64)
    likelihood = -np.inf
    for count in (1, 2, 3, 5, 8):
        estimate = richardson_lucy(blur, KERNEL, iterations=count, boundary=boundary)
        assert estimate.min() >= 0
        if boundary == "circular":
            assert estimate.sum() == pytest.approx(blur.sum())
            again = operator.forward(to_planes(estimate))
            now = np.sum(to_planes(blur) * np.log(again) - again)
            assert now > likelihood
            likelihood = now


def test_acceleration_goes_further_in_as_many_steps(blurred):
    blur, sharp = blurred
    plain, fast, long = (
        psnr(richardson_lucy(blur, KERNEL, iterations=count, accelerated=fast), sharp)
        for count, fast in ((15, False), (15, True), (45, False))
    )
    assert plain < fast and fast == pytest.approx(long, abs=0.7)


@pytest.mark.parametrize("options", [{"damping": 0.05}, {"tv": 0.01}])
def test_damping_and_total_variation_keep_noise_down(options, blurred):
    blur, sharp = blurred
    noisy = np.clip(blur + np.random.default_rng(0).normal(0, 0.03, blur.shape), 0, 1).astype(np.float32)
    assert psnr(richardson_lucy(noisy, KERNEL, **options), sharp) > psnr(richardson_lucy(noisy, KERNEL), sharp) + 0.5


def test_total_variation_does_no_harm_where_hardly_any_light_is_seen(picture):
    kernel = gaussian(2.0)  # whose tails reach far beyond the border
    blur = convolve(picture[None], kernel)
    for weight in (0.002, 0.005, 0.02):
        assert psnr(richardson_lucy(blur, kernel, tv=weight), picture[None]) > psnr(blur, picture[None]) + 1


def test_richardson_lucy_takes_no_negative_values(picture):
    with pytest.raises(ValueError, match="goes down to -0.5"):
        richardson_lucy(picture[None] - 0.5 - picture.min(), KERNEL)


def test_total_variation_of_a_picture_is_scikit_images(picture):
    grey = np.float64(picture[:32, :32, 0])
    mirrored = np.block([[grey, grey[:, ::-1]], [grey[::-1], grey[::-1, ::-1]]])  # as a repeated picture has no border
    ours = total_variation(mirrored[None, ..., None], np.ones((1, 1)), weight=0.05, iterations=300)[0, :32, :32, 0]
    theirs = restoration.denoise_tv_chambolle(grey, weight=0.05, eps=1e-9, max_num_iter=3000)
    np.testing.assert_allclose(ours, theirs, atol=1e-2)


@pytest.mark.parametrize("exponent", [0.5, 2 / 3, 1.0])
def test_shrinkage_is_the_least_cost(exponent):
    values = np.linspace(-1.5, 1.5, 301)
    candidates = np.linspace(-1.5, 1.5, 30001)
    cost = np.abs(candidates) ** exponent + 8 / 2 * (candidates - values[:, None]) ** 2
    found = shrinkage(exponent, 8)(values)
    found_cost = np.abs(found) ** exponent + 8 / 2 * (found - values) ** 2
    np.testing.assert_allclose(found_cost, cost.min(1), atol=2e-3)


@pytest.mark.parametrize("sigma", [0.005, 0.02, 0.1])
def test_noise_level_of_white_noise(sigma):
    flat = 0.5 + np.random.default_rng(0).normal(0, sigma, (2, 512, 512, 1))
    np.testing.assert_allclose(noise_level(flat), sigma, rtol=0.06)


def test_noise_level_of_a_clean_picture_is_that_of_its_bits():
    assert noise_level(np.full((1, 64, 64, 3), 0.5)) == [ROUNDING] and noise_level(np.ones((1, 2, 2, 1))) == [ROUNDING]


@pytest.mark.parametrize("noise", [-1, [0.1, 0.2, 0.3]])
def test_noise_that_is_none_is_refused(noise, picture):
    with pytest.raises(ValueError, match="noise"):
        wiener(picture[None], KERNEL, noise=noise)
