"""Training through the real command: logs, resuming after a kill, strategies, and what goes wrong."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.record_folders import pair, photograph, write_folder
from tfdeblur import config, train
from tfdeblur.commandline import run
from tfdeblur.devices.on_tensorflow import OnTensorFlow
from tfdeblur.experiments import EXPERIMENTS
from tfdeblur.losses import find_loss
from tfdeblur.training import run_folder, schedule
from tfdeblur.training.build import as_steps, batches_per_step, build

ROOT = Path(__file__).parent.parent
SMALL = ["--model", "rednet30", "--features", "4", "--depth", "4", "--upsampling", "None", "--patch", "16x16"]
SMALL += ["--batch", "4", "--precision", "float32"]
ADVERSARIAL = ["--training", "wgan_gp", "--n-critic", "1", "--critic-features", "4", "--wrong-labels", "0.1"]
ADVERSARIAL += ["--model", "deblurgan"]  # with dropout, whose draws go on too


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dozen pairs to learn from, and three of another photograph to validate on."""
    cats = [pair(photograph("chelsea", 32, 32, 10 * i, 20 * i), 1.0, f"cat-{i}", "cat") for i in range(12)]
    cups = [pair(photograph("coffee", 32, 32, 30 * i, 20 * i), 1.0, f"cup-{i}", "cup") for i in range(3)]
    return str(write_folder(tmp_path_factory.mktemp("records") / "small", {"train": cats, "val": cups}))


def command(data, workdir, *options):
    return ["sample", "--data", str(data), "--workdir", str(workdir), *SMALL, *options]


def weights_of(workdir, name="last"):
    return keras.models.load_model(Path(workdir) / f"{name}.keras").get_weights()


def assert_same_weights(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_run_leaves_all_that_its_folder_promises(data, tmp_path, capsys):
    train.main(command(data, tmp_path, "--steps", "12", "--validate-every", "5"))
    out = capsys.readouterr().out
    assert "12 steps of 4 samples" in out and "best model:" in out and "next: python -m tfdeblur.evaluate" in out
    rows = run_folder.read_log(str(tmp_path))
    assert [row["step"] for row in rows] == ["5", "10", "12"]
    assert all(np.isfinite(float(row[key])) for row in rows for key in ("loss", "psnr", "ssim", "val_psnr", "val_ssim"))
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["step"] == facts["steps"] == 12 and "tfdeblur.train sample" in facts["command"]
    assert facts["best"]["psnr"] == pytest.approx(max(float(row["val_psnr"]) for row in rows))
    assert config.load(str(tmp_path / "config.json")).features == 4
    events = [str(path) for path in (tmp_path / "tensorboard").iterdir()]
    tags = {
        value.tag
        for path in events
        for event in tf.compat.v1.train.summary_iterator(path)
        for value in event.summary.value
    }
    assert {"loss", "val_psnr", "samples_per_second"} <= tags and any("given" in tag for tag in tags)
    assert keras.models.load_model(tmp_path / "best.keras")(np.zeros((1, 10, 14, 3), np.float32)).shape == (
        1,
        10,
        14,
        3,
    )


@pytest.mark.parametrize("option", [["--steps-per-execution", "4"], ["--xla"]], ids=["several", "xla"])
def test_several_steps_at_a_time_or_by_xla_are_the_same_steps(option, data, tmp_path):
    """The run's length is a multiple of them; the log's rows are means over as many steps."""
    options = ["--steps", "8", "--validate-every", "4"]
    train.main(command(data, tmp_path / "plain", *options))
    train.main(command(data, tmp_path / "other", *options, *option))
    for one, other in zip(weights_of(tmp_path / "plain"), weights_of(tmp_path / "other"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    rows = [run_folder.read_log(str(tmp_path / name)) for name in ("plain", "other")]
    assert [row["step"] for row in rows[1]] == ["4", "8"]
    for one, other in zip(*rows, strict=True):
        assert float(other["loss"]) == pytest.approx(float(one["loss"]), rel=1e-4)


def test_a_finished_run_is_not_trained_again(data, tmp_path):
    train.main(command(data, tmp_path, "--steps", "4"))
    before, facts = weights_of(tmp_path), run_folder.read_facts(str(tmp_path))
    train.main(command(data, tmp_path, "--steps", "4", "--checkpoint-every", "7"))
    assert_same_weights(before, weights_of(tmp_path))
    assert run_folder.read_facts(str(tmp_path)) == facts


def test_a_run_in_parts_names_the_command_of_each(data, tmp_path):
    for steps in (4, 4, 6, 8):
        train.main(command(data, tmp_path, "--steps", str(steps)))
    facts = run_folder.read_facts(str(tmp_path))
    assert facts["command"].endswith("--steps 8") and facts["step"] == 8
    assert [part["until_step"] for part in facts["earlier"]] == [4, 6]
    assert [part["command"].split()[-1] for part in facts["earlier"]] == ["4", "6"]
    assert facts["earlier"][0]["commit"] == facts["commit"] and facts["earlier"][0]["device"] == facts["device"]


def test_a_folder_with_other_settings_is_left_alone(data, tmp_path):
    train.main(command(data, tmp_path, "--steps", "2"))
    with pytest.raises(ValueError, match="loss was 'charbonnier' and is now 'mse'; choose another --workdir"):
        train.main(command(data, tmp_path, "--steps", "2", "--loss", "mse"))


def test_an_attempt_that_failed_is_repeated_with_other_settings(data, tmp_path):
    with pytest.raises(ValueError, match="there is no loss 'charbonier'"):
        train.main(command(data, tmp_path, "--steps", "2", "--loss", "charbonier"))
    train.main(command(data, tmp_path, "--steps", "2", "--loss", "charbonnier"))
    assert (tmp_path / "best.keras").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--channels", "1"], "have 3 channels, the network takes 1; give --channels 3"),
        (["--model", "unet16", "--depth", "None", "--patch", "20x16"], "multiples of 8, the samples are 20x16"),
    ],
)
def test_what_does_not_fit_the_data_is_said(options, message, data, tmp_path):
    with pytest.raises(ValueError, match=message):
        train.main(command(data, tmp_path, "--steps", "2", *options))


@pytest.mark.parametrize(
    ("option", "value"),
    [("batch", 0), ("steps", 0), ("epochs", 0), ("shuffle", -1), ("checkpoint-every", 0), ("n-critic", 0)],
)
def test_numbers_without_a_meaning(option, value, data, tmp_path):
    with pytest.raises(ValueError, match=f"--{option} is {value}; "):
        train.main(command(data, tmp_path, f"--{option}", str(value)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_damaged_shard_is_named(split, data, tmp_path):
    shutil.copytree(data, tmp_path / "set")
    (shard,) = (tmp_path / "set").glob(f"*-{split}-*.tfrecord")
    content = bytearray(shard.read_bytes())
    content[len(content) // 3] ^= 1
    shard.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^the shard {shard} is damaged \(corrupted record at \d+\); [^\n]*$"):
        train.main(command(tmp_path / "set", tmp_path / "run", "--steps", "2"))


def test_without_validation_split_the_best_is_that_of_training(tmp_path, capsys):
    cats = [pair(photograph("chelsea", 32, 32, 10 * i, 20 * i), 1.0, f"cat-{i}", "cat") for i in range(4)]
    folder = write_folder(tmp_path / "small", {"train": cats})
    train.main(command(str(folder), tmp_path / "run", "--steps", "2"))
    assert "dB on train)" in capsys.readouterr().out


def test_nan_stops_with_the_step_and_its_batch(data, tmp_path):
    with pytest.raises(ValueError, match=r"the loss is (nan|inf) at step (\d+); its batch is in .*npz"):
        train.main(command(data, tmp_path, "--steps", "300", "--learning-rate", "1e30", "--schedule", "constant"))
    kept = np.load(next(tmp_path.glob("bad-step-*.npz")))
    assert kept["blur"].shape == kept["sharp"].shape == (4, 16, 16, 3)


def test_weights_that_are_no_numbers_are_never_saved(data, tmp_path):
    """A last step that ruins the weights has a finite loss still: that of the weights before it."""
    with pytest.raises(ValueError, match="the weights are no longer finite at step 1; its batch is in"):
        train.main(command(data, tmp_path, "--steps", "1", "--learning-rate", "1e39", "--schedule", "constant"))
    assert not (tmp_path / "checkpoints").exists() and not (tmp_path / "last.keras").exists()


def test_two_replicas_take_the_step_of_one(two_replicas):
    """Half a batch each on two devices gives the update of the whole batch on one, without batch normalisation."""
    experiment = dataclasses.replace(EXPERIMENTS["sample"], features=4, residual=False)
    rng = np.random.default_rng(0)
    x, y = (tf.constant(rng.integers(0, 256, (8, 16, 16, 3), np.uint8)) for _ in range(2))
    weights = []
    for devices in (OnTensorFlow.default(), OnTensorFlow(two_replicas)):
        keras.utils.set_random_seed(0)
        with devices.scope():
            model = build(experiment, 10, 10, "float32")
            model.compile(keras.optimizers.SGD(0.1))  # Adam would hide a gradient that is a constant factor off
            model.build_optimizers()
        iterator = devices.batches(lambda host, hosts: tf.data.Dataset.from_tensors((x, y)).repeat())
        step = devices.compiled(model.train_step, [])
        for _ in range(3):
            logs = step(iterator)
        weights.append(model.get_weights())
        assert logs["loss"] > 0
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


SMALL_NETWORKS = {
    "resnet16": {"features": 16},
    "rednet30": {"depth": 4},
    "msdeblur": {"depth": 1},
    "deblurgan": {"depth": 1},
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_takes_a_step(name):
    """Each builds its model and takes a step, at a small size."""
    small = {"features": 4, "warmup_steps": 0, "schedule": "constant", "n_critic": 1, "critic_features": 4}
    small |= SMALL_NETWORKS.get(EXPERIMENTS[name].model, {})
    if EXPERIMENTS[name].loss == "perceptual":
        small["loss"] = "charbonnier"  # VGG-19 has a test of its own
    experiment = dataclasses.replace(EXPERIMENTS[name], **small)
    model = build(experiment, 10, 10, "float32")
    count = batches_per_step(experiment)
    side = 64 if experiment.model in ("kendall_sigma", "motion") else 32  # which see three sizes of a picture
    x = np.random.default_rng(0).integers(0, 256, (2 * count, side, side, experiment.channels), np.uint8)
    truth = {"sigma": (side, side, 1), "motion": (2,)}
    y = x[::-1] if experiment.target == "sharp" else np.full((2 * count, *truth[experiment.target]), 1.5, np.float32)
    before = model.get_weights()
    devices = OnTensorFlow.default()
    steps = devices.batches(lambda host, hosts: as_steps(tf.data.Dataset.from_tensors((x, y)), experiment))
    logs = devices.compiled(model.train_step, [])(steps)
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert any(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))


def test_training_loss_is_that_of_the_pictures():
    """Stored as uint8, the pictures reach the loss in [0, 1]."""
    model = build(dataclasses.replace(EXPERIMENTS["sample"], features=4), 10, 10, "float32")
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    y = x[::-1]
    expected = np.mean(
        find_loss("charbonnier")(y / np.float32(255), model.network(x / np.float32(255), training=False))
    )
    assert np.mean(model.test_step((x, y))["loss"]) == pytest.approx(float(expected), rel=1e-5)


def test_the_reports_learning_rate():
    """1e-3, and over the last 80 of 200 epochs from 1e-4 by 0.7 every 5."""
    experiment = EXPERIMENTS["cifar10_rednet30"]
    rate = schedule.learning_rate(experiment, 200 * 10, 10)
    at = lambda epoch: float(rate(np.float32(epoch * 10)))  # noqa: E731
    assert at(0) == at(119.9) == pytest.approx(1e-3)
    for epoch in range(121, 200):
        assert at(epoch) == pytest.approx(1e-4 * 0.7 ** ((epoch - 120 - 0.05) // 5), rel=1e-5)
    with pytest.raises(ValueError, match="decay over the last 80 epochs, but the run has only 20"):
        schedule.learning_rate(experiment, 200, 10)


def test_moving_average_of_the_weights_is_what_is_saved(data, tmp_path):
    options = ["--steps", "6", "--validate-every", "6", "--schedule", "constant"]
    train.main(command(data, tmp_path / "plain", *options))
    train.main(command(data, tmp_path / "averaged", *options, "--ema", "0.5"))
    plain, averaged = (weights_of(tmp_path / name) for name in ("plain", "averaged"))
    assert any(np.any(a != b) for a, b in zip(plain, averaged, strict=True))


def refused(capsys, *arguments) -> str:
    """Run the command as a user does, in this process; return what it says on stderr, a line and no traceback."""
    with pytest.raises(SystemExit) as exit_:
        run(train.main, list(arguments))
    errors = capsys.readouterr().err
    assert exit_.value.code == 1 and "Traceback" not in errors
    return errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--data", "set", "cifar10_unet16"],
            "name the experiment first: python -m tfdeblur.train cifar10_unet16 --data set",
        ),
        (["cifar10_rednet"], "there is no experiment 'cifar10_rednet'; did you mean cifar10_rednet30?"),
        (["sample", "--data", "nowhere"], "nowhere has no manifest.json, so it is not a data set; make one"),
    ],
)
def test_wrong_arguments_end_in_one_line(arguments, message, capsys):
    assert f"error: {message}" in refused(capsys, *arguments)


@pytest.mark.parametrize("name", [[], ["local"], ["nobodys-tpu"]])
def test_no_tpu_is_said_in_one_line(name, data):
    """In a process of its own: what was found is kept by TensorFlow until it ends."""
    done = subprocess.run(
        [sys.executable, "-m", "tfdeblur.train", "sample", "--data", data, "--tpu", *name],
        cwd=ROOT,
        env=os.environ | {"TPU_SKIP_MDS_QUERY": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "error: no TPU found" in done.stderr
    assert "--tpu" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(("option", "hint"), [("--learning-rat", "--learning-rate"), ("--epocs", "--epochs")])
def test_a_misspelt_field_is_suggested(option, hint, capsys):
    with pytest.raises(SystemExit):
        train.main(["sample", option, "1"])
    assert hint in capsys.readouterr().err


def test_a_wrong_type_is_said(capsys):
    with pytest.raises(SystemExit):
        train.main(["sample", "--batch", "many"])
    assert "--batch" in capsys.readouterr().err


def test_an_unwritable_workdir_is_said(data, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "error:" in refused(capsys, "sample", "--data", data, "--workdir", str(tmp_path / "file" / "run"))
