"""Writing shards: items through a pool of threads, in order, each shard appearing only when it is complete."""

import errno
import json
import os
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import tensorflow as tf

from tfdeblur import storage
from tools.items import Item, Recipe
from tools.plan import Shard
from tools.recording import Recorded, record_item


def ordered_map(function: Callable, arguments: Iterable, workers: int, ahead: int) -> Iterator:
    """Call a function on every argument in threads; yield the results in order, with at most `ahead` of them waiting.

    Threads suffice: decoding and encoding PNG, blurring and hashing all run without Python's global lock.
    """
    remaining = iter(arguments)
    pool = ThreadPoolExecutor(workers)
    try:
        waiting = deque(pool.submit(function, argument) for argument in islice(remaining, ahead))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, argument) for argument in islice(remaining, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)


def write_shards(
    shards: list[Shard],
    out: str,
    recipe: Recipe,
    *,
    workers: int,
    skip: bool,
    advance: Callable[[int], None],
    engine: Callable[[list[Shard]], None] | None = None,
) -> list[dict]:
    """Write the shards that are not there yet.

    Parameters
    ----------
    shards : list of Shard
        The plan.
    out : str
        Folder, local or `gs://`.
    recipe : Recipe
        What to make of each item.
    workers : int
        Threads; the bytes do not depend on it.
    skip : bool
        Leave out items that cannot be used, rather than stop at the first.
    advance : callable
        Told how many more items are done.
    engine : callable, optional
        Writes shards in place of the threads, each by `write_shard`.

    Returns
    -------
    list of dict
        For every shard its `file`, `records`, `bytes`, `sha256`, and under `made` what else the manifest tells of it.

    Raises
    ------
    ValueError
        An item cannot be used, and `skip` is False.
    OSError
        A shard cannot be written, for example because the disk is full.
    """
    done = {shard.file: _finished(shard, out, skip) for shard in shards}
    missing = [shard for shard in shards if done[shard.file] is None]
    advance(sum(len(shard.items) for shard in shards) - sum(len(shard.items) for shard in missing))
    if engine and missing:
        engine(missing)
        return [done[shard.file] or _written(shard, out) for shard in shards]
    items = (item for shard in missing for item in shard.items)
    ahead = workers + 1 if recipe.film else 4 * workers  # a part of a clip has many records
    results = ordered_map(lambda item: _attempt(item, recipe, skip), items, workers, ahead)
    try:
        for shard in missing:
            done[shard.file] = _write_shard(shard, out, islice(results, len(shard.items)), advance)
    finally:
        results.close()
    return [done[shard.file] for shard in shards]


def write_shard(shard: Shard, out: str, recipe: Recipe, skip: bool) -> None:
    """Write one shard and the note of its facts; errors as of `write_shards`."""
    _write_shard(shard, out, (_attempt(item, recipe, skip) for item in shard.items), lambda count: None)


NOTE = re.compile(r"plan-.*\.tfrecord\.json")
"""Names of the files that `note_path` names."""


def note_path(out: str, shard: Shard) -> str:
    """Return where a shard's facts wait until all of them go into the manifest."""
    return storage.join(out, f"plan-{shard.file}.json")


def _attempt(item: Item, recipe: Recipe, skip: bool) -> Recorded | ValueError:
    try:
        return record_item(item, recipe)
    except ValueError as error:
        if not skip:
            raise
        return error


def _finished(shard: Shard, out: str, skip: bool) -> dict | None:
    """Return the facts of a shard that an earlier run wrote.

    A shard without a single record is tried again, for its pictures may have been mended.
    """
    facts = _facts(shard, out)
    if facts is None or not facts["records"] or (facts["made"]["skipped"] and not skip):
        return None
    return facts


def _facts(shard: Shard, out: str) -> dict | None:
    """Return what a shard's note says, if the shard is there and its bytes are those of the note."""
    path, note = storage.join(out, shard.file), note_path(out, shard)
    if not (storage.exists(path) and storage.exists(note)):
        return None
    try:
        facts = json.loads(storage.read_text(note))
    except ValueError:
        return None
    return facts if facts.get("sha256") == storage.sha256(path) else None


def _written(shard: Shard, out: str) -> dict:
    """Return the facts of a shard that others should have written."""
    facts = _facts(shard, out)
    if facts is None:
        raise OSError(f"{storage.join(out, shard.file)} is not there as it was written; run the same command again")
    return facts


def _write_shard(shard: Shard, out: str, results: Iterator, advance: Callable[[int], None]) -> dict:
    path, note = storage.join(out, shard.file), note_path(out, shard)
    known = shard.sha256 or storage.exists(note)
    made = {"skipped": [], "sizes": [], "smallest": None, "grey": 0, "dropped": {}, "ghosts": []}
    count = 0
    with _disk_errors(path), storage.publish(path) as temporary:
        with tf.io.TFRecordWriter(temporary) as writer:
            for item, result in zip(shard.items, results, strict=True):
                advance(1)
                if isinstance(result, ValueError):
                    made["skipped"].append({"name": item.name, "reason": str(result)})
                    continue
                for record in result.records:
                    writer.write(record)
                count += len(result.records)
                made["grey"] += result.grey
                made["dropped"] = dict(Counter(made["dropped"]) + Counter(result.dropped))
                made["ghosts"] += [round(score, 4) for score in result.ghosts]
                if result.size and list(result.size) not in made["sizes"]:
                    made["sizes"] = (made["sizes"] + [list(result.size)])[:2]
                made["smallest"] = smaller(made["smallest"], result.size)
        facts = {"file": shard.file, "records": count, "bytes": os.path.getsize(temporary)}
        facts |= {"sha256": storage.sha256(temporary), "made": made}
        if shard.sha256 not in (None, facts["sha256"]):
            raise ValueError(
                f"{path} cannot be made again as the manifest lists it, because the source or the installed packages "
                "have changed since; nothing was changed: undo that, copy the shard from elsewhere, or choose another "
                "--out for a new data set"
            )
        if not known and storage.exists(path) and storage.sha256(path) != facts["sha256"]:
            raise ValueError(
                f"{path} is there with other content, and no manifest lists it; nothing was overwritten: remove it, or "
                "choose another --out"
            )
        storage.write_text(note, json.dumps(facts))
    return facts


def smaller(first: Sequence[int] | None, second: Sequence[int] | None) -> list[int] | None:
    """Return the least height and the least width of two sizes, of which either may not be known.

    >>> smaller([48, 64], (96, 32))
    [48, 32]
    """
    known = [size for size in (first, second) if size]
    return [min(sides) for sides in zip(*known, strict=True)] or None


@contextmanager
def _disk_errors(path: str) -> Iterator[None]:
    """Tell what to do where a shard cannot be written; TensorFlow's errors become the system's."""
    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        full = isinstance(error, tf.errors.ResourceExhaustedError) or getattr(error, "errno", None) == errno.ENOSPC
        found = getattr(error, "message", None) or error.strerror or str(error)
        found = "the disk is full" if full else " ".join(found.split())
        raise OSError(
            f"{path} could not be written ({found}); {'make room' if full else 'see to that'} and run the same "
            "command again, finished shards are kept"
        ) from error
