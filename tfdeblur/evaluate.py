"""Measure a model on a split of a data set: table per picture, means with intervals, paired tests, contact sheet.

The blurred input is measured beside it, as the baseline. Outputs are rounded to 8 bit before they are measured. Large
pictures are deblurred in tiles and none is kept, so memory does not grow with the split.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

import numpy as np
import tyro

from tfdeblur import locking, provenance, storage
from tfdeblur.commandline import import_tensorflow, parse, run

RESULTS = "contact_sheet.png", "per_image.csv", "summary.md", "summary.json"
SHEET, PER_IMAGE, REPORT, SUMMARY = RESULTS
DETAIL = 320
"""Pixels: of larger pictures the contact sheet shows a part of this size, as they are."""


@dataclass(frozen=True)
class Evaluate:
    """What `python -m tfdeblur.evaluate` takes."""

    model: tyro.conf.Positional[str]
    """Run folder (its best model), .keras file or SavedModel folder."""
    data: str
    """Folder of the data set, local or gs://."""
    split: str = "test"
    """Its part."""
    out: str | None = None
    """Folder for the results; RUN/evaluation-DATA-SPLIT for run folders without it."""
    limit: int | None = None
    """Only the first pictures of the split, this many."""
    batch: int = 64
    """Most pictures deblurred at once. They have one size, and no more pixels than a tile."""
    tile: int = 512
    """Pixels along an edge of the tiles in which larger pictures are deblurred."""
    overwrite: bool = False
    """Replace the results of an earlier evaluation in the same folder."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = parse(Evaluate, "tfdeblur.evaluate", arguments, __doc__)
    for option, value in (("limit", options.limit), ("batch", options.batch), ("tile", options.tile)):
        if value is not None and value < 1:
            raise ValueError(f"--{option} is {value}; at least 1 is needed")
    folder, text = evaluate(options, provenance.command("tfdeblur.evaluate", arguments))
    print(text)
    print(f"results: {folder} ({PER_IMAGE}, {SUMMARY}, {REPORT}, {SHEET})")


def evaluate(options: Evaluate, command: str) -> tuple[str, str]:
    """Evaluate a model, and write the results.

    Parameters
    ----------
    options : Evaluate
        Model, data set and the rest.
    command : str
        The command line, for the record.

    Returns
    -------
    tuple of str
        The folder of the results, and their Markdown report.

    Raises
    ------
    FileNotFoundError
        There is no such model or data set.
    FileExistsError
        The folder holds the results of an earlier evaluation.
    ValueError
        Model, split or a shard are wrong.
    """
    import_tensorflow()
    from tfdeblur.data import reading, records
    from tfdeblur.evaluation import measuring, protocol
    from tfdeblur.inference import load_deblur

    manifest = records.load_manifest(options.data)
    count = records.split_of(options.data, options.split, manifest)["records"]
    count = count if options.limit is None else min(count, options.limit)
    if not count:
        raise ValueError(f"{options.data} has no pictures in its split {options.split!r}; choose another --split")
    folder = _results_folder(options, manifest["name"])
    _check_free(folder, options.overwrite)
    with locking.lock(folder):
        _check_free(folder, options.overwrite)  # once more, now that no other run writes there
        locking.clean(folder)
        deblur = load_deblur(options.model)

        def pairs() -> Iterator[dict]:
            return islice(_readable(reading.pictures(options.data, options.split), options.data), count)

        rows, speed = measuring.measure_all(deblur, pairs(), count, options.batch, options.tile)
        summary = _facts(options, manifest, command) | {"speed": speed} | protocol.summarize(rows)
        text = report(summary)
        with ExitStack() as published:  # old results are replaced when all new ones are written, the summary last
            new = {name: published.enter_context(storage.publish(storage.join(folder, name))) for name in RESULTS[::-1]}
            draw(new[SHEET], deblur, pairs(), rows, summary, options.tile)
            Path(new[PER_IMAGE]).write_text(protocol.table_text(rows), "utf-8", newline="")
            Path(new[REPORT]).write_text(text, "utf-8")
            Path(new[SUMMARY]).write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", "utf-8")
    return folder, text


def report(summary: dict) -> str:
    """Return the Markdown report of a summary."""
    from tfdeblur.evaluation import protocol

    speed = summary["speed"]
    memory = f", peak memory of the process {speed['peak_memory_mb']:.0f} MB" if speed["peak_memory_mb"] else ""
    left_out = summary["ssim_left_out"]
    small = f" ({left_out} of them, below 11 pixels, without SSIM)" if left_out else ""
    return (
        f"# {summary['model']} on {summary['data']}, split {summary['split']}\n\n"
        f"Pictures: {summary['pictures']}{small}. Means with 95 % bootstrap intervals; outputs rounded to 8 bit.\n\n"
        f"{protocol.markdown(summary, 'output')}\n"
        f"Output against input, picture by picture:\n\n{protocol.tests_text(summary)}\n"
        f"{speed['seconds_per_picture']:.3g} s a picture, {speed['megapixels_per_second']:.3g} megapixels/s, "
        f"{speed['seconds']:.1f} s in all{memory}; {summary['device']}; {summary['date']}; "
        f"commit {summary['commit']}\n\n`{summary['command']}`\n"
    )


def draw(path: str, deblur: Callable, pairs: Iterable[dict], rows: list[dict], summary: dict, tile: int) -> None:
    """Write a contact sheet of the pictures that gained most, least, and of those in the middle.

    The pictures are read and deblurred once more, as none was kept.
    """
    from tfdeblur.evaluation import figures, measuring

    titles = choose(rows, summary["psnr_cap"])
    drawn = {}
    for i, pair in enumerate(pairs):
        if i in titles:
            output = measuring.apply(deblur, pair["blur"][None], tile)[0]
            drawn[i] = figures.detail([pair["blur"], output, pair["sharp"]], DETAIL)
        if len(drawn) == len(titles):
            break
    labels = []
    for i, title in titles.items():
        row = rows[i]
        ratios = [figures.decibels(row[key]) for key in ("blur_psnr", "psnr")]
        labels.append([f"blurred: {ratios[0]}", f"output: {ratios[1]}\n{title}", f"sharp\n{row['name']}"])
    head = f"{summary['model']} on {summary['data']}, split {summary['split']}: by gain in PSNR"
    figures.sheet([drawn[i] for i in titles], labels, title=head).save(path, "PNG")


def choose(rows: list[dict], cap: float) -> dict[int, str]:
    """Return indices and titles of the two best, median and worst pictures, or of all where there are below six."""
    gains = [min(row["psnr"], cap) - min(row["blur_psnr"], cap) for row in rows]
    order = np.argsort(gains, kind="stable")[::-1]
    if len(order) < 6:
        places = dict.fromkeys(range(len(order)), "")
    else:
        middle = len(order) // 2
        places = {0: "best", 1: "best", middle - 1: "median", middle: "median", -2: "worst", -1: "worst"}
    return {int(order[place]): f"{title} {gains[order[place]]:+.2f} dB".strip() for place, title in places.items()}


def _results_folder(options: Evaluate, name: str) -> str:
    if options.out:
        return options.out
    if not storage.exists(storage.join(options.model, "run.json")):
        raise ValueError(f"{options.model} is not a run folder, so there is no place for the results; give --out DIR")
    return storage.join(options.model, f"evaluation-{name}-{options.split}")


def _check_free(folder: str, overwrite: bool) -> None:
    """Raise a FileExistsError if the folder holds results that may not be replaced."""
    old = [name for name in RESULTS if storage.exists(storage.join(folder, name))]
    if old and not overwrite:
        raise FileExistsError(f"{folder} holds results already ({', '.join(old)}); use --overwrite or another --out")


def _readable(pairs: Iterable[dict], folder: str) -> Iterator[dict]:
    """Have damage in a shard end in an error that says what to do."""
    import tensorflow as tf

    try:
        yield from pairs
    except tf.errors.OpError as error:
        reason = str(error.message).splitlines()[0]
        raise ValueError(
            f"{folder} cannot be read ({reason}); `python -m tools.inspect_tfrecords {folder}` names the shard"
        ) from error


def _facts(options: Evaluate, manifest: dict, command: str) -> dict:

    from tfdeblur import devices

    run_file = storage.join(options.model, "run.json")
    return {
        "model": options.model,
        "run": storage.read_json(run_file) if storage.exists(run_file) else None,
        "data": manifest["name"],
        "split": options.split,
        "limit": options.limit,
        "command": command,
        "commit": provenance.commit(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "device": devices.describe(),
        "versions": provenance.versions(),
    }


if __name__ == "__main__":
    run(main)
