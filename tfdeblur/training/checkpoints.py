"""Checkpoints of a run: two files each, whose damage is found before anything is loaded from them.

`step-N.weights.h5` holds weights and optimisers. `step-N.json` holds the rest: random states, what the loop has to
remember, the settings and facts of the run, and the checksum of the weights.
"""

import errno
import re
import sys
from dataclasses import dataclass

from tfdeblur import storage

KEPT = 2
"""Checkpoints kept: the newest, and the one before in case of a damaged disk."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been found sound.

    Attributes
    ----------
    step : int
        Steps taken before it.
    weights : str
        The file of the weights.
    state : dict
        What the other file holds.
    damaged : tuple of int
        The steps of newer checkpoints, which are damaged.
    """

    step: int
    weights: str
    state: dict
    damaged: tuple[int, ...] = ()


def save(workdir: str, model, step: int, state: dict) -> None:
    """Save a compiled `keras.Model` and `state` after `step` steps; one more is kept, older ones removed."""
    from keras import ops

    name = _name(workdir, step)
    random = [ops.convert_to_numpy(variable).tolist() for variable in _random_states(model)]
    with storage.publish(f"{name}.weights.h5") as temporary:
        model.save_weights(temporary)
        storage.write_json(f"{name}.json", state | {"random": random, "weights_sha256": storage.sha256(temporary)})
    for old in steps_in(workdir)[:-KEPT]:
        for suffix in ("weights.h5", "json"):
            storage.remove(f"{_name(workdir, old)}.{suffix}")


def newest(workdir: str) -> Checkpoint | None:
    """Return the newest checkpoint that is not damaged, None where there is none at all.

    Damaged ones are named on stderr.

    Raises
    ------
    ValueError
        All checkpoints are damaged.
    """
    damaged = []
    for step in reversed(steps_in(workdir)):
        try:
            return Checkpoint(step, f"{_name(workdir, step)}.weights.h5", _verified(workdir, step), tuple(damaged))
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno != errno.EIO:  # not damage, but a bucket that does not answer
                raise
            print(f"note: the checkpoint after step {step} cannot be used: {error}", file=sys.stderr)
            damaged.append(step)
    if damaged:
        raise ValueError(
            f"all checkpoints in {storage.join(workdir, 'checkpoints')} are damaged; choose another --workdir, or "
            "remove them to begin again"
        )
    return None


def restore(checkpoint: Checkpoint, model) -> None:
    """Load a checkpoint into a built and compiled `keras.Model`.

    Raises
    ------
    ValueError
        It does not fit the model, or was saved without a checksum and is damaged; the message says what to remove.
    """
    try:
        with storage.local_copy(checkpoint.weights) as path:
            model.load_weights(path)
        for variable, value in zip(_random_states(model), checkpoint.state["random"], strict=True):
            variable.assign(value)
    except Exception as error:  # Keras and h5py raise nearly anything
        raise ValueError(
            f"{checkpoint.weights} cannot be loaded ({error}); remove it to resume from the one before"
        ) from error


def set_damaged_aside(workdir: str, checkpoint: Checkpoint) -> None:
    """Rename the damaged checkpoints that are newer than one, so that the run can save them again."""
    for step in checkpoint.damaged:
        for suffix in ("weights.h5", "json"):
            path = f"{_name(workdir, step)}.{suffix}"
            if storage.exists(path):
                print(f"note: {path} is kept as {storage.set_aside(path)}", file=sys.stderr)


def steps_in(workdir: str) -> list[int]:
    """Return the steps after which there are checkpoints, sound or not."""
    names = storage.list_names(storage.join(workdir, "checkpoints"))
    return sorted(int(found[1]) for found in map(re.compile(r"step-(\d{8,})\.weights\.h5").fullmatch, names) if found)


def _verified(workdir: str, step: int) -> dict:
    """Return the state of a checkpoint whose files both fit their checksums; those of older versions have none."""
    path = f"{_name(workdir, step)}.json"
    if not storage.exists(path):
        raise ValueError(f"{path} is missing")
    state = storage.read_json(path)
    weights = f"{_name(workdir, step)}.weights.h5"
    if "weights_sha256" in state and storage.sha256(weights) != state["weights_sha256"]:
        raise ValueError(f"{weights} is damaged: it does not fit its checksum")
    return state


def _name(workdir: str, step: int) -> str:
    return storage.join(workdir, "checkpoints", f"step-{step:08d}")


def _random_states(model) -> list:
    """Return the states of dropout and its like, which Keras leaves out of the weights it saves."""
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]
