"""What a manifest must hold, so that readers need not check it, and the command that makes its data set again."""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator

ENCODINGS = ("png", "raw", "float32")
"""How images are encoded in records."""


def checksum_of(manifest: dict) -> str:
    """Return the SHA-256 of a manifest without its own `checksum`, and without the `command`, which readers do not use.

    >>> checksum_of({"name": "a", "command": []}) == checksum_of({"name": "a", "checksum": "b"})
    True
    """
    content = {key: value for key, value in manifest.items() if key not in ("checksum", "command")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def command_of(folder: str, manifest: dict) -> str:
    """Return the command, for a shell, that makes what is missing of a data set in the folder where it is now."""
    words = [word for word in manifest["command"] if word != "--no-checksums" and not word.startswith("--out=")]
    if "--out" in words:
        at = words.index("--out")
        del words[at : at + 2]
    words += ["--out", folder]
    named = any(word.partition("=")[0] == "--name" for word in words)
    if not named and os.path.basename(os.path.abspath(folder)) != manifest["name"]:
        words += ["--name", manifest["name"]]
    return shlex.join(words)


def flaw_of(manifest: dict) -> str | None:
    """Return the first flaw of a manifest of a known schema, or None.

    Manifests without a `checksum` were written before there was one.
    """
    if manifest.get("checksum") not in (None, checksum_of(manifest)):
        return "it has changed since it was written: its checksum differs"
    return next((f"no sound {what}" for what, sound in _parts(manifest) if not sound), None)


def _parts(manifest: dict) -> Iterator[tuple[str, bool]]:
    """Yield the name of each part, and whether it is sound."""
    for name, kind in (("name", str), ("command", list), ("versions", dict), ("blur", dict), ("splits", dict)):
        yield name, isinstance(manifest.get(name), kind)
    yield "command", all(isinstance(word, str) for word in manifest["command"])
    yield "channels", manifest.get("channels") in (1, 3)
    yield "size", "size" in manifest and (manifest["size"] is None or _is_size(manifest["size"]))
    encoding = manifest.get("encoding")
    yield "encoding", isinstance(encoding, dict) and {"blur", "sharp"} <= encoding.keys()
    yield "encoding", all(encoding[side] in ENCODINGS for side in ("blur", "sharp"))
    skipped = manifest.get("skipped", [])
    yield "skipped", isinstance(skipped, list) and all(isinstance(each, dict) for each in skipped)
    yield "skipped", all(isinstance(each.get(key), str) for each in skipped for key in ("name", "reason"))
    yield "dropped", isinstance(manifest.get("dropped", {}), dict)
    for split, entry in manifest["splits"].items():
        yield f"split {split!r}", isinstance(entry, dict) and isinstance(entry.get("shards"), list)
        yield f"split {split!r}", entry.get("smallest") is None or _is_size(entry["smallest"])
        for shard in entry["shards"]:
            yield f"list of shards of the split {split!r}", isinstance(shard, dict) and _is_shard(shard)
        yield f"number of records of the split {split!r}", _is_count(entry.get("records"))


def _is_count(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_size(value) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_count(side) and 0 < side < 2**31 for side in value)


def _is_shard(shard: dict) -> bool:
    """Whether this is a file's name without folders, with its counts and its SHA-256."""
    file, digest = shard.get("file"), shard.get("sha256")
    return (
        isinstance(file, str)
        and re.fullmatch(r"[^./\\\0][^/\\\0]*\.tfrecord", file) is not None
        and _is_count(shard.get("records"))
        and _is_count(shard.get("bytes"))
        and isinstance(digest, str)
        and re.fullmatch("[0-9a-f]{64}", digest) is not None
    )
