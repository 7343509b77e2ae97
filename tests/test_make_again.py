"""Data sets made in several goes: finished ones, killed runs, a disk that refuses, two runs at a time."""

import resource
import signal
import subprocess
import time

import pytest

from tests import picture_folders
from tests.making import ROOT, command, make, read, shards
from tests.picture_folders import photograph
from tfdeblur import locking, storage
from tfdeblur.data import records


def test_finished_data_set_is_left_alone(tmp_path, capsys):
    src = picture_folders.images(tmp_path / "src", 4)
    make("images", "--src", src, "--out", tmp_path / "set")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").iterdir()}
    make("images", "--src", src, "--out", tmp_path / "set", "--workers", 1)
    assert "complete, nothing to do" in capsys.readouterr().out
    for other in (["--sigma", 0, 1], ["--shards", 2], ["--seed", 3]):
        with pytest.raises(ValueError, match="other pictures or options.*nothing was changed"):
            make("images", "--src", src, "--out", tmp_path / "set", *other)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "set").iterdir()}


def test_unfinished_data_set_is_not_mixed_with_another(tmp_path):
    src = picture_folders.images(tmp_path / "src", 6)
    (src / "03.png").write_bytes(b"no picture")
    arguments = ["images", "--src", src, "--out", tmp_path / "set", "--shards", 3]
    with pytest.raises(ValueError, match="03.png cannot be read"):
        make(*arguments)
    with pytest.raises(FileNotFoundError, match="not finished"):
        records.load_manifest(str(tmp_path / "set"))
    with pytest.raises(ValueError, match="an unfinished data set of other"):
        make(*arguments, "--seed", 1)
    picture_folders.save(src / "03.png", photograph(3))
    make(*arguments)
    make(*arguments[:4], tmp_path / "whole", "--shards", 3, "--name", "set")
    assert shards(tmp_path / "set") == shards(tmp_path / "whole")


def test_killed_run_continues_to_the_same_bytes(tmp_path):
    """One picture is bad and skipped, in a shard that is finished before the kill: it must be listed all the same."""
    src = picture_folders.images(tmp_path / "src", 18, height=120, width=160)
    (src / "01.png").write_text("This is no picture.")
    arguments = ["images", "--src", src, "--shards", 9, "--name", "set", "--draws", 8, "--splits", "test=1"]
    arguments += ["--on-error", "skip"]
    out = tmp_path / "killed"
    process = subprocess.Popen(command(*arguments, "--out", out, "--workers", 1), cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(out.glob("[!.]*.tfrecord"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert (out / "plan.json").exists() and not (out / "manifest.json").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("[!.]*.tfrecord")}
    assert 2 <= len(kept) < 9

    make(*arguments, "--out", out)
    make(*arguments, "--out", tmp_path / "whole")
    assert shards(out) == shards(tmp_path / "whole")
    assert {path.name for path in out.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}
    assert kept.items() <= {path.name: path.stat().st_mtime_ns for path in out.iterdir()}.items(), "shards are kept"
    manifests = [records.load_manifest(str(folder)) for folder in (out, tmp_path / "whole")]
    assert manifests[0]["splits"] == manifests[1]["splits"] and manifests[0]["skipped"] == manifests[1]["skipped"]
    assert [skipped["name"] for skipped in manifests[0]["skipped"]] == ["01"]


def test_damaged_shard_of_an_unfinished_set_is_made_again(tmp_path):
    src = picture_folders.images(tmp_path / "src", 6)
    (src / "05.png").write_bytes(b"")
    arguments = ["images", "--src", src, "--out", tmp_path / "set", "--splits", "test=1", "--shards", 3]
    with pytest.raises(ValueError, match="05.png"):
        make(*arguments)
    first = tmp_path / "set/set-test-00000-of-00003.tfrecord"
    whole = first.read_bytes()
    first.write_bytes(whole[:-1] + b"\0")
    picture_folders.save(src / "05.png", photograph(5))
    make(*arguments)
    assert first.read_bytes() == whole


def _no_file_above_200_kb() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_disk_that_takes_no_more(tmp_path):
    """A limit on the size of files makes the system refuse to write in the middle of the second, larger shard."""
    src = tmp_path / "src"
    picture_folders.images(src / "train", 4, height=40, width=40)
    picture_folders.images(src / "val", 6, height=180, width=180)
    arguments = ["images", "--src", src, "--encoding", "raw", "--out", tmp_path / "set"]
    done = subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, preexec_fn=_no_file_above_200_kb, timeout=60
    )
    assert done.returncode == 1
    error = done.stderr.strip().splitlines()[-1]
    assert error.startswith("error: ") and "set-val-00000-of-00001.tfrecord could not be written" in error
    assert "run the same command again" in error and "Traceback" not in done.stderr
    assert list(shards(tmp_path / "set")) == ["set-train-00000-of-00001.tfrecord"]
    assert not list((tmp_path / "set").glob(".partial-*"))
    make(*arguments)
    assert {split: len(found) for split, found in read(tmp_path / "set").items()} == {"train": 4, "val": 6}


def test_two_runs_on_one_folder_write_one_data_set(tmp_path):
    src = picture_folders.images(tmp_path / "src", 12, height=120, width=160)
    arguments = ["images", "--src", src, "--draws", 4, "--shards", 4, "--name", "set"]
    runs = [
        subprocess.Popen(command(*arguments, "--out", tmp_path / "set"), cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [run.communicate(timeout=120)[1].splitlines() for run in runs]
    assert 0 in [run.returncode for run in runs]
    for run, lines in zip(runs, errors, strict=True):
        assert run.returncode == 0 or "in use by another run" in lines[-1], lines
    make(*arguments, "--out", tmp_path / "whole")
    assert shards(tmp_path / "set") == shards(tmp_path / "whole")
    assert {path.name for path in (tmp_path / "set").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }


def test_a_folder_in_use_is_refused_and_a_killed_runs_lock_is_not_in_the_way(tmp_path, capsys):
    src = picture_folders.images(tmp_path / "src", 3)
    arguments = ["images", "--src", src, "--out", tmp_path / "set"]
    with locking.lock(str(tmp_path / "set")), pytest.raises(ValueError, match="in use by another run .*wait"):
        make(*arguments)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / storage.LOCK).write_text("{}")
    left_over = tmp_path / "set" / f".partial-{'0' * 32}-set-train-00000-of-00001.tfrecord"
    left_over.write_bytes(b"half")
    make(*arguments)
    assert not left_over.exists()
    with locking.lock(str(tmp_path / "set")):  # a finished data set is left alone, so nobody is disturbed
        make(*arguments)
    assert "complete, nothing to do" in capsys.readouterr().out
