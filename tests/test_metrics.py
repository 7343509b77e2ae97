"""Metrics against scikit-image and NumPy, and where they have to run: compiled, in bfloat16, under a gradient."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage import metrics as oracle

from tests.record_folders import blurred, photograph
from tfdeblur.evaluation import metrics

BT601 = np.array([0.299, 0.587, 0.114])


def oracle_ssim(a, b, data_range):
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}
    return oracle.structural_similarity(np.float64(a), np.float64(b), data_range=data_range, **options)


def pair(sigma=1.5, height=60, width=90, name="astronaut"):
    sharp = photograph(name, height, width)
    return blurred(sharp, sigma), sharp


def flat_pair():
    """A bright picture of hardly any contrast, where a difference of squares loses the digits that matter."""
    blur, sharp = pair()
    return tuple(np.uint8(np.round(235 + 0.02 * picture)) for picture in (blur, sharp))


PAIRS = {"weak": pair(0.6), "strong": pair(3, 41, 11), "wide": pair(2, 11, 70, "coffee"), "flat": flat_pair()}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("data_range", [1, 255])
def test_ssim_is_that_of_scikit_image(name, data_range):
    a, b = (np.float32(p) / np.float32(255 / data_range) for p in PAIRS[name])
    found = metrics.ssim(a[None], b[None], data_range)
    assert found.shape == (1,) and found.dtype == tf.float32
    np.testing.assert_allclose(found, [oracle_ssim(a, b, data_range)], atol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_ssim_of_the_luma_is_that_of_scikit_image(name):
    a, b = PAIRS[name]
    expected = oracle_ssim((a @ BT601)[..., None], (b @ BT601)[..., None], 255)
    np.testing.assert_allclose(metrics.ssim(a[None], b[None], 255, luma=True), [expected], atol=1e-5)
    grey = a[..., :1], b[..., :1]
    np.testing.assert_array_equal(
        metrics.ssim(grey[0][None], grey[1][None], 255, luma=True), metrics.ssim(grey[0][None], grey[1][None], 255)
    )


def test_the_luma_matters():
    a, b = PAIRS["weak"]
    assert abs(float(metrics.ssim(a[None], b[None], 255, luma=True)[0] - metrics.ssim(a[None], b[None], 255)[0])) > 1e-3


def test_every_picture_of_a_batch_has_its_own_value():
    a, b = (np.stack(pictures) for pictures in zip(*[pair(sigma) for sigma in (0.5, 1, 3)], strict=True))
    np.testing.assert_allclose(
        metrics.ssim(a, b, 255), [oracle_ssim(x, y, 255) for x, y in zip(a, b, strict=True)], atol=1e-6
    )
    np.testing.assert_allclose(
        metrics.psnr(a, b, 255), [oracle.peak_signal_noise_ratio(y, x) for x, y in zip(a, b, strict=True)], rtol=1e-6
    )
    difference = (np.float64(a) - b) / 255
    np.testing.assert_allclose(metrics.mse(a, b, 255), (difference**2).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(metrics.mae(a, b, 255), abs(difference).mean((1, 2, 3)), rtol=1e-5)


def test_equal_pictures():
    _, sharp = pair()
    a = sharp[None]
    assert metrics.ssim(a, a, 255) == [1] and metrics.mse(a, a, 255) == [0] and metrics.psnr(a, a, 255) == [np.inf]


@pytest.mark.parametrize("shape", [(1, 10, 40, 3), (1, 40, 10, 1)])
def test_pictures_smaller_than_the_window(shape):
    with pytest.raises(ValueError, match="at least 11x11 pixels, found .*; use PSNR"):
        metrics.ssim(np.zeros(shape), np.zeros(shape))


def test_sizes_that_are_known_only_when_running():
    free = tf.TensorSpec((None, None, None, 3), tf.uint8)
    function = tf.function(lambda a, b: metrics.ssim(a, b, 255), input_signature=[free, free])
    for name in ("weak", "wide"):
        a, b = PAIRS[name]
        np.testing.assert_allclose(function(a[None], b[None]), [oracle_ssim(a, b, 255)], atol=1e-6)


def test_the_gradient_is_that_of_the_differences():
    a, b = (tf.constant(p[None, :24, :24] / np.float32(255)) for p in PAIRS["weak"])
    direction = tf.constant(np.random.default_rng(0).standard_normal(a.shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(a)
        value = metrics.ssim(a, b)
    slope = tf.reduce_sum(tape.gradient(value, a) * direction)
    step = 2e-3
    expected = (metrics.ssim(a + step * direction, b) - metrics.ssim(a - step * direction, b)) / (2 * step)
    np.testing.assert_allclose(slope, expected[0], rtol=0.02)


def test_gradients_stay_finite_where_nothing_varies():
    flat = tf.fill((1, 16, 16, 3), 0.5)
    for other in (flat, flat + 0.25, tf.zeros_like(flat)):
        with tf.GradientTape() as tape:
            tape.watch(other)
            value = metrics.ssim(other, flat)
        assert np.isfinite(tape.gradient(value, other)).all()


def test_a_compiled_bfloat16_step():
    """Loss, gradient and metric in one XLA program, with uint8 targets and predictions computed in bfloat16."""
    network = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Conv2D(3, 3, padding="same", dtype="mixed_bfloat16")]
    )
    blur, sharp = (np.stack([picture[:32, :32]] * 2) for picture in PAIRS["weak"])

    @tf.function(jit_compile=True)
    def step(blur, sharp):
        with tf.GradientTape() as tape:
            output = network(tf.cast(blur, tf.float32) / 255)
            similarity = metrics.ssim(output, tf.cast(sharp, tf.float32) / 255)
            loss = tf.reduce_mean(1 - similarity)
        return output, similarity, tape.gradient(loss, network.trainable_variables)

    output, similarity, gradients = step(tf.constant(blur), tf.constant(sharp))
    assert output.dtype == tf.bfloat16 and similarity.dtype == tf.float32
    expected = [oracle_ssim(o, s / 255, 1) for o, s in zip(np.float32(output), sharp, strict=True)]
    # XLA may keep the digits inside that the output of the program loses.
    np.testing.assert_allclose(similarity, expected, atol=1e-4)
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in gradients)


def test_keras_metrics_are_means_over_pictures():
    blur, sharp = (np.stack(pictures) for pictures in zip(*[pair(sigma) for sigma in (0, 1, 3)], strict=True))
    decibels = [
        metrics.PSNR_CAP,
        *(oracle.peak_signal_noise_ratio(y, x) for x, y in zip(blur[1:], sharp[1:], strict=True)),
    ]
    similarity = [oracle_ssim(x, y, 255) for x, y in zip(blur, sharp, strict=True)]
    for metric, expected in ((metrics.PSNR(), decibels), (metrics.SSIM(), similarity)):
        for part in (slice(0, 2), slice(2, 3)):
            metric.update_state(sharp[part], np.float32(blur[part]) / 255)
        np.testing.assert_allclose(metric.result(), np.mean(expected), rtol=1e-5)
    assert (metrics.PSNR().name, metrics.SSIM().name) == ("psnr", "ssim")
    assert metrics.SSIM.from_config(metrics.SSIM(luma=True).get_config()).luma


def test_keras_metrics_in_evaluate_clip_predictions():
    blur, sharp = PAIRS["weak"]
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Rescaling(2, -0.5)])
    network.compile(loss="mse", metrics=[metrics.PSNR(), metrics.SSIM()])
    found = network.evaluate(np.float32(blur[None]) / 255, sharp[None], verbose=0, return_dict=True)
    output = np.clip(np.float64(blur) / 255 * 2 - 0.5, 0, 1)
    assert found["psnr"] == pytest.approx(oracle.peak_signal_noise_ratio(sharp / 255, output, data_range=1), rel=1e-5)
    assert found["ssim"] == pytest.approx(oracle_ssim(output, sharp / 255, 1), abs=1e-5)


def test_jax_gives_the_same(tmp_path):
    program = """
import sys, jax, numpy as np
from tfdeblur.evaluation import metrics
a, b = np.load(sys.argv[1])
step = jax.jit(lambda a, b: (metrics.ssim(a, b).sum(), metrics.psnr(a, b)[0]))
print(*(float(value) for value in step(a, b)))
"""
    a, b = (np.float32(p[None]) / 255 for p in PAIRS["weak"])
    np.save(tmp_path / "pair.npy", np.stack([a, b]))
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "pair.npy")],
        capture_output=True,
        text=True,
        env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        check=True,
    )
    similarity, decibels = result.stdout.split()
    np.testing.assert_allclose(float(similarity), float(metrics.ssim(a, b)[0]), atol=1e-6)
    np.testing.assert_allclose(float(decibels), float(metrics.psnr(a, b)[0]), rtol=1e-6)
