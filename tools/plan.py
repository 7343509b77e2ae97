"""What is to be written: the plan, which the folder of a data set holds until the data set is finished."""

import contextlib
import hashlib
import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tfdeblur import storage
from tfdeblur.data.records import MANIFEST, PLAN, load_manifest, shard_name
from tools.items import Item, Recipe
from tools.recording import estimated_bytes

DEFAULT_SHARD_MB = 64.0
PROBES = 8
"""Items of a split that are made to learn how large its records are."""


@dataclass(frozen=True)
class Shard:
    """A file of the data set, and the items whose records it shall hold."""

    file: str
    split: str
    items: tuple[Item, ...]


def shard_counts(
    splits: dict[str, list[Item]], recipe: Recipe, shards: int | None, shard_mb: float | None
) -> dict[str, int]:
    """Return how many shards each split gets.

    Parameters
    ----------
    splits : dict of list of Item
        Items of each split.
    recipe : Recipe
        What is made of them.
    shards : int, optional
        The number itself; no split gets more shards than it has items.
    shard_mb : float, optional
        Otherwise: size of a shard in MB, 64 if None. The size of the records is estimated from a few items.
    """
    size = (shard_mb or DEFAULT_SHARD_MB) * 1e6
    counts = {split: shards or round(_estimated_bytes(items, recipe) / size) for split, items in splits.items()}
    return {split: min(max(counts[split], 1), len(items)) for split, items in splits.items()}


def plan_shards(name: str, splits: dict[str, list[Item]], counts: dict[str, int]) -> list[Shard]:
    """Divide every split's items among its shards, in order and as evenly as it goes."""
    shards = []
    for split, items in splits.items():
        total = counts[split]
        bounds = [len(items) * index // total for index in range(total + 1)]
        shards += [
            Shard(shard_name(name, split, index, total), split, tuple(items[bounds[index] : bounds[index + 1]]))
            for index in range(total)
        ]
    return shards


def _estimated_bytes(items: list[Item], recipe: Recipe) -> float:
    """Estimate a split's size from a few items spread over it."""
    sizes = []
    for item in items[:: max(len(items) // PROBES, 1)]:
        # A picture that cannot be read is reported when its turn to be written comes.
        with contextlib.suppress(ValueError):
            sizes.append(estimated_bytes(item, recipe))
    return sum(sizes) / len(sizes) * len(items) if sizes else 0


def fingerprint(settings: dict, splits: dict[str, list[Item]]) -> str:
    """Return a digest of all that decides the data set's bytes, except for the content of the source's files."""
    items = {split: [(item.name, item.scene) for item in items] for split, items in splits.items()}
    return hashlib.sha256(json.dumps([settings, items], sort_keys=True).encode()).hexdigest()


def is_finished(out: str, digest: str) -> bool:
    """Whether the folder already holds this data set.

    Raises
    ------
    ValueError
        It holds another one, finished or not, or a manifest that cannot be read.
    """
    finished = storage.exists(storage.join(out, MANIFEST))
    if finished:
        found = load_manifest(out)
    elif storage.exists(storage.join(out, PLAN)):
        found = json.loads(storage.read_text(storage.join(out, PLAN)))
    else:
        return False
    if found.get("fingerprint") != digest:
        raise ValueError(
            f"{out} holds {'a finished' if finished else 'an unfinished'} data set of other pictures or options "
            f"({shlex.join(found.get('command', []))}); nothing was changed: choose another --out, or remove that "
            "folder"
        )
    return finished


@contextlib.contextmanager
def unfinished(
    out: str, digest: str, command: list[str], count_shards: Callable[[], dict[str, int]]
) -> Iterator[dict[str, int]]:
    """Hold the plan in the folder while a data set is written, and keep other writers out of a local folder.

    The plan keeps the shards' numbers, which otherwise might come out otherwise after a damaged picture was replaced.
    What a killed run left half-written is removed.

    Yields
    ------
    dict
        Number of shards of each split.
    """
    path = storage.join(out, PLAN)
    if not storage.exists(path):
        plan = {"fingerprint": digest, "command": command, "shards": count_shards()}
        try:
            storage.make_folder(out)
            storage.write_text(path, json.dumps(plan, indent=1))
        except OSError as error:
            raise OSError(
                f"--out {out} cannot be written ({error.strerror or error}); choose another folder"
            ) from error
    with contextlib.nullcontext() if storage.is_remote(out) else _locked(path):
        for name in storage.list_names(out):
            if name.startswith(".partial-"):
                storage.remove(storage.join(out, name))
        yield json.loads(storage.read_text(path))["shards"]


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Lock a local file; the system lets go of it however the process ends."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; two writers there overwrite each other with equal bytes.
        yield
        return
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"another make_tfrecords is writing this data set ({path} is locked); let it end"
            ) from error
        yield
