"""Say where and how much photographs are blurred: `python -m tfdeblur.estimate PATH... --model RUN --out DIR`."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import tyro

from tfdeblur import locking, storage
from tfdeblur.commandline import import_tensorflow, parse, printable, run
from tfdeblur.pictures.destinations import Job, clean, find_pictures, plan, report_found

SMALLEST_TOP = 3.0
"""Least sigma of the overlay's last colour, in pixels: what is sharp everywhere is dark everywhere."""


@dataclass(frozen=True)
class Arguments:
    """Of which photographs to estimate the blur, with what, and where to put the maps."""

    paths: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Photographs, folders (with all below them) and patterns such as 'trip/*.jpg'."""
    out: str
    """Folder for the maps NAME-sigma.png, 0 where nothing is known, and the pictures NAME-sigma-overlay.png."""
    model: str = "reblurring"
    """A run folder or .keras file of a network that estimates sigma; or reblurring, which needs no training."""
    smooth: int = 0
    """Average the map over squares of so many pixels."""
    keep_edges: bool = False
    """Smooth without blurring the map's own edges, as between a sharp object and what lies behind it."""
    format: Literal["png", "npy"] = "png"
    """png: 16 bits, a thousand to a pixel of sigma; npy: float32, in pixels."""
    overwrite: bool = False
    """Replace results that exist; without it they are left alone and reported."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write maps; a photograph that fails is reported and the rest goes on.

    Returns
    -------
    int
        0 if every photograph has its map, 1 if some failed or were skipped.
    """
    chosen = parse(Arguments, "tfdeblur.estimate", arguments, "Say where and how much photographs are blurred.")
    if chosen.smooth < 0:
        raise ValueError(f"--smooth is {chosen.smooth}; it takes a number of pixels, at least 0")
    if chosen.keep_edges and chosen.smooth < 2:
        raise ValueError("--keep-edges is a way of smoothing; say how far, as in --smooth 15")
    pictures = find_pictures(chosen.paths, chosen.out)
    report_found(pictures)
    with locking.lock(chosen.out):
        jobs = plan(pictures.found, chosen.out)
        clean(jobs)
        missing = _estimate_all(jobs, chosen)
    return 1 if missing or pictures.unreadable else 0


def _estimate_all(jobs: list[Job], chosen: Arguments) -> int:
    """Write the maps that nothing speaks against; return how many photographs have none."""
    inputs, ready = {job.real_source for job in jobs}, []
    for job in jobs:
        if reason := job.obstacle(_outputs(job, chosen), inputs, chosen.overwrite):
            print(printable(reason), file=sys.stderr)
        else:
            ready.append(job)
    if not ready:
        return len(jobs)
    import_tensorflow()  # not before a mistyped path has been reported
    from tfdeblur import devices
    from tfdeblur.estimation.estimators import load_estimator

    devices.keep_freed_memory(None)
    estimator = load_estimator(chosen.model)
    missing = len(jobs) - len(ready)
    for job in ready:
        try:
            print(printable(f"{job.source}: {_estimate(estimator, job, chosen)}"))
        except (ValueError, OSError) as error:
            missing += 1
            reason = f"error: {job.source}: {error}".replace(f"{job.source}: {job.source}", job.source)
            print(printable(reason), file=sys.stderr)
    return missing


def _outputs(job: Job, chosen: Arguments) -> tuple[str, str]:
    """Return the paths of the map and of its overlay."""
    base = job.beside("sigma")
    return f"{base}.{chosen.format}", f"{base}-overlay.png"


def _estimate(estimator, job: Job, chosen: Arguments) -> str:
    """Write the map of a photograph and its overlay; return what is to be said of it."""
    from tfdeblur.estimation.sigma_map import known, sigma_map, smoothed, trusted, write_map
    from tfdeblur.pictures import photographs
    from tfdeblur.pictures.overlay import overlay

    map_path, overlay_path = _outputs(job, chosen)
    pixels = photographs.read(job.source).image
    sigma, deviation = sigma_map(estimator, pixels)
    sigma = smoothed(sigma, chosen.smooth, chosen.keep_edges)
    seen = known(sigma, deviation)
    storage.make_folder(os.path.dirname(map_path))
    write_map(map_path, trusted(sigma, deviation))
    low, middle, high, last = np.quantile(sigma[seen], (0.05, 0.5, 0.95, 0.99)) if seen.any() else np.zeros(4)
    with storage.publish(overlay_path) as temporary:
        overlay(pixels, sigma, seen, max(SMALLEST_TOP, float(last))).save(temporary, "PNG")
    if not seen.any():
        return f"nothing can be seen of its blur; {map_path}"
    unsure = np.median(deviation[seen])
    give = f", uncertain by {unsure:.2f}" if unsure else ""
    share = f"; unknown in {1 - seen.mean():.0%} of the picture" if seen.mean() < 0.995 else ""
    return f"sigma {middle:.2f} px{give}; nine tenths of it between {low:.2f} and {high:.2f}{share}; {map_path}"


if __name__ == "__main__":
    run(main)
