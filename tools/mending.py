"""Finished data sets whose shards are not all as the manifest lists them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.data.records import MANIFEST, PLAN
from tools.items import Item
from tools.plan import Shard, plan_shards
from tools.sharding import NOTE
from tools.verifying import shards_of, verify_bytes, verify_size


def broken_shards(out: str, manifest: dict, checksums: bool, workers: int) -> list[str]:
    """Return the names of the shards that are missing, have another size or, if asked for, another SHA-256."""

    def is_broken(shard) -> bool:
        try:
            (verify_bytes if checksums else verify_size)(shard)
        except (FileNotFoundError, ValueError):
            return True
        return False

    shards = list(shards_of(out, manifest))
    names = [shard["file"] for entry in manifest["splits"].values() for shard in entry["shards"]]
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(is_broken, shards)
        broken = tqdm(found, "comparing checksums", len(shards), unit="shard", leave=False, disable=None)
        return [name for name, is_bad in zip(names, broken, strict=True) if is_bad]


def planned_again(manifest: dict, splits: dict[str, list[Item]], broken: list[str]) -> list[Shard]:
    """Return the plan of the broken shards, with the SHA-256 they must have.

    Raises
    ------
    ValueError
        The manifest lists shards that this data set does not have.
    """
    listed = {shard["file"]: shard["sha256"] for entry in manifest["splits"].values() for shard in entry["shards"]}
    counts = {split: len(entry["shards"]) for split, entry in manifest["splits"].items()}
    there = {split: items for split, items in splits.items() if split in counts}
    shards = {shard.file: shard for shard in plan_shards(manifest["name"], there, counts)}
    unknown = listed.keys() - shards.keys()
    if unknown:
        raise ValueError(f"the manifest lists {min(unknown)}, which is no shard of this data set; copy {MANIFEST} anew")
    return [replace(shards[file], sha256=listed[file]) for file in broken]


def remains(out: str) -> list[str]:
    """Return the paths of the plan and the notes, which a killed run may have left beside a manifest."""
    return [storage.join(out, name) for name in storage.list_names(out) if name == PLAN or NOTE.fullmatch(name)]


def mend(
    out: str, manifest: dict, splits: dict[str, list[Item]], broken: list[str], write: Callable[[list[Shard]], list]
) -> str:
    """Make broken shards again, byte for byte, and leave the manifest as it is.

    Parameters
    ----------
    out : str
        Folder of the data set, which this process holds.
    manifest : dict
        Its manifest.
    splits : dict of list of Item
        All items of each split.
    broken : list of str
        Names of the shards.
    write : callable
        Writes shards.

    Returns
    -------
    str
        What was done, in a sentence.

    Raises
    ------
    ValueError, OSError
        As of `planned_again` and `tools.sharding.write_shards`, for example because the source has changed.
    """
    shards = planned_again(manifest, splits, broken)
    if shards:
        write(shards)
    for path in remains(out):
        storage.remove(path)
    if not shards:
        return f"{out} is complete, nothing to do"
    more = ", ..." if len(broken) > 3 else ""
    return f"{out} is complete again: made {len(broken)} missing or damaged shards anew ({', '.join(broken[:3])}{more})"
