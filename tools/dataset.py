"""From options to a finished data set: list, split, plan, write, and the manifest last."""

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version

from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.data.records import MANIFEST, PLAN, SCHEMA_VERSION
from tools.items import Item, Listing, Recipe, Where
from tools.plan import Shard, fingerprint, is_finished, plan_shards, unfinished
from tools.recording import blur_encoding
from tools.sharding import note_path, write_shards
from tools.sources import SOURCES
from tools.splits import assign, parse_weights

LISTED_SCENES = 1000
"""A manifest lists the scenes of a split up to this number, and counts them beyond it."""


def make(options, command: list[str]) -> str:
    """Make the data set, or what is missing of it.

    Parameters
    ----------
    options : tools.make_tfrecords.Options
        The command's arguments.
    command : list of str
        The command line, for the manifest.

    Returns
    -------
    str
        What was done, in a sentence.
    """
    check(options)
    listing = SOURCES[options.source](Where(options.src, options.layout, options.blur_folder, options.blur_dir, options.sharp_dir))
    check_listing(listing, options)
    recipe = recipe_of(options, listing)
    splits, notes = assign(listing.items, parse_weights(options.splits) or None, options.seed)
    splits = {split: items[: options.limit] for split, items in splits.items()}
    for note in notes:
        print(f"note: {note}")
    name = options.name or os.path.basename(options.out.rstrip("/")) or options.source
    settings = asdict(recipe) | {"name": name, "shards": options.shards, "shard_mb": options.shard_mb, "problems": listing.problems}
    digest = fingerprint(settings, splits)
    if is_finished(options.out, digest):
        return f"{options.out} is complete, nothing to do"
    with unfinished(options.out, digest, command):
        shards = plan_shards(name, splits, recipe, options.shards, options.shard_mb)
        total = sum(len(shard.items) for shard in shards)
        with tqdm(total=total, unit=" pictures", disable=None, smoothing=0.05) as bar:
            facts = write_shards(
                shards, options.out, recipe, workers=options.workers, skip=options.on_error == "skip", advance=bar.update
            )
        manifest = manifest_of(name, command, digest, recipe, listing, shards, facts)
        storage.write_text(storage.join(options.out, MANIFEST), json.dumps(manifest, indent=1))
        for shard in shards:
            storage.remove(note_path(options.out, shard))
        storage.remove(storage.join(options.out, PLAN))
    return summary(options.out, manifest)


def check(options) -> None:
    """Refuse options that contradict each other or make no sense, before any work.

    Raises
    ------
    ValueError
        Says what was found and what to do.
    """
    low, high = options.sigma
    if not 0 <= low <= high < float("inf"):
        raise ValueError(f"--sigma is {low} {high}; it takes the lowest and the highest value in pixels, 0 <= LOW <= HIGH")
    for field in ("draws", "workers", "shards", "shard_mb", "limit"):
        value = getattr(options, field)
        if value is not None and value <= 0:
            raise ValueError(f"--{field.replace('_', '-')} is {value}; it must be above 0")
    if options.shards and options.shard_mb:
        raise ValueError("--shards and --shard-mb both say how many shards to write; give one of them")
    if options.source == "pairs" and (options.blur or options.as_float or options.draws > 1):
        raise ValueError("--blur, --float and --draws are for sharp pictures; pairs come with blurred ones, leave these options out")


def check_listing(listing: Listing, options) -> None:
    """Refuse a source that has nothing, has names twice, or (under `--on-error fail`) has pictures that cannot be used."""
    if listing.problems and options.on_error == "fail":
        name, reason = listing.problems[0]
        more = f" ({len(listing.problems) - 1} more like it)" if len(listing.problems) > 1 else ""
        raise ValueError(f"{name}: {reason}{more}; mend the source, or use --on-error skip to leave such pictures out")
    if not listing.items:
        raise ValueError(f"source {options.source} at {options.src} has no usable pictures")
    if len({item.name for item in listing.items}) < len(listing.items):
        raise ValueError(f"source {options.source} at {options.src} has several pictures of the same name")


def recipe_of(options, listing: Listing) -> Recipe:
    """Return what the options say of the records themselves."""
    made = listing.items[0].blur is None
    return Recipe(
        blur=(options.blur or "gaussian") if made else None,
        sigma=tuple(options.sigma),
        as_float=options.as_float,
        draws=options.draws,
        encoding=options.encoding,
        resize=parse_size("--resize", options.resize),
        patch=parse_size("--patch", options.patch),
        channels=options.channels or listing.channels,
        seed=options.seed,
    )


def parse_size(option: str, text: str | None) -> tuple[int, int] | None:
    """Read `"96x128"` as height and width.

    >>> parse_size("--patch", "96x128")
    (96, 128)
    """
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ValueError(f"{option} is {text!r}; it takes height x width in pixels, as in 96x128")
    return int(height), int(width)


def manifest_of(
    name: str, command: list[str], digest: str, recipe: Recipe, listing: Listing, shards: list[Shard], facts: list[dict]
) -> dict:
    """Return the manifest, which makes the written shards a data set."""
    made = [fact["made"] for fact in facts]
    sizes = {tuple(size) for part in made for size in part["sizes"]}
    splits = {}
    for shard, fact in zip(shards, facts, strict=True):
        split = splits.setdefault(shard.split, {"records": 0, "scenes": {}, "shards": []})
        skipped = {item["name"] for item in fact["made"]["skipped"]}
        split["records"] += fact["records"]
        split["scenes"] |= {item.scene: None for item in shard.items if item.name not in skipped}
        split["shards"].append({key: fact[key] for key in ("file", "records", "bytes", "sha256")})
    for split in splits.values():
        split["scenes"] = sorted(split["scenes"]) if len(split["scenes"]) <= LISTED_SCENES else len(split["scenes"])
    return {
        "schema": SCHEMA_VERSION,
        "name": name,
        "command": command,
        "versions": versions(),
        "fingerprint": digest,
        "channels": recipe.channels,
        "size": list(sizes.pop()) if len(sizes) == 1 else None,
        "encoding": {"blur": blur_encoding(recipe, recipe.blur is not None), "sharp": recipe.encoding},
        "blur": describe_blur(recipe, listing),
        "expanded_grey": sum(part["grey"] for part in made),
        "skipped": [{"name": item, "reason": reason} for item, reason in listing.problems]
        + [skipped for part in made for skipped in part["skipped"]],
        "splits": splits,
    }


def describe_blur(recipe: Recipe, listing: Listing) -> dict:
    """Return what the manifest says of the blur: how it was made, or where it came from."""
    if recipe.blur is None:
        return {"kind": "imported", **listing.description}
    strength = {"sigma": list(recipe.sigma)} if recipe.blur == "gaussian" else {}
    return {"kind": recipe.blur, **strength, "draws": recipe.draws, "rounded": not recipe.as_float, "seed": recipe.seed}


def versions() -> dict[str, str]:
    """Return the versions of what the bytes come from."""
    packages = ("numpy", "pillow", "scipy")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def summary(out: str, manifest: dict) -> str:
    """Return a sentence about a finished data set."""
    parts = [f"{split} {entry['records']}" for split, entry in manifest["splits"].items()]
    size = sum(shard["bytes"] for entry in manifest["splits"].values() for shard in entry["shards"])
    skipped = f", {len(manifest['skipped'])} skipped (listed in {MANIFEST})" if manifest["skipped"] else ""
    return f"{out}: {', '.join(parts)} pairs, {size / 1e6:.1f} MB{skipped}"
