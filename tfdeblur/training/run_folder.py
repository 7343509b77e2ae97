"""The folder of a run: its configuration, checkpoints, log and models. The same command goes on from it."""

import csv
import dataclasses
import io
import json

import keras

from tfdeblur import config, storage
from tfdeblur.config import Experiment

FREE_TO_CHANGE = {
    "data", "cache", "epochs", "steps", "validate_every", "validation_pictures", "checkpoint_every", "xla",
    "steps_per_execution",
}  # fmt: skip
"""Fields that a resumed run may have otherwise than when it began: they do not change what the network is."""

KEPT = 2
"""Checkpoints kept: the newest, and the one before in case of a damaged disk."""


def check(workdir: str, experiment: Experiment) -> None:
    """See that a run folder, if there is one, belongs to the same experiment.

    As long as there is no checkpoint nothing is lost, so an attempt that failed may be repeated with other settings.

    Raises
    ------
    ValueError
        The folder holds a run with other settings, which the message names, or checkpoints of nobody knows what.
    """
    path = storage.join(workdir, "config.json")
    if _checkpoint_steps(workdir):
        if not storage.exists(path):
            raise ValueError(
                f"{workdir} has checkpoints but no config.json that says of what; choose another --workdir"
            )
        before, now = dataclasses.asdict(config.load(path)), dataclasses.asdict(experiment)
        changed = [key for key in now if now[key] != before[key] and key not in FREE_TO_CHANGE]
        if changed:
            listed = ", ".join(f"{key} was {before[key]!r} and is now {now[key]!r}" for key in changed)
            raise ValueError(f"{workdir} holds a run with other settings: {listed}; choose another --workdir")


def claim(workdir: str, experiment: Experiment) -> None:
    """Make the folder of a run."""
    storage.make_folder(workdir)
    storage.write_text(storage.join(workdir, "config.json"), config.to_json(experiment))


def global_batch(workdir: str) -> int | None:
    """Return the size of the global batch of a run that goes on, None for a new one."""
    return read_facts(workdir)["global_batch"] if _checkpoint_steps(workdir) else None


def save_checkpoint(workdir: str, model: keras.Model, step: int, state: dict) -> None:
    """Save weights, optimisers, random states and `state` after `step` steps; one more is kept, older ones removed."""
    folder = storage.join(workdir, "checkpoints")
    storage.make_folder(folder)
    random = [keras.ops.convert_to_numpy(variable).tolist() for variable in _random_states(model)]
    storage.write_text(storage.join(folder, f"step-{step:08d}.json"), json.dumps(state | {"random": random}))
    with storage.publish(storage.join(folder, f"step-{step:08d}.weights.h5")) as temporary:
        model.save_weights(temporary)
    for old in _checkpoint_steps(workdir)[:-KEPT]:
        for suffix in ("weights.h5", "json"):
            storage.remove(storage.join(folder, f"step-{old:08d}.{suffix}"))


def load_checkpoint(workdir: str, model: keras.Model) -> tuple[int, dict]:
    """Load the newest checkpoint into a built and compiled model; return its step and state, (0, {}) without one.

    Raises
    ------
    ValueError
        The checkpoint cannot be read; the message says what to remove.
    """
    steps = _checkpoint_steps(workdir)
    if not steps:
        return 0, {}
    name = storage.join(workdir, "checkpoints", f"step-{steps[-1]:08d}")
    try:
        with storage.local_copy(f"{name}.weights.h5") as path:
            model.load_weights(path)
        state = json.loads(storage.read_text(f"{name}.json"))
        for variable, value in zip(_random_states(model), state.pop("random", []), strict=True):
            variable.assign(value)
        return steps[-1], state
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{name}.weights.h5 cannot be loaded ({error}); remove it to resume from the one before"
        ) from error


def _random_states(model: keras.Model) -> list:
    """Return the states of dropout and its like, which Keras leaves out of the weights it saves."""
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]


def _checkpoint_steps(workdir: str) -> list[int]:
    names = storage.list_names(storage.join(workdir, "checkpoints"))
    return sorted(int(n[5:13]) for n in names if n.startswith("step-") and n.endswith(".weights.h5"))


def write_facts(workdir: str, facts: dict) -> None:
    """Write `run.json`: what was run where, by which command, and how far it came."""
    storage.write_text(storage.join(workdir, "run.json"), json.dumps(facts, indent=2) + "\n")


def read_facts(workdir: str) -> dict:
    """Return what `run.json` holds."""
    return json.loads(storage.read_text(storage.join(workdir, "run.json")))


def earlier_parts(workdir: str, facts: dict, step: int) -> list[dict]:
    """Return the command, commit and device of every part of a run before `step`, and the step each came to.

    A part that began with the command, the commit and the device of `facts` too is not told apart from the one to come.
    """
    if not step:
        return []
    before = read_facts(workdir)
    part = {key: before[key] for key in ("command", "commit", "device")}
    same = all(part[key] == facts[key] for key in part)
    return before.get("earlier", []) + ([] if same else [part | {"until_step": step}])


def save_network(workdir: str, name: str, network: keras.Model) -> None:
    """Save the network, which takes and returns pictures in [0, 1], as `NAME.keras`."""
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
    """Return the rows of `log.csv`."""
    path = storage.join(workdir, "log.csv")
    return list(csv.DictReader(io.StringIO(storage.read_text(path)))) if storage.exists(path) else []
