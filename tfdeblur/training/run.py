"""How a run begins, goes on and ends: one loop for every kind of training step, device and strategy."""

import dataclasses
import signal
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from tfdeblur import devices, provenance, storage
from tfdeblur.config import Experiment
from tfdeblur.data import patches, pipeline, records
from tfdeblur.inference import size_multiple
from tfdeblur.models.spectra import least_side
from tfdeblur.physics.degradation import degradation_of
from tfdeblur.training import run_folder
from tfdeblur.training.averaging import Averaging
from tfdeblur.training.build import as_steps, batches_per_step, build
from tfdeblur.training.log import PICTURES, Log


@dataclass(frozen=True)
class Plan:
    """The numbers of a run that follow from the experiment, the data and the devices."""

    batch: int
    """Samples in a global batch."""
    steps_per_epoch: float
    steps: int
    period: int
    """Steps between validations."""
    batches: int = 1
    """Batches that a step takes."""

    @property
    def samples(self) -> int:
        """Samples that a step takes."""
        return self.batch * self.batches

    @classmethod
    def of(cls, experiment: Experiment, manifest: dict, replicas: int) -> "Plan":
        """Work out the plan; steps and period become multiples of `steps_per_execution`."""
        samples = pipeline.epoch_samples(manifest, "train", patch_size(experiment), experiment.crop)
        batch, batches = experiment.batch * replicas, batches_per_step(experiment)
        steps_per_epoch = samples / (batch * batches)
        at_once = experiment.steps_per_execution
        steps = experiment.steps or max(round(experiment.epochs * steps_per_epoch), 1)
        period = experiment.validate_every or max(round(steps_per_epoch), 1)
        steps, period = (-(-number // at_once) * at_once for number in (steps, period))
        return cls(batch, steps_per_epoch, steps, period, batches)


def train(
    experiment: Experiment,
    workdir: str,
    strategy: tf.distribute.Strategy,
    command: str = "",
    on_step: Callable[[int], None] = lambda samples: None,
) -> dict:
    """Train an experiment, or go on with it where its run folder says it stopped.

    Parameters
    ----------
    experiment : Experiment
        What to train.
    workdir : str
        The run folder, local or `gs://`.
    strategy : tf.distribute.Strategy
        From `devices.choose_strategy`.
    command : str
        The command line, to be kept with the run.
    on_step : callable
        Called with the number of samples after every execution of the step.

    Returns
    -------
    dict
        What `run.json` holds.

    Raises
    ------
    FileNotFoundError, ValueError
        The data set or the run folder do not fit; or the loss is no longer a number.
    """
    run = _Run(experiment, workdir, strategy, command)
    print(run.heading(), flush=True)
    with _signals() as stop:
        run.go(stop, on_step)
    return run.finish()


def patch_size(experiment: Experiment) -> tuple[int, int] | None:
    """Return the size of the training samples, None for whole pictures."""
    return patches.parse_size(experiment.patch) if experiment.patch else None


def check_fit(experiment: Experiment, manifest: dict, network: keras.Model) -> None:
    """Raise a ValueError if the network does not take the samples of the data set."""
    if manifest["channels"] != experiment.channels:
        raise ValueError(
            f"the pictures of {experiment.data} have {manifest['channels']} channels, the network takes "
            f"{experiment.channels}; give --channels {manifest['channels']}"
        )
    height, width = patch_size(experiment) or manifest["size"]
    fixed = network.input_shape[1:3]
    if None not in fixed and fixed != (height, width):
        raise ValueError(
            f"{experiment.model} takes patches of {fixed[0]}x{fixed[1]}, the samples are {height}x{width}; choose "
            "another --patch"
        )
    if min(height, width) < least_side(network):
        raise ValueError(
            f"{experiment.model} takes pictures of at least {least_side(network)}x{least_side(network)}, the samples "
            f"are {height}x{width}; choose a larger --patch"
        )
    multiple = size_multiple(network, network.output_shape[-1]) if len(network.output_shape) == 4 else 1
    if height % multiple or width % multiple:
        raise ValueError(
            f"{experiment.model} takes heights and widths that are multiples of {multiple}, the samples are "
            f"{height}x{width}; choose another --patch"
        )


class _Run:
    """A run between its beginning, or where its folder says it stopped, and its end."""

    def __init__(self, experiment: Experiment, workdir: str, strategy: tf.distribute.Strategy, command: str):
        self.experiment, self.workdir, self.strategy = experiment, workdir, strategy
        manifest = records.load_manifest(experiment.data)
        self.plan = Plan.of(experiment, manifest, strategy.num_replicas_in_sync)
        run_folder.claim(workdir, experiment)
        keras.utils.set_random_seed(experiment.seed)
        policy = devices.choose_precision(experiment.precision, strategy)
        with strategy.scope():
            self.model = build(experiment, self.plan.steps, self.plan.steps_per_epoch, policy)
        check_fit(experiment, manifest, self.model.network)
        self.validation = None
        if "val" in manifest["splits"]:
            patch, limit = patch_size(experiment), experiment.validation_pictures
            batch = self.plan.batch
            made = {"degradation": degradation_of(experiment), "target": experiment.target, "seed": experiment.seed}
            self.validation = pipeline.validation_batches(
                experiment.data, batch=batch, patch=patch, limit=limit, **made
            )
        self.averaging = Averaging(self.model, strategy, lambda: self.batches(0, cache="none"))
        self.done, state = run_folder.load_checkpoint(workdir, self.model)
        self.state = {"best": None, "best_step": None, "seconds": 0.0} | state
        self.began = time.monotonic() - self.state["seconds"]
        self.facts = {
            "experiment": experiment.name, "command": command, "commit": provenance.commit(),
            "versions": provenance.versions(), "device": devices.describe(strategy), "precision": policy,
            "replicas": strategy.num_replicas_in_sync, "global_batch": self.plan.batch,
        }  # fmt: skip
        self.facts["earlier"] = run_folder.earlier_parts(workdir, self.facts, self.done)

    def heading(self) -> str:
        """Return what is trained, on what, and from where on, in a line."""
        plan, facts = self.plan, self.facts
        return (
            f"{facts['experiment']}: {self.model.network.count_params():,} parameters, {plan.steps:,} steps of "
            f"{plan.samples} samples ({plan.steps_per_epoch:.4g} an epoch), {facts['precision']}, {facts['device']}"
            + (f"; goes on after step {self.done:,}" if self.done else "")
        )

    def batches(self, first_step: int, **otherwise) -> tf.data.Dataset:
        """Return the batches from a step on, by the experiment's own fields but for some given."""
        e = dataclasses.replace(self.experiment, **otherwise)
        batches = pipeline.training_batches(
            e.data, batch=self.plan.samples, patch=patch_size(e), crop=e.crop, cache=e.cache, shuffle=e.shuffle,
            augment=e.augment, degradation=degradation_of(e), target=e.target, seed=e.seed, first_step=first_step,
        )  # fmt: skip
        return as_steps(batches, e, self.plan.batches)

    def go(self, stop: threading.Event, on_step: Callable[[int], None]) -> None:
        """Train until the last step, or until `stop` is set, which ends the run after a checkpoint."""
        plan, at_once = self.plan, self.experiment.steps_per_execution
        if self.done >= plan.steps:
            return
        iterator = iter(self.strategy.experimental_distribute_dataset(self.batches(self.done)))
        self.model.make_train_function()
        log = Log(self.workdir, self.done, plan.steps, plan.samples, plan.steps_per_epoch)
        try:
            while self.done < plan.steps:
                logs = {key: float(value) for key, value in self.model.train_function(iterator).items()}
                if not np.isfinite(logs["loss"]):
                    raise ValueError(self._keep_batch(f"the loss is {logs['loss']}"))
                self.done += at_once
                log.step(plan.samples * at_once, logs)
                at_period = self.done % plan.period == 0 or self.done == plan.steps
                at_checkpoint = at_period or stop.is_set() or self.done % self.experiment.checkpoint_every < at_once
                if at_checkpoint and not all(np.isfinite(weight).all() for weight in self.model.get_weights()):
                    self.done -= at_once
                    raise ValueError(self._keep_batch("the weights are no longer finite"))
                if at_period:
                    self._validate(log, logs)
                if at_checkpoint:
                    self._checkpoint()
                    log.resume_clock()
                on_step(plan.samples * at_once)
                if stop.is_set():
                    raise KeyboardInterrupt
        finally:
            log.close()

    def _validate(self, log: Log, training: dict) -> None:
        """Measure the network on the validation split, keep it if it is the best so far, write the log."""
        validation = {}
        with self.averaging.in_place():
            if self.validation is not None:
                validation = self.model.evaluate(self.validation, return_dict=True, verbose=0)
                log.pictures(
                    self.done, self.model.shown(*(part[:PICTURES].numpy() for part in next(iter(self.validation))))
                )
            name, sign = self.model.criterion
            score = validation.get(name, training[name])
            if self.state["best"] is None or sign * (score - self.state["best"]) > 0:
                self.state |= {"best": float(score), "best_step": self.done}
                run_folder.save_network(self.workdir, "best", self.model.network)
        log.period(self.done, float(self.model.optimizer.learning_rate), training, validation)
        self.model.reset_metrics()

    def _checkpoint(self) -> None:
        self.state["seconds"] = time.monotonic() - self.began
        best = {"step": self.state["best_step"], self.model.criterion[0]: self.state["best"]}
        done = {"step": self.done, "steps": self.plan.steps, "seconds": round(self.state["seconds"], 1), "best": best}
        run_folder.write_facts(self.workdir, self.facts | done)  # first: wherever there is a checkpoint there are facts
        run_folder.save_checkpoint(self.workdir, self.model, self.done, self.state)

    def _keep_batch(self, trouble: str) -> str:
        """Save the batch of the next step, which the pipeline gives again, and say where."""
        path = storage.join(self.workdir, f"bad-step-{self.done:08d}.npz")
        # Not from the cache: one that is being filled admits no second reader.
        pairs = tf.nest.flatten(next(iter(self.batches(self.done, cache="none"))))
        blur, sharp = np.concatenate(pairs[::2]), np.concatenate(pairs[1::2])
        with storage.publish(path) as temporary:
            np.savez(temporary, blur=blur, sharp=sharp)
        return (
            f"{trouble} at step {self.done + 1}; its batch is in {path}. The run can go on from its last "
            "checkpoint: try a lower --learning-rate or --clip-norm 1 in a new --workdir"
        )

    def finish(self) -> dict:
        """Save the last network and return what `run.json` holds."""
        with self.averaging.in_place():
            run_folder.save_network(self.workdir, "last", self.model.network)
        return run_folder.read_facts(self.workdir)


@contextmanager
def _signals():
    """Turn the first Ctrl-C or SIGTERM into a wish to stop after the present step; the second one stops at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number, frame):
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
