"""The laws of the command that makes data sets, and the arguments that it refuses."""

import hashlib
import json
import re

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests import picture_folders
from tests.making import make, pixels, read, shards
from tests.picture_folders import photograph
from tfdeblur.data import records
from tfdeblur.physics.blur import gaussian_blur


@pytest.mark.parametrize(
    "more", [(), ("--encoding", "raw"), ("--float",), ("--draws", "3", "--patch", "20x24", "--shards", "2")]
)
def test_workers_do_not_change_the_bytes(tmp_path, more):
    src = picture_folders.images(tmp_path / "src")
    for workers in (1, 2):
        make("images", "--src", src, "--out", tmp_path / str(workers) / "set", "--workers", workers, *more)
    assert shards(tmp_path / "1/set") == shards(tmp_path / "2/set") != {}


def test_seed_changes_the_blur(tmp_path):
    src = picture_folders.images(tmp_path / "src", 3)
    for seed in (0, 1):
        make("images", "--src", src, "--out", tmp_path / f"{seed}", "--splits", "train=1", "--seed", seed)
    sigmas = [{record.name: record.sigma for record in read(tmp_path / f"{seed}")["train"]} for seed in (0, 1)]
    assert all(sigmas[0][name] != sigmas[1][name] for name in sigmas[0])


def test_blur_is_the_recorded_gaussian_of_the_sharp_picture(tmp_path):
    src = picture_folders.images(tmp_path / "src", 8)
    make("images", "--src", src, "--out", tmp_path / "set", "--sigma", 1, 2, "--splits", "test=1", "--draws", 2)
    found = read(tmp_path / "set")["test"]
    assert len({record.sigma for record in found}) == len(found) == 16
    for record in found:
        assert 1 <= record.sigma <= 2
        sharp = pixels(record.sharp)
        expected = ndimage.gaussian_filter(sharp.astype(float), (record.sigma, record.sigma, 0), mode="mirror")
        assert np.abs(pixels(record.blur) - expected).max() <= 0.5 + 1e-3
        np.testing.assert_array_equal(sharp, pixels((src / f"{record.name[:2]}.png").read_bytes()))


def test_float_blur_is_not_rounded(tmp_path):
    make(
        "images",
        "--src",
        picture_folders.images(tmp_path / "src", 1),
        "--out",
        tmp_path / "set",
        "--float",
        "--sigma",
        1,
        1,
    )
    (record,) = read(tmp_path / "set")["train"]
    expected = ndimage.gaussian_filter(photograph(0) / 255, (1, 1, 0), mode="mirror")
    assert record.blur_encoding == "float32" and record.sharp_encoding == "png"
    np.testing.assert_allclose(np.frombuffer(record.blur, "<f4").reshape(48, 64, 3), expected, atol=1e-6)


def test_kings_kernel_and_no_blur(tmp_path):
    src = picture_folders.images(tmp_path / "src", 1)
    make("images", "--src", src, "--out", tmp_path / "king", "--blur", "gaussian5x5", "--channels", 1)
    (record,) = read(tmp_path / "king")["train"]
    assert record.channels == 1 and record.kernel.shape == (5, 5)
    expected = ndimage.convolve(pixels(record.sharp).astype(float), record.kernel, mode="constant")
    assert np.abs(pixels(record.blur) - expected).max() <= 0.5 + 1e-3
    make("images", "--src", src, "--out", tmp_path / "none", "--blur", "none")
    (record,) = read(tmp_path / "none")["train"]
    np.testing.assert_array_equal(pixels(record.blur), pixels(record.sharp))


def test_splits_by_scene_and_counts_as_the_manifest_says(tmp_path):
    for scene in range(7):
        picture_folders.images(tmp_path / f"src/scene{scene}", 3, height=16, width=16)
    out = tmp_path / "set"
    make("images", "--src", tmp_path / "src", "--out", out, "--splits", "train=5", "val=1", "other=1", "--shards", 2)
    manifest, found = records.load_manifest(str(out)), read(out)
    scenes = {split: {record.scene for record in found[split]} for split in found}
    assert {split: len(names) for split, names in scenes.items()} == {"train": 5, "val": 1, "other": 1}
    assert len(set.union(*scenes.values())) == 7
    for split, entry in manifest["splits"].items():
        assert entry["records"] == len(found[split]) == sum(shard["records"] for shard in entry["shards"])
        assert entry["scenes"] == sorted(scenes[split]) and len(entry["shards"]) == 2
        for shard in entry["shards"]:
            content = (out / shard["file"]).read_bytes()
            assert shard["bytes"] == len(content) and shard["sha256"] == hashlib.sha256(content).hexdigest()
    assert manifest["size"] == [16, 16] and manifest["channels"] == 3
    assert {path.name for path in out.iterdir()} == {"manifest.json", *shards(out)}


def test_own_splits_are_kept_val_is_carved_and_splits_can_be_renamed(tmp_path):
    src = picture_folders.reds(tmp_path / "src")
    make("pairs", "--src", src, "--out", tmp_path / "own")
    own = {split: entry["scenes"] for split, entry in records.load_manifest(str(tmp_path / "own"))["splits"].items()}
    assert own == {"train": ["train/000", "train/001", "train/002"], "val": ["val/000", "val/001"]}
    make("pairs", "--src", src, "--out", tmp_path / "renamed", "--rename", "val=test")
    renamed = {
        split: entry["scenes"] for split, entry in records.load_manifest(str(tmp_path / "renamed"))["splits"].items()
    }
    assert renamed["test"] == own["val"] and len(renamed["train"]) == 2 and len(renamed["val"]) == 1
    assert sorted(renamed["train"] + renamed["val"]) == own["train"]


@pytest.mark.parametrize("resize", [[], ["--resize", "48x64"]], ids=["as they are", "to the size they have"])
def test_png_pairs_are_copied_byte_for_byte(tmp_path, resize):
    src = picture_folders.reds(tmp_path / "src")
    # Pillow would not write this file: that it comes out the same shows that nobody encoded it again.
    Image.fromarray(photograph(3)).save(src / "train/train_sharp/000/00000000.png", compress_level=1)
    make("pairs", "--src", src, "--out", tmp_path / "set", *resize)
    for record in sum(read(tmp_path / "set").values(), []):
        split, scene, frame = record.name.split("/")
        for side, content in (("blur", record.blur), ("sharp", record.sharp)):
            assert content == (src / split / f"{split}_{side}" / scene / f"{frame}.png").read_bytes()


def test_resize_is_antialiased_and_patches_tile_the_picture(tmp_path):
    src = tmp_path / "src"
    picture = photograph(5, height=120, width=200)
    stripes = np.zeros_like(picture)
    stripes[:, ::2] = 255
    for name, each in (("a", picture), ("b", stripes)):
        picture_folders.save(src / "sharp" / f"{name}.png", each)
        picture_folders.save(src / "blur" / f"{name}.png", each)
    make(
        "pairs", "--src", src, "--out", tmp_path / "set", "--resize", "48x80", "--patch", "16x20", "--splits", "test=1"
    )
    found = {record.name: pixels(record.sharp) for record in read(tmp_path / "set")["test"]}
    assert len(found) == 2 * 3 * 4
    joined = np.vstack([np.hstack([found[f"a/y{y:04d}x{x:04d}"] for x in range(0, 80, 20)]) for y in range(0, 48, 16)])
    np.testing.assert_array_equal(joined, Image.fromarray(picture).resize((80, 48), Image.Resampling.LANCZOS))
    inner = found["b/y0016x0020"].astype(int)
    assert np.abs(inner - 127).max() < 40, "stripes finer than the new pixels must come out grey"


def test_textures_are_blurred_whole_at_every_level_and_cut_into_patches_that_show_something(tmp_path):
    src = picture_folders.images(tmp_path / "src" / "some", 3, height=96, width=64)
    half = np.asarray(Image.open(src / "00.png").convert("L")).copy()
    half[32:64, :32] = 100
    picture_folders.save(src / "00.png", half)
    levels = ["--sigma", "0.5", "2", "--levels", "4"]
    make("textures", "--src", tmp_path / "src", "--out", tmp_path / "set", *levels, "--splits", "train=2", "test=1")
    found = {record.name: record for split in read(tmp_path / "set").values() for record in split}
    grey = {f"some/{i:02d}": np.asarray(Image.open(src / f"{i:02d}.png").convert("L")) for i in range(3)}
    corners = [(y, x) for y in (0, 32, 64) for x in (0, 32)]
    seen = {(name, y, x) for name, whole in grey.items() for y, x in corners if whole[y : y + 32, x : x + 32].std() > 5}
    assert set(found) == {f"{name}/draw{draw:02d}/y{y:04d}x{x:04d}" for name, y, x in seen for draw in range(4)}
    assert 12 < len(seen) < 18 and ("some/00", 32, 0) not in seen
    assert {record.scene for record in found.values()} == set(grey)
    for draw, sigma in enumerate((0.5, 1.0, 1.5, 2.0)):
        whole = gaussian_blur(np.float32(half)[..., None] / 255, sigma)
        record = found[f"some/00/draw{draw:02d}/y0064x0032"]
        assert record.sigma == sigma and (record.height, record.width, record.channels) == (32, 32, 1)
        np.testing.assert_array_equal(pixels(record.blur), np.rint(whole[64:96, 32:64, 0] * 255))
    assert records.load_manifest(str(tmp_path / "set"))["blur"]["levels"] == 4
    make("textures", "--src", tmp_path / "src", "--out", tmp_path / "all", *levels, "--blank", 0, "--patch", "48x64")
    assert sum(map(len, read(tmp_path / "all").values())) == 4 * 3 * 2


def test_patches_of_varying_blur_say_their_mean_sigma(tmp_path):
    src = picture_folders.images(tmp_path / "src", 1, height=96, width=192)
    options = ["--blur", "space_variant", "--sigma", "0.5", "2", "--draws", "4", "--splits", "train=1"]
    make("textures", "--src", src, "--out", tmp_path / "set", *options, "--blank", 0)
    found = read(tmp_path / "set")["train"]
    sharp = np.float32(Image.open(src / "00.png").convert("L"))[..., None]
    blurred = {sigma: gaussian_blur(sharp, sigma)[..., 0] for sigma in np.arange(0.5, 2.05, 0.1)}
    for record in found:
        y, x = (int(part[1:]) for part in re.fullmatch(r".*/(y\d+)(x\d+)", record.name).groups())
        errors = {s: np.square(b[y : y + 32, x : x + 32] - pixels(record.blur)).mean() for s, b in blurred.items()}
        assert abs(record.sigma - min(errors, key=errors.get)) < 0.35
    sigmas = [record.sigma for record in found]
    assert len(set(sigmas)) == 4 * 18 and np.ptp(sigmas) > 0.5


def test_sample_set(tmp_path):
    make("sample", "--out", tmp_path / "sample", "--patch", "160x160", "--limit", 2)
    manifest = records.load_manifest(str(tmp_path / "sample"))
    assert {split: len(entry["scenes"]) for split, entry in manifest["splits"].items()} == {
        "train": 2,
        "val": 1,
        "test": 2,
    }
    assert manifest["size"] == [160, 160] and list(manifest["splits"]) == ["train", "val", "test"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sigma", "3", "1"], "--sigma is 3.0 1.0"),
        (["--sigma", "-1", "1"], "--sigma"),
        (["--blur", "disk", "--radius", "4", "1"], "--radius is 4.0 1.0; it takes the lowest and the highest .*pixels"),
        (["--jpeg", "0", "50"], "--jpeg is 0 50; .* 1 <= LOW <= HIGH <= 100"),
        (["--photons", "0", "50"], "--photons is 0.0 50.0"),
        (["--radius", "1", "2"], "--radius has no part in --blur gaussian; leave it out"),
        (["--blur", "gaussian5x5", "--sigma", "1", "2"], "--sigma has no part in --blur gaussian5x5"),
        (["--blur", "measured"], "--blur measured needs --kernels"),
        (["--patch", "96"], "--patch is '96'; it takes height x width"),
        (["--resize", "0x5"], "--resize"),
        (["--splits", "train=0"], "--splits has 'train=0'"),
        (["--splits", "train=1", "train=2"], "twice"),
        (["--splits", "train=1", "val=1", "test=1", "more=1"], "3 scene.* cannot be divided among 4 splits"),
        (["--rename", "valid=test"], "not a split of this source"),
        (["--workers", "0"], "--workers is 0"),
        (["--shards", "2", "--shard-mb", "3"], "give one of them"),
        (["--blur-dir", "x"], "for the source pairs"),
        (["--seed", "-1"], "--seed"),
        (["--name", "a/b"], "--name 'a/b'"),
        (["--levels", "1"], "--levels is 1; it takes at least 2 sigmas"),
        (["--levels", "3", "--draws", "2"], "in place of --draws"),
        (["--levels", "3", "--blur", "disk"], "of --blur gaussian"),
        (["--blank", "2"], "--blank is 2.0"),
    ],
)
def test_bad_arguments(tmp_path, arguments, message):
    src = picture_folders.images(tmp_path / "src", 3)
    with pytest.raises(ValueError, match=message):
        make("images", "--src", src, "--out", tmp_path / "set", *arguments)
    assert not (tmp_path / "set").exists()


def test_misspelt_option_gets_a_suggestion(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        make("sample", "--out", tmp_path / "set", "--sigmas", "1", "2")
    assert caught.value.code == 2 and "--sigma" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["file/set", "file"])
def test_unwritable_output(tmp_path, out):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file.* cannot be written .*choose another folder"):
        make("images", "--src", picture_folders.images(tmp_path / "src", 1), "--out", tmp_path / out)


def test_one_scene_is_said_not_to_make_three_splits(tmp_path, capsys):
    make("images", "--src", picture_folders.images(tmp_path / "src", 1), "--out", tmp_path / "set")
    assert "there is no val and test split" in capsys.readouterr().out
    assert list(read(tmp_path / "set")) == ["train"]


def test_shards_follow_their_wanted_size(tmp_path):
    src = picture_folders.images(tmp_path / "src", 12)
    make(
        "images",
        "--src",
        src,
        "--out",
        tmp_path / "set",
        "--encoding",
        "raw",
        "--shard-mb",
        0.04,
        "--splits",
        "train=1",
    )
    sizes = [path.stat().st_size for path in (tmp_path / "set").glob("*.tfrecord")]
    assert len(sizes) == 6 and max(sizes) < 45_000


def test_manifest_says_how_it_was_made(tmp_path):
    arguments = ["images", "--src", str(picture_folders.images(tmp_path / "src", 3)), "--out", str(tmp_path / "set")]
    make(*arguments)
    manifest = json.loads((tmp_path / "set/manifest.json").read_text())
    assert manifest["command"] == ["python", "-m", "tools.make_tfrecords", *arguments]
    drawn = {"kind": "gaussian", "sigma": [0, 3], "response": "linear", "draws": 1}
    assert manifest["blur"] == drawn | {"rounded": True, "seed": 0}
    assert manifest["schema"] == records.SCHEMA_VERSION and {"numpy", "pillow", "tfdeblur"} <= set(manifest["versions"])
