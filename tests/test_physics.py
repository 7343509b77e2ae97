"""Every operator of the physics and its adjoint in one table of laws; SciPy and OpenCV as oracles."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from tfdeblur.physics import blur, boundaries
from tfdeblur.physics.sigma_maps import smooth_map

SIZES = {"even": (12, 10), "odd": (15, 9), "prime": (13, 11), "one column": (17, 1), "one row": (1, 16)}
COUNT = 3
LARGEST = 0.9


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
    maps = np.stack([smooth_map(np.random.default_rng(seed), size, 0, LARGEST) for seed in range(COUNT)])
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
        "a sigma each": by_sigma(kind(np.array([0, 0.4, LARGEST])), **known),
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
    both = tf.function(lambda x, y: (of_tensors.forward(x), of_tensors.adjoint(y)))
    inputs = tf.constant(x), tf.constant(y)
    in_data = tf.data.Dataset.from_tensors(inputs).map(both).get_single_element()
    eagerly = of_tensors.forward(inputs[0]), of_tensors.adjoint(inputs[1])
    for forward, adjoint in (eagerly, both(*inputs), in_data):
        np.testing.assert_allclose(forward, y, atol=5e-6)
        np.testing.assert_allclose(adjoint, of_arrays.adjoint(y), atol=5e-6)


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
