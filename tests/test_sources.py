"""What the sources list: names, scenes, splits and partners, on folders laid out as the raw sets are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import picture_folders
from tests.making import make
from tools.sources.images import list_images
from tools.sources.pairs import list_pairs
from tools.sources.sample import PHOTOGRAPHS, list_sample
from tools.sources.tfds import list_tfds

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"real data sets are not at {DATA}")


def by_split(listing):
    found = {}
    for item in listing.items:
        found.setdefault(item.split, []).append(item)
    return found


def test_sample_photographs_are_real_and_split_by_scene():
    listing = list_sample()
    assert [item.name for item in listing.items] == list(PHOTOGRAPHS)
    for item in listing.items:
        with Image.open(item.sharp) as image:
            assert min(image.size) >= 170
    scenes = {split: {item.scene for item in items} for split, items in by_split(listing).items()}
    assert scenes["test"] == {"chelsea", "china", "coffee"} and scenes["val"] == {"rocket"}
    assert not scenes["train"] & (scenes["test"] | scenes["val"])
    assert "motorcycle" in scenes["train"]


@pytest.mark.parametrize("src", ["", "train", "train/train_sharp/.."])
def test_reds(tmp_path, src):
    listing = list_pairs(str(picture_folders.reds(tmp_path) / src))
    assert not listing.problems and listing.description == {"layout": "reds", "version": "blur"}
    train = by_split(listing)["train"]
    assert [item.name for item in train[:3]] == ["train/000/00000000", "train/000/00000001", "train/001/00000000"]
    assert train[2].scene == "train/001"
    assert train[2].blur.endswith("train_blur/001/00000000.png") and train[2].sharp.endswith(
        "train_sharp/001/00000000.png"
    )
    assert ("val" in by_split(listing)) == (src == "")


def test_equal_numbers_in_train_and_val_are_different_scenes(tmp_path):
    scenes = {
        split: {item.scene for item in items}
        for split, items in by_split(list_pairs(str(picture_folders.reds(tmp_path)))).items()
    }
    assert len(scenes["train"]) == 3 and len(scenes["val"]) == 2 and not scenes["train"] & scenes["val"]


def test_unpaired_frames_are_named_and_shift_nobody(tmp_path):
    root = picture_folders.reds(tmp_path)
    (root / "train/train_blur/000/00000000.png").unlink()
    (root / "val/val_sharp/001/00000001.png").unlink()
    listing = list_pairs(str(root))
    assert [name for name, _ in listing.problems] == ["train/000/00000000", "val/001/00000001"]
    assert "has no blurred partner" in listing.problems[0][1] and "has no sharp partner" in listing.problems[1][1]
    assert len(listing.items) == 8
    for item in listing.items:
        assert (
            Path(item.blur).name == Path(item.sharp).name
            and Path(item.blur).parent.name == Path(item.sharp).parent.name
        )


@pytest.mark.parametrize("version", ["blur", "blur_gamma"])
def test_gopro(tmp_path, version):
    listing = list_pairs(str(picture_folders.gopro(tmp_path)), blur_folder=version)
    assert listing.description == {"layout": "gopro", "version": version}
    assert {split: len(items) for split, items in by_split(listing).items()} == {"train": 4, "test": 2}
    item = by_split(listing)["test"][0]
    assert (item.name, item.scene) == ("test/GOPR0384_11_00/000001", "test/GOPR0384_11_00")
    assert Path(item.blur).parent.name == version and Path(item.sharp).parent.name == "sharp"


@pytest.mark.parametrize("version", ["J", "R"])
def test_realblur_lists(tmp_path, version):
    for each in ("J", "R"):
        picture_folders.realblur(tmp_path, each)
    listing = list_pairs(str(tmp_path), realblur=version)
    assert listing.description == {"layout": "realblur", "version": version}
    assert [item.name for item in listing.items] == [
        "test/scene002/blur_1",
        "train/scene001/blur_1",
        "train/scene003/blur_1",
    ]
    for item in listing.items:
        assert f"RealBlur-{version}" in item.blur and "/gt/gt_" in item.sharp and "/blur/blur_" in item.blur


def test_realblur_lists_that_do_not_fit(tmp_path):
    root = picture_folders.realblur(tmp_path)
    (root / "RealBlur-J_ECC_IMCORR_centroid_itensity_ref/scene001/gt/gt_1.png").unlink()
    listing = list_pairs(str(root))
    assert len(listing.items) == 2 and listing.problems[0][0] == "train/scene001/blur_1"
    (root / "RealBlur_J_test_list.txt").write_text("only/one.png\n")
    with pytest.raises(ValueError, match="line 1: found 'only/one.png'"):
        list_pairs(str(root))


@pytest.mark.parametrize("names", [("blur", "sharp"), ("input", "target"), ("train/input", "train/target")])
def test_parallel_folders(tmp_path, names):
    blur, sharp = (tmp_path / name for name in names)
    for index, name in enumerate(("a", "b", "walk/1", "walk/2")):
        picture_folders.save_pair(blur / f"{name}.jpg", sharp / f"{name}.png", index)
    prefix = "train/" if "train" in names[0] else ""
    listing = list_pairs(str(tmp_path))
    assert {item.name: item.scene for item in listing.items} == {
        f"{prefix}{name}": f"{prefix}{scene}"
        for name, scene in {"a": "a", "b": "b", "walk/1": "walk", "walk/2": "walk"}.items()
    }
    given = list_pairs(None, blur_dir=str(blur), sharp_dir=str(sharp))
    assert [(item.sharp, item.blur) for item in given.items] == [(item.sharp, item.blur) for item in listing.items]


def test_a_wanted_version_is_never_replaced_by_another(tmp_path):
    picture_folders.save_pair(tmp_path / "blur/a.png", tmp_path / "sharp/a.png", 0)
    with pytest.raises(ValueError, match="'blur_gamma'"):
        list_pairs(str(tmp_path), blur_folder="blur_gamma")


def test_two_files_of_one_name_have_no_partner(tmp_path):
    picture_folders.save_pair(tmp_path / "blur/a.png", tmp_path / "sharp/a.png", 0)
    picture_folders.save(tmp_path / "sharp/a.jpg", picture_folders.photograph(0))
    with pytest.raises(ValueError, match="one name"):
        list_pairs(str(tmp_path))


def test_images_take_scenes_from_sub_folders(tmp_path):
    for name in ("one.PNG", "beach/a.jpg", "beach/b.jpg", "city/night/c.webp", ".hidden/d.png", "beach/.e.png"):
        picture_folders.save(tmp_path / name, picture_folders.photograph(1))
    (tmp_path / "beach/notes.txt").write_text("no picture")
    assert {item.name: item.scene for item in list_images(str(tmp_path)).items} == {
        "one": "one", "beach/a": "beach", "beach/b": "beach", "city/night/c": "city/night"
    }  # fmt: skip


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    reds = picture_folders.reds(tmp_path / "elsewhere")
    (tmp_path / "src").mkdir()
    for split in ("train", "val"):
        (tmp_path / "src" / split).symlink_to(reds / split)
    (reds / "train" / "back").symlink_to(reds)
    names = [item.name for item in list_images(str(tmp_path / "src")).items]
    assert len(names) == 20 + 8 and len(set(names)) == len(names)  # the val pictures also through the way back
    assert len(list_pairs(str(tmp_path / "src"), "reds").items) == 10


def test_images_of_one_stem_keep_their_suffixes(tmp_path):
    for name in ("a.png", "a.jpg", "b.png"):
        picture_folders.save(tmp_path / name, picture_folders.photograph(1))
    assert sorted(item.name for item in list_images(str(tmp_path)).items) == ["a.jpg", "a.png", "b"]


@needs_data
def test_images_with_folders_of_splits():
    found = by_split(list_images(str(DATA / "bsds500")))
    assert {split: len(items) for split, items in found.items()} == {"train": 200, "test": 200}
    assert len({item.scene for item in found["train"]}) == 200


@needs_data
@pytest.mark.parametrize(("folder", "counts"), [("reds_x4", {"train": 20, "val": 40}), ("gopro", {"test": 1})])
def test_real_pairs(folder, counts):
    assert {split: len(items) for split, items in by_split(list_pairs(str(DATA / folder))).items()} == counts


@needs_data
def test_mnist_through_tensorflow_datasets():
    listing = list_tfds("mnist", str(DATA / "tfds"))
    assert listing.channels == 1 and len({item.name for item in listing.items}) == 30000
    assert {split: len(items) for split, items in by_split(listing).items()} == {"train": 20000, "test": 10000}
    import io

    with Image.open(io.BytesIO(listing.items[0].sharp)) as digit:
        assert digit.size == (28, 28) and np.asarray(digit).max() > 200


def test_missing_tensorflow_dataset(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no cifar10.*leave --src out"):
        list_tfds("cifar10", str(tmp_path))


@pytest.mark.parametrize("list_folder", [list_images, list_pairs])
def test_missing_and_empty_folders(tmp_path, list_folder):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        list_folder(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="needs --src"):
        list_folder(None)
    with pytest.raises(ValueError, match="no pictures|not laid out"):
        list_folder(str(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="is a file"):
        list_folder(str(tmp_path / "file"))


def test_the_other_blurred_version_is_another_data_set(tmp_path):
    src = picture_folders.gopro(tmp_path / "src")
    arguments = ["pairs", "--out", tmp_path / "set", "--src"]
    make(*arguments, src)
    with pytest.raises(ValueError, match="a finished data set of other pictures or options"):
        make(*arguments, src, "--blur-folder", "blur_gamma")
    with pytest.raises(ValueError, match="a finished data set of other pictures or options"):
        make(*arguments, picture_folders.gopro(tmp_path / "another"))


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["sample", "--src", "photos"], "--src"),
        (["images", "--src", "photos", "--blur-folder", "blur_gamma"], "--blur-folder"),
        (["pairs", "--src", "photos", "--sigma", "1", "2"], "--sigma"),
        (["images", "--src", "photos", "--splits", "train=1", "--rename", "val=test"], "--rename"),
    ],
)
def test_options_that_would_change_nothing_are_refused(tmp_path, arguments, flag):
    with pytest.raises(ValueError, match=f"{flag} .*leave it out"):
        make(*arguments, "--out", tmp_path / "set")
