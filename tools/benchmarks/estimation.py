"""A map of sigma of a large photograph, against the bare network on the same pixels."""

import statistics
import time

import numpy as np

from tfdeblur import devices, inference
from tfdeblur.estimation.estimators import estimator_of
from tfdeblur.evaluation.measuring import peak_memory
from tfdeblur.models import build_estimator

TILE = 1024
"""Pixels along an edge of the parts that the bare network sees."""


def main(rows: int = 3, columns: int = 4, rounds: int = 9) -> dict[str, float]:
    """Time the dense estimator on a grey picture of `rows` by `columns` times 1024x1024 pixels.

    Parameters
    ----------
    rows, columns : int
        Size of the picture; 3 by 4 are 12.6 megapixels.
    rounds : int
        How often both are timed, in turn; the median of their ratios counts.

    Returns
    -------
    dict
        Time of the map over that of the compiled network on the picture's parts, which do not overlap; and how much
        more memory the process held for the map than for that of one part, in bytes a pixel.
    """
    devices.keep_freed_memory(None)  # as `tfdeblur.estimate` does
    network = build_estimator("sigma_dense")
    picture = np.random.default_rng(0).random((rows * TILE, columns * TILE, 1), np.float32)
    estimate, predict = estimator_of(network, "sigma_dense"), inference.compiled(network)

    def bare():
        for top in range(0, picture.shape[0], TILE):
            for left in range(0, picture.shape[1], TILE):
                predict(picture[None, top : top + TILE, left : left + TILE])

    estimate(picture[:TILE, :TILE])
    before = peak_memory()
    estimate(picture)
    more = (peak_memory() - before) * 1e6 / picture.size
    bare()
    times = [(_seconds(lambda: estimate(picture)), _seconds(bare)) for _ in range(rounds)]
    megapixels = picture.size / 1e6
    return {
        f"map of {megapixels:.1f} megapixels / bare network": statistics.median(map_ / floor for map_, floor in times),
        "megapixels a second": megapixels / statistics.median(map_ for map_, _ in times),
        "memory beside that of one part, bytes a pixel": more,
    }


def _seconds(function) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin
