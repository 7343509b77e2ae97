"""Deblur photographs, by networks or classical methods: `python -m tfdeblur.deblur PATH... --model RUN --out DIR`."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro
from tqdm import tqdm

from tfdeblur import locking, ranges, storage
from tfdeblur.commandline import import_tensorflow, parse, printable, run
from tfdeblur.pictures.destinations import Job, check_room, clean, find_pictures, plan, report_found
from tfdeblur.ranges import Range
from tfdeblur.tiling import choose_overlap, deblur_picture


@dataclass(frozen=True)
class Arguments:
    """Which photographs to deblur, with what, and where to put them."""

    paths: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Photographs, folders (with all below them) and patterns such as 'trip/*.jpg'."""
    out: str
    """Folder for the results, which keep their names; what lies in folders keeps its place in them. It must not be the
    folder of the photographs itself."""
    model: str | None = None
    """A run folder (its best.keras), a .keras file, or a folder made by tfdeblur.export."""
    method: Literal["wiener", "tikhonov", "rl", "tv", "hyper-laplacian", "stitch"] | None = None
    """Instead of a model: deconvolution with a known kernel, or with one estimated from each photograph; stitch is
    wiener with a Gaussian of another sigma at every pixel."""
    psf: str | None = None
    """Kernel of a method: gaussian:SIGMA, disk:RADIUS, motion:LENGTH,ANGLE, a file (.npy, .npz:NAME, a picture);
    blind:SIZE, estimated from the photograph and at most SIZE pixels wide; estimate:MODEL, the motion or the Gaussian
    that a network sees in it; or map:MODEL, a Gaussian at every pixel as a model for tfdeblur.estimate says, or
    map:FILE, as a map says that it has written. Pixels and degrees."""
    centre_psf: bool = False
    """Move the centre of mass of a kernel from a file to its middle, to the nearest pixel, so that results are not
    shifted."""
    noise: float | None = None
    """Standard deviation of the noise in [0, 1], for every method but rl; by default estimated from each photograph."""
    iterations: int | None = None
    """Of the methods rl (30 by default) and tv (40)."""
    tile: int = 512
    """Side of the tiles in pixels; memory grows with its square. A method enlarges tiles, to 2048 pixels at most, where
    its kernel reaches further."""
    overlap: int | None = None
    """Pixels that neighbouring tiles share, at most half a tile; by default 96 (or half a tile), and for a method as
    many as its kernel and the noise ask for."""
    ensemble: bool = False
    """Average over the eight flips and quarter turns: somewhat better, eight times slower."""
    compare: bool = False
    """Write a sheet NAME-compare.png for each, before and after side by side."""
    overwrite: bool = False
    """Replace results that exist; without it they are left alone and reported."""
    format: Literal["jpeg", "png", "tiff", "webp"] | None = None
    """Format of the results; by default that of each photograph."""
    quality: Annotated[int | None, Range(least=1, most=100)] = None
    """Of JPEG and lossy WebP, 1 to 100. By default a JPEG made from a JPEG is quantised like its source, but no coarser
    than quality 90. Everything else has 95."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Deblur photographs; one that fails is reported and the rest goes on.

    Returns
    -------
    int
        0 if every photograph has been deblurred, 1 if some failed or were skipped, or if a folder cannot be read.
    """
    description = "Deblur photographs (JPEG, PNG, TIFF, WebP; 8 and 16 bits) of any size."
    chosen = parse(Arguments, "tfdeblur.deblur", arguments, description)
    choose_overlap(chosen.tile, chosen.overlap)
    _check(chosen)
    pictures = find_pictures(chosen.paths, chosen.out)
    report_found(pictures)
    with locking.lock(chosen.out):
        jobs = plan(pictures.found, chosen.out, chosen.format)
        clean(jobs)
        return _deblur_all(jobs, chosen, len(pictures.unreadable))


def _deblur_all(jobs: list[Job], chosen: Arguments, unreadable: int) -> int:
    """Deblur what nothing speaks against; return the exit status."""
    from tfdeblur.pictures import photographs

    inputs, ready = {job.real_source for job in jobs}, []
    for job in jobs:
        if reason := job.obstacle([job.target, *([job.sheet] if chosen.compare else [])], inputs, chosen.overwrite):
            print(printable(reason), file=sys.stderr)
        else:
            ready.append(job)
    started, failed, pixels = time.monotonic(), 0, 0
    if ready:
        check_room(ready, chosen.out)
        deblur_of = _deblur_of(chosen)
        _warn(deblur_of)
        sizes = [height * width for height, width in map(photographs.size, [job.source for job in ready])]
        started = time.monotonic()
        with tqdm(total=sum(sizes), unit="pixel", unit_scale=True, disable=None) as bar:
            for job, size in zip(ready, sizes, strict=True):
                try:
                    pixels += _deblur_file(deblur_of, job, chosen, bar)
                except (ValueError, OSError) as error:
                    failed += 1
                    bar.total -= size
                    reason = f"error: {job.source}: {error}".replace(f"{job.source}: {job.source}", job.source)
                    tqdm.write(printable(reason), file=sys.stderr)
    seconds, skipped = max(time.monotonic() - started, 1e-3), len(jobs) - len(ready)
    print(
        f"deblurred {len(ready) - failed} of {len(jobs)} photographs into {printable(chosen.out)} in {seconds:.1f} s "
        f"({pixels / 1e6 / seconds:.2f} megapixels/s)" + _rest(failed, skipped, unreadable)
    )
    return 1 if failed or skipped or unreadable else 0


def _check(chosen: Arguments) -> None:
    """Raise a ValueError unless there is either a model or a method with its PSF, and numbers are in their ranges."""
    ranges.check(chosen)
    if (chosen.model is None) == (chosen.method is None):
        raise ValueError("give either --model, a trained network, or --method with --psf, a classical one")
    if (chosen.method is None) != (chosen.psf is None):
        raise ValueError("--method and --psf belong together, as in --method rl --psf gaussian:1.5")
    if chosen.method == "stitch" and not chosen.psf.startswith("map:"):
        raise ValueError(f"--method stitch takes --psf map:MODEL, not {chosen.psf}; other methods take every PSF")
    if chosen.centre_psf and chosen.method is None:
        raise ValueError("--centre-psf is an option of --method; a network takes no kernel")
    if chosen.model is not None and (chosen.noise, chosen.iterations) != (None, None):
        raise ValueError("--noise and --iterations are options of --method; a network takes neither")


def _deblur_of(chosen: Arguments) -> Callable:
    """Return what makes, of a photograph's pixels, the function on its tiles."""
    options = (chosen.noise, chosen.iterations)
    if chosen.method is None:
        import_tensorflow()  # not before a mistyped path has been reported
        from tfdeblur import inference

        deblur = inference.load_deblur(chosen.model)
        return lambda pixels: deblur
    kind, _, model = chosen.psf.partition(":")
    if kind == "map":
        import_tensorflow()
        from tfdeblur.estimation.stitching import stitcher

        return stitcher("wiener" if chosen.method == "stitch" else chosen.method, model, *options)
    psf = chosen.psf
    if kind == "estimate":
        import_tensorflow()
        from tfdeblur.estimation.kernels import kernel_estimator

        psf = kernel_estimator(model)
    from tfdeblur.classical.photographs import deblurrer

    return deblurrer(chosen.method, psf, *options, chosen.centre_psf)


def _warn(deblur: Callable, of: str = "") -> None:
    """Print the remarks on a kernel or a photograph, one a line."""
    for remark in getattr(deblur, "remarks", ()):
        tqdm.write(printable(f"warning: {of}{remark}"), file=sys.stderr)


def _deblur_file(deblur_of: Callable, job: Job, chosen: Arguments, bar: tqdm) -> int:
    """Deblur one photograph in place; return its number of pixels."""
    from tfdeblur.pictures import photographs
    from tfdeblur.pictures.comparison import panels, sheet
    from tfdeblur.pictures.holding import check_holds, losses

    photograph = photographs.read(job.source)
    format = chosen.format or photograph.format
    check_holds(photograph, format)
    if missing := losses(photograph, format):
        note = f"note: {job.source}: {format.upper()} cannot hold {', '.join(missing)}; the result is without"
        tqdm.write(printable(note), file=sys.stderr)
    pixels = photograph.image
    before = panels(pixels) if chosen.compare else []
    deblur = deblur_of(pixels)
    _warn(deblur, f"{job.source}: ")
    with _warnings_as_lines(job.source):
        deblur_picture(
            deblur,
            pixels,
            tile=chosen.tile,
            overlap=chosen.overlap,
            ensemble=chosen.ensemble,
            out=pixels,
            progress=lambda rows: bar.update(rows * pixels.shape[1]),
        )
    photographs.write(job.target, photograph, chosen.format, chosen.quality)
    if chosen.compare:
        with storage.publish(job.sheet) as temporary:
            sheet(before, panels(pixels)).save(temporary, "PNG")
    return pixels.shape[0] * pixels.shape[1]


@contextmanager
def _warnings_as_lines(source: str) -> Iterator[None]:
    """Print each different warning about a photograph as one line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for message in dict.fromkeys(str(each.message) for each in caught if each.category is UserWarning):
        tqdm.write(printable(f"warning: {source}: {message}"), file=sys.stderr)


def _rest(failed: int, skipped: int, unreadable: int) -> str:
    counts = [(failed, "failed"), (skipped, "skipped"), (unreadable, "folders cannot be read")]
    return "".join(f"; {count} {what}" for count, what in counts if count)


if __name__ == "__main__":
    run(main)
