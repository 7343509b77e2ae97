"""How fast the input pipeline is, against a bare loop that only reads and decodes the same shards."""

import json
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from tfdeblur import devices
from tfdeblur.data import pipeline, reading, records
from tools.sources.sample import list_sample

ENCODINGS = {(720, 1280): ("png", "raw"), (32, 32): ("png",)}


def main(pairs: int = 48, small_pairs: int = 16000, rounds: int = 5) -> dict[str, float]:
    """Time an epoch: bare reading and decoding, the whole pipeline (shuffle, flips, batches), and cached.

    Parameters
    ----------
    pairs : int
        Pairs of 1280x720 in an epoch.
    small_pairs : int
        Pairs of 32x32 in an epoch.
    rounds : int
        Timings of each kind, interleaved.

    Returns
    -------
    dict
        For every kind of shard the pairs/s of the bare loop (TensorFlow's own: records read, parsed and decoded) and,
        as medians of the rounds' ratios, the pipeline against the bare loop (of large pictures also with random crops
        of 256x256), both after their first epoch, and the cached epochs against the first; and raw shards against PNG
        ones.
    """
    results = {}
    for size, encodings in ENCODINGS.items():
        count = small_pairs if size == (32, 32) else pairs
        # A process of its own, for memory is kept as the train command does for pictures of this size.
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            rows = process.submit(_rounds, size, encodings, count, rounds).result()
        for encoding in encodings:
            name, seconds = f"{size[1]}x{size[0]} {encoding}", [row[encoding] for row in rows]
            results[f"{name}: bare pairs/s"] = count / statistics.median(row["bare"] for row in seconds)
            results[f"{name}: pipeline / bare"] = _ratio(seconds, "bare", "whole")
            if "crops" in seconds[0]:
                results[f"{name}: pipeline with random crops / bare"] = _ratio(seconds, "bare", "crops")
            results[f"{name}: cached / first epoch"] = _ratio(seconds, "first", "cached")
        if len(encodings) > 1:
            for kind, what in [("bare", "reading and decoding"), ("whole", "whole pipeline")]:
                gain = statistics.median(row["png"][kind] / row["raw"][kind] for row in rows)
                results[f"{size[1]}x{size[0]}: raw / png, {what}"] = gain
    return results


def _ratio(rows: list[dict[str, float]], one: str, other: str) -> float:
    return statistics.median(row[one] / row[other] for row in rows)


def _rounds(size: tuple[int, int], encodings: tuple[str, ...], count: int, rounds: int) -> list[dict[str, dict]]:
    """Return the seconds of every round, by encoding and kind."""
    devices.keep_freed_memory(size)
    with tempfile.TemporaryDirectory() as top:
        folders = {encoding: write(Path(top, encoding), size, encoding, count) for encoding in encodings}
        rows = [{e: _round(folder, count) for e, folder in folders.items()} for _ in range(rounds + 1)]
    return rows[1:]  # the first warms the disk's cache


def _round(folder: str, count: int) -> dict[str, float]:
    manifest = records.load_manifest(folder)
    batch = 4 if count < 1000 else 32
    steps = count // batch
    options = {"batch": batch, "shuffle": count // 4}  # smaller than the data, as where speed matters
    bare = reading.read_pairs(folder, "train", manifest).repeat()
    whole = pipeline.training_batches(folder, cache="none", **options)
    cached = iter(pipeline.training_batches(folder, cache="memory", **options))
    seconds = {
        "bare": _epoch_seconds(bare, count),
        "whole": _epoch_seconds(whole, steps),
        "first": _seconds(cached, steps),
        "cached": _seconds(cached, 4 * steps) / 4,
    }
    if min(manifest["size"]) > 256:
        crops = pipeline.training_batches(folder, cache="none", patch=(256, 256), crop="random", **options)
        seconds["crops"] = _epoch_seconds(crops, steps)
    return seconds


def _epoch_seconds(endless: tf.data.Dataset, count: int) -> float:
    """Return the time for `count` elements, after as many, without coming back to Python for each."""
    iterator = iter(endless.shard(count, count - 1))  # one element out of `count`
    next(iterator)
    return _seconds(iterator, 1)


def _seconds(iterator, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        next(iterator)
    return time.perf_counter() - start


def write(folder: Path, size: tuple[int, int], encoding: str, count: int, channels: int = 3) -> str:
    """Write real photographs of a size as a data set of two shards."""
    folder.mkdir()
    photographs = []
    for item in list_sample().items:
        with Image.open(item.sharp) as image:
            resized = image.convert("RGB" if channels == 3 else "L").resize(size[::-1], Image.Resampling.LANCZOS)
            photographs.append(np.asarray(resized).reshape(*size, channels))
    encode = {"png": lambda p: tf.io.encode_png(p).numpy(), "raw": np.ndarray.tobytes}[encoding]
    encoded = [encode(photograph) for photograph in photographs]
    shards = []
    for index in range(2):
        file = records.shard_name("benchmark", "train", index, 2)
        with tf.io.TFRecordWriter(str(folder / file)) as writer:
            for i in range(count // 2):
                data = encoded[i % len(encoded)]
                record = records.Record(data, data, encoding, encoding, *size, channels, f"{index}-{i}", "scene", 1.0)
                writer.write(records.serialize(record))
        shards.append({"file": file, "records": count // 2, "bytes": (folder / file).stat().st_size})
    manifest = {
        "schema": records.SCHEMA_VERSION,
        "channels": channels,
        "size": size,
        "encoding": {"blur": encoding, "sharp": encoding},
        "splits": {"train": {"records": count // 2 * 2, "shards": shards}},
    }
    (folder / records.MANIFEST).write_text(json.dumps(manifest))
    return str(folder)
