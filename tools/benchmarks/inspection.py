"""How fast a data set is inspected, against reading and decoding alone."""

import statistics
import time

import tensorflow as tf

from tfdeblur.data import records
from tools.measuring import ALIGNED, Measured
from tools.verifying import Shard, read, shards_of

BATCH = 1024


def main(data: str, rounds: int = 5) -> dict[str, float]:
    """Time the look at each shard of a data set, in turn with reading and decoding it.

    Parameters
    ----------
    data : str
        Folder of the data set; small pictures are the hardest.
    rounds : int
        How often all shards are read; the median of all ratios counts.

    Returns
    -------
    dict
        Rate of the inspection, without checksums and the search for likeness, over that of reading and decoding by
        batches, as it does itself, and over that of doing so record by record, as training does; and records a second.
    """
    manifest = records.load_manifest(data)
    shards = list(shards_of(data, manifest))
    rows = [
        (_by_batches(shard, manifest), _by_records(shard, manifest), _inspected(shard, manifest))
        for _ in range(rounds)
        for shard in shards
    ]
    total = rounds * sum(shard.records for shard in shards)
    return {
        "inspection / reading and decoding by batches": statistics.median(batches / ours for batches, _, ours in rows),
        "inspection / reading and decoding by records": statistics.median(single / ours for _, single, ours in rows),
        "records a second": total / sum(ours for *_, ours in rows),
    }


def _by_batches(shard: Shard, manifest: dict) -> float:
    begin = time.perf_counter()
    for _ in read(shard, manifest):
        pass
    return time.perf_counter() - begin


def _by_records(shard: Shard, manifest: dict) -> float:
    def decode(serialized):
        return records.decode(records.parse(serialized), manifest["encoding"], manifest["channels"])

    begin = time.perf_counter()
    dataset = tf.data.TFRecordDataset(shard.path).map(decode, tf.data.AUTOTUNE)
    for _ in dataset.batch(BATCH if manifest["size"] else 1).prefetch(2):
        pass
    return time.perf_counter() - begin


def _inspected(shard: Shard, manifest: dict) -> float:
    begin, measured = time.perf_counter(), Measured()
    every = max(manifest["splits"][shard.split]["records"] // ALIGNED, 1)
    for batch in read(shard, manifest):
        measured.take_in(batch, every)
    return time.perf_counter() - begin
