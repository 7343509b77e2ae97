"""What is to be written: the plan, which the folder of a data set holds until the data set is finished."""

import contextlib
import hashlib
import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tfdeblur import locking, storage
from tfdeblur.data.records import MANIFEST, PLAN, load_manifest, shard_name
from tools.items import Item, Recipe
from tools.recording import estimated_bytes

DEFAULT_SHARD_MB = 64.0
PROBES = 8
"""Items of a split that are made to learn how large its records are."""


@dataclass(frozen=True)
class Shard:
    """A file of the data set, and the items whose records it shall hold.

    A shard of a finished data set that is made again has to have the `sha256` that the manifest lists.
    """

    file: str
    split: str
    items: tuple[Item, ...]
    sha256: str | None = None


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


def finished(out: str, digest: str) -> dict | None:
    """Return the manifest of this data set, or None if the folder does not hold it finished.

    Raises
    ------
    ValueError
        The folder holds another data set, finished or not, or a manifest or plan that cannot be read.
    """
    manifest = load_manifest(out) if storage.exists(storage.join(out, MANIFEST)) else None
    found = manifest or _load_plan(out)
    if found is not None and found.get("fingerprint") != digest:
        raise ValueError(
            f"{out} holds {'a finished' if manifest else 'an unfinished'} data set of other pictures or options "
            f"({shlex.join(found.get('command', []))}); nothing was changed: choose another --out, or remove that "
            "folder"
        )
    return manifest


def _load_plan(out: str) -> dict | None:
    path = storage.join(out, PLAN)
    if not storage.exists(path):
        return None
    try:
        plan = json.loads(storage.read_text(path))
        if not all(isinstance(plan[key], kind) for key, kind in (("fingerprint", str), ("shards", dict))):
            raise TypeError("it is not a plan")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}); remove it and run the same command again, finished shards are kept"
        ) from error
    return plan


@contextlib.contextmanager
def held(out: str) -> Iterator[None]:
    """Keep other runs out of a local folder, and remove the incomplete files of killed ones; see `locking.lock`."""
    with locking.lock(out):
        locking.clean(out)
        yield


def shards_planned(
    out: str, digest: str, command: list[str], count_shards: Callable[[], dict[str, int]]
) -> dict[str, int]:
    """Return the number of shards of each split, which the plan in the folder keeps.

    The estimate of `count_shards` could change when a damaged image is replaced.
    """
    plan = _load_plan(out)
    if plan is None:
        plan = {"fingerprint": digest, "command": command, "shards": count_shards()}
        try:
            storage.write_text(storage.join(out, PLAN), json.dumps(plan, indent=1))
        except OSError as error:
            raise OSError(
                f"--out {out} cannot be written ({error.strerror or error}); choose another folder"
            ) from error
    return plan["shards"]
