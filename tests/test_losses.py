"""Losses against NumPy."""

import keras
import numpy as np
import pytest

from tfdeblur import losses

ORACLES = {
    "mse": lambda d: (d**2).mean((1, 2, 3)),
    "mae": lambda d: np.abs(d).mean((1, 2, 3)),
    "logcosh": lambda d: np.log(np.cosh(d)).mean((1, 2, 3)),
    "charbonnier": lambda d: np.sqrt(d**2 + 1e-6).mean((1, 2, 3)),
    "psnr": lambda d: 10 * np.log10((d**2).mean((1, 2, 3)) + 1e-8),
}


def pictures(seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.random((3, 12, 16, 3)), rng.random((3, 12, 16, 3))


@pytest.mark.parametrize("name", ORACLES)
def test_equals_numpy(name):
    sharp, restored = pictures()
    value = losses.find_loss(name)(sharp.astype("float32"), restored.astype("float32"))
    np.testing.assert_allclose(value, ORACLES[name](restored - sharp), rtol=1e-5)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_one_value_a_picture_and_least_where_equal(name):
    sharp, restored = (x.astype("float32") for x in pictures())
    loss = losses.find_loss(name)
    value, least = np.asarray(loss(sharp, restored)), np.asarray(loss(sharp, sharp))
    assert value.shape == (3,)
    assert np.all(np.isfinite(value)) and np.all(least < value)


def test_multiscale_is_the_mean_over_averaged_scales():
    sharp, restored = pictures()
    expected = []
    for size in (1, 2, 4):
        a, b = (x.reshape(3, 12 // size, size, 16 // size, size, 3).mean((2, 4)) for x in (sharp, restored))
        expected.append(((a - b) ** 2).mean((1, 2, 3)))
    value = losses.find_loss("multiscale_mse")(sharp.astype("float32"), restored.astype("float32"))
    np.testing.assert_allclose(value, np.mean(expected, axis=0), rtol=1e-5)


def test_stored_pictures_are_scaled_and_floats_kept():
    stored = np.array([0, 51, 255], np.uint8)
    np.testing.assert_allclose(losses.as_unit_range(keras.ops.convert_to_tensor(stored)), [0, 0.2, 1], rtol=1e-6)
    np.testing.assert_array_equal(losses.as_unit_range(keras.ops.convert_to_tensor([0.25], "float32")), [0.25])


def test_unknown_loss_lists_those_there_are():
    with pytest.raises(ValueError, match="there is no loss 'lpips'; there are mse, mae"):
        losses.find_loss("lpips")
