"""Damaged files: no crash, no hang, and no wrong picture that another decoder would not show, too.

What is checked of a damaged file that is read all the same: it shows what the sound one shows, or what another
library's decoder makes of the damaged one. PNG has checksums for everything: there only the sound picture passes.
Elsewhere nothing protects compressed values, and decoders differ on what lies behind the damage: a few files may.
"""

import time
from collections import Counter

import numpy as np
import pytest

from tests.making import make
from tests.picture_mutations import Mutated, mutations
from tfdeblur.data import records
from tfdeblur.deblur import main
from tfdeblur.pictures import photographs
from tfdeblur.pictures.formats import SUFFIXES

LONGEST = 20
"""Seconds for a file of a kilobyte."""
ROUNDING = 2
"""Steps of 8 bits by which decoders of CMYK differ."""
FEW, MANY = 64, 1000


def outcome(damaged: Mutated) -> str:
    """Read a damaged file; return what came of it."""
    started = time.monotonic()
    try:
        pixels = photographs.read(damaged.content, damaged.name).pixels
    except ValueError as error:
        message = str(error)
        assert message.startswith(f"{damaged.name} cannot be read: ") and "\n" not in message, message
        return "refused"
    finally:
        assert time.monotonic() - started < LONGEST, damaged.name
    try:
        sound = photographs.read(damaged.sound, damaged.name).pixels
    except ValueError:
        sound = None
    if sound is not None and np.array_equal(pixels, sound):
        return "as the sound one"
    assert not damaged.name.endswith(".png"), f"{damaged.name} shows something else"
    try:
        other = damaged.decode(damaged.content)
    except Exception:
        return "differently"
    if other.shape[-1] != pixels.shape[-1]:
        other, pixels = other[..., :3], pixels[..., :3]
    equal = pixels.shape == other.shape and np.abs(pixels.astype(int) - other.astype(int)).max() <= ROUNDING
    return "as another decoder" if equal else "differently"


def check_reader(count: int) -> None:
    """Read damaged files."""
    counts = Counter(map(outcome, mutations(count)))
    print(dict(counts))
    assert counts["differently"] <= count // 100
    assert counts["refused"] < count, "some damage does no harm"


def check_commands(count: int, folder) -> None:
    """Deblur damaged files and make records of them; both take the same ones."""
    (folder / "in").mkdir()
    readable = set()
    for damaged in mutations(count):
        (folder / "in" / damaged.name).write_bytes(damaged.content)
        try:
            photograph = photographs.read(damaged.content)
        except ValueError:
            continue
        suffix = damaged.name[damaged.name.rindex(".") :]
        assert suffix in SUFFIXES[photograph.format]
        readable.add(damaged.name)
    method = ["--method", "rl", "--psf", "gaussian:0", "--iterations", "1"]
    assert main([str(folder / "in"), "--out", str(folder / "out"), *method]) == 1
    assert {path.name for path in (folder / "out").iterdir()} == readable
    options = ["--blur", "none", "--on-error", "skip", "--splits", "test=1", "--out", folder / "set"]
    make("images", "--src", folder / "in", *options)
    manifest = records.load_manifest(str(folder / "set"))
    assert manifest["splits"]["test"]["records"] == len(readable)
    assert {skipped["name"].split(".")[0] for skipped in manifest["skipped"]} == {
        path.stem for path in (folder / "in").iterdir() if path.name not in readable
    }


def test_some_damaged_files_are_refused_or_shown_as_they_are(tmp_path):
    check_reader(FEW)
    check_commands(FEW, tmp_path)


@pytest.mark.slow
def test_a_thousand_damaged_files_are_refused_or_shown_as_they_are(tmp_path):
    check_reader(MANY)
    check_commands(MANY, tmp_path)
