"""What each experiment's step needs of the machine that feeds a TPU chip, and what the pipeline gives of each core."""

import glob
import json
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tfdeblur import devices
from tfdeblur.config import Experiment
from tfdeblur.data import pipeline
from tfdeblur.experiments import EXPERIMENTS
from tfdeblur.physics.degradation import degradation_of
from tfdeblur.training.plan import patch_size
from tools.benchmarks.pipeline import write

STORED = {
    "sample": (256, 256, "png"), "cifar10": (32, 32, "png"), "reds": (288, 512, "png"),
    "reds_256x144": (144, 256, "png"), "pairs": (720, 1280, "png"), "pairs_256x144": (144, 256, "png"),
    "bsds500": (321, 481, "raw"), "bsds500_rgb": (321, 481, "raw"), "brodatz": (640, 640, "raw"),
    "brodatz10": (32, 32, "png"), "brodatz_varying": (32, 32, "png"),
}  # fmt: skip
"""How the pictures of each data set are stored, by the commands in the experiments: height, width, encoding."""

CORES = 112
"""Of a v5e host with eight chips: 224 virtual ones, two to a core (Google Cloud, "TPU v5e", VM types)."""


def main(compiled: str = "runs/tpu", topology: str = "v5e:2x2", seconds: float = 4.0) -> dict[str, dict[str, str]]:
    """Set the steps that `tools.tpu_compile` found beside the pipeline, on photographs of each data set's size.

    Parameters
    ----------
    compiled : str
        Folder of what `tools.tpu_compile EXPERIMENT --json FILE` wrote.
    topology : str
        Of which of them.
    seconds : float
        How long each rate is measured, as samples for each second of a core, which other work beside it hardly changes.

    Returns
    -------
    dict
        A row for every experiment.
    """
    rows = {}
    for found in steps_of(compiled, topology=topology, step="train", backend="tensorflow"):
        experiment = EXPERIMENTS[found["experiment"]]
        need = found["samples a second"]
        own = _rate(experiment, seconds)
        ready = _rate(ready_made(experiment), seconds)
        rows[experiment.name] = {
            "sample": found["sample"],
            "samples a step": f"{found['samples']}",
            "memory, MB": f"{found['memory'] / 1e6:,.0f}",
            "step, ms": f"{1e3 * found['seconds']:.3g}",
            "samples/s of a chip": f"{need:,.0f}",
            "bfloat16": f"{found['native']:.1%}",
            "lost to padding": f"{found['padding']:.0%}",
            "pipeline, samples/s of a core": f"{own:,.0f}",
            "cores a chip": f"{need / own:.2f}",
            f"feeds 8 chips with {CORES} cores": "yes" if 8 * need / own <= CORES else "no",
            "patches made before, samples/s of a core": f"{ready:,.0f}",
            "cores a chip, made before": f"{need / ready:.2f}",
        }
    return rows


def steps_of(compiled: str, **wanted) -> list[dict]:
    """Return what was found of some steps, in the order of the experiments.

    Raises
    ------
    FileNotFoundError
        There is nothing of that kind.
    """
    found = [
        each for path in glob.glob(os.path.join(compiled, "*.json")) for each in json.loads(Path(path).read_text())
    ]
    found = [each for each in found if all(each[key] == value for key, value in wanted.items())]
    if not found:
        raise FileNotFoundError(
            f"{compiled} holds no step with {wanted}; make some: python -m tools.tpu_compile sample --json "
            f"{compiled}/sample.json"
        )
    order = list(EXPERIMENTS)
    return sorted(found, key=lambda each: (order.index(each["experiment"]), each["backend"], each["topology"]))


def ready_made(experiment: Experiment) -> Experiment:
    """Return an experiment whose records are raw patches of the samples' size, blurred before, which memory holds."""
    kept = {field: getattr(experiment, field) for field in ("channels", "batch", "shuffle", "augment")}
    return Experiment(name=experiment.name, data="raw", **kept)


def _rate(experiment: Experiment, seconds: float) -> float:
    """Return the samples that a core makes in a second, after the first epoch where they are cached."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_measure, experiment, patch_size(EXPERIMENTS[experiment.name]), seconds).result()


def _measure(experiment: Experiment, patch: tuple[int, int] | None, seconds: float) -> float:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if experiment.data == "raw":
        height, width, encoding = *(patch or (32, 32)), "raw"
    else:
        height, width, encoding = STORED[os.path.basename(experiment.data)]
    devices.keep_freed_memory((height, width))
    count = max(64, 2**24 // (height * width))
    with tempfile.TemporaryDirectory() as top:
        folder = write(Path(top, "set"), (height, width), encoding, count, experiment.channels)
        batches = pipeline.training_batches(
            folder, batch=experiment.batch, patch=patch_size(experiment), crop=experiment.crop,
            cache=experiment.cache, shuffle=min(experiment.shuffle, count // 4), augment=experiment.augment,
            degradation=degradation_of(experiment), target=experiment.target, seed=0,
        )  # fmt: skip
        iterator = iter(batches)
        for _ in range(2 * count // experiment.batch):  # fills the cache, and whatever is read ahead
            next(iterator)
        begun, began, taken = time.process_time(), time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            next(iterator)
            taken += experiment.batch
        return taken / (time.process_time() - begun)
