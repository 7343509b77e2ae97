"""What the real commands say on stderr: their own lines, and no remarks of TensorFlow, Keras or JAX."""

import os
import re
import subprocess
import sys

import pytest

from tests.record_folders import pair, photograph, write_folder
from tests.test_train import ROOT, SMALL

STEP = r"step \d+  epoch .*"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    cats = [pair(photograph("chelsea", 32, 32, 10 * i, 20 * i), 1.0, f"cat-{i}", "cat") for i in range(12)]
    cups = [pair(photograph("coffee", 32, 32, 30 * i, 20 * i), 1.0, f"cup-{i}", "cup") for i in range(3)]
    dishes = [pair(photograph("rocket", 32, 32, 30 * i, 20 * i), 1.0, f"rocket-{i}", "rocket") for i in range(3)]
    return write_folder(tmp_path_factory.mktemp("records") / "small", {"train": cats, "val": cups, "test": dishes})


def stderr(module: str, *arguments, backend: str = "tensorflow", status: int = 0) -> list[str]:
    hidden = ("TF_CPP_MIN_LOG_LEVEL", "TPU_SKIP_MDS_QUERY", "JAX_PLATFORMS", "KERAS_BACKEND")  # as a user's shell
    environment = {key: value for key, value in os.environ.items() if key not in hidden} | {"KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == status, done.stderr
    return done.stderr.splitlines()


def trained(data, run, *options, **otherwise) -> list[str]:
    arguments = ["sample", "--data", data, "--workdir", run, *SMALL, "--validate-every", "2", "--ema", "0.9"]
    return stderr("tfdeblur.train", *arguments, *options, **otherwise)


def test_training_says_its_rows_and_nothing_else(data, tmp_path):
    said = trained(data, tmp_path / "run", "--steps", "4")
    assert len(said) == 2 and all(re.fullmatch(STEP, line) for line in said)
    assert stderr("tfdeblur.report", "curves", tmp_path / "run") == []


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_commands_say_only_what_is_theirs(backend, data, tmp_path):
    run, photographs, of = tmp_path / "run", tmp_path / "photographs", tmp_path / "photographs" / "blur"
    for steps in ("2", "4"):  # the second one resumes
        (said,) = trained(data, run, "--steps", steps, backend=backend)
        assert re.fullmatch(STEP, said)
    commands = [
        ["tools.extract_pictures", data, "--split", "test", "--out", photographs],
        ["tools.make_tfrecords", "images", "--src", photographs / "sharp", "--out", tmp_path / "set"],
        ["tools.inspect_tfrecords", tmp_path / "set"],
        ["tfdeblur.evaluate", run, "--data", data, "--split", "test"],
        ["tfdeblur.deblur", of, "--model", run, "--out", tmp_path / "sharp"],
        ["tfdeblur.deblur", of, "--method", "wiener", "--psf", "gaussian:1", "--out", tmp_path / "wiener"],
        ["tfdeblur.estimate", of, "--out", tmp_path / "maps"],
        ["tfdeblur.export", run, "--out", tmp_path / "saved"],
        ["tfdeblur.deblur", of, "--model", tmp_path / "saved", "--out", tmp_path / "again"],
        ["tfdeblur.report", "curves", run],
    ]  # fmt: skip
    said = {" ".join(map(str, command)): stderr(*command, backend=backend) for command in commands}
    assert {command: lines for command, lines in said.items() if lines} == {}


@pytest.mark.slow
def test_real_errors_get_through(data, tmp_path):
    (error,) = trained(data, tmp_path, "--steps", "1", "--learning-rate", "1e39", "--schedule", "constant", status=1)
    assert error.startswith("error: the weights are no longer finite at step 1; its batch is in ")
    (error,) = stderr("tfdeblur.deblur", tmp_path / "nothing.png", "--model", tmp_path, "--out", tmp_path, status=1)
    assert error.startswith("error: ")
