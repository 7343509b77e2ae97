"""How fast pairs are made into records, with one worker and with two."""

import statistics
import tempfile
import time
from pathlib import Path

from PIL import Image

from tools.items import Item, Recipe
from tools.plan import plan_shards
from tools.sharding import write_shards
from tools.sources.sample import list_sample

SIZE = (720, 1280)


def main(pairs: int = 8, rounds: int = 5, workers: int = 2) -> dict[str, float]:
    """Time the writing of 1280x720 pairs as PNG, in turn with one worker and with several, and with bytes copied.

    Pairs of BMP files are encoded, pairs of PNG files are copied.

    Parameters
    ----------
    pairs : int
        Pairs written in each timing.
    rounds : int
        Timings of each kind, interleaved, so that other load falls on all of them alike.
    workers : int
        Workers compared with one.

    Returns
    -------
    dict
        `pairs_per_s_1_worker`, `pairs_per_s_N_workers`, `pairs_per_s_copied` (PNG pairs, one worker): medians;
        `speedup`: median of the rounds' ratios; `copying_gain`: likewise, one worker copying against one encoding.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, png = _pairs(folder, pairs, ".bmp"), _pairs(folder, pairs, ".png")
        _seconds(plain[:1], folder, 1)
        rows = [
            (_seconds(plain, folder, 1), _seconds(plain, folder, workers), _seconds(png, folder, 1))
            for _ in range(rounds)
        ]
    one, several, copied = (statistics.median(column) for column in zip(*rows, strict=True))
    return {
        "pairs_per_s_1_worker": pairs / one,
        f"pairs_per_s_{workers}_workers": pairs / several,
        "pairs_per_s_copied": pairs / copied,
        "speedup": statistics.median(row[0] / row[1] for row in rows),
        "copying_gain": statistics.median(row[0] / row[2] for row in rows),
    }


def _pairs(folder: str, count: int, suffix: str) -> list[Item]:
    """Write real photographs as files of 1280x720, each of which serves as both pictures of a pair."""
    sources = list_sample().items
    items = []
    for index in range(count):
        path = Path(folder, f"{index:03d}{suffix}")
        with Image.open(sources[index % len(sources)].sharp) as image:
            image.convert("RGB").resize(SIZE[::-1], Image.Resampling.LANCZOS).save(path)
        items.append(Item(f"{index:03d}", f"{index:03d}", str(path), str(path)))
    return items


def _seconds(items: list[Item], folder: str, workers: int) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as out:
        shards = plan_shards("benchmark", {"train": items}, {"train": 1})
        start = time.perf_counter()
        write_shards(shards, out, Recipe(), workers=workers, skip=False, advance=lambda count: None)
        return time.perf_counter() - start
