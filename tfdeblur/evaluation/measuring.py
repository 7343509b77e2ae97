"""Deblur and measure the pictures of a split, in bounded memory and against the clock."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfdeblur.evaluation import protocol
from tfdeblur.inference import deblur_picture


@dataclass
class Speed:
    """Time spent in the model.

    The first batch, in which the model is compiled, counts in the total alone, unless it is the only one.
    """

    seconds: float = 0.0
    first_seconds: float = 0.0
    first_pictures: int = 0
    first_pixels: int = 0
    pictures: int = 0
    pixels: int = 0

    def add(self, seconds: float, pictures: int, pixels: int) -> None:
        """Take in a batch."""
        if not self.pictures:
            self.first_seconds, self.first_pictures, self.first_pixels = seconds, pictures, pixels
        self.seconds += seconds
        self.pictures += pictures
        self.pixels += pixels

    def facts(self) -> dict:
        """Return seconds in all and for a picture, and megapixels per second."""
        seconds, pictures, pixels = self.seconds, self.pictures, self.pixels
        if pictures > self.first_pictures:
            seconds, pictures = seconds - self.first_seconds, pictures - self.first_pictures
            pixels -= self.first_pixels
        return {
            "seconds": round(self.seconds, 3),
            "seconds_per_picture": float(f"{seconds / pictures:.4g}"),
            "megapixels_per_second": float(f"{pixels / seconds / 1e6:.4g}"),
        }


def measure_all(deblur: Callable, pairs: Iterable[dict], count: int, batch: int, tile: int) -> tuple[list[dict], dict]:
    """Deblur and measure pairs.

    Parameters
    ----------
    deblur : callable
        Takes and returns float32 `(N, H, W, C)` in [0, 1].
    pairs : iterable of dict
        `blur` and `sharp`, `(H, W, C)`, `name` and `scene`.
    count : int
        Their number, for the progress bar.
    batch, tile : int
        Most pictures deblurred at once; pixels along an edge of the tiles for pictures that are larger.

    Returns
    -------
    tuple
        The rows of the per-image table, and time and memory.
    """
    rows, speed = [], Speed()
    with tqdm(total=count, unit="picture", disable=None) as bar:
        for group in grouped(pairs, batch, tile * tile):
            blur, sharp = (np.stack([pair[side] for pair in group]) for side in ("blur", "sharp"))
            begin = time.perf_counter()
            output = apply(deblur, blur, tile)
            speed.add(time.perf_counter() - begin, len(blur), blur[..., 0].size)
            for pair, measures in zip(group, protocol.measure(blur, sharp, output), strict=True):
                rows.append({"name": pair["name"], "scene": pair["scene"], **measures})
            bar.update(len(group))
    return rows, speed.facts() | {"peak_memory_mb": peak_memory()}


def grouped(pairs: Iterable[dict], batch: int, pixels: int) -> Iterator[list[dict]]:
    """Yield neighbours of equal size together, at most `batch` and no more than so many pixels, but at least one."""
    group: list[dict] = []
    for pair in pairs:
        size = pair["blur"].shape
        if group and (group[0]["blur"].shape != size or len(group) >= min(batch, pixels // (size[0] * size[1]))):
            yield group
            group = []
        group.append(pair)
    if group:
        yield group


def apply(deblur: Callable, blur: np.ndarray, tile: int) -> np.ndarray:
    """Deblur a batch `(N, H, W, C)`, uint8 or float32 in [0, 1], in tiles where it is larger than one; return uint8."""
    if max(blur.shape[1:3]) > tile:
        return protocol.to_bytes(np.stack([deblur_picture(deblur, picture, tile=tile) for picture in blur]))
    return protocol.to_bytes(np.asarray(deblur(np.float32(blur) / 255 if blur.dtype == np.uint8 else blur)))


def peak_memory() -> float | None:
    """Return the most memory this process has held, in MB, or None where the system does not tell.

    `getrusage` comes second: on Linux it begins with what the program held that started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6, 1)
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
