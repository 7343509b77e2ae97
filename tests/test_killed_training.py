"""Training that is killed, at any moment, and started again: the same final weights as a run that never was."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.record_folders import pair, photograph, write_folder
from tests.test_train import ADVERSARIAL, ROOT, assert_same_weights, command, weights_of
from tfdeblur import storage, train
from tfdeblur.training import run_folder

OPTIONS = ["--validate-every", "16", "--checkpoint-every", "5", "--ema", "0.9"]
KILLS = 20
WRITTEN = [".json", ".csv", ".keras", ".weights.h5"]
"""What a run may be killed in the middle of writing: settings, facts, states; the log; networks; checkpoints."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    cats = [pair(photograph("chelsea", 32, 32, 10 * i, 20 * i), 1.0, f"cat-{i}", "cat") for i in range(12)]
    cups = [pair(photograph("coffee", 32, 32, 30 * i, 20 * i), 1.0, f"cup-{i}", "cup") for i in range(3)]
    return str(write_folder(tmp_path_factory.mktemp("records") / "small", {"train": cats, "val": cups}))


def start(data, workdir, *options) -> subprocess.Popen:
    arguments = [sys.executable, "-m", "tfdeblur.train", *command(data, workdir, *OPTIONS, *options)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_when(process: subprocess.Popen, workdir: Path, written: str | None, seconds: float | None = None) -> bool:
    """Kill a run some seconds after it began to train, or in the middle of writing a file; return whether it was."""
    if seconds is not None:
        process.stdout.readline()
        time.sleep(seconds)
    folders = (workdir, workdir / "checkpoints")
    while written and not any(next(folder.glob(f".partial-*{written}"), None) for folder in folders):
        if process.poll() is not None:
            break
        time.sleep(0.0005)
    process.kill()
    _, said = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), said
    return process.returncode == -signal.SIGKILL


def assert_same_run(whole: Path, killed: Path) -> None:
    for name in ("last", "best"):
        assert_same_weights(weights_of(whole, name), weights_of(killed, name))
    logs = [run_folder.read_log(str(folder)) for folder in (whole, killed)]
    without_speed = [[{**row, "samples_per_second": None} for row in log] for log in logs]
    assert without_speed[0] == without_speed[1]
    assert not list(killed.rglob(".partial-*")) and not (killed / storage.LOCK).exists()
    assert not list(killed.rglob("*.damaged"))


@pytest.mark.parametrize(
    "kind", [[], pytest.param(ADVERSARIAL, marks=pytest.mark.slow)], ids=["supervised", "adversarial"]
)
def test_killed_while_it_writes_and_resumed_is_never_killed(kind, data, tmp_path):
    options = ["--steps", "40", *kind]
    train.main(command(data, tmp_path / "whole", *OPTIONS, *options))
    for written in (".weights.h5", ".keras"):
        assert kill_when(start(data, tmp_path / "killed", *options), tmp_path / "killed", written)
        assert not (tmp_path / "killed" / "last.keras").exists()
    train.main(command(data, tmp_path / "killed", *OPTIONS, *options))
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_is_never_killed(data, tmp_path):
    options = ["--steps", "400"]
    train.main(command(data, tmp_path / "whole", *OPTIONS, *options))
    chance, killed, ended, run = random.Random(0), 0, 0, tmp_path / "killed"
    while killed < KILLS:
        written, seconds = chance.choice([None, None, *WRITTEN]), chance.choice([None, chance.uniform(0, 2)])
        killed += kill_when(start(data, run, *options), run, written, seconds if written else chance.uniform(0, 2))
        if (run / "last.keras").exists():
            assert_same_run(tmp_path / "whole", run)
            shutil.rmtree(run)
            ended += 1
        print(f"{killed} killed, {ended} ended", flush=True)
    train.main(command(data, run, *OPTIONS, *options))
    assert_same_run(tmp_path / "whole", run)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_saves_and_the_same_command_goes_on(number, data, tmp_path):
    process = start(data, tmp_path, "--steps", "100000", "--validate-every", "100000", "--checkpoint-every", "100000")
    process.stdout.readline()  # training begins
    time.sleep(4)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors == "interrupted; run the same command again to go on\n"
    step = int(next((tmp_path / "checkpoints").glob("*.h5")).name[5:13])
    train.main(command(data, tmp_path, *OPTIONS, "--steps", str(step + 2)))
    assert run_folder.read_facts(str(tmp_path))["step"] == step + 2
