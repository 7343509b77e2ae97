"""Finished data sets with missing or damaged shards: what inspection advises, done to the letter, mends them."""

import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests import picture_folders
from tests.making import ROOT, make, shards
from tests.picture_folders import photograph
from tfdeblur.commandline import run
from tfdeblur.data import records
from tools import inspect_tfrecords


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A data set of seven records in four shards, beside its source."""
    root = tmp_path_factory.mktemp("original")
    picture_folders.images(root / "src", 7)
    make(*arguments(root))
    return root


@pytest.fixture
def root(original, tmp_path):
    """A copy of it in which the images have the same places."""
    kept = original.parent / "kept"
    if not kept.exists():
        shutil.copytree(original, kept)
    shutil.rmtree(original)
    shutil.copytree(kept, original)
    return original


def arguments(root) -> list:
    return ["images", "--src", root / "src", "--out", root / "set", "--shards", 2, "--splits", "train=5", "test=2"]


def inspect(folder, capsys) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        run(inspect_tfrecords.main, [str(folder), "--pairs", "0"])
    captured = capsys.readouterr()
    return caught.value.code, captured.out, captured.err


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "longer": lambda path: path.write_bytes(path.read_bytes() * 2),
    "flipped": flip,
    "another's": lambda path: shutil.copy(path.with_name(path.name.replace("train", "test")), path),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("removed", [False, True], ids=["as it is", "removed as advised"])
def test_a_damaged_shard_is_made_again_byte_for_byte(root, capsys, damage, removed):
    before = {path.name: path.read_bytes() for path in (root / "set").iterdir()}
    path = root / "set/set-train-00001-of-00002.tfrecord"
    times = {other: other.stat().st_mtime_ns for other in (root / "set").iterdir() if other != path}
    DAMAGE[damage](path)
    code, _, errors = inspect(root / "set", capsys)
    assert code == 1 and errors.count(path.name) == 1
    if removed:
        path.unlink(missing_ok=True)
    make(*arguments(root))
    assert "complete again: made 1 missing or damaged shards anew (set-train-00001-of-00002" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in (root / "set").iterdir()} == before
    assert all(other.stat().st_mtime_ns == time for other, time in times.items()), "nothing else is written"
    assert inspect(root / "set", capsys)[0] == 0


def test_what_inspection_advises_can_be_pasted_into_a_shell(root, capsys):
    """The data set was moved into a folder with another name, and a space in it."""
    before = shards(root / "set")
    moved = root / "another name"
    (root / "set").rename(moved)
    (moved / "set-train-00000-of-00002.tfrecord").unlink()
    flip(moved / "set-test-00001-of-00002.tfrecord")
    _, _, errors = inspect(moved, capsys)
    (advice,) = set(re.findall(r"`(python -m tools.make_tfrecords .*?)`", errors))
    for path in re.findall(r"(\S.*tfrecord) has changed", errors):
        assert path.strip() == str(moved / "set-test-00001-of-00002.tfrecord")
    words = shlex.split(advice)
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {advice.replace('python', shlex.quote(sys.executable), 1)}"], cwd=ROOT
    )
    assert words[:3] == ["python", "-m", "tools.make_tfrecords"] and done.returncode == 0
    assert shards(moved) == before


def test_without_checksums_only_sizes_are_compared(root, capsys):
    path = root / "set/set-train-00000-of-00002.tfrecord"
    flip(path)
    flipped = path.read_bytes()
    make(*arguments(root), "--no-checksums")
    assert "nothing to do" in capsys.readouterr().out and path.read_bytes() == flipped


def test_a_source_that_has_changed_is_not_mixed_in(root, capsys):
    before = shards(root / "set")
    path = sorted((root / "set").glob("*.tfrecord"))[0]
    path.unlink()
    for index in range(7):
        picture_folders.save(root / f"src/{index:02d}.png", photograph(index + 20))
    with pytest.raises(ValueError, match=f"{path.name} cannot be made again .*have changed since; nothing was changed"):
        make(*arguments(root))
    assert shards(root / "set").items() < before.items()
    assert {path.suffix for path in (root / "set").iterdir()} == {".json", ".tfrecord"}


@pytest.mark.parametrize("change", ["removed", "damaged", "no sound part"])
def test_a_manifest_is_made_again_when_it_is_removed_as_advised(root, capsys, change):
    before = {path.name: path.read_bytes() for path in (root / "set").iterdir()}
    path = root / "set/manifest.json"
    if change == "damaged":
        path.write_bytes(path.read_bytes()[:-40])
    if change == "no sound part":
        path.write_text(json.dumps(json.loads(path.read_text()) | {"splits": 3, "checksum": None}))
    if change != "removed":
        with pytest.raises(
            ValueError, match="manifest.json cannot be read .* or remove it and make the data set again"
        ):
            make(*arguments(root))
    path.unlink(missing_ok=True)
    make(*arguments(root))
    assert {path.name: path.read_bytes() for path in (root / "set").iterdir()} == before


def test_shards_that_no_manifest_lists_are_not_overwritten(root):
    """The manifest of another data set was lost, whose files have the same names."""
    before = shards(root / "set")
    (root / "set/manifest.json").unlink()
    with pytest.raises(
        ValueError, match="is there with other content, and no manifest lists it; nothing was overwritt"
    ):
        make(*arguments(root), "--seed", 1)
    assert shards(root / "set") == before


def test_a_manifest_of_a_newer_version_is_left_alone(root):
    path = root / "set/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": records.SCHEMA_VERSION + 1}))
    before = {path.name: path.read_bytes() for path in (root / "set").iterdir()}
    with pytest.raises(ValueError, match="upgrade tfdeblur"):
        make(*arguments(root))
    assert {path.name: path.read_bytes() for path in (root / "set").iterdir()} == before


def test_what_a_run_killed_at_its_very_end_left_is_removed(root):
    """The manifest was written, the plan and a note not removed yet."""
    before = {path.name: path.read_bytes() for path in (root / "set").iterdir()}
    (root / "set/plan.json").write_text("{}")
    (root / "set/plan-set-train-00000-of-00002.tfrecord.json").write_text("{}")
    make(*arguments(root))
    assert {path.name: path.read_bytes() for path in (root / "set").iterdir()} == before
