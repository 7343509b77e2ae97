"""Say what a data set holds, verify every shard and every record of it, and draw a contact sheet of some pairs."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import tyro
from PIL import Image
from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.commandline import import_tensorflow, run
from tfdeblur.evaluation import figures
from tools.inspection_page import page
from tools.likeness import alike
from tools.measuring import ALIGNED, Measured
from tools.verifying import Shard, read, shards_of, unlisted, verify_bytes

DETAIL = 384
"""Pixels: of larger pictures the contact sheet shows a part of this size, as they are."""

QUANTILES = {"least": 0, "q25": 0.25, "median": 0.5, "q75": 0.75, "most": 1}
"""What is said of what was measured, by name."""


@dataclass(frozen=True)
class Inspect:
    """What `python -m tools.inspect_tfrecords` takes."""

    folder: tyro.conf.Positional[str]
    """Folder of the data set, local or gs://."""
    out: str | None = None
    """PNG file of the contact sheet; contact_sheet.png in the data set's folder without it."""
    checksums: bool = True
    """Compare the SHA-256 of every shard with the manifest's. Sizes, counts, each record's own checksum and whether its
    pictures can be decoded are always verified."""
    pairs: int = 8
    """Pairs on the contact sheet, spread evenly over the data set; 0 draws none."""
    json: str | None = None
    """File for all that was found, as JSON."""
    html: str | None = None
    """File for all that was found, as a page for the browser, with the contact sheet in it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; whatever is wrong with the data set ends it with an error that lists all of it."""
    options = tyro.cli(Inspect, args=arguments, prog="python -m tools.inspect_tfrecords", description=__doc__)
    if options.pairs < 0:
        raise ValueError(f"--pairs is {options.pairs}; it must not be negative")
    import_tensorflow()
    from tfdeblur.data import records

    manifest = records.load_manifest(options.folder)
    description = describe(options.folder, manifest)
    print(description)
    shards = list(shards_of(options.folder, manifest))
    measured, drawn, problems = look_through(shards, manifest, options.pairs, options.checksums)
    problems = unlisted(options.folder, shards) + problems + shared_scenes(measured)
    warnings = twice(measured) + misaligned(measured)
    rows = table(manifest, measured)
    print(aligned(rows))
    print("".join(f"warning: {line}\n" for line in warnings), end="")
    sheet = draw(drawn, manifest) if drawn else None
    if options.json:
        found = {"statistics": statistics(manifest, measured), "problems": problems, "warnings": warnings}
        storage.write_text(options.json, json.dumps({"manifest": manifest, **found}, indent=1))
    if options.html:
        storage.write_text(options.html, page(manifest["name"], description, rows, problems, warnings, sheet))
    if problems:
        raise ValueError("\n       ".join([f"{options.folder} is not sound:", *problems]))
    total = sum(shard.records for shard in shards)
    print(f"sound: {total} records in {len(shards)} shards" + ("" if options.checksums else ", checksums not compared"))
    if sheet:
        print(f"contact sheet: {write(sheet, options)}")
    return 0


def look_through(
    shards: list[Shard], manifest: dict, pairs: int, checksums: bool
) -> tuple[dict[str, Measured], list, list[str]]:
    """Read every record of every shard.

    Returns
    -------
    tuple
        What was found in each split; pictures and captions of `pairs` pairs, spread evenly; a line for each problem.
    """
    total = sum(shard.records for shard in shards)
    chosen = {int(i) for i in np.linspace(0, total - 1, min(pairs, total)).round()} if total else set()
    measured = {split: Measured() for split in manifest["splits"]}
    drawn, problems = [], []
    with tqdm(total=total, unit="record", disable=None) as bar:
        for shard in shards:
            found = measured[shard.split]
            every = max(manifest["splits"][shard.split]["records"] // ALIGNED, 1)
            place = shard.first
            try:
                if checksums:
                    verify_bytes(shard)
                for batch in read(shard, manifest):
                    found.take_in(batch, every)
                    count = len(batch["name"])
                    shown = sorted(chosen & set(range(place, place + count)))
                    drawn += [
                        _pair(shard.split, {key: value[i - place] for key, value in batch.items()}) for i in shown
                    ]
                    place += count
                    bar.update(count)
            except (ValueError, OSError) as error:
                problems.append(str(error))
    return measured, drawn, problems


def describe(folder: str, manifest: dict) -> str:
    """Return what the manifest tells of the data set as a whole."""
    size = "sizes vary" if manifest["size"] is None else "{}x{} (height x width)".format(*manifest["size"])
    lines = [
        f"{manifest['name']} in {folder}, schema {manifest['schema']}",
        f"  made by    {shlex.join(manifest['command'])}",
        f"  versions   {', '.join(f'{name} {version}' for name, version in manifest['versions'].items())}",
        f"  pictures   {size}, {manifest['channels']} channel{'s' if manifest['channels'] > 1 else ''}",
        f"  encoding   blurred {manifest['encoding']['blur']}, sharp {manifest['encoding']['sharp']}",
        f"  blur       {json.dumps(manifest['blur'])}",
    ]
    dropped = manifest.get("dropped", {})
    lines += [f"  dropped    {', '.join(f'{count} {reason}' for reason, count in dropped.items())}"] if dropped else []
    skipped = manifest.get("skipped", [])
    lines += [f"  left out   {len(skipped)}"] if skipped else []
    lines += [f"    {entry['name']}: {entry['reason']}" for entry in skipped[:10]]
    return "\n".join(lines)


def shared_scenes(measured: dict[str, Measured]) -> list[str]:
    """Return a line for every two splits that share scenes: what is tested would have been trained on."""
    return [
        f"{first} and {second} share {len(shared)} scenes, such as {min(shared).decode()}; split by scene"
        for first, second in combinations(measured, 2)
        if (shared := measured[first].scenes & measured[second].scenes)
    ]


def twice(measured: dict[str, Measured]) -> list[str]:
    """Return a line for every split, and every two, in which pictures are nearly the same under different names."""
    pictures = {split: _pictures(found) for split, found in measured.items() if found.thumbnails}
    lines = []
    for first, second in [*((split, None) for split in pictures), *combinations(pictures, 2)]:
        (names, ours), (others, theirs) = pictures[second or first], pictures[first]
        pairs = alike(ours, theirs if second else None)
        if len(pairs):
            one, like = names[pairs[0, 0]].decode(), others[pairs[0, 1]].decode()
            where = f"{second} are nearly the same as ones of {first}" if second else f"{first} are there nearly twice"
            lines.append(f"{len(pairs)} pictures of {where}, such as {one} and {like}")
    return lines


def _pictures(found: Measured) -> tuple[list[bytes], np.ndarray]:
    """Return names and thumbnails of a split's pictures, each once, of however many draws."""
    names = [re.sub(rb"/draw\d+", b"", name) for name in found.names]
    _, first = np.unique(names, return_index=True)
    first.sort()
    return [found.names[index] for index in first], np.concatenate(found.thumbnails)[first]


def misaligned(measured: dict[str, Measured]) -> list[str]:
    """Return a line for every split whose blurred pictures are shifted, as a rule, against their sharp ones.

    That a blur that is not symmetric shifts some of them this way and some that is no fault.
    """
    lines = []
    for split, found in measured.items():
        down, right = np.median(found.shift, 0) if found.shift else (0, 0)
        if np.hypot(down, right) >= 1:
            lines.append(
                f"blurred pictures of {split} are shifted against their sharp ones, by {down:.0f} pixels down and "
                f"{right:.0f} to the right (median of {len(found.shift)})"
            )
    return lines


def statistics(manifest: dict, measured: dict[str, Measured]) -> dict:
    """Return what was measured in each split: counts, and quantiles."""
    return {split: _statistics(manifest["splits"][split], found) for split, found in measured.items()}


def _statistics(entry: dict, found: Measured) -> dict:
    sigma, mse = (np.concatenate(part) if part else np.zeros(0) for part in (found.sigma, found.mse))
    with np.errstate(divide="ignore"):
        decibels = -10 * np.log10(mse)
    values = {
        "sigma": sigma[np.isfinite(sigma)],
        "psnr": decibels[np.isfinite(decibels)],
        "sharpness": np.concatenate(found.sharpness) if found.sharpness else np.zeros(0),
        "blurred_sharpness": np.concatenate(found.blurred_sharpness) if found.blurred_sharpness else np.zeros(0),
        "shift": np.hypot(*np.reshape(found.shift, (-1, 2)).T),
    }
    return {
        "records": len(found.names),
        "scenes": len(found.scenes),
        "shards": len(entry["shards"]),
        "bytes": sum(shard["bytes"] for shard in entry["shards"]),
        "sizes": sorted(found.sizes),
        **{name: _quantiles(value) for name, value in values.items()},
    }


def _quantiles(values: np.ndarray) -> dict | None:
    if not len(values):
        return None
    marks = dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())), strict=True))
    return {"count": len(values), "mean": float(values.mean()), **{name: float(mark) for name, mark in marks.items()}}


def table(manifest: dict, measured: dict[str, Measured]) -> list[tuple[str, ...]]:
    """Return what was found in each split as rows of a table, the first with headings."""
    rows = [
        ("split", "records", "scenes", "shards", "MB", "height x width", "sigma", "PSNR of the blurred pictures")
        + ("sharpness", "of the blurred")
    ]
    for split, found in statistics(manifest, measured).items():
        sizes = found["sizes"]
        shown = ", ".join("{}x{}".format(*size) for size in sizes[:3]) + (f", ... ({len(sizes)})" if sizes[3:] else "")
        sigma, psnr = found["sigma"], found["psnr"]
        sharpness = [found[name] for name in ("sharpness", "blurred_sharpness")]
        row = (split, found["records"], found["scenes"], found["shards"], f"{found['bytes'] / 1e6:.1f}", shown or "-")
        row += (f"{sigma['least']:.2f} to {sigma['most']:.2f}" if sigma else "-",)
        row += (f"{psnr['mean']:.2f} dB (mean of {psnr['count']} finite)" if psnr else "-",)
        rows.append(tuple(map(str, (*row, *(f"{each['median']:.0f}" if each else "-" for each in sharpness)))))
    return rows


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return a table as text."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in cells)


def draw(drawn: list, manifest: dict) -> Image.Image:
    """Return the contact sheet: two pairs in a row."""
    rows = [sum((pictures for pictures, _ in drawn[i : i + 2]), []) for i in range(0, len(drawn), 2)]
    labels = [sum((captions for _, captions in drawn[i : i + 2]), []) for i in range(0, len(drawn), 2)]
    return figures.sheet(rows, labels, title=f"{manifest['name']}: blurred and sharp", smallest=256)


def write(sheet: Image.Image, options: Inspect) -> str:
    """Write the contact sheet and return its path.

    Raises
    ------
    OSError
        It cannot be written there, as where the data set is in a folder that is for reading only.
    """
    path = options.out or storage.join(options.folder, "contact_sheet.png")
    try:
        with storage.publish(path) as temporary:
            sheet.save(temporary, "PNG")
    except OSError as error:
        raise OSError(
            f"the contact sheet {path} cannot be written ({error.strerror or error}); name another file with --out, "
            "or have none with --pairs 0"
        ) from error
    return path


def _pair(split: str, record: dict) -> tuple[list[np.ndarray], list[str]]:
    sigma = f", sigma {record['sigma']:.2f}" if np.isfinite(record["sigma"]) else ""
    blur, sharp = record["blur"], record["sharp"]
    height, width = sharp.shape[:2]
    scale = 255 if sharp.dtype == np.uint8 else 1
    error = np.square(np.float64(blur) / (255 if blur.dtype == np.uint8 else 1) - np.float64(sharp) / scale).mean()
    decibels = figures.decibels(-10 * float(np.log10(error)) if error else float("inf"))
    captions = [f"{decibels}{sigma}\n{split}, {width}x{height}", f"sharp\n{record['name'].decode()}"]
    return figures.detail([blur, sharp], DETAIL), captions


if __name__ == "__main__":
    run(main)
