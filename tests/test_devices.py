"""One training step on any number of replicas, hosts and backends; the laws are those of one device."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.record_folders import pair, photograph, write_folder
from tfdeblur import locking
from tfdeblur.data import pipeline, reading, records
from tfdeblur.devices import __main__ as self_test
from tfdeblur.devices.on_tensorflow import OnTensorFlow
from tfdeblur.physics.degradation import Degradation
from tfdeblur.training import run_folder
from tfdeblur.training.differentiation import descend

ROOT = Path(__file__).parent.parent
CASES, ALL = ("supervised", "wgan_averaged"), ("supervised", "supervised_averaged", "wgan", "wgan_averaged")
"""Of `tests.replicas`: with and without moving average and clipping."""
JAX = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
CLUSTER = '{"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}}'
PORTLESS = '{"cluster": {"worker": ["here"]}, "task": {"type": "worker", "index": 0}}'


def jax_on(replicas: int) -> dict[str, str]:
    """Return the environment in which JAX has a number of devices, and compiles in less time."""
    quickly = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    return JAX | {"XLA_FLAGS": f"--xla_force_host_platform_device_count={replicas} {quickly}"}


TRAIN = ["tfdeblur.train", "sample", "--model", "rednet30", "--features", "4", "--depth", "4", "--upsampling", "None"]
TRAIN += ["--patch", "16x16", "--precision", "float32", "--ema", "0.9"]


def start(*arguments, **environment) -> subprocess.Popen:
    """Start a module of Python; its output goes to a pipe."""
    plain = {key: value for key, value in os.environ.items() if key not in ("TF_CONFIG", "KERAS_BACKEND", "XLA_FLAGS")}
    command = [sys.executable, "-m", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=plain | environment, **pipes)


def start_hosts(count: int, *arguments, **environment) -> list[subprocess.Popen]:
    """Start the same module on several hosts, all of them this one."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    tasks = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}} for i in range(count)]
    return [start(*arguments, TF_CONFIG=json.dumps(task), **environment) for task in tasks]


def finish(*processes: subprocess.Popen, timeout: float = 300) -> list[str]:
    """Wait for processes and return what they said; none is left behind."""
    deadline = time.monotonic() + timeout
    try:
        return [process.communicate(timeout=max(deadline - time.monotonic(), 1))[0] for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder with what one replica makes of the whole batch in some cases, and the weights it began with."""

    @cache
    def of(cases: tuple[str, ...]) -> Path:
        folder = tmp_path_factory.mktemp("replicas")
        process = start("tests.replicas", folder / "alone", folder / "start", ",".join(cases))
        (said,) = finish(process)
        assert process.returncode == 0, said
        return folder

    return of


def assert_the_same(folder: Path, name: str, cases: tuple[str, ...], replicas: int, within: float = 1e-5) -> None:
    """Compare weights and their averages, and see that they moved by much more than the difference allowed."""
    expected, found = np.load(folder / "alone.npz"), np.load(folder / f"{name}.npz")
    assert found["replicas"] == replicas
    for case in cases:
        began = np.load(folder / f"start-{case}.npz")
        weights = [key for key in expected.files if key.startswith(f"{case}/weight")]
        moved = [np.abs(expected[f"{case}/weight/{i}"] - began[f"arr_{i}"]).max() for i in range(len(began.files))]
        assert len(weights) == len(began.files) and max(moved) > 10 * within
        for key in [*weights, *(key for key in expected.files if key.startswith(f"{case}/average"))]:
            np.testing.assert_allclose(found[key], expected[key], atol=within, err_msg=key)


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(("hosts", "cases"), [(2, CASES), slow(2, ALL), slow(3, ALL)])
def test_several_hosts_take_the_steps_of_one(hosts, cases, alone):
    """MultiWorkerMirroredStrategy over loopback."""
    take_the_steps_of_one(hosts, cases, alone(cases), within=1e-5)


@pytest.mark.parametrize(("hosts", "cases"), [(2, ("supervised",)), slow(2, ALL), slow(3, ALL)])
def test_several_hosts_of_jax_take_the_steps_of_one(hosts, cases, alone):
    take_the_steps_of_one(hosts, cases, alone(cases), within=1e-4, **jax_on(1))


def take_the_steps_of_one(hosts, cases, folder, within, **environment):
    name = f"{environment.get('KERAS_BACKEND', 'tensorflow')}-hosts-{hosts}"
    processes = start_hosts(hosts, "tests.replicas", folder / name, folder / "start", ",".join(cases), **environment)
    said = finish(*processes)
    assert [process.returncode for process in processes] == [0] * hosts, said
    assert np.load(folder / f"{name}.npz")["hosts"] == hosts
    assert_the_same(folder, name, cases, hosts, within)


@pytest.mark.parametrize(("replicas", "cases"), [(2, CASES), slow(2, ALL), slow(8, ALL)])
def test_several_replicas_take_the_steps_of_one(replicas, cases, alone):
    folder = alone(cases)
    process = start("tests.replicas", folder / f"{replicas}", folder / "start", ",".join(cases), REPLICAS=str(replicas))
    (said,) = finish(process)
    assert process.returncode == 0, said
    assert_the_same(folder, f"{replicas}", cases, replicas)


@pytest.mark.parametrize(("replicas", "cases"), [(2, CASES), slow(1, ALL), slow(2, ALL), slow(8, ALL)])
def test_jax_takes_the_steps_of_tensorflow(replicas, cases, alone):
    """To 1e-4: other orders of summation grow where a gradient has kinks."""
    folder, names = alone(cases), ",".join(cases)
    process = start("tests.replicas", folder / f"jax-{replicas}", folder / "start", names, **jax_on(replicas))
    (said,) = finish(process)
    assert process.returncode == 0, said
    assert_the_same(folder, f"jax-{replicas}", cases, replicas, within=1e-4)


@pytest.mark.slow
def test_twenty_losses_of_jax_are_those_of_tensorflow(tmp_path):
    """By the experiments' own optimiser, from the same weights and batches: to 1e-5."""
    losses, cases = [], "supervised_adam,wgan_adam"
    for name, environment in (("tensorflow", {}), ("jax", jax_on(1))):
        process = start("tests.replicas", tmp_path / name, tmp_path / "start", cases, **environment)
        (said,) = finish(process)
        assert process.returncode == 0, said
        losses.append(np.load(tmp_path / f"{name}.npz"))
    for key in ("supervised_adam/log/loss", "wgan_adam/log/loss"):
        assert len(losses[0][key]) == 20 and np.ptp(losses[0][key]) > 1e-4
        np.testing.assert_allclose(losses[1][key], losses[0][key], atol=1e-5)


@pytest.mark.slow
def test_bfloat16_learns_as_float32_does(tmp_path):
    """500 steps of `sample`, on smaller patches: the mean loss of every 50 steps to 15 %, of the last ones to 5 %."""
    finish(start("tools.make_tfrecords", "sample", "--draws", "8", "--sigma", "1", "2", "--out", tmp_path / "set"))
    rows = []
    for precision in ("float32", "bfloat16"):
        options = ["--data", tmp_path / "set", "--workdir", tmp_path / precision, "--precision", precision]
        options += ["--batch", "4", "--patch", "64x64", "--steps", "500", "--validate-every", "50"]
        process = start("tfdeblur.train", "sample", *options)
        (said,) = finish(process, timeout=1500)
        assert process.returncode == 0, said
        rows.append(run_folder.read_log(str(tmp_path / precision)))
    assert len(rows[0]) == 10
    for one, other in zip(*rows, strict=True):
        assert float(other["loss"]) == pytest.approx(float(one["loss"]), rel=0.15), one["step"]
    assert float(other["loss"]) == pytest.approx(float(one["loss"]), rel=0.05)
    assert float(other["val_psnr"]) == pytest.approx(float(one["val_psnr"]), abs=0.5)
    assert float(rows[0][-1]["loss"]) < 0.8 * float(rows[0][0]["loss"])


def test_the_global_norm_is_clipped_whatever_the_share():
    variables = [keras.Variable(np.zeros(3, np.float32)), keras.Variable(np.zeros(1, np.float32))]
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(variables)
    slopes = [np.float32([0, 3, 0]), np.float32([4])]
    descend(optimizer, [keras.ops.convert_to_tensor(slope) for slope in slopes], variables, 1.0)
    np.testing.assert_allclose(np.concatenate([-each.numpy() for each in variables]), [0, 0.6, 0, 0.8], rtol=1e-6)
    descend(optimizer, [keras.ops.convert_to_tensor(slope) for slope in slopes], variables, 10.0)
    np.testing.assert_allclose(variables[1].numpy(), [-4.8], rtol=1e-6)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pairs whose pictures tell them apart, in shards of unequal size."""
    cats = [pair(photograph("chelsea", 32, 32, 9 * i, 13 * i), 1.0, f"cat-{i}", "cat") for i in range(23)]
    cups = [pair(photograph("coffee", 32, 32, 30 * i, 20 * i), 1.0, f"cup-{i}", "cup") for i in range(3)]
    return str(write_folder(tmp_path_factory.mktemp("records") / "small", {"train": cats, "val": cups}, shards=4))


@pytest.mark.parametrize("kept", ["memory", "none"])
@pytest.mark.parametrize("hosts", [1, 2, 3, 4, 5])
def test_all_hosts_together_read_each_record_once_an_epoch(hosts, kept, data):
    manifest = records.load_manifest(data)
    assert len(manifest["splits"]["train"]["shards"]) == 4
    names = {picture["sharp"].tobytes(): picture["name"] for picture in reading.pictures(data, "train")}
    seen = []
    for host in range(hosts):
        shares = reading.shares_of(data, "train", manifest, host, hosts)
        count = sum(share.count for share in shares)
        assert 23 // hosts <= count <= -(-23 // hosts)
        options = {"batch": 1, "augment": False, "cache": kept, "host": host, "hosts": hosts}
        batches = pipeline.training_batches(data, **options).take(2 * count).as_numpy_iterator()
        epochs = [names[sharp[0].tobytes()] for _, sharp in batches]
        first, second = epochs[:count], epochs[count:]
        assert sorted(first) == sorted(second) and (first != second or count == 1)
        seen += first
    assert Counter(seen) == Counter(names.values())


def test_hosts_draw_differently(data):
    """The noise that two hosts add is not the same."""
    options = {"batch": 4, "patch": (16, 16), "crop": "random", "shuffle": 0, "hosts": 2}
    options["degradation"] = Degradation(blur="gaussian", sigma=(1, 1), noise=(0.2, 0.2))
    drawn = []
    for host in (0, 1):
        blur, sharp = next(iter(pipeline.training_batches(data, host=host, **options)))
        drawn.append((np.float32(blur) - np.float32(sharp)).ravel())
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.2


def test_too_few_records_for_the_hosts(data):
    with pytest.raises(ValueError, match="has 23 records, too few for 24 hosts"):
        pipeline.training_batches(data, batch=1, host=0, hosts=24)


def weights_of(workdir):
    return keras.models.load_model(workdir / "last.keras").get_weights()


def test_a_run_goes_on_with_another_number_of_replicas(data, tmp_path):
    """Under the other backend, too: the global batch and the order of the data are those of the run that was begun.

    Two hosts read other batches than one, so the run is begun with one: eight samples a step throughout.
    """
    without_statistics = ["--model", "unet3", "--depth", "None"]  # batch normalisation sees each replica's part
    whole = [*TRAIN, *without_statistics, "--data", data, "--batch", "8", "--validate-every", "4"]
    first = start(*whole, "--steps", "8", "--schedule", "constant", "--workdir", tmp_path / "whole")
    begun = start(*whole, "--steps", "4", "--schedule", "constant", "--workdir", tmp_path / "parts")
    said = finish(first, begun)
    assert (first.returncode, begun.returncode) == (0, 0), said
    going_on = [*whole, "--schedule", "constant", "--workdir", tmp_path / "parts"]
    (said,) = finish(
        start(*going_on, "--steps", "8", **jax_on(2)),
    )
    assert "8 samples" in said and "goes on after step 4" in said and "2 replicas" in said
    for one, other in zip(weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    rows = run_folder.read_log(str(tmp_path / "parts"))
    expected = run_folder.read_log(str(tmp_path / "whole"))
    assert [row["step"] for row in rows] == ["4", "8"]
    for key in ("loss", "val_psnr"):
        assert float(rows[1][key]) == pytest.approx(float(expected[1][key]), rel=1e-4)
    process = start(*going_on, "--steps", "12", **jax_on(3))
    (said,) = finish(process)
    assert process.returncode == 1 and "Traceback" not in said
    assert (
        "batches of 8 samples in all, which cannot be divided among 3 replicas; go on with 1, 2, 4, 8 of them" in said
    )


def wait_for_checkpoint(workdir, processes, step: int) -> None:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        if any(int(path.name[5:13]) > step for path in (workdir / "checkpoints").glob("step-*.h5")):
            return
        time.sleep(0.1)
    raise AssertionError(finish(*processes, timeout=1))


@pytest.mark.parametrize(("killed", "environment"), [(0, {}), slow(1, {}), slow(1, jax_on(1))])
def test_a_lost_host_ends_the_others_and_all_go_on(killed, environment, data, tmp_path):
    """SIGKILL for one of two hosts: a clear error of the other in seconds; SIGTERM for the other: both checkpoint."""
    options = ["--data", data, "--batch", "4", "--workdir", tmp_path, "--steps", "100000", "--validate-every", "100"]
    step = 0
    for victim, number in ((killed, signal.SIGKILL), (1 - killed, signal.SIGTERM)):
        hosts = start_hosts(2, *TRAIN, *options, "--checkpoint-every", "20", **environment)
        wait_for_checkpoint(tmp_path, hosts, step)
        hosts[victim].send_signal(number)
        began = time.monotonic()
        said = finish(*hosts, timeout=60)
        assert time.monotonic() - began < 60
        step = int(max((tmp_path / "checkpoints").glob("step-*.h5")).name[5:13])
        if number == signal.SIGKILL:
            other = hosts[1 - victim]
            assert other.returncode == 1 and "Traceback" not in said[1 - victim], said[1 - victim]
            assert re.search(
                r"error: another host was lost .*; run the same command again on all of them", said[1 - victim]
            )
        else:
            assert [host.returncode for host in hosts] == [130, 130], said
            assert all("goes on after step" in each and "run the same command again" in each for each in said)
    assert json.loads((tmp_path / "run.json").read_text())["global_batch"] == 8
    assert json.loads((tmp_path / "run.json").read_text())["step"] == step


@pytest.mark.slow
def test_hosts_end_where_another_run_holds_their_folder(data, tmp_path):
    with locking.lock(str(tmp_path)):
        hosts = start_hosts(2, *TRAIN, "--data", data, "--batch", "4", "--workdir", tmp_path, "--steps", "8")
        said = finish(*hosts, timeout=120)
    assert [host.returncode for host in hosts] == [1, 1], said
    assert "Traceback" not in "".join(said) and list(tmp_path.iterdir()) == []
    assert re.search(r"error: .* is in use by another run \(process .*\); wait .* choose another --workdir", said[0])
    assert "error: another host was lost" in said[1]


def test_what_is_found_is_said_and_tested(data, capsys):
    self_test.main(["--data", data])
    said = capsys.readouterr().out
    assert "Keras computes with     tensorflow" in said and "replicas                1 (one device)" in said
    assert re.search(r"product in bfloat16     right, [\d.e-]+ TFLOP/s", said)
    assert re.search(r"mean over all replicas  right, [\d.]+ ms", said)
    assert re.search(r"records                 23 of 23 pairs, [\d,]+ pairs/s", said)


def test_a_mean_over_replicas_that_do_not_see_each_other_is_found(two_replicas, monkeypatch):
    devices = OnTensorFlow(two_replicas)
    assert self_test._mean(devices).startswith("right")
    monkeypatch.setattr(
        two_replicas, "reduce", lambda how, values, axis: two_replicas.experimental_local_results(values)[0]
    )
    with pytest.raises(ValueError, match="the mean over the replicas is 0.0, not 0.5"):
        self_test._mean(OnTensorFlow(two_replicas))


@pytest.mark.parametrize(
    ("environment", "arguments", "message"),
    [
        ({}, ["--tpu"], "no TPU found .* leave --tpu out to train on the GPU or CPU"),
        ({}, ["--tpu", "local"], "no TPU found"),
        (JAX, ["--tpu"], "no TPU found .* leave --tpu out to train on the GPU or CPU"),
        (JAX, ["--tpu", "mine"], "instead of --tpu mine give --tpu local, or, on every machine of a pod, --tpu pod"),
        (JAX, ["--tpu", "pod"], "no TPU found"),
        ({"KERAS_BACKEND": "torch"}, [], "the variable KERAS_BACKEND is 'torch'; set it to tensorflow or jax"),
        ({"TF_CONFIG": "worker"}, [], "the variable TF_CONFIG does not say which machines there are .* .worker."),
        ({"TF_CONFIG": CLUSTER}, [], "the variable TF_CONFIG does not say which machines .* and which this one is"),
        (JAX | {"TF_CONFIG": CLUSTER}, [], "the variable TF_CONFIG does not say .* and which this one is"),
        (JAX | {"TF_CONFIG": PORTLESS}, [], "the variable TF_CONFIG does not say .* as in .*a:2222"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_in_a_line(environment, arguments, message):
    process = start("tfdeblur.devices", *arguments, **environment)
    (said,) = finish(process)
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert process.returncode == 1 and len(errors) == 1 and re.search(message, errors[0]), said
    assert "Traceback" not in said
