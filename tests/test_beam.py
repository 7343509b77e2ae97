"""Apache Beam writes what the threads write, and says what goes wrong."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests import films, picture_folders
from tests.making import ROOT, command, make, shards
from tools import sharding

pytest.importorskip("apache_beam", reason="needs the extra [beam]")

KILLS = 200


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


PROCESSES = ("--runner", "DirectRunner", "--direct_running_mode", "multi_processing", "--direct_num_workers", 2)
KINDS = {"worker": "sdk_worker_main", "driver": "beam.drive", "command": "tools.make_tfrecords"}
"""What the command lines of a run's processes contain."""


def start(*arguments) -> subprocess.Popen:
    return subprocess.Popen(command(*arguments, *PROCESSES), cwd=ROOT, stderr=subprocess.PIPE, text=True)


def processes(run: subprocess.Popen, kind: str = "") -> list[psutil.Process]:
    """Return the processes of a run."""
    found, tree = [], []
    with contextlib.suppress(psutil.NoSuchProcess):
        command = psutil.Process(run.pid)
        tree = [command, *command.children(recursive=True)]
    for process in tree:
        with contextlib.suppress(psutil.Error):
            found += [process] if KINDS.get(kind, kind) in " ".join(process.cmdline()) else []
    return found


def ended(processes: list[psutil.Process]) -> bool:
    """Whether all of a run's processes have ended, those included that were started since."""
    psutil.wait_procs(processes, timeout=10)
    groups, left = {process.pid for process in processes}, []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            alive = process.status() != psutil.STATUS_ZOMBIE
            left += [process] if alive and os.getpgid(process.pid) in groups else []
    return not left


@pytest.mark.parametrize("kind", ["worker", "command"])
def test_a_process_that_dies_ends_the_run_and_loses_nothing(tmp_path, kind):
    src = picture_folders.images(tmp_path / "src", 40, height=120, width=160)
    arguments = ["images", "--src", src, "--draws", 4, "--shards", 8, "--splits", "train=1", "--out", tmp_path / "set"]
    run = start(*arguments)
    while run.poll() is None and not shards(tmp_path / "set"):
        time.sleep(0.01)
    all_of_them = processes(run)
    processes(run, kind)[0].kill()
    errors = run.communicate(timeout=30)[1].splitlines()
    if kind == "command":
        assert not errors
    else:
        assert run.returncode == 1 and len(errors) == 1
        assert errors[0].startswith("error: a worker died") and "run the same command again" in errors[0]
    assert ended(all_of_them)
    kept = shards(tmp_path / "set")
    assert 0 < len(kept) < 8
    make(*arguments)
    make(*arguments[:-1], tmp_path / "whole" / "set")
    assert kept.items() <= shards(tmp_path / "set").items() == shards(tmp_path / "whole/set").items()


@pytest.mark.slow
def test_runs_whose_processes_are_killed_at_random_moments_end_and_lose_nothing(tmp_path):
    """Two more processes keep the cores busy meanwhile."""
    src = picture_folders.images(tmp_path / "src", 24, height=40, width=48)
    arguments = ["images", "--src", src, "--shards", 8, "--splits", "train=1", "--name", "set", "--out"]
    begin = time.monotonic()
    subprocess.run(command(*arguments, tmp_path / "whole", *PROCESSES), cwd=ROOT, check=True)
    lasts, whole = time.monotonic() - begin, shards(tmp_path / "whole")
    chance, out, killed = random.Random(0), tmp_path / "killed", 0
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        while killed < KILLS:
            run, kind = start(*arguments, out), chance.choice(["worker", "worker", "driver", "sh -c", "command"])
            while run.poll() is None and not processes(run, kind):
                time.sleep(0.05)
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(chance.uniform(0, lasts))
            if run.poll() is None and (victims := processes(run, kind)):
                all_of_them = processes(run)
                chance.choice(victims).kill()
                killed += 1
                errors = run.communicate(timeout=30)[1].splitlines()
                assert ended(all_of_them), kind
                assert len(errors) == (run.returncode == 1) and all(line.startswith("error: ") for line in errors)
                assert run.returncode in ((-signal.SIGKILL,) if kind == "command" else (0, 1))
            else:
                assert run.communicate()[1] == "" and run.returncode == 0
            assert shards(out).items() <= whole.items()
            if (out / "manifest.json").exists():
                assert shards(out) == whole and manifest(out) == manifest(tmp_path / "whole")
                shutil.rmtree(out)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    make(*arguments, out)
    assert shards(out) == whole and manifest(out) == manifest(tmp_path / "whole")


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
