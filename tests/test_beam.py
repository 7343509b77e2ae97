"""Apache Beam writes what the threads write, and says what goes wrong."""

import json
import subprocess
import sys
import time

import psutil
import pytest

from tests import films, picture_folders
from tests.making import ROOT, command, make, shards
from tools import sharding

pytest.importorskip("apache_beam", reason="needs the extra [beam]")


def manifest(folder):
    found = json.loads((folder / "manifest.json").read_text())
    return {key: value for key, value in found.items() if key != "command"}


@pytest.mark.parametrize("mode", ["in_memory", "multi_processing"])
def test_beam_writes_the_same_bytes_and_manifest(tmp_path, mode):
    src = picture_folders.images(tmp_path / "src", 12)
    arguments = ["images", "--src", src, "--degrade", "phone-photo", "--draws", 2, "--shards", 3]
    make(*arguments, "--out", tmp_path / "threads" / "set")
    beam = ["--runner", "DirectRunner", "--direct_running_mode", mode, "--direct_num_workers", 2]
    out = ["--out", tmp_path / "beam" / "set"]
    subprocess.run(
        [sys.executable, "-m", "tools.make_tfrecords", *map(str, arguments + out + beam)], check=True, cwd=ROOT
    )
    assert shards(tmp_path / "beam/set") == shards(tmp_path / "threads/set") != {}
    assert manifest(tmp_path / "beam/set") == manifest(tmp_path / "threads/set")
    assert {path.suffix for path in (tmp_path / "beam/set").iterdir()} == {".json", ".tfrecord"}


def test_beam_makes_videos_too(tmp_path):
    for name in "ab":
        films.write(tmp_path / "src" / f"{name}.mkv", films.pan(30))
    for out, more in (("threads", ()), ("beam", ("--runner", "DirectRunner"))):
        make("video", "--src", tmp_path / "src", "--out", tmp_path / out / "set", *more)
    assert shards(tmp_path / "beam/set") == shards(tmp_path / "threads/set") != {}
    assert manifest(tmp_path / "beam/set") == manifest(tmp_path / "threads/set")


def test_beam_goes_on_where_it_was_stopped_and_names_what_is_wrong(tmp_path):
    src = picture_folders.images(tmp_path / "src", 8)
    broken = src / "05.png"
    content = broken.read_bytes()
    broken.write_bytes(content[:-20])
    arguments = ("images", "--src", src, "--out", tmp_path / "set", "--shards", 4, "--splits", "train=1")
    arguments += ("--runner", "DirectRunner")
    with pytest.raises(ValueError, match="05.png cannot be read as a picture .* replace the file"):
        make(*arguments)
    assert not (tmp_path / "set" / "manifest.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").glob("*.tfrecord")}
    assert len(kept) == 3
    broken.write_bytes(content)
    make(*arguments)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items()) and len(shards(tmp_path / "set")) == 4


def test_a_worker_that_dies_ends_the_run_and_loses_nothing(tmp_path):
    src = picture_folders.images(tmp_path / "src", 80, height=120, width=160)
    arguments = ["images", "--src", src, "--draws", 4, "--shards", 8, "--splits", "train=1", "--out", tmp_path / "set"]
    beam = ["--runner", "DirectRunner", "--direct_running_mode", "multi_processing", "--direct_num_workers", 2]
    run = subprocess.Popen(command(*arguments, *beam), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while run.poll() is None and not shards(tmp_path / "set"):
        time.sleep(0.01)
    workers = [each for each in psutil.Process(run.pid).children(recursive=True) if "python" in each.name()]
    workers[0].kill()
    *_, error = run.communicate(timeout=120)[1].splitlines()
    assert run.returncode == 1 and error.startswith("error: a worker died") and "run the same command again" in error
    kept = shards(tmp_path / "set")
    assert 0 < len(kept) < 8
    make(*arguments)
    make(*arguments[:-1], tmp_path / "whole" / "set")
    assert kept.items() <= shards(tmp_path / "set").items() == shards(tmp_path / "whole/set").items()


def test_an_engine_that_loses_shards_is_found_out(tmp_path):
    src = picture_folders.images(tmp_path / "src", 4)

    def lossy(missing):
        for shard in missing[1:]:
            sharding.write_shard(shard, str(tmp_path / "set"), recipe, False)

    from tools import dataset
    from tools.options import Options

    options = Options("images", str(tmp_path / "set"), src=str(src), shards=2, splits=("train=1",))
    recipe = dataset.recipe_of(options, dataset.list_source(options))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="is not there as it was written"):
        patch.setattr(dataset, "beam_engine", lambda *_: lossy)
        dataset.make(Options(**{**vars(options), "runner": "DirectRunner"}), [])


def test_wrong_options_of_beam_are_refused(tmp_path):
    src = picture_folders.images(tmp_path / "src", 4)
    arguments = ("images", "--src", src, "--out", tmp_path / "set", "--runner", "DirectRunner")
    with pytest.raises(ValueError, match="--direct_num_worker is neither an option of make_tfrecords nor of Beam's"):
        make(*arguments, "--direct_num_worker", 2)
    with pytest.raises(ValueError, match="multi_threading loses elements"):
        make(*arguments, "--direct_running_mode", "multi_threading")
