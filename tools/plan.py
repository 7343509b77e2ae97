"""What is still to be written: the plan of a data set, which its folder holds from the first moment until it is finished."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from tfdeblur import storage
from tfdeblur.data.records import MANIFEST, PLAN, load_manifest, shard_name
from tools.items import Item, Recipe
from tools.recording import record_item

DEFAULT_SHARD_MB = 64.0
PROBES = 8
"""Items of a split that are made to learn how large its records are."""


@dataclass(frozen=True)
class Shard:
    """A file of the data set, and the items whose records it shall hold."""

    file: str
    split: str
    items: tuple[Item, ...]


def plan_shards(
    name: str, splits: dict[str, list[Item]], recipe: Recipe, count: int | None, megabytes: float | None
) -> list[Shard]:
    """Divide every split's items among shards, in order and as evenly as it goes.

    Parameters
    ----------
    name : str
        Name of the data set, which begins the files' names.
    splits : dict of list of Item
        Items of each split.
    recipe : Recipe
        What is made of them.
    count : int, optional
        Shards per split (no more than it has items).
    megabytes : float, optional
        Otherwise: size of a shard in MB; 64 if None. The size of the records is estimated from a few items.

    Returns
    -------
    list of Shard
        In the order in which they are written.
    """
    shards = []
    for split, items in splits.items():
        wanted = count or round(_estimated_bytes(items, recipe) / ((megabytes or DEFAULT_SHARD_MB) * 1e6))
        total = min(max(wanted, 1), len(items))
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
            sizes.append(sum(map(len, record_item(item, recipe).records)))
    return sum(sizes) / len(sizes) * len(items) if sizes else 0


def fingerprint(settings: dict, splits: dict[str, list[Item]]) -> str:
    """Return a digest of all that decides the data set's bytes but the content of the source's files."""
    items = {split: [(item.name, item.scene) for item in items] for split, items in splits.items()}
    return hashlib.sha256(json.dumps([settings, items], sort_keys=True).encode()).hexdigest()


def is_finished(out: str, digest: str) -> bool:
    """Whether the folder already holds this data set.

    Raises
    ------
    ValueError
        It holds another one, finished or not, or a manifest that cannot be read.
    """
    if storage.exists(storage.join(out, MANIFEST)):
        found = load_manifest(out)
    elif storage.exists(storage.join(out, PLAN)):
        found = json.loads(storage.read_text(storage.join(out, PLAN)))
    else:
        return False
    if found.get("fingerprint") != digest:
        state = "an unfinished" if "splits" not in found else "a finished"
        raise ValueError(
            f"{out} holds {state} data set made from other pictures or with other options ({' '.join(found.get('command', []))}); "
            "nothing was changed: choose another --out, or remove that folder"
        )
    return "splits" in found


@contextlib.contextmanager
def unfinished(out: str, digest: str, command: list[str]) -> Iterator[None]:
    """Hold the plan in the folder while a data set is written, and keep other writers out of a local folder.

    What a killed run left half-written is removed first.
    """
    path = storage.join(out, PLAN)
    if not storage.exists(path):
        storage.make_folder(out)
        storage.write_text(path, json.dumps({"fingerprint": digest, "command": command}, indent=1))
    with contextlib.nullcontext() if storage.is_remote(out) else _locked(path):
        for name in storage.list_names(out):
            if name.startswith(".partial-"):
                storage.remove(storage.join(out, name))
        yield


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
            raise ValueError(f"another make_tfrecords is writing this data set ({path} is locked); wait for it to end") from error
        yield
