"""Every operator of the physics and its adjoint in one table of laws; SciPy and OpenCV as oracles."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from scipy import ndimage, signal

from tfdeblur.physics import blur, boundaries, kernels
from tfdeblur.physics.sigma_maps import drawn_map, ramp, sine

SIZES = {"even": (12, 10), "odd": (15, 9), "prime": (13, 11), "one column": (17, 1), "one row": (1, 16)}
COUNT = 3
LARGEST = 1.3


@dataclass(frozen=True)
class Operator:
    """A blur and its adjoint, as functions of the pictures alone."""

    forward: Callable
    adjoint: Callable
    mirrored: bool = True  # whether a constant picture stays as it is


def by_kernel(kernel, boundary):
    forward, adjoint = (partial(f, kernel=kernel, boundary=boundary) for f in (blur.convolve, blur.convolve_adjoint))
    return Operator(forward, adjoint, boundary != "zero")


def by_sigma(sigma, **options):
    functions = (blur.gaussian_blur, blur.gaussian_blur_adjoint)
    return Operator(*(partial(f, sigma=sigma, **options) for f in functions))


def by_map(sigma_map, **options):
    functions = (blur.space_variant_blur, blur.space_variant_blur_adjoint)
    return Operator(*(partial(f, sigma_map=sigma_map, **options) for f in functions))


def random_kernels(*shape):
    """Return kernels without symmetry, so that turned and shifted ones are seen."""
    found = np.random.default_rng(1).random(shape)
    return found / found.sum((-2, -1), keepdims=True)


def operators(size, kind=np.asarray):
    """Return every operator for pictures of a size, given its parameters as arrays or as tensors."""
    small, large = [(min(k, size[0]), min(k, size[1])) for k in (3, 9)]
    seeds = (np.random.default_rng(seed) for seed in range(COUNT))
    maps = np.stack([drawn_map("space_variant", random, size, 0, LARGEST) for random in seeds])
    known = {} if kind is np.asarray else {"largest": LARGEST}
    found = {}
    for boundary in boundaries.BOUNDARIES:
        found |= {
            f"direct, {boundary}": by_kernel(kind(random_kernels(*small)), boundary),
            f"Fourier, {boundary}": by_kernel(kind(random_kernels(*large)), boundary),
            f"a kernel each, {boundary}": by_kernel(kind(random_kernels(COUNT, *small)), boundary),
            f"a large kernel each, {boundary}": by_kernel(kind(random_kernels(COUNT, *large)), boundary),
        }
    return found | {
        "Gaussian": by_sigma(1.3),
        "Gaussian wider than the picture": by_sigma(5.0),
        "a sigma each": by_sigma(kind(np.array([0, 0.87, LARGEST])), **known),
        "one sigma map": by_map(kind(maps[0]), **known),
        "a sigma map each": by_map(kind(maps), **known),
    }


NAMES = list(operators((16, 16)))
EVERY = pytest.mark.parametrize("name", NAMES)
EVERY_SIZE = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)


def pictures(size, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).random((COUNT, *size, 2)).astype(dtype)


@EVERY_SIZE
@EVERY
def test_adjoint(name, size):
    operator = operators(size)[name]
    x = pictures(size)
    y = operator.forward(x)
    other = np.random.default_rng(2).normal(size=y.shape)
    back = operator.adjoint(other)
    assert back.shape == x.shape and back.dtype == y.dtype == x.dtype
    assert np.vdot(y, other) == pytest.approx(np.vdot(x, back), rel=1e-10, abs=1e-10)


@EVERY_SIZE
@EVERY
def test_linear_and_as_bright_as_before(name, size):
    operator = operators(size)[name]
    x, other = pictures(size), pictures(size, 3)
    both = 2 * operator.forward(x) - 3 * operator.forward(other)
    np.testing.assert_allclose(operator.forward(2 * x - 3 * other), both, atol=1e-12)
    ones = operator.forward(np.ones_like(x))
    if operator.mirrored:
        np.testing.assert_allclose(ones, 1, atol=1e-12)  # so the adjoint keeps the sum of any picture
    else:
        assert ones.max() < 1 + 1e-12 and (ones.min() < 1 - 1e-3)
    if "circular" in name:
        assert operator.forward(x).sum() == pytest.approx(x.sum())


@EVERY
def test_a_point_inside_keeps_its_sum(name):
    point = np.zeros((COUNT, 51, 53, 1))
    point[:, 25, 26] = 1
    spread = operators((51, 53))[name].forward(point)
    # Where sigma varies, the blur gathers for each pixel, and what a point gives away need not sum to 1.
    np.testing.assert_allclose(spread.sum((1, 2)), 1, atol=0.4 if "map" in name else 1e-9)


@EVERY
def test_tensors_give_what_arrays_give_wherever_they_are_computed(name):
    size = SIZES["prime"]
    of_arrays, of_tensors = operators(size)[name], operators(size, tf.constant)[name]
    x = pictures(size, dtype=np.float32)
    y = of_arrays.forward(x)
    assert y.dtype == np.float32
    both = tf.function(lambda x, y: (of_tensors.forward(x), of_tensors.adjoint(y)))
    inputs = tf.constant(x), tf.constant(y)
    in_data = tf.data.Dataset.from_tensors(inputs).map(both).get_single_element()
    eagerly = of_tensors.forward(inputs[0]), of_tensors.adjoint(inputs[1])
    for forward, adjoint in (eagerly, both(*inputs), in_data):
        np.testing.assert_allclose(forward, y, atol=5e-6)
        np.testing.assert_allclose(adjoint, of_arrays.adjoint(y), atol=5e-6)


@pytest.mark.parametrize("name", ["a kernel each, reflect", "a sigma each"])
def test_xla_compiles_them(name):
    size = SIZES["odd"]
    x = pictures(size, dtype=np.float32)
    of_arrays, of_tensors = operators(size)[name], operators(size, tf.constant)[name]
    both = tf.function(lambda x: (of_tensors.forward(x), of_tensors.adjoint(x)), jit_compile=True)
    forward, adjoint = both(tf.constant(x))
    np.testing.assert_allclose(forward, of_arrays.forward(x), atol=5e-6)
    np.testing.assert_allclose(adjoint, of_arrays.adjoint(x), atol=5e-6)


@EVERY
def test_the_gradient_is_the_adjoint(name):
    size = SIZES["odd"]
    operator = operators(size, tf.constant)[name]
    x = tf.constant(pictures(size, dtype=np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = operator.forward(x)
    other = tf.random.stateless_normal(y.shape, (1, 2))
    np.testing.assert_allclose(tape.gradient(y, x, other), operator.adjoint(other), atol=1e-5)


SCIPYS = {"reflect": "mirror", "replicate": "nearest", "circular": "wrap", "zero": "constant"}
OPENCVS = {"reflect": cv2.BORDER_REFLECT_101, "replicate": cv2.BORDER_REPLICATE, "zero": cv2.BORDER_CONSTANT}
EVERY_KERNEL = pytest.mark.parametrize("shape", [(3, 5), (1, 7), (7, 9)], ids=str)


@EVERY_SIZE
@EVERY_KERNEL
@pytest.mark.parametrize("boundary", boundaries.BOUNDARIES)
def test_convolution_is_scipys(size, shape, boundary):
    kernel, x = random_kernels(*(min(k, n) for k, n in zip(shape, size, strict=True))), pictures(size)
    if boundary == "valid":
        expected = signal.convolve(x, kernel[None, :, :, None], mode="valid")
    else:
        expected = ndimage.convolve(x, kernel[None, :, :, None], mode=SCIPYS[boundary])
    np.testing.assert_allclose(blur.convolve(x, kernel, boundary), expected, atol=1e-12)
    np.testing.assert_allclose(blur.convolve(x[0], kernel, boundary), expected[0], atol=1e-12)


@pytest.mark.parametrize("boundary", OPENCVS)
def test_gaussian_is_opencvs_at_every_border(boundary):
    picture = np.float32(skimage.data.chelsea()[100:147, 100:153]) / 255
    for sigma in (0.7, 2.0):
        kernel = kernels.gaussian(sigma)
        expected = cv2.GaussianBlur(picture, kernel.shape, sigma, borderType=OPENCVS[boundary])
        np.testing.assert_allclose(blur.convolve(picture, kernel, boundary), expected, atol=2e-6)
        if boundary == "reflect":
            np.testing.assert_allclose(blur.gaussian_blur(picture, sigma), expected, atol=2e-6)


@pytest.mark.parametrize("boundary", boundaries.BOUNDARIES)
def test_a_delta_kernel_is_the_identity(boundary):
    x = pictures((9, 11), dtype=np.float32)
    for side in (1, 3, 7):
        delta = np.zeros((side, side), np.float32)
        delta[side // 2, side // 2] = 1
        edge = side // 2 if boundary == "valid" else 0
        expected = x[:, edge : 9 - edge, edge : 11 - edge]
        np.testing.assert_allclose(blur.convolve(x, delta, boundary), expected, atol=1e-6)
    np.testing.assert_array_equal(blur.space_variant_blur(x, np.zeros((9, 11))), x)


def test_maps_fill_their_range_with_values_80_pixels_apart():
    maps = [drawn_map("space_variant", np.random.default_rng(seed), (81, 401), 0.5, 2) for seed in range(200)]
    assert min(map(np.min, maps)) < 0.51 and max(map(np.max, maps)) > 1.99
    bends = np.abs(np.diff(maps, 2, axis=2)).max((0, 1))
    nodes = np.arange(79, 399, 80)
    assert np.all(bends[nodes] > 1e-2) and np.all(np.delete(bends, nodes) < 1e-6)
    np.testing.assert_allclose(np.mean(maps), 1.25, atol=0.05)


def test_two_depths_meet_in_an_edge_and_vary_smoothly_on_either_side():
    jumps = []
    for seed in range(200):
        drawn = drawn_map("two_depths", np.random.default_rng(seed), (160, 160), 0.5, 4.5)
        assert drawn.min() >= 0.5 and drawn.max() <= 4.5
        slope = np.abs(np.diff(drawn, axis=1))
        assert np.mean(slope <= 4 / 80) > 0.96, "but for an edge, no more than the range from one value to the next"
        jumps.append(slope.max())
    assert 0.4 < np.mean(np.array(jumps) > 1) < 0.8, "some maps have but one depth"


def test_space_variant_blur_is_near_the_exact_one():
    photograph = np.float64(skimage.data.coffee()[150:190, 200:248]) / 255
    noise = np.random.default_rng(0).random((40, 48, 3))
    sigma_map = drawn_map("space_variant", np.random.default_rng(5), (40, 48), 0, 4)
    for picture, error, worst in ((photograph, 6e-4, 9e-3), (noise, 4.5e-3, 1.6e-2)):
        exact = np.empty_like(picture)
        for place in np.ndindex(sigma_map.shape):
            exact[place] = blur.gaussian_blur(picture, float(sigma_map[place]))[place]
        difference = blur.space_variant_blur(picture, sigma_map) - exact
        assert np.sqrt((difference**2).mean()) < error and np.abs(difference).max() < worst


@pytest.mark.parametrize("name", ["gravel", "page", "coffee"])
def test_ramps_and_sines_are_blurred_as_they_say(name):
    picture = np.atleast_3d(np.float64(getattr(skimage.data, name)()[:160, :192])) / 255
    maps = ramp((160, 192), 0.3, 3), sine((160, 192), 0.3, 3), sine((160, 192), 0.3, 3, periods=1, axis=0)
    for sigma_map in maps:
        blurred = blur.space_variant_blur(picture, sigma_map)
        places = [(10, 11), (20, 40), (60, 72), (100, 120), (120, 23), (155, 180)]
        exact = [blur.gaussian_blur(picture, float(sigma_map[place]))[place] for place in places]
        np.testing.assert_allclose([blurred[place] for place in places], exact, atol=4e-3)
    rising, across, down = maps
    assert np.ptp(rising, 0).max() == 0 and np.all(np.diff(rising[0]) > 0)
    np.testing.assert_allclose(rising[0, [0, -1]], [0.3, 3])
    np.testing.assert_allclose(across[7, [0, 24, 48, 72, 96]], [1.65, 3, 1.65, 0.3, 1.65], atol=1e-6)
    np.testing.assert_allclose(down[[0, 40, 80, 120], 5], [1.65, 3, 1.65, 0.3], atol=1e-6)


def test_a_constant_map_on_the_ladder_is_the_gaussian():
    x = pictures((13, 11))
    np.testing.assert_allclose(blur.space_variant_blur(x, np.full((13, 11), 0.625)), blur.gaussian_blur(x, 0.625))


X = np.zeros((2, 8, 6, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: blur.convolve(X, np.ones((3, 7))), "kernel is 3x7 .*larger than the picture of 8x6"),
        (lambda: blur.convolve(tf.constant(X), np.ones((9, 3))), "kernel is 9x3 .*larger than the picture of 8x6"),
        (lambda: blur.convolve_adjoint(X, np.ones((9, 3))), "kernel is 9x3 .*larger"),
        (
            lambda: blur.convolve(X[:, :, :1], np.ones((3, 3)), "valid"),
            "kernel is 3x3 .*larger than the picture of 8x1",
        ),
        (lambda: blur.convolve(X, np.ones((2, 3))), "kernel is 2x3; its sides must be odd"),
        (lambda: blur.convolve(X, np.ones((3, 3)), "mirror"), "boundary is 'mirror'; it must be one of reflect"),
        (lambda: blur.convolve(X, np.ones((3, 3, 3))), r"kernels of shape \(3, 3, 3\) for pictures of shape \(2, 8"),
        (lambda: blur.convolve(np.uint8(X), np.ones((3, 3))), "uint8; they must be floating point"),
        (lambda: blur.gaussian_blur(X, np.array([1.0, 2.0, 3.0])), r"\(3,\) sigmas for pictures"),
        (lambda: blur.gaussian_blur(tf.constant(X), [1.0]), r"\(1,\) sigmas for pictures"),
        (lambda: blur.gaussian_blur(tf.constant(X), -1.0), "sigma is -1"),
        (lambda: blur.gaussian_blur(tf.constant(X), tf.constant([1.0, 2.0])), "must be given as `largest`"),
        (lambda: blur.space_variant_blur(tf.constant(X), tf.ones((8, 6))), "must be given as `largest`"),
        (lambda: blur.space_variant_blur(X, np.ones((6, 8))), r"sigma map of shape \(1, 6, 8\) for pictures"),
        (lambda: blur.space_variant_blur(X, np.full((8, 6), -1.0)), "must hold numbers of pixels >= 0"),
    ],
)
def test_what_cannot_be_blurred_is_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_zeros_beyond_the_border_take_any_kernel():
    kernel = random_kernels(9, 21)
    expected = np.stack([signal.convolve2d(p[..., 0], kernel, "full")[4:12, 10:16] for p in pictures((8, 6))])
    np.testing.assert_allclose(blur.convolve(pictures((8, 6)), kernel, "zero")[..., 0], expected, atol=1e-12)
