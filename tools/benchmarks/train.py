"""How much of a training step's speed is left in a whole run: pipeline, log, pictures, checkpoints."""

import statistics
import tempfile
import time
from pathlib import Path

import tensorflow as tf

from tfdeblur.config import Experiment
from tfdeblur.data import pipeline, records
from tfdeblur.devices.on_tensorflow import OnTensorFlow
from tfdeblur.experiments import EXPERIMENTS
from tfdeblur.training.build import as_steps, build
from tfdeblur.training.plan import Plan, patch_size
from tfdeblur.training.run import train
from tools.benchmarks import wgan_step


def main(
    experiment: str = "sample", data: str = "", period: int = 60, rounds: int = 2, wgan: str = "sample_wgan"
) -> dict[str, float]:
    """Time a whole run against its bare compiled step on one batch in memory, and a WGAN's step against its parts.

    Parameters
    ----------
    experiment : str
        Name of the experiment.
    data : str
        Its data set, in place of the experiment's own.
    period : int
        Steps from one log line, with checkpoint, best model and pictures, to the next; a run has three of these. The
        validation that goes with it looks at one picture, for it is not training's overhead but work of its own.
    rounds : int
        Timings of each kind, in turn.
    wgan : str
        Name of the experiment whose step is timed against its parts.

    Returns
    -------
    dict
        `bare_samples_per_s`, `run_samples_per_s` (all that happens after the first period, when everything has been
        compiled), medians, and `run / bare`, the median of the rounds' ratios; and what `wgan_step.parts` returns.
    """
    described = EXPERIMENTS[experiment]
    fields = {"steps": 3 * period, "validate_every": period, "checkpoint_every": period, "validation_pictures": 1}
    fields |= {"data": data or described.data, "schedule": "constant"}
    described = Experiment(**{**vars(described), **fields})
    rows = [(_bare(described, period), _whole(described, period)) for _ in range(rounds)]
    return wgan_step.parts(EXPERIMENTS[wgan], 3 * rounds) | {
        "bare_samples_per_s": statistics.median(bare for bare, _ in rows),
        "run_samples_per_s": statistics.median(whole for _, whole in rows),
        "run / bare": statistics.median(whole / bare for bare, whole in rows),
    }


def _bare(experiment: Experiment, steps: int) -> float:
    """Return the samples/s of the compiled step alone."""
    chosen = OnTensorFlow.default()
    plan = Plan.of(experiment, records.load_manifest(experiment.data), chosen.replicas)
    model = build(experiment, plan.steps, plan.steps_per_epoch, chosen.policy(experiment.precision))
    patch = patch_size(experiment)
    batches = pipeline.training_batches(experiment.data, batch=plan.samples, patch=patch, crop=experiment.crop)
    batch = tf.data.Dataset.from_tensors(next(iter(batches))).repeat()
    iterator = chosen.batches(lambda host, hosts: as_steps(batch, experiment))
    step = chosen.compiled(model.train_step, [])
    for _ in range(3):
        step(iterator)
    start = time.perf_counter()
    for _ in range(steps):
        step(iterator)
    return steps * plan.samples / (time.perf_counter() - start)


def _whole(experiment: Experiment, period: int) -> float:
    """Return the samples/s of a run from the end of its first period to its end, saved models and all."""
    with tempfile.TemporaryDirectory() as folder:
        clock = _Clock(period)
        train(experiment, str(Path(folder, "run")), OnTensorFlow.default(), on_step=clock)
        return clock.samples / (time.perf_counter() - clock.start)


class _Clock:
    """Begins to count samples after a number of steps."""

    def __init__(self, steps: int):
        self.steps, self.calls, self.samples, self.start = steps, 0, 0, 0.0

    def __call__(self, samples: int) -> None:
        self.calls += 1
        if self.calls == self.steps:
            self.start = time.perf_counter()
        elif self.calls > self.steps:
            self.samples += samples
