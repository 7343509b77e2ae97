"""How much of a training step's speed is left in a whole run: pipeline, log, pictures, checkpoints."""

import statistics
import tempfile
import time
from pathlib import Path

import tensorflow as tf

from tfdeblur import devices
from tfdeblur.config import Experiment
from tfdeblur.data import pipeline, records
from tfdeblur.experiments import EXPERIMENTS
from tfdeblur.training import run as training


def main(experiment: str = "sample", data: str = "", steps: int = 200, rounds: int = 3) -> dict[str, float]:
    """Time a whole run against its bare compiled step on one batch that stays in memory.

    Parameters
    ----------
    experiment : str
        Name of the experiment.
    data : str
        Its data set, in place of the experiment's own.
    steps : int
        Steps of a run; it validates, logs and saves as often as the experiment says.
    rounds : int
        Timings of each kind, in turn.

    Returns
    -------
    dict
        `bare_samples_per_s`, `run_samples_per_s` (everything from the first step on), medians, and `run / bare`, the
        median of the rounds' ratios.
    """
    described = EXPERIMENTS[experiment]
    fields = {"steps": steps, "data": data or described.data, "schedule": "constant", "warmup_steps": 0}
    described = Experiment(**{**vars(described), **fields})
    rows = [(_bare(described, steps // 2), _whole(described)) for _ in range(rounds)]
    return {
        "bare_samples_per_s": statistics.median(bare for bare, _ in rows),
        "run_samples_per_s": statistics.median(whole for _, whole in rows),
        "run / bare": statistics.median(whole / bare for bare, whole in rows),
    }


def _prepare(experiment: Experiment):
    strategy = devices.choose_strategy()
    plan = training.Plan.of(experiment, records.load_manifest(experiment.data), strategy.num_replicas_in_sync)
    with strategy.scope():
        model = training.build(experiment, plan, devices.choose_precision(experiment.precision, strategy))
    return strategy, plan, model


def _bare(experiment: Experiment, steps: int) -> float:
    """Return the samples/s of the compiled step alone."""
    strategy, plan, model = _prepare(experiment)
    patch = training.patch_size(experiment)
    batches = pipeline.training_batches(experiment.data, batch=plan.batch, patch=patch, crop=experiment.crop)
    batch = next(iter(batches))
    iterator = iter(strategy.experimental_distribute_dataset(tf.data.Dataset.from_tensors(batch).repeat()))
    model.make_train_function()
    for _ in range(3):
        model.train_function(iterator)
    start = time.perf_counter()
    for _ in range(steps):
        logs = model.train_function(iterator)
    float(logs["loss"])
    return steps * plan.batch / (time.perf_counter() - start)


def _whole(experiment: Experiment) -> float:
    """Return the samples/s of a run from the end of its third step to its end, saved models and all."""
    with tempfile.TemporaryDirectory() as folder:
        clock = _Clock()
        training.train(experiment, str(Path(folder, "run")), devices.choose_strategy(), on_step=clock)
        return clock.samples / (time.perf_counter() - clock.start)


class _Clock:
    """Begins to count samples after three steps, when everything is compiled."""

    def __init__(self):
        self.calls, self.samples, self.start = 0, 0, 0.0

    def __call__(self, samples: int) -> None:
        self.calls += 1
        if self.calls == 3:
            self.start = time.perf_counter()
        elif self.calls > 3:
            self.samples += samples
