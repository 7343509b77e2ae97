"""How a run begins, goes on and ends: one loop for every kind of training step, device and strategy."""

import dataclasses
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, nullcontext

import keras
import numpy as np
import tensorflow as tf

from tfdeblur import locking, provenance, storage
from tfdeblur.config import Experiment
from tfdeblur.data import pipeline, records
from tfdeblur.devices import Devices
from tfdeblur.physics.degradation import degradation_of
from tfdeblur.training import checkpoints, run_folder
from tfdeblur.training.averaging import Averaging
from tfdeblur.training.build import as_steps, build, state_of
from tfdeblur.training.log import PICTURES, Log
from tfdeblur.training.plan import Plan, check_fit, patch_size


def train(
    experiment: Experiment,
    workdir: str,
    devices: Devices,
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
    devices : Devices
        From `devices.choose`.
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
        The data set or the run folder do not fit; or another run is training in the folder; or the loss is no longer a
        number; or another host was lost.
    """
    alone = locking.lock(workdir, "--workdir") if devices.chief else nullcontext()
    named = records.damage_named(experiment.data)
    with devices.watched(), alone, named, tempfile.TemporaryDirectory() as nowhere:
        run = _Run(experiment, workdir, devices, command, nowhere)
        print(run.heading(), flush=True)
        with _signals() as stop:
            run.go(stop, on_step)
        return run.finish()


class _Run:
    """A run between its beginning, or where its folder says it stopped, and its end."""

    def __init__(self, experiment: Experiment, workdir: str, devices: Devices, command: str, nowhere: str):
        self.experiment, self.devices = experiment, devices
        self.workdir = workdir if devices.chief else nowhere  # all hosts read the folder, one writes to it
        manifest = records.load_manifest(experiment.data)
        checkpoint = checkpoints.newest(workdir)
        run_folder.check(workdir, experiment, checkpoint)
        before = run_folder.facts_of(workdir, checkpoint)
        self.plan = Plan.of(experiment, manifest, devices.replicas, before.get("global_batch"))
        keras.utils.set_random_seed(experiment.seed)
        policy = devices.policy(experiment.precision)
        with devices.scope():
            self.model = build(experiment, self.plan.steps, self.plan.steps_per_epoch, policy)
        check_fit(experiment, manifest, self.model.network)
        state = state_of(self.model)
        at_once, xla = experiment.steps_per_execution, experiment.xla
        self.step = devices.compiled(self.model.train_step, state, at_once=at_once, xla=xla)
        self.measure = devices.compiled(self._measure, state)
        self.validation = None
        if "val" in manifest["splits"]:
            patch, limit = patch_size(experiment), experiment.validation_pictures
            batch = self.plan.batch
            made = {"degradation": degradation_of(experiment), "target": experiment.target, "seed": experiment.seed}
            self.validation = pipeline.validation_batches(
                experiment.data, batch=batch, patch=patch, limit=limit, **made
            )
        self.averaging = Averaging(self.model, devices, state, lambda *host: self.batches(0, *host, cache="none"))
        self.done, self.state = 0, {"best": None, "best_step": None, "seconds": 0.0, "log": {}}
        if checkpoint:
            checkpoints.restore(checkpoint, self.model)
            self.done = checkpoint.step
            self.state = {key: checkpoint.state.get(key, value) for key, value in self.state.items()}
        best_is_lost = self.state["best_step"] is not None and not run_folder.has_network(workdir, "best")
        if devices.mean(self.done) != self.done:
            raise ValueError(
                f"this host finds step {self.done} in {workdir}, others another one; --workdir has to be the same "
                "folder on all of them"
            )
        self.began = time.monotonic() - self.state["seconds"]
        self.facts = {
            "experiment": experiment.name, "command": command, "commit": provenance.commit(),
            "versions": provenance.versions(), "device": devices.describe(), "precision": policy,
            "replicas": devices.replicas, "global_batch": self.plan.batch,
        }  # fmt: skip
        self.facts["earlier"] = run_folder.earlier_parts(before, self.facts, self.done)
        run_folder.claim(self.workdir, experiment, checkpoint, before)  # which all hosts have read by now
        if best_is_lost:
            self._replace_best()

    def _replace_best(self) -> None:
        """Save a lost best network again if it is the checkpoint's; otherwise the next validation makes a new one."""
        path = storage.join(self.workdir, "best.keras")
        if self.state["best_step"] == self.done:
            with self.averaging.in_place():
                run_folder.save_network(self.workdir, "best", self.model.network)
            said = f"{path} is saved again from the checkpoint"
        else:
            said = (
                f"the best network, of step {self.state['best_step']}, is lost; the next validation makes {path} anew"
            )
            self.state |= {"best": None, "best_step": None}
        if self.devices.chief:
            print(f"note: {said}", file=sys.stderr)

    def heading(self) -> str:
        """Return what is trained, on what, and from where on, in a line."""
        plan, facts = self.plan, self.facts
        return (
            f"{facts['experiment']}: {self.model.network.count_params():,} parameters, {plan.steps:,} steps of "
            f"{plan.samples} samples ({plan.steps_per_epoch:.4g} an epoch), {facts['precision']}, {facts['device']}"
            + (f"; goes on after step {self.done:,}" if self.done else "")
        )

    def pairs(self, first_step: int, host: int, hosts: int, **otherwise) -> tf.data.Dataset:
        """Return a host's share of the pairs of every step from one on, by the experiment's fields but for some."""
        e = dataclasses.replace(self.experiment, **otherwise)
        return pipeline.training_batches(
            e.data, batch=self.plan.samples // hosts, patch=patch_size(e), crop=e.crop, cache=e.cache,
            shuffle=e.shuffle, augment=e.augment, degradation=degradation_of(e), target=e.target, seed=e.seed,
            first_step=first_step, host=host, hosts=hosts,
        )  # fmt: skip

    def batches(self, first_step: int, host: int, hosts: int, **otherwise) -> tf.data.Dataset:
        """Return `pairs` as a step takes them."""
        return as_steps(self.pairs(first_step, host, hosts, **otherwise), self.experiment, first_step, host)

    def go(self, stop: threading.Event, on_step: Callable[[int], None]) -> None:
        """Train until the last step, or until `stop` is set, which ends the run after a checkpoint."""
        plan, at_once = self.plan, self.experiment.steps_per_execution
        if self.done >= plan.steps:
            return
        iterator = self.devices.batches(lambda *host: self.batches(self.done, *host))
        summary_of, kept = self.model.summary_of, self.state["log"]
        log = Log(self.workdir, self.done, plan.steps, plan.samples, plan.steps_per_epoch, summary_of, kept)
        try:
            while self.done < plan.steps:
                logs = self.step(iterator)
                if not np.isfinite(logs["loss"]):
                    raise ValueError(self._keep_batch(f"the loss is {logs['loss']}"))
                self.done += at_once
                log.step(plan.samples * at_once, logs)
                at_period = self.done % plan.period == 0 or self.done == plan.steps
                stopping = self.devices.mean(stop.is_set()) > 0
                at_checkpoint = at_period or stopping or self.done % self.experiment.checkpoint_every < at_once
                if at_checkpoint:
                    self.devices.settle()
                    if not all(np.isfinite(weight).all() for weight in self.model.get_weights()):
                        self.done -= at_once
                        raise ValueError(self._keep_batch("the weights are no longer finite"))
                if at_period:
                    self._validate(log)
                if at_checkpoint:
                    self.state["log"] = log.kept
                    self._checkpoint()
                    log.resume_clock()
                on_step(plan.samples * at_once)
                if stopping:
                    raise KeyboardInterrupt
        finally:
            log.close()

    def _measure(self, batch) -> dict:
        """Return the sums of what is measured of each pair, by its weight, and of the weights."""
        *pair, weight = batch
        measured = self.model.test_step(pair)
        return {name: keras.ops.sum(weight * values) for name, values in measured.items()} | {
            "weight": keras.ops.sum(weight)
        }

    def _measured(self) -> dict[str, float]:
        """Measure the network on the validation split."""

        def of_host(host: int, hosts: int) -> tf.data.Dataset:
            own = slice(self.plan.batch // hosts * host, self.plan.batch // hosts * (host + 1))
            filled = pipeline.filled_up(self.validation, self.plan.batch)
            return filled if hosts == 1 else filled.map(lambda *parts: tuple(part[own] for part in parts))

        iterator, sums = self.devices.batches(of_host), Counter()
        for _ in range(len(self.validation)):
            sums.update(self.measure(iterator))
        self.devices.settle()
        weight = sums.pop("weight")
        return self.model.summary_of({name: value / weight for name, value in sums.items()})

    def _validate(self, log: Log) -> None:
        """Measure the network on the validation split, keep it if it is the best so far, write the log."""
        training, validation = log.means(), {}
        with self.averaging.in_place():
            if self.validation is not None:
                validation = self._measured()
                log.pictures(
                    self.done, self.model.shown(*(part[:PICTURES].numpy() for part in next(iter(self.validation))))
                )
            name, sign = self.model.criterion
            score = validation.get(name, training[name])
            if self.state["best"] is None or sign * (score - self.state["best"]) > 0:
                self.state |= {"best": float(score), "best_step": self.done}
                run_folder.save_network(self.workdir, "best", self.model.network)
        log.period(self.done, float(self.model.optimizer.learning_rate), training, validation)

    def _checkpoint(self) -> None:
        self.state["seconds"] = time.monotonic() - self.began
        best = {"step": self.state["best_step"], self.model.criterion[0]: self.state["best"]}
        done = {"step": self.done, "steps": self.plan.steps, "seconds": round(self.state["seconds"], 1), "best": best}
        facts = self.facts | done
        run_folder.write_facts(self.workdir, facts)  # first: wherever there is a checkpoint there are facts
        said = {"facts": facts, "experiment": dataclasses.asdict(self.experiment)}
        checkpoints.save(self.workdir, self.model, self.done, self.state | said)

    def _keep_batch(self, trouble: str) -> str:
        """Save the batch of the next step, which the pipeline gives again, and say where."""
        if not self.devices.chief:
            return f"{trouble} at step {self.done + 1}; the first host keeps its batch"
        path = storage.join(self.workdir, f"bad-step-{self.done:08d}.npz")
        # Not from the cache: one that is being filled admits no second reader.
        blur, sharp = next(iter(self.pairs(self.done, 0, self.devices.hosts, cache="none")))
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
        if self.state["best"] is None:
            raise ValueError(
                f"{self.workdir} has lost its best.keras, and the run has ended; use last.keras, or give more --steps"
            )
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
