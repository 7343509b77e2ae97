"""`python -m tfdeblur.evaluate` on real photographs, with a small network that does sharpen."""

import csv
import inspect
import json
import subprocess
import sys
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage import metrics as oracle

from tests.record_folders import blurred, pair, photograph, write_folder
from tfdeblur import evaluate, locking
from tfdeblur.commandline import run
from tfdeblur.data import records
from tfdeblur.evaluation import measuring, protocol

SIZES = {"coffee": (40, 56), "astronaut": (48, 40)}
SIGMAS = (0.0, 0.8, 1.2, 1.6)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A run folder whose network subtracts part of a blurred picture from it."""
    folder = tmp_path_factory.mktemp("runs") / "sharpener"
    folder.mkdir()
    impulse = np.zeros((7, 7))
    impulse[3, 3] = 1
    kernel = 2 * impulse - ndimage.gaussian_filter(impulse, 1.5, mode="constant", truncate=2)
    inputs = keras.Input((None, None, 3))
    convolution = keras.layers.Conv2D(3, 7, padding="same", use_bias=False)
    network = keras.Model(inputs, convolution(inputs))
    convolution.set_weights([np.einsum("hw,io->hwio", kernel / kernel.sum(), np.eye(3))])
    network.save(folder / "best.keras")
    (folder / "config.json").write_text("{}")
    (folder / "run.json").write_text(json.dumps({"experiment": "sharpener", "step": 1200, "seconds": 60}))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Photographs of two sizes, eight in the test split."""
    splits = {"train": [pair(photograph("cat", 40, 40), 1, "cat", "cat")]}
    splits["test"] = [
        pair(photograph(scene, *size, 30 * i), sigma, f"{scene}/{i}", scene)
        for scene, size in SIZES.items()
        for i, sigma in enumerate(SIGMAS)
    ]
    return write_folder(tmp_path_factory.mktemp("data") / "photos", splits, shards=2)


def command(capsys, *arguments) -> tuple[int, str, str]:
    """Run the command as a user does."""
    with pytest.raises(SystemExit) as exit_:
        run(evaluate.main, [str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def table_of(folder) -> list[dict]:
    with open(folder / evaluate.PER_IMAGE) as file:
        return list(csv.DictReader(file))


def sharpened(picture):
    """What the network of the fixture makes of a picture, with SciPy."""
    scaled = np.float64(picture) / 255
    blur = ndimage.gaussian_filter(scaled, (1.5, 1.5, 0), mode="constant", truncate=2)
    impulse = np.zeros((7, 7))
    impulse[3, 3] = 1
    total = 2 - ndimage.gaussian_filter(impulse, 1.5, mode="constant", truncate=2).sum()
    return np.uint8(np.round(np.clip((2 * scaled - blur) / total, 0, 1) * 255))


def test_a_run_on_photographs(model, data, capsys):
    code, out, err = command(capsys, model, "--data", data)
    assert code == 0, err
    folder = model / "evaluation-photos-test"
    rows = table_of(folder)
    assert tuple(rows[0]) == protocol.COLUMNS and len(rows) == 8
    for i, row in enumerate(rows):
        scene = list(SIZES)[i // 4]
        assert (row["name"], row["scene"]) == (f"{scene}/{i % 4}", scene)
        sharp = photograph(scene, *SIZES[scene], 30 * (i % 4))
        output = sharpened(blurred(sharp, SIGMAS[i % 4]))
        assert float(row["psnr"]) == pytest.approx(oracle.peak_signal_noise_ratio(sharp, output), abs=0.02)
    summary = json.loads((folder / evaluate.SUMMARY).read_text())
    assert summary["output"]["psnr"]["mean"] == pytest.approx(np.mean([float(row["psnr"]) for row in rows]), abs=1e-3)
    assert summary["blurred"]["psnr"]["count"] == 6 and summary["blurred"]["psnr_capped"]["count"] == 8
    assert summary["run"]["step"] == 1200 and summary["model"] == str(model) and summary["split"] == "test"
    assert summary["command"] == f"python -m tfdeblur.evaluate {model} --data {data}"
    speed = summary["speed"]
    assert speed["peak_memory_mb"] > 50 and speed["seconds"] >= speed["seconds_per_picture"] > 0
    text = (folder / evaluate.REPORT).read_text()
    assert text in out
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert table[2].startswith("| blurred input |") and table[3].startswith("| output |")
    with Image.open(folder / evaluate.SHEET) as page:
        assert page.width > 3 * 224 and page.height > 6 * 200  # two best, two median, two worst, enlarged


def test_batches_tiles_and_limit_change_nothing_else(model, data, tmp_path, capsys):
    assert command(capsys, model, "--data", data, "--out", tmp_path / "a")[0] == 0
    assert command(capsys, model, "--data", data, "--out", tmp_path / "b", "--batch", 1, "--limit", 3)[0] == 0
    assert command(capsys, model, "--data", data, "--out", tmp_path / "c", "--tile", 32)[0] == 0
    whole, first, tiled = (table_of(tmp_path / name) for name in "abc")
    assert first == whole[:3]
    for row, other in zip(whole, tiled, strict=True):
        assert row["blur_psnr"] == other["blur_psnr"]
        assert float(row["psnr"]) == pytest.approx(float(other["psnr"]), abs=0.05)
    assert json.loads((tmp_path / "b" / evaluate.SUMMARY).read_text())["limit"] == 3


def test_old_results_are_never_mixed_with_new_ones(model, data, tmp_path, capsys):
    arguments = (model, "--data", data, "--out", tmp_path, "--limit", 2)
    assert command(capsys, *arguments)[0] == 0
    before = (tmp_path / evaluate.SUMMARY).read_text()
    code, _, err = command(capsys, *arguments)
    assert code == 1 and "holds results already" in err and "--overwrite" in err
    assert (tmp_path / evaluate.SUMMARY).read_text() == before
    (tmp_path / evaluate.SUMMARY).unlink()
    assert command(capsys, *arguments)[0] == 1  # what is left of an evaluation that was stopped
    assert command(capsys, *arguments, "--overwrite", "--split", "train")[0] == 0
    assert [row["name"] for row in table_of(tmp_path)] == ["cat"]


def test_an_evaluation_that_fails_keeps_the_old_results(model, data, tmp_path, capsys, monkeypatch):
    arguments = (model, "--data", data, "--out", tmp_path, "--limit", 2)
    assert command(capsys, *arguments)[0] == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    left_over = tmp_path / f".partial-{'0' * 32}.json"
    left_over.write_bytes(b"of a killed run")
    monkeypatch.setattr(evaluate, "report", lambda summary: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command(capsys, *arguments, "--overwrite")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with locking.lock(str(tmp_path)):
        code, _, err = command(capsys, *arguments, "--overwrite")
    assert code == 1 and "in use by another run" in err


def test_a_wrong_split_lists_those_there_are(model, data, capsys):
    code, _, err = command(capsys, model, "--data", data, "--split", "val")
    assert code == 1 and "no split 'val'; it has train, test" in err


def test_a_folder_without_manifest_and_one_of_a_newer_schema(model, tmp_path, capsys):
    code, _, err = command(capsys, model, "--data", tmp_path, "--out", tmp_path / "out")
    assert code == 1 and "manifest.json" in err
    (tmp_path / records.MANIFEST).write_text(json.dumps({"schema": records.SCHEMA_VERSION + 1}))
    code, _, err = command(capsys, model, "--data", tmp_path, "--out", tmp_path / "out")
    assert code == 1 and "upgrade" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing"])
def test_a_damaged_shard(model, data, tmp_path, capsys, damage):
    copy = tmp_path / "photos"
    copy.mkdir()
    for path in data.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    shard = sorted(copy.glob("*-test-*"))[1]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    {
        "flipped": lambda: shard.write_bytes(content),
        "truncated": lambda: shard.write_bytes(content[: len(content) // 3]),
        "missing": shard.unlink,
    }[damage]()
    code, _, err = command(capsys, model, "--data", copy, "--out", tmp_path / "out")
    assert code == 1 and f"tools.inspect_tfrecords {copy}" in err
    assert not list((tmp_path / "out").glob("*"))


def test_wrong_models(data, tmp_path, capsys):
    (tmp_path / "text.keras").write_text("no model")
    (tmp_path / "folder").mkdir()
    for name in ("text.keras", "folder", "nothing.keras"):
        code, _, err = command(capsys, tmp_path / name, "--data", data, "--out", tmp_path / "out")
        assert code == 1 and name in err and err.startswith("error: "), err
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_no_run_folder_needs_out(model, data, capsys):
    code, _, err = command(capsys, model / "best.keras", "--data", data)
    assert code == 1 and "give --out DIR" in err


@pytest.mark.parametrize("option", ["--limit", "--batch", "--tile"])
def test_numbers_below_one(model, data, capsys, option):
    code, _, err = command(capsys, model, "--data", data, option, 0)
    assert code == 1 and f"{option} is 0" in err


def test_a_model_that_gives_nan(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tfdeblur.inference.load_deblur", lambda model: lambda images: images * np.nan)
    code, _, err = command(capsys, "any", "--data", data, "--out", tmp_path / "out")
    assert code == 1 and "not finite" in err


def pairs_of(*sizes):
    return ({"blur": np.zeros((*size, 3), np.uint8), "i": i} for i, size in enumerate(sizes))


def test_groups_have_one_size_keep_the_order_and_are_bounded():
    sizes = [(8, 8)] * 5 + [(8, 4)] * 3 + [(8, 8)] + [(40, 40)] * 2
    groups = list(measuring.grouped(pairs_of(*sizes), 4, 3 * 64))
    assert [[pair["i"] for pair in group] for group in groups] == [[0, 1, 2], [3, 4], [5, 6, 7], [8], [9], [10]]


def test_no_picture_is_kept():
    alive: list[weakref.ref] = []
    most = 0

    def pairs():
        for i in range(40):
            sharp = photograph("coffee", 24, 24, i)
            alive.append(weakref.ref(sharp))
            yield {"blur": sharp.copy(), "sharp": sharp, "name": str(i), "scene": ""}
            del sharp

    def deblur(images):
        nonlocal most
        most = max(most, sum(reference() is not None for reference in alive))
        return images

    rows, _ = measuring.measure_all(deblur, pairs(), 40, 4, 512)
    assert len(rows) == 40 and most <= 9


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
def test_peak_memory_is_that_of_this_process_alone():
    source = inspect.getsource(measuring.peak_memory)
    small = f"import sys\nfrom pathlib import Path\n{source}\nprint(peak_memory())"
    large = "import subprocess, sys; held = bytes(1) * 2**28; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    done = subprocess.run([sys.executable, "-c", large, small], capture_output=True, text=True, check=True)
    assert 1 < float(done.stdout) < 100


def test_the_time_of_the_first_batch_is_not_counted_in_the_rate():
    speed = measuring.Speed()
    speed.add(10.0, 4, 4_000_000)
    assert speed.facts() == {"seconds": 10, "seconds_per_picture": 2.5, "megapixels_per_second": 0.4}
    speed.add(1.0, 4, 4_000_000)
    assert speed.facts() == {"seconds": 11, "seconds_per_picture": 0.25, "megapixels_per_second": 4}


def test_best_median_and_worst_are_chosen_by_the_gain():
    rows = [{"psnr": 20 + gain, "blur_psnr": 20} for gain in (3, -1, 9, 5, 0, 7, 1, np.inf)]
    chosen = evaluate.choose(rows, 50)
    assert chosen == {
        7: "best +30.00 dB",
        2: "best +9.00 dB",
        3: "median +5.00 dB",
        0: "median +3.00 dB",
        4: "worst +0.00 dB",
        1: "worst -1.00 dB",
    }
    assert evaluate.choose(rows[:2], 50) == {0: "+3.00 dB", 1: "-1.00 dB"}
