"""Deblur photographs: `python -m tfdeblur.deblur PATH... --model MODEL --out DIR`."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro
from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.commandline import import_tensorflow, parse, run
from tfdeblur.pictures.destinations import Job, find_pictures, plan
from tfdeblur.tiling import choose_overlap


@dataclass(frozen=True)
class Arguments:
    """Which photographs to deblur, with what, and where to put them."""

    paths: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Photographs, folders (with all below them) and patterns such as 'trip/*.jpg'."""
    model: str
    """A run folder (its best.keras), a .keras file, or a folder made by tfdeblur.export."""
    out: str
    """Folder for the results, which keep their names; what lies in folders keeps its place in them."""
    tile: int = 512
    """Side of the tiles in pixels; memory grows with its square."""
    overlap: int | None = None
    """Pixels that neighbouring tiles share, at most half a tile; 96 (or half a tile) by default."""
    ensemble: bool = False
    """Average over the eight flips and quarter turns: somewhat better, eight times slower."""
    compare: bool = False
    """Write a sheet NAME-compare.png for each, before and after side by side."""
    overwrite: bool = False
    """Replace results that exist; without it they are left alone and reported."""
    format: Literal["jpeg", "png", "tiff", "webp"] | None = None
    """Format of the results; by default that of each photograph."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Deblur photographs; one that fails is reported and the rest goes on.

    Returns
    -------
    int
        0 if every photograph has been deblurred, 1 if some failed or were skipped.
    """
    description = "Deblur photographs (JPEG, PNG, TIFF, WebP; 8 and 16 bits) of any size."
    chosen = parse(Arguments, "tfdeblur.deblur", arguments, description)
    choose_overlap(chosen.tile, chosen.overlap)
    jobs = plan(find_pictures(chosen.paths, chosen.out), chosen.out, chosen.format)
    import_tensorflow()  # not before a mistyped path has been reported
    from tfdeblur import inference
    from tfdeblur.pictures import photographs

    deblur = inference.load_deblur(chosen.model)
    storage.make_folder(chosen.out)
    sizes = [height * width for height, width in map(photographs.size, [job.source for job in jobs])]
    inputs = {job.real_source for job in jobs}
    started, failed, skipped, pixels = time.monotonic(), 0, 0, 0
    with tqdm(total=sum(sizes), unit="pixel", unit_scale=True, disable=None) as bar:
        for job, size in zip(jobs, sizes, strict=True):
            if reason := job.obstacle(inputs, chosen.overwrite, chosen.compare):
                skipped += 1
            else:
                try:
                    pixels += _deblur_file(deblur, job, chosen, bar)
                    continue
                except (ValueError, OSError) as error:
                    failed += 1
                    reason = f"error: {job.source}: {error}".replace(f"{job.source}: {job.source}", job.source)
            bar.total -= size
            tqdm.write(reason, file=sys.stderr)
    seconds = time.monotonic() - started
    print(
        f"deblurred {len(jobs) - failed - skipped} of {len(jobs)} photographs into {chosen.out} in {seconds:.1f} s "
        f"({pixels / 1e6 / seconds:.2f} megapixels/s)" + _rest(failed, skipped)
    )
    return 1 if failed or skipped else 0


def _deblur_file(deblur, job: Job, chosen: Arguments, bar: tqdm) -> int:
    """Deblur one photograph in place; return its number of pixels."""
    from tfdeblur import inference
    from tfdeblur.pictures import photographs
    from tfdeblur.pictures.comparison import panels, sheet

    photograph = photographs.read(job.source)
    pixels = photograph.pixels
    before = panels(pixels) if chosen.compare else []
    inference.deblur_picture(
        deblur,
        pixels,
        tile=chosen.tile,
        overlap=chosen.overlap,
        ensemble=chosen.ensemble,
        out=pixels,
        progress=lambda rows: bar.update(rows * pixels.shape[1]),
    )
    photographs.write(job.target, photograph, chosen.format)
    if chosen.compare:
        with storage.publish(job.sheet) as temporary:
            sheet(before, panels(pixels)).save(temporary, "PNG")
    return pixels.shape[0] * pixels.shape[1]


def _rest(failed: int, skipped: int) -> str:
    parts = [f"{count} {what}" for count, what in [(failed, "failed"), (skipped, "skipped")] if count]
    return "".join(f"; {part}" for part in parts)


if __name__ == "__main__":
    run(main)
