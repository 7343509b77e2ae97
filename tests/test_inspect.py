"""The inspector: what it says of a sound data set, and that it finds every kind of damage."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from tests.record_folders import blurred, pair, photograph, write_folder
from tfdeblur.commandline import run
from tfdeblur.data import records
from tools import inspect_tfrecords
from tools.likeness import NEAR, alike
from tools.pictures import encode

SIGMAS = (0.0, 0.7, 1.5, 2.2)


@pytest.fixture
def folder(tmp_path):
    """Two splits of real photographs: 8 records in 4 shards, of two sizes."""
    splits = {
        split: [
            pair(photograph(scene, 64, 80 + 16 * (i % 2), 20 * i), s, f"{scene}/{i}", scene)
            for i, s in enumerate(SIGMAS)
        ]
        for split, scene in (("train", "astronaut"), ("test", "coffee"))
    }
    return write_folder(tmp_path / "photos", splits, shards=2)


def inspect(capsys, *arguments) -> tuple[int, str, str]:
    """Run the command as a user does."""
    with pytest.raises(SystemExit) as exit_:
        run(inspect_tfrecords.main, [str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def test_a_sound_data_set(folder, capsys):
    code, out, err = inspect(capsys, folder)
    assert code == 0 and "sound: 8 records in 4 shards" in out, err
    photographs = [photograph("coffee", 64, 80 + 16 * (i % 2), 20 * i) for i in range(4)]
    expected = np.mean(
        [peak_signal_noise_ratio(p, blurred(p, s)) for p, s in zip(photographs[1:], SIGMAS[1:], strict=True)]
    )
    line = next(line for line in out.splitlines() if line.startswith("test"))
    assert f"{expected:.2f} dB (mean of 3 finite)" in line
    assert line.split()[1:4] == ["4", "1", "2"] and "64x80, 64x96" in line and "0.00 to 2.20" in line
    with Image.open(folder / "contact_sheet.png") as sheet:
        assert sheet.width > 4 * 256 and sheet.height > 4 * 190  # four rows of two enlarged pairs


def test_out_and_no_pairs(folder, tmp_path, capsys):
    assert inspect(capsys, folder, "--out", tmp_path / "elsewhere.png", "--pairs", 1)[0] == 0
    with Image.open(tmp_path / "elsewhere.png") as sheet:
        assert sheet.width < 700
    assert inspect(capsys, folder, "--pairs", 0)[0] == 0
    assert not (folder / "contact_sheet.png").exists()


def shard_of(folder, index=2):
    return sorted(folder.glob("*.tfrecord"))[index]


def flip_bit(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("checksums", ["--checksums", "--no-checksums"])
def test_a_flipped_bit_is_found_and_the_rest_still_read(folder, capsys, checksums):
    path = shard_of(folder)
    flip_bit(path, path.stat().st_size // 2)
    code, out, err = inspect(capsys, folder, checksums)
    assert code == 1 and err.count(path.name) == 1
    assert ("SHA-256" if checksums == "--checksums" else "is damaged at record") in err
    assert sum(other.name in err for other in folder.glob("*.tfrecord")) == 1
    assert any(line.startswith("test") and line.split()[1] == "4" for line in out.splitlines())


def test_a_truncated_shard_is_found(folder, capsys):
    path = shard_of(folder)
    path.write_bytes(path.read_bytes()[:-30])
    code, _, err = inspect(capsys, folder, "--no-checksums")
    assert code == 1 and path.name in err and "bytes, the manifest says" in err


def test_missing_and_unlisted_shards_are_found_together(folder, capsys):
    path = shard_of(folder)
    path.rename(folder / "another.tfrecord")
    code, _, err = inspect(capsys, folder)
    assert code == 1 and f"{path} is missing" in err and "another.tfrecord is not in the manifest" in err


def edit_manifest(folder, change):
    path = folder / records.MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_a_count_that_differs_is_found(folder, capsys):
    edit_manifest(folder, lambda manifest: manifest["splits"]["test"]["shards"][1].update(records=3))
    code, _, err = inspect(capsys, folder)
    assert code == 1 and "test-00001-of-00002.tfrecord holds 2 records, the manifest says 3" in err


def test_an_encoding_that_differs_is_found(folder, capsys):
    edit_manifest(folder, lambda manifest: manifest["encoding"].update(sharp="raw"))
    code, _, err = inspect(capsys, folder)
    assert code == 1 and err.count(".tfrecord is damaged at record 0") == 4


def test_a_scene_in_two_splits_is_found(tmp_path, capsys):
    one = [pair(photograph("coffee", 32, 32), 1, "a", "coffee")]
    code, _, err = inspect(capsys, write_folder(tmp_path / "leaky", {"train": one, "test": one}))
    assert code == 1 and "train and test share 1 scenes, such as coffee" in err


def test_a_folder_without_manifest(tmp_path, capsys):
    code, _, err = inspect(capsys, tmp_path)
    assert code == 1 and "manifest.json" in err and "tools.make_tfrecords" in err and err.count("\n") == 1


def test_a_newer_schema(folder, capsys):
    edit_manifest(folder, lambda manifest: manifest.update(schema=99))
    code, _, err = inspect(capsys, folder)
    assert code == 1 and "schema 99" in err and "upgrade" in err


def test_a_sheet_that_cannot_be_written_hides_no_result(folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    code, out, err = inspect(capsys, folder, "--out", tmp_path / "file/sheet.png")
    assert code == 1 and "sound: 8 records" in out
    assert "sheet.png cannot be written" in err and "--out" in err and "--pairs 0" in err
    assert inspect(capsys, folder, "--pairs", -1)[2].startswith("error: --pairs is -1")


def test_what_is_measured_of_a_pair(folder, capsys, tmp_path):
    assert inspect(capsys, folder, "--json", tmp_path / "found.json", "--html", tmp_path / "found.html")[0] == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["problems"] == found["warnings"] == [] and found["manifest"]["splits"].keys() == {"train", "test"}
    pictures = [photograph("coffee", 64, 80 + 16 * (i % 2), 20 * i) for i in range(4)]
    lumas = [np.float64(each) @ (0.299, 0.587, 0.114) for each in pictures]
    laplacians = [cv2.Laplacian(each, cv2.CV_64F)[1:-1, 1:-1].var() for each in lumas]
    sharpness = found["statistics"]["test"]["sharpness"]
    assert sharpness["median"] == pytest.approx(np.median(laplacians), rel=1e-4) and sharpness["count"] == 4
    assert found["statistics"]["test"]["blurred_sharpness"]["least"] < 0.1 * sharpness["least"]
    assert found["statistics"]["test"]["shift"]["most"] == 0
    page = (tmp_path / "found.html").read_text()
    assert "<h1>photos: sound</h1>" in page and "data:image/png;base64," in page and "<td>test</td>" in page


def test_pictures_that_are_nearly_in_both_splits_are_found(tmp_path, capsys):
    same = photograph("coffee", 64, 96, 40)
    nearly = np.uint8(np.clip(same + np.random.default_rng(0).normal(0, 4, same.shape), 0, 255))
    splits = {
        "train": [pair(same, 1.0, "cup", "cup"), pair(photograph("astronaut", 64, 96, 0), 1.0, "suit", "suit")],
        "test": [pair(nearly, 1.0, "mug", "mug"), pair(photograph("astronaut", 64, 96, 60), 1.0, "arm", "arm")],
    }
    write_folder(tmp_path / "leaking", splits)
    code, out, err = inspect(capsys, tmp_path / "leaking", "--html", tmp_path / "page.html")
    assert code == 0, err
    assert "warning: 1 pictures of test are nearly the same as ones of train, such as mug and cup\n" in out
    assert "mug and cup" in (tmp_path / "page.html").read_text()


def test_draws_of_a_picture_are_no_duplicates_but_copies_are(tmp_path, capsys):
    one, other = photograph("coffee", 64, 96, 40), photograph("astronaut", 64, 96, 0)
    named = [("a/draw00", one), ("a/draw01", one), ("b", other), ("c", one)]
    write_folder(tmp_path / "set", {"train": [pair(picture, 1.0, name, name) for name, picture in named]})
    out = inspect(capsys, tmp_path / "set")[1]
    assert out.count("warning") == 1 and "1 pictures of train are there nearly twice, such as c and a/draw00\n" in out


def test_shifted_pairs_are_found(tmp_path, capsys):
    shifted = []
    for i in range(4):
        record = pair(photograph("coffee", 64, 96, 20 * i), 1.0, f"{i}", f"{i}")
        blur = np.roll(blurred(photograph("coffee", 64, 96, 20 * i), 1.0), (3, -4), (0, 1))
        shifted.append(replace(record, blur=encode(blur, "png")))
    write_folder(tmp_path / "set", {"train": shifted})
    out = inspect(capsys, tmp_path / "set")[1]
    assert "pictures of train are shifted against their sharp ones, by 3 pixels down and -4 to the right (median" in out


def test_likeness_finds_what_a_search_of_all_pairs_finds():
    random = np.random.default_rng(0)
    ours = random.integers(0, 256, (300, 64), np.uint8)
    theirs = random.integers(0, 256, (400, 64), np.uint8)
    theirs[::7] = np.clip(ours[: len(theirs[::7])] + random.integers(-3, 4, (58, 64)), 0, 255)
    distances = np.sqrt(np.square(ours[:, None] - np.float64(theirs[None])).mean(-1))
    expected = {(i, k) for i, k in zip(*np.nonzero(distances <= NEAR), strict=True)}
    assert set(map(tuple, alike(ours, theirs))) == expected and 10 < len(expected) <= 58
    ours[100:110] = ours[:10]
    assert set(map(tuple, alike(ours))) == {(100 + i, i) for i in range(10)}
    assert not len(alike(np.full((5, 64), 200, np.uint8)))
