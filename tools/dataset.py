"""From options to a finished data set: list, split, plan, write, and the manifest last."""

import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, fields, replace
from importlib.metadata import version

from tqdm import tqdm

from tfdeblur import __version__, storage
from tfdeblur.data.manifests import checksum_of
from tfdeblur.data.records import MANIFEST, SCHEMA_VERSION
from tools.items import Film, Listing, Recipe
from tools.mending import broken_shards, mend, remains
from tools.options import Options, check, degradation, parse_renames, parse_size
from tools.plan import Shard, fingerprint, finished, held, plan_shards, shard_counts, shards_planned
from tools.sharding import smaller, write_shards
from tools.sources import SOURCES
from tools.splits import assign, parse_weights

LISTED_SCENES = 1000
"""A manifest lists the scenes of a split up to this number, and counts them beyond it."""

LOUD = 0.1
"""Share of the source above which it is said aloud that so much was left out."""


def make(options: Options, command: list[str], flags: Sequence[str] = ()) -> str:
    """Make the data set, or what is missing of it.

    Parameters
    ----------
    options : tools.options.Options
        The command's arguments.
    command : list of str
        The command line, for the manifest.
    flags : sequence of str
        Apache Beam's own options.

    Returns
    -------
    str
        What was done, in a sentence.
    """
    check(options)
    listing = list_source(options)
    recipe = recipe_of(options, listing)
    splits, notes = assign(listing.items, parse_weights(options.splits) or None, options.seed)
    splits = {split: items[: options.limit] for split, items in splits.items()}
    name = options.name or os.path.basename(_absolute(options.out))
    sizing = {"shards": options.shards, "shard_mb": options.shard_mb}
    origin = listing.description | {"folders": _folders(options)}
    settings = {"recipe": asdict(recipe), "name": name, "problems": listing.problems, "origin": origin}
    digest = fingerprint(settings | sizing, splits)

    def write(shards: list[Shard]) -> list[dict]:
        skip = options.on_error == "skip"
        engine = beam_engine(options, flags, recipe, skip) if options.runner else None
        items = sum(len(shard.items) for shard in shards)
        with tqdm(total=items, unit=f" {listing.unit}", disable=None, smoothing=0.05) as bar:
            return write_shards(
                shards, options.out, recipe, workers=options.workers, skip=skip, advance=bar.update, engine=engine
            )

    def broken(manifest: dict) -> list[str]:
        return broken_shards(options.out, manifest, options.checksums, options.workers)

    manifest = finished(options.out, digest)
    if manifest and not broken(manifest) and not remains(options.out):
        return f"{options.out} is complete, nothing to do"
    with held(options.out):
        manifest = finished(options.out, digest)
        if manifest:
            return mend(options.out, manifest, splits, broken(manifest), write)
        for note in notes:
            print(f"note: {note}")
        counts = shards_planned(options.out, digest, command, lambda: shard_counts(splits, recipe, **sizing))
        shards = plan_shards(name, splits, counts)
        facts = write(shards)
        check_written(facts, shards, asked=parse_weights(options.splits).keys())
        manifest = manifest_of(name, command, digest, recipe, listing, shards, facts)
        publish(options.out, manifest, shards)
    for line in warnings_of(manifest, listing, shards):
        print(f"warning: {line}", file=sys.stderr)
    return summary(options.out, manifest)


def publish(out: str, manifest: dict, shards: list[Shard]) -> None:
    """Write the manifest, after removing shards without records and before removing plan and notes."""
    for shard in shards:
        if shard.split not in manifest["splits"]:
            storage.remove(storage.join(out, shard.file))
    storage.write_text(storage.join(out, MANIFEST), json.dumps(manifest, indent=1))
    for path in remains(out):
        storage.remove(path)


def beam_engine(options: Options, flags: Sequence[str], recipe: Recipe, skip: bool) -> Callable:
    """Return what writes shards by Apache Beam."""
    from tools import beam

    return lambda shards: beam.write(shards, options.out, recipe, skip, options.runner, flags)


def _absolute(path: str) -> str:
    return path.rstrip("/") if storage.is_remote(path) else os.path.abspath(path)


def _folders(options: Options) -> list[str]:
    """Return the folders of the source: other pictures often have the same names in another folder."""
    return [_absolute(path) for path in (options.src, options.blur_dir, options.sharp_dir) if path]


def list_source(options: Options) -> Listing:
    """List the source; refuse one that is empty, has names twice, or (under `--on-error fail`) has unusable pictures.

    Raises
    ------
    ValueError, FileNotFoundError
        Says what is wrong with the source.
    """
    listing = SOURCES[options.source](options)
    if listing.problems and options.on_error == "fail":
        name, reason = listing.problems[0]
        more = f" ({len(listing.problems) - 1} more like it)" if len(listing.problems) > 1 else ""
        raise ValueError(f"{name}: {reason}{more}; mend the source, or use --on-error skip to leave such pictures out")
    if not listing.items:
        raise ValueError(f"the source {options.source} has no usable pictures in {options.src or options.blur_dir}")
    if len({item.name for item in listing.items}) < len(listing.items):
        raise ValueError(f"the source {options.source} has several pictures of one name in {options.src}; rename them")
    renames = parse_renames(options.rename)
    unknown = renames.keys() - {item.split for item in listing.items}
    if unknown:
        raise ValueError(f"--rename has {min(unknown)!r}, which is not a split of this source")
    items = [replace(item, split=renames.get(item.split, item.split)) for item in listing.items]
    return replace(listing, items=items)


def recipe_of(options: Options, listing: Listing) -> Recipe:
    """Return what the options say of the records themselves."""
    film = None
    if listing.items[0].span:
        film = Film(*(getattr(options, field.name) for field in fields(Film)))
    return Recipe(
        degradation=None if listing.items[0].blur else degradation(options),
        film=film,
        as_float=options.as_float,
        draws=options.levels or options.draws,
        levels=options.levels,
        blank=(listing.blank if options.blank is None else options.blank) or None,
        encoding=options.encoding,
        resize=parse_size("--resize", options.resize),
        patch=parse_size("--patch", options.patch or listing.patch),
        channels=options.channels or listing.channels,
        seed=options.seed,
    )


def check_written(facts: list[dict], shards: list[Shard], asked: Collection[str]) -> None:
    """Refuse a data set without a single record, or without one in a split that was asked for.

    Raises
    ------
    ValueError
        Names the split, and says why it is empty.
    """
    if not any(fact["records"] for fact in facts):
        raise ValueError(_why_empty(facts, shards, ""))
    for split in asked:
        part = [(fact, shard) for fact, shard in zip(facts, shards, strict=True) if shard.split == split]
        if not any(fact["records"] for fact, _ in part):
            why = _why_empty(*zip(*part, strict=True), f" of the split {split!r}")
            raise ValueError(f"{why}; or leave that split out of --splits")


def _why_empty(facts: Sequence[dict], shards: Sequence[Shard], where: str) -> str:
    """Return why there is no record, and what to do."""
    total = sum(len(shard.items) for shard in shards)
    reasons = [skipped["reason"] for fact in facts for skipped in fact["made"]["skipped"]]
    if reasons:
        return f"none of the {total} pictures{where} can be used; the first: {reasons[0]}"
    if any(item.span for shard in shards for item in shard.items):
        found = _listed(dropped_of(facts)) or "too few frames"
        return f"no exposure can be made of the videos{where} ({found}); see --max-motion and --interpolate"
    return f"all patches of the {total} pictures{where} are blank; see --blank"


def warnings_of(manifest: dict, listing: Listing, shards: list[Shard]) -> Iterator[str]:
    """Yield what a user should know of a data set that is smaller than its source."""
    for split in dict.fromkeys(shard.split for shard in shards):
        if split not in manifest["splits"]:
            yield f"the data set has no split {split!r}, because nothing of it could be used"
    skipped = manifest["skipped"]
    total = len(listing.problems) + sum(len(shard.items) for shard in shards)
    if len(skipped) > LOUD * total:
        yield (
            f"{len(skipped)} of {total} {listing.unit} ({len(skipped) / total:.0%}) were left out; the first: "
            f"{skipped[0]['name']}: {skipped[0]['reason']}"
        )


def dropped_of(facts: list[dict]) -> dict[str, int]:
    """Return what was left out of videos, by reason, the most frequent first."""
    return dict(sum((Counter(fact["made"]["dropped"]) for fact in facts), Counter()).most_common())


def _listed(dropped: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in dropped.items())


def manifest_of(
    name: str, command: list[str], digest: str, recipe: Recipe, listing: Listing, shards: list[Shard], facts: list[dict]
) -> dict:
    """Return the manifest, which makes the written shards a data set; a split without records is not in it."""
    made = [fact["made"] for fact in facts]
    sizes = {tuple(size) for part in made for size in part["sizes"]}
    used = {shard.split for shard, fact in zip(shards, facts, strict=True) if fact["records"]}
    scores = [score for part in made for score in part["ghosts"]]
    ghosts = {"mean": sum(scores) / len(scores), "largest": max(scores)} if scores else None
    splits = {}
    for shard, fact in zip(shards, facts, strict=True):
        if shard.split not in used:
            continue
        split = splits.setdefault(shard.split, {"records": 0, "smallest": None, "scenes": {}, "shards": []})
        skipped = {item["name"] for item in fact["made"]["skipped"]}
        split["records"] += fact["records"]
        split["smallest"] = smaller(split["smallest"], fact["made"]["smallest"])
        split["scenes"] |= {item.scene: None for item in shard.items if item.name not in skipped}
        split["shards"].append({key: fact[key] for key in ("file", "records", "bytes", "sha256")})
    for split in splits.values():
        split["scenes"] = sorted(split["scenes"]) if len(split["scenes"]) <= LISTED_SCENES else len(split["scenes"])
    manifest = {
        "schema": SCHEMA_VERSION,
        "name": name,
        "command": command,
        "versions": versions(),
        "fingerprint": digest,
        "channels": recipe.channels,
        "size": list(sizes.pop()) if len(sizes) == 1 else None,
        "encoding": dict(zip(("blur", "sharp"), recipe.encodings, strict=True)),
        "blur": describe_blur(recipe, listing),
        "expanded_grey": sum(part["grey"] for part in made),
        **({"dropped": dropped_of(facts)} if recipe.film else {}),
        **({"ghosts": ghosts} if ghosts else {}),
        "skipped": [{"name": item, "reason": reason} for item, reason in listing.problems]
        + [skipped for part in made for skipped in part["skipped"]],
        "splits": splits,
    }
    return manifest | {"checksum": checksum_of(manifest)}


def describe_blur(recipe: Recipe, listing: Listing) -> dict:
    """Return what the manifest says of the blur: how it was made, or where it came from."""
    if recipe.degradation is None:
        return {"kind": "imported", **listing.description}
    said = recipe.degradation.says
    said = {"kind": said.pop("blur"), **said}
    if recipe.film:
        said |= {"kind": "frames", **asdict(recipe.film)}
    else:
        said |= {"draws": recipe.draws} | ({"levels": recipe.levels} if recipe.levels else {})
    return said | {"rounded": not recipe.as_float, "seed": recipe.seed}


def versions() -> dict[str, str]:
    """Return the versions of what the bytes come from."""
    packages = {package: version(package) for package in ("numpy", "pillow", "scipy", "opencv-python-headless")}
    return {"tfdeblur": __version__, "python": platform.python_version(), **packages}


def summary(out: str, manifest: dict) -> str:
    """Return a sentence about a finished data set."""
    parts = [f"{split} {entry['records']}" for split, entry in manifest["splits"].items()]
    size = sum(shard["bytes"] for entry in manifest["splits"].values() for shard in entry["shards"])
    skipped = f", {len(manifest['skipped'])} skipped (listed in {MANIFEST})" if manifest["skipped"] else ""
    dropped = f"; left out: {_listed(manifest['dropped'])}" if manifest.get("dropped") else ""
    return f"{out}: {', '.join(parts)} pairs, {size / 1e6:.1f} MB{skipped}{dropped}"
