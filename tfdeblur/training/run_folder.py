"""The folder of a run: its configuration, checkpoints, log and models. The same command goes on from it."""

import csv
import dataclasses
import io
import sys
from collections.abc import Callable

from tfdeblur import config, keras_files, locking, storage
from tfdeblur.config import Experiment
from tfdeblur.training import checkpoints
from tfdeblur.training.checkpoints import Checkpoint

FREE_TO_CHANGE = {
    "data", "cache", "epochs", "steps", "validate_every", "validation_pictures", "checkpoint_every", "xla",
    "steps_per_execution",
}  # fmt: skip
"""Fields that a resumed run may have otherwise than when it began: they do not change what the network is."""


def check(workdir: str, experiment: Experiment, checkpoint: Checkpoint | None) -> None:
    """Check that a run folder, if there is one, belongs to the same experiment.

    As long as there is no checkpoint nothing is lost, so an attempt that failed may be repeated with other settings.

    Raises
    ------
    ValueError
        The folder holds a run with other settings, which the message names, or checkpoints of unknown settings.
    """
    if not checkpoint:
        return
    before, now = dataclasses.asdict(_settings(workdir, checkpoint)), dataclasses.asdict(experiment)
    changed = [key for key in now if now[key] != before[key] and key not in FREE_TO_CHANGE]
    if changed:
        listed = ", ".join(f"{key} was {before[key]!r} and is now {now[key]!r}" for key in changed)
        raise ValueError(f"{workdir} holds a run with other settings: {listed}; choose another --workdir")


def _settings(workdir: str, checkpoint: Checkpoint) -> Experiment:
    """Return the experiment of a run; checkpoints of older versions do not hold it."""
    if "experiment" in checkpoint.state:
        return config.of_fields(checkpoint.state["experiment"], checkpoint.weights)
    path = storage.join(workdir, "config.json")
    if not storage.exists(path):
        raise ValueError(f"{workdir} has checkpoints but no config.json that says of what; choose another --workdir")
    return config.load(path)


def facts_of(workdir: str, checkpoint: Checkpoint | None) -> dict:
    """Return the facts of the run that a checkpoint belongs to, {} without one."""
    if not checkpoint:
        return {}
    return checkpoint.state.get("facts") or read_facts(workdir)


def claim(workdir: str, experiment: Experiment, checkpoint: Checkpoint | None, before: dict) -> None:
    """Make the folder of a run, or put it in order: damaged files are renamed, and replaced where that is possible.

    Parameters
    ----------
    workdir, experiment
        The folder, and what is trained in it.
    checkpoint : Checkpoint, optional
        Where the run goes on.
    before : dict
        The facts of the run up to there.
    """
    storage.make_folder(workdir)
    storage.make_folder(storage.join(workdir, "tensorboard"))
    for folder in (workdir, storage.join(workdir, "checkpoints")):
        locking.clean(folder)
    if checkpoint:
        checkpoints.set_damaged_aside(workdir, checkpoint)
    _keep_if_damaged(storage.join(workdir, "config.json"), config.load)
    config.save(storage.join(workdir, "config.json"), experiment)
    facts = storage.join(workdir, "run.json")
    _keep_if_damaged(facts, storage.read_json)
    if before and not storage.exists(facts):
        write_facts(workdir, before)
    for name in ("best", "last"):
        _keep_if_damaged(storage.join(workdir, f"{name}.keras"), keras_files.check)
    _keep_if_damaged(storage.join(workdir, "log.csv"), lambda path: read_log(workdir))


def has_network(workdir: str, name: str) -> bool:
    """Whether the folder holds a sound `NAME.keras`."""
    path = storage.join(workdir, f"{name}.keras")
    if not storage.exists(path):
        return False
    try:
        keras_files.check(path)
    except ValueError:
        return False
    return True


def _keep_if_damaged(path: str, read: Callable[[str], object]) -> None:
    """Rename a file that cannot be read, and say so on stderr."""
    if storage.exists(path):
        try:
            read(path)
        except ValueError as error:
            print(f"note: {error}; kept as {storage.set_aside(path)}", file=sys.stderr)


def write_facts(workdir: str, facts: dict) -> None:
    """Write `run.json`: what was run where, by which command, and how far it came."""
    storage.write_json(storage.join(workdir, "run.json"), facts)


def read_facts(workdir: str) -> dict:
    """Return what `run.json` holds.

    Raises
    ------
    OSError, ValueError
        It cannot be read, or is damaged.
    """
    return storage.read_json(storage.join(workdir, "run.json"))


def earlier_parts(before: dict, facts: dict, step: int) -> list[dict]:
    """Return the command, commit and device of every part of a run before `step`, and the step each came to.

    A part that began with the command, the commit and the device of `facts` too is not told apart from the one to come.

    Parameters
    ----------
    before, facts : dict
        The facts of the run up to `step`, {} for a new run, and of the part to come.
    step : int
        Where that begins.
    """
    if not before:
        return []
    part = {key: before[key] for key in ("command", "commit", "device")}
    same = all(part[key] == facts[key] for key in part)
    return before.get("earlier", []) + ([] if same else [part | {"until_step": step}])


def save_network(workdir: str, name: str, network) -> None:
    """Save a `keras.Model`, which takes and returns pictures in [0, 1], as `NAME.keras`."""
    with storage.publish(storage.join(workdir, f"{name}.keras")) as temporary:
        network.save(temporary)


def append_log(workdir: str, row: dict) -> None:
    """Add a row to `log.csv`, in place of any row of the same or a later step that a killed run left behind."""
    rows = [old for old in read_log(workdir) if int(old["step"]) < row["step"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows([*rows, row])
    storage.write_text(storage.join(workdir, "log.csv"), text.getvalue())


def read_log(workdir: str) -> list[dict[str, str]]:
    """Return the rows of `log.csv`, [] where there is none.

    Raises
    ------
    ValueError
        It is damaged.
    """
    path = storage.join(workdir, "log.csv")
    if not storage.exists(path):
        return []
    try:
        text = storage.read_text(path)
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        if text and not text.endswith("\n") or any(None in (*row, *row.values()) for row in rows):
            raise ValueError("a row is cut off")
        for row in rows:
            int(row["step"])
            for value in row.values():
                float(value or "nan")  # a column that an earlier part of the run did not have is empty
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ValueError(f"{path} is damaged: it is not a table of numbers by steps ({error})") from error
    return rows
