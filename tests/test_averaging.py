"""The moving average of the weights, and the statistics of batch normalisation that go with it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfdeblur.devices.on_tensorflow import OnTensorFlow
from tfdeblur.models import build_estimator
from tfdeblur.training.averaging import BATCHES, MOMENTUM, Averaging
from tfdeblur.training.estimating import Estimating

PICTURES = np.random.default_rng(0).random((4, 64, 64, 1), np.float32)
SIGMAS = np.random.default_rng(1).uniform(0, 3, (4, 64, 64, 1)).astype(np.float32)


def test_the_average_has_statistics_of_its_own_and_leaves_no_trace():
    keras.utils.set_random_seed(0)
    model = Estimating(build_estimator("kendall_sigma", features=8))
    model.compile(optimizer=keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9))
    model.build_optimizers()
    devices, batches = OnTensorFlow.default(), tf.data.Dataset.from_tensors((PICTURES, SIGMAS)).repeat()
    step, iterator = devices.compiled(model.train_step, []), devices.batches(lambda host, hosts: batches)
    for _ in range(20):
        step(iterator)
    before = [variable.numpy() for variable in model.network.variables]
    layers = model.network.layers
    normal = next(layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization))
    features = keras.Model(model.network.input, normal.input)
    with Averaging(model, devices, [], lambda host, hosts: batches).in_place():
        assert any(np.any(a != b) for a, b in zip(before, model.network.variables, strict=True))
        seen = np.asarray(features(PICTURES))
        for found, of_others, exact in (
            (normal.moving_mean, before_of(model, before, normal.moving_mean), seen.mean((0, 1, 2))),
            (normal.moving_variance, before_of(model, before, normal.moving_variance), seen.var((0, 1, 2))),
        ):
            np.testing.assert_allclose(found, exact + MOMENTUM**BATCHES * (of_others - exact), rtol=1e-3, atol=1e-4)
            assert np.abs(of_others - exact).max() > 0.1 * np.abs(exact).max()
    for variable, value in zip(model.network.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert normal.momentum == pytest.approx(0.99)


def before_of(model: keras.Model, values: list[np.ndarray], variable) -> np.ndarray:
    """Return what a variable of the network was."""
    return next(v for other, v in zip(model.network.variables, values, strict=True) if other is variable)
