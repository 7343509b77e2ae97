"""What a WGAN's step costs against its updates, each compiled and timed alone."""

import dataclasses
import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfdeblur.config import Experiment
from tfdeblur.devices.on_tensorflow import OnTensorFlow
from tfdeblur.losses import as_unit_range
from tfdeblur.training.build import as_steps, batches_per_step, build
from tfdeblur.training.differentiation import pull_back
from tfdeblur.training.plan import patch_size
from tfdeblur.training.wgan_gp import WGANGP

STEPS = 5
"""Steps timed at a time."""


def parts(experiment: Experiment, rounds: int) -> dict[str, float]:
    """Time steps with fresh and with reused batches, and the updates alone, in turn on random pictures in memory.

    Returns
    -------
    dict
        `wgan step / parts`, the median over the rounds of a step with fresh batches against `n_critic` updates of the
        critic and one of the generator; and `wgan step, fresh / reused batches`, what a batch for every update costs
        against one for all, of which the generator's pictures are made once.
    """
    height, width = patch_size(experiment) or (32, 32)
    rng = np.random.default_rng(0)
    pair = [tf.constant(rng.integers(0, 256, (experiment.batch, height, width, 3), np.uint8)) for _ in range(2)]
    timed = {
        name: _step(dataclasses.replace(experiment, reuse_batch=name == "reused"), pair) for name in ("fresh", "reused")
    }
    timed |= _updates(experiment, pair)
    rows = []
    for _ in range(rounds + 1):
        rows.append({name: _seconds(function) for name, function in timed.items()})
    rows = rows[1:]  # in the first everything is compiled
    whole = [row["critic"] * experiment.n_critic + row["generator"] for row in rows]
    return {
        "wgan step / parts": statistics.median(row["fresh"] / both for row, both in zip(rows, whole, strict=True)),
        "wgan step, fresh / reused batches": statistics.median(row["fresh"] / row["reused"] for row in rows),
    }


def _step(experiment: Experiment, pair: list[tf.Tensor]) -> Callable:
    """Return the compiled step, as a run takes it."""
    model, count = build(experiment, 10, 10, "float32"), batches_per_step(experiment)
    batch = tf.data.Dataset.from_tensors(tuple(tf.tile(pictures, (count, 1, 1, 1)) for pictures in pair))
    chosen = OnTensorFlow.default()
    iterator = chosen.batches(lambda host, hosts: as_steps(batch.repeat(), experiment))
    step = chosen.compiled(model.train_step, [])
    return lambda: step(iterator)["loss"]


def _updates(experiment: Experiment, pair: list[tf.Tensor]) -> dict[str, Callable]:
    """Return an update of the critic and one of the generator, each with all that it needs made anew."""
    model: WGANGP = build(experiment, 10, 10, "float32")
    variables = model.network.trainable_variables
    draws = tf.random.stateless_uniform((experiment.batch, 2), (0, 0))

    @tf.function
    def critic():
        blur, sharp = (as_unit_range(pictures) for pictures in pair)
        return model.update_critic(sharp, model.generate(blur, training=True)[0], draws)["critic_loss"]

    @tf.function
    def generator():
        blur, sharp = (as_unit_range(pictures) for pictures in pair)
        restored, back = pull_back(lambda: model.generate(blur, training=True), variables, model)
        return model.update_generator(sharp, restored, back)["loss"]

    return {"critic": lambda: float(critic()), "generator": lambda: float(generator())}


def _seconds(function: Callable) -> float:
    start = time.perf_counter()
    for _ in range(STEPS):
        function()
    return time.perf_counter() - start
