"""Say what a data set holds, verify every shard and every record of it, and draw a contact sheet of some pairs."""

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import tyro
from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.commandline import import_tensorflow, run
from tfdeblur.evaluation import figures

DETAIL = 384
"""Pixels: of larger pictures the contact sheet shows a part of this size, as they are."""

_MEND = "remove it and run the make_tfrecords command above again, or copy it anew"


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


@dataclass
class Contents:
    """What was found in a split."""

    records: int = 0
    bytes: int = 0
    scenes: set[str] = field(default_factory=set)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    sigmas: list[float] = field(default_factory=list)
    decibels: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Shard:
    """A shard as the manifest has it: its split, its path, and the index of its first record in the data set."""

    split: str
    path: str
    first: int
    records: int
    bytes: int
    sha256: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; whatever is wrong with the data set ends it with an error that lists all of it."""
    options = tyro.cli(Inspect, args=arguments, prog="python -m tools.inspect_tfrecords", description=__doc__)
    if options.pairs < 0:
        raise ValueError(f"--pairs is {options.pairs}; it must not be negative")
    import_tensorflow()
    from tfdeblur.data import records

    manifest = records.load_manifest(options.folder)
    print(describe(options.folder, manifest))
    shards = list(shards_of(options.folder, manifest))
    contents, drawn, problems = look_through(shards, manifest, options.pairs, options.checksums)
    problems = _unlisted(options.folder, shards) + problems + shared_scenes(contents)
    print(table(manifest, contents))
    if problems:
        raise ValueError("\n       ".join([f"{options.folder} is not sound:", *problems]))
    total = sum(shard.records for shard in shards)
    print(f"sound: {total} records in {len(shards)} shards" + ("" if options.checksums else ", checksums not compared"))
    if drawn:
        print(f"contact sheet: {draw(drawn, options, manifest)}")
    return 0


def look_through(
    shards: list[Shard], manifest: dict, pairs: int, checksums: bool
) -> tuple[dict[str, Contents], list, list[str]]:
    """Read every record of every shard.

    Returns
    -------
    tuple
        What was found in each split; pictures and captions of `pairs` pairs, spread evenly; a line for each problem.
    """
    total = sum(shard.records for shard in shards)
    chosen = {int(i) for i in np.linspace(0, total - 1, min(pairs, total)).round()} if total else set()
    contents = {split: Contents() for split in manifest["splits"]}
    drawn, problems = [], []
    with tqdm(total=total, unit="record", disable=None) as bar:
        for shard in shards:
            found = contents[shard.split]
            found.bytes += shard.bytes
            try:
                if checksums:
                    verify_bytes(shard)
                for i, record in enumerate(read(shard, manifest)):
                    take_in(found, record)
                    if shard.first + i in chosen:
                        drawn.append(_pair(shard.split, record))
                    bar.update()
            except (ValueError, OSError) as error:
                problems.append(str(error))
    return contents, drawn, problems


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


def shards_of(folder: str, manifest: dict) -> Iterator[Shard]:
    """Yield the shards of all splits, in order."""
    first = 0
    for split, entry in manifest["splits"].items():
        for shard in entry["shards"]:
            path = storage.join(folder, shard["file"])
            yield Shard(split, path, first, shard["records"], shard["bytes"], shard["sha256"])
            first += shard["records"]


def verify_bytes(shard: Shard) -> None:
    """Compare size and SHA-256 of a shard with the manifest's.

    Raises
    ------
    FileNotFoundError
        There is no such shard.
    ValueError
        Size or checksum differ.
    """
    import tensorflow as tf

    _verify_size(shard)
    digest = hashlib.sha256()
    with tf.io.gfile.GFile(shard.path, "rb") as file:
        while part := file.read(1 << 22):
            digest.update(part)
    if digest.hexdigest() != shard.sha256:
        raise ValueError(f"{shard.path} has changed: its SHA-256 is not the manifest's; {_MEND}")


def _verify_size(shard: Shard) -> None:
    import tensorflow as tf

    if not storage.exists(shard.path):
        raise FileNotFoundError(f"{shard.path} is missing, the manifest lists it; {_MEND}")
    found = tf.io.gfile.stat(shard.path).length
    if found != shard.bytes:
        raise ValueError(f"{shard.path} has {found} bytes, the manifest says {shard.bytes}; {_MEND}")


def read(shard: Shard, manifest: dict) -> Iterator[dict]:
    """Yield a shard's records, decoded, with the mean squared error of the blurred picture.

    Raises
    ------
    FileNotFoundError
        There is no such shard.
    ValueError
        A record is damaged or does not fit the manifest, or their number differs.
    """
    import tensorflow as tf

    from tfdeblur.data import records

    _verify_size(shard)

    def unit_range(picture):
        return tf.cast(picture, tf.float32) / 255 if picture.dtype == tf.uint8 else picture

    def decode(serialized):
        features = records.parse(serialized)
        blur, sharp = records.decode(features, manifest["encoding"], manifest["channels"])
        error = tf.reduce_mean(tf.square(unit_range(blur) - unit_range(sharp)))
        return features | {"blur": blur, "sharp": sharp, "mse": error}

    dataset = tf.data.TFRecordDataset(shard.path).map(decode, tf.data.AUTOTUNE, deterministic=True)
    count = 0
    try:
        for record in dataset.as_numpy_iterator():
            _check_record(shard, count, record, manifest)
            yield record
            count += 1
    except tf.errors.OpError as error:
        reason = error.message.splitlines()[0]
        raise ValueError(f"{shard.path} is damaged at record {count}: {reason}; {_MEND}") from error
    if count != shard.records:
        raise ValueError(f"{shard.path} holds {count} records, the manifest says {shard.records}; {_MEND}")


def _check_record(shard: Shard, index: int, record: dict, manifest: dict) -> None:
    size = (int(record["height"]), int(record["width"]))
    for side in ("blur", "sharp"):
        encoding = record[f"{side}_encoding"].decode()
        if encoding != manifest["encoding"][side]:
            raise ValueError(
                f"record {index} of {shard.path} encodes {side} as {encoding}, "
                f"the manifest says {manifest['encoding'][side]}; {_MEND}"
            )
        if record[side].shape[:2] != size:
            raise ValueError(
                f"record {index} of {shard.path} says {size[0]}x{size[1]}, "
                f"its {side} picture is {'{}x{}'.format(*record[side].shape)}; {_MEND}"
            )


def take_in(contents: Contents, record: dict) -> None:
    """Add a record to what was found in its split."""
    contents.records += 1
    contents.scenes.add(record["scene"].decode())
    contents.sizes.add((int(record["height"]), int(record["width"])))
    if np.isfinite(record["sigma"]):
        contents.sigmas.append(float(record["sigma"]))
    contents.decibels.append(_decibels(record["mse"]))


def shared_scenes(contents: dict[str, Contents]) -> list[str]:
    """Return a line for every two splits that share scenes: what is tested would have been trained on."""
    lines, splits = [], list(contents)
    for i, first in enumerate(splits):
        for second in splits[i + 1 :]:
            if shared := contents[first].scenes & contents[second].scenes:
                lines.append(f"{first} and {second} share {len(shared)} scenes, such as {min(shared)}; split by scene")
    return lines


def table(manifest: dict, contents: dict[str, Contents]) -> str:
    """Return what was found in each split as a table."""
    rows = [("split", "records", "scenes", "shards", "MB", "height x width", "sigma", "PSNR of the blurred pictures")]
    for split, found in contents.items():
        sizes = sorted(found.sizes)
        shown = ", ".join("{}x{}".format(*size) for size in sizes[:3]) + (f", ... ({len(sizes)})" if sizes[3:] else "")
        sigma = f"{min(found.sigmas):.2f} to {max(found.sigmas):.2f}" if found.sigmas else "-"
        finite = [value for value in found.decibels if np.isfinite(value)]
        decibels = f"{np.mean(finite):.2f} dB (mean of {len(finite)} finite)" if finite else "-"
        shards, size = len(manifest["splits"][split]["shards"]), f"{found.bytes / 1e6:.1f}"
        row = (split, found.records, len(found.scenes), shards, size, shown or "-", sigma, decibels)
        rows.append(tuple(map(str, row)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in cells)


def draw(drawn: list, options: Inspect, manifest: dict) -> str:
    """Write the contact sheet and return its path: two pairs in a row.

    Raises
    ------
    OSError
        It cannot be written there, as where the data set is in a folder that is for reading only.
    """
    rows = [sum((pictures for pictures, _ in drawn[i : i + 2]), []) for i in range(0, len(drawn), 2)]
    labels = [sum((captions for _, captions in drawn[i : i + 2]), []) for i in range(0, len(drawn), 2)]
    path = options.out or storage.join(options.folder, "contact_sheet.png")
    page = figures.sheet(rows, labels, title=f"{manifest['name']}: blurred and sharp", smallest=256)
    try:
        with storage.publish(path) as temporary:
            page.save(temporary, "PNG")
    except OSError as error:
        raise OSError(
            f"the contact sheet {path} cannot be written ({error.strerror or error}); name another file with --out, "
            "or have none with --pairs 0"
        ) from error
    return path


def _pair(split: str, record: dict) -> tuple[list[np.ndarray], list[str]]:
    sigma = f", sigma {record['sigma']:.2f}" if np.isfinite(record["sigma"]) else ""
    height, width = record["sharp"].shape[:2]
    captions = [
        f"{figures.decibels(_decibels(record['mse']))}{sigma}\n{split}, {width}x{height}",
        f"sharp\n{record['name'].decode()}",
    ]
    return figures.detail([record["blur"], record["sharp"]], DETAIL), captions


def _decibels(error: float) -> float:
    return -10 * float(np.log10(error)) if error else float("inf")


def _unlisted(folder: str, shards: list[Shard]) -> list[str]:
    listed = {shard.path for shard in shards}
    found = [storage.join(folder, name) for name in storage.list_names(folder) if name.endswith(".tfrecord")]
    return [f"{path} is not in the manifest; remove it" for path in found if path not in listed]


if __name__ == "__main__":
    run(main)
