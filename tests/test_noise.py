"""Noise, saturation, rounding and JPEG: their statistics, their seeds, and the same on arrays and tensors."""

import io

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image

from tfdeblur.physics.noise import gaussian_noise, jpeg, poisson_noise, round_to_bytes, saturate

PICTURE = np.float32(skimage.data.chelsea()[60:131, 60:157]) / 255
GREY = np.full((2, 90, 100, 1), 0.4, np.float32)
KINDS = {"arrays": (np.asarray, np.random.default_rng), "tensors": (tf.constant, lambda seed: (seed, 5))}
EVERY_KIND = pytest.mark.parametrize(("kind", "random"), KINDS.values(), ids=KINDS)


def read_out(pictures, random):
    return gaussian_noise(pictures, 0.1, random)


def counted(pictures, random):
    return poisson_noise(pictures, 40.0, random)


DRAWN = pytest.mark.parametrize("noise", [read_out, counted])


@EVERY_KIND
def test_gaussian_noise_has_its_deviation(kind, random):
    deviations = np.float32([0.05, 0.2]).reshape(2, 1, 1, 1)
    noise = np.asarray(gaussian_noise(kind(GREY), kind(deviations), random(1))) - GREY
    np.testing.assert_allclose(noise.std((1, 2, 3)), [0.05, 0.2], rtol=0.03)
    np.testing.assert_allclose(noise.mean((1, 2, 3)), 0, atol=0.006)
    assert noise.dtype == np.float32
    np.testing.assert_array_equal(gaussian_noise(kind(GREY), 0.0, random(1)), GREY)


@EVERY_KIND
def test_poisson_noise_counts_photons(kind, random):
    for value in (0.1, 0.8):
        counted = np.asarray(poisson_noise(kind(np.full_like(GREY, value)), 50.0, random(2)))
        np.testing.assert_allclose(counted * 50, np.rint(counted * 50), atol=1e-4)
        assert counted.mean() == pytest.approx(value, rel=0.02)
        assert counted.var() == pytest.approx(value / 50, rel=0.05)
        assert counted.dtype == np.float32
    np.testing.assert_array_equal(poisson_noise(kind(-GREY), 50.0, random(2)), np.zeros_like(GREY))


@EVERY_KIND
@DRAWN
def test_the_seed_decides(noise, kind, random):
    first = np.asarray(noise(kind(GREY), random(3)))
    np.testing.assert_array_equal(first, noise(kind(GREY), random(3)))
    assert np.any(first != noise(kind(GREY), random(4)))
    assert np.any(first[0] != first[1])


@DRAWN
def test_a_seed_draws_the_same_within_a_pipeline_and_a_compiled_function(noise):
    expected = noise(tf.constant(GREY), tf.constant([3, 5]))
    in_data = tf.data.Dataset.from_tensors((GREY, [3, 5])).map(noise).get_single_element()
    compiled = tf.function(noise)(tf.constant(GREY), tf.constant([3, 5]))
    np.testing.assert_allclose(in_data, expected, atol=1e-6)
    np.testing.assert_allclose(compiled, expected, atol=1e-6)


@pytest.mark.parametrize("kind", [np.asarray, tf.constant], ids=["arrays", "tensors"])
def test_saturation_and_rounding(kind):
    row = kind(np.float32([-0.2, 0.25, 0.3, 0.7]).reshape(1, 1, 4, 1))
    np.testing.assert_allclose(np.ravel(saturate(row, 2.0)), [0, 0.5, 0.6, 1])
    np.testing.assert_allclose(np.ravel(round_to_bytes(row)), np.float32([0, 64, 76, 178]) / 255, atol=1e-7)
    rounded = round_to_bytes(kind(PICTURE))
    np.testing.assert_allclose(rounded, PICTURE, atol=1e-6)  # levels stay where they are


def test_jpeg_of_arrays_is_pillows():
    buffer = io.BytesIO()
    Image.fromarray(np.uint8(np.rint(PICTURE * 255))).save(buffer, "jpeg", quality=40)
    np.testing.assert_allclose(jpeg(PICTURE, 40) * 255, np.asarray(Image.open(buffer)), atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_of_tensors_is_that_of_arrays(channels):
    pair = np.stack([PICTURE, PICTURE[::-1]])[..., :channels]
    expected = jpeg(pair, np.array([20, 75]))
    in_data = tf.data.Dataset.from_tensors((pair, np.array([20, 75]))).map(jpeg).get_single_element()
    for found in (jpeg(tf.constant(pair), tf.constant([20, 75])), in_data):
        np.testing.assert_allclose(found, expected, atol=1.5 / 255)
    np.testing.assert_allclose(jpeg(tf.constant(pair[0]), 20), expected[0], atol=1.5 / 255)


@pytest.mark.parametrize("kind", [np.asarray, tf.constant], ids=["arrays", "tensors"])
def test_better_jpeg_is_nearer(kind):
    errors = [np.abs(np.asarray(jpeg(kind(PICTURE), quality)) - PICTURE).mean() for quality in (5, 40, 95)]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2] > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gaussian_noise(GREY, -0.1, np.random.default_rng(0)), "deviation is -0.1; it must be >= 0"),
        (lambda: poisson_noise(GREY, 0, np.random.default_rng(0)), "photons is 0; it must be above 0"),
        (lambda: saturate(GREY, np.nan), "gain is nan"),
        (lambda: jpeg(GREY, 0), "quality is 0; it must be from 1 to 100"),
        (lambda: jpeg(GREY, np.array([50, 101])), "it must be from 1 to 100"),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
