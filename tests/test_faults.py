"""What goes wrong in the middle of a long run: it is killed, or its source vanishes."""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import films, picture_folders
from tests.making import ROOT, command, make, shards

KILLS = 20


def images(folder: Path, count: int) -> list:
    """Ten pictures for each shard."""
    picture_folders.images(folder, 10 * count, height=120, width=160)
    return ["images", "--src", folder, "--shards", count, "--draws", 4, "--splits", "train=1"]


def videos(folder: Path, count: int) -> list:
    """A clip for each shard."""
    for index in range(count):
        films.write(folder / f"{index}.mkv", films.pan(60, height=240, width=320))
    return ["video", "--src", folder, "--shards", count, "--splits", "train=1"]


def start(arguments: list, out: Path) -> subprocess.Popen:
    """Start a run, and return when it has begun to write."""
    process = subprocess.Popen(command(*arguments, "--out", out), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not list(out.glob("plan*")) and process.poll() is None:
        time.sleep(0.01)
    return process


def finished(folder: Path) -> dict:
    """Return the final bytes of all files, but for the manifest's command."""
    found = json.loads((folder / "manifest.json").read_text())
    return shards(folder) | {key: value for key, value in found.items() if key != "command"}


@pytest.mark.slow
@pytest.mark.parametrize("source", [images, videos])
def test_a_run_killed_at_random_moments_gives_the_same_bytes(source, tmp_path):
    arguments = source(tmp_path / "src", 10)
    begin = time.monotonic()
    make(*arguments, "--out", tmp_path / "whole" / "set")
    whole, lasts = shards(tmp_path / "whole/set"), time.monotonic() - begin
    chance, killed, ended = random.Random(0), 0, 0
    out = tmp_path / "killed" / "set"
    while killed < KILLS:
        process = start(arguments, out)
        time.sleep(chance.uniform(0, lasts))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        assert shards(out).items() <= whole.items(), "no half shard is ever visible under its name"
        if (out / "manifest.json").exists():
            assert finished(out) == finished(tmp_path / "whole/set")
            shutil.rmtree(out)
            ended += 1
    make(*arguments, "--out", out)
    assert finished(out) == finished(tmp_path / "whole/set")
    assert {path.name for path in out.iterdir()} == {path.name for path in (tmp_path / "whole/set").iterdir()}
    print(f"{killed} runs killed, {ended} data sets finished in between")


@pytest.mark.parametrize("source", [images, videos])
def test_a_source_that_vanishes_is_named_and_nothing_is_lost(source, tmp_path):
    arguments = [*source(tmp_path / "src", 4), "--workers", 1]
    last = sorted((tmp_path / "src").iterdir())[-1]
    process = start(arguments, tmp_path / "set")
    last.rename(tmp_path / "elsewhere")
    error = process.communicate()[1].splitlines()[-1]
    assert process.returncode == 1
    assert error.startswith(f"error: {last} cannot be read") and "--on-error skip" in error and "No such file" in error
    kept = shards(tmp_path / "set")
    (tmp_path / "elsewhere").rename(last)
    make(*arguments, "--out", tmp_path / "set")
    make(*arguments, "--out", tmp_path / "whole" / "set")
    assert finished(tmp_path / "set") == finished(tmp_path / "whole/set")
    assert kept.items() <= shards(tmp_path / "set").items()
