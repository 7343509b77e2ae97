"""Sources of which much cannot be used: what is left out is said, and a split that was asked for is never empty."""

import numpy as np
import pytest

from tests import picture_folders
from tests.making import make, read
from tests.picture_folders import photograph
from tfdeblur.data import records


def damage(src, *indices):
    for index in indices:
        (src / f"{index:02d}.png").write_text("This is no image.")


def scenes(out) -> dict:
    return {split: set(entry["scenes"]) for split, entry in records.load_manifest(str(out))["splits"].items()}


def test_an_empty_split_that_was_asked_for_is_an_error(tmp_path):
    src = picture_folders.images(tmp_path / "src", 8)
    arguments = ["images", "--src", src, "--splits", "train=6", "test=2"]
    make(*arguments, "--out", tmp_path / "whole")
    for name in scenes(tmp_path / "whole")["test"]:
        damage(src, int(name))
    with pytest.raises(ValueError, match="none of the 2 pictures of the split 'test' can be used; the first: .*png"):
        make(*arguments, "--out", tmp_path / "set", "--on-error", "skip")
    assert not (tmp_path / "set/manifest.json").exists()
    for name in scenes(tmp_path / "whole")["test"]:
        picture_folders.save(src / f"{name}.png", photograph(int(name)))
    make(*arguments, "--out", tmp_path / "set", "--on-error", "skip")
    assert {split: len(found) for split, found in read(tmp_path / "set").items()} == {"train": 6, "test": 2}


def test_a_split_of_blank_patches_alone_is_an_error(tmp_path):
    for name, image in (("flat", np.full((64, 64), 100, np.uint8)), ("cup", photograph(2, 64, 64))):
        picture_folders.save(tmp_path / "src" / f"{name}.png", image)
    arguments = ["textures", "--src", tmp_path / "src", "--sigma", 1, 2, "--splits", "train=1", "test=1"]
    with pytest.raises(ValueError, match="all patches of the 1 pictures of the split '.*' are blank; see --blank"):
        make(*arguments, "--out", tmp_path / "set")


def test_a_split_of_the_source_that_comes_out_empty_is_said(tmp_path, capsys):
    for split in ("train", "test"):
        picture_folders.images(tmp_path / "src" / split, 4)
    damage(tmp_path / "src/test", *range(4))
    make("images", "--src", tmp_path / "src", "--out", tmp_path / "set", "--on-error", "skip")
    errors = capsys.readouterr().err
    assert "warning: the data set has no split 'test', because nothing of it could be used" in errors
    assert "warning: 4 of 8 pictures (50%) were left out; the first: test/00: " in errors
    assert set(scenes(tmp_path / "set")) == {"train", "val"}


@pytest.mark.parametrize(("damaged", "warned"), [([], False), ([3], False), ([3, 4, 5], True)])
def test_a_large_share_left_out_is_said_aloud(tmp_path, capsys, damaged, warned):
    src = picture_folders.images(tmp_path / "src", 20, height=16, width=16)
    damage(src, *damaged)
    make("images", "--src", src, "--out", tmp_path / "set", "--on-error", "skip", "--splits", "train=1")
    captured = capsys.readouterr()
    assert ("warning: 3 of 20 pictures (15%) were left out" in captured.err) == warned
    assert (f"{len(damaged)} skipped" in captured.out) == bool(damaged)


def test_a_source_without_usable_images_is_an_error(tmp_path):
    src = picture_folders.images(tmp_path / "src", 3)
    damage(src, 0, 1, 2)
    with pytest.raises(ValueError, match="none of the 3 pictures can be used; the first: .*png"):
        make("images", "--src", src, "--out", tmp_path / "set", "--on-error", "skip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no pictures in it"):
        make("images", "--src", tmp_path / "empty", "--out", tmp_path / "set2")


@pytest.mark.parametrize("out", ["src", "src/records", "link/records", "src/../src/records"])
def test_an_output_within_the_source_is_refused(tmp_path, out):
    src = picture_folders.images(tmp_path / "src", 3)
    (tmp_path / "link").symlink_to(src)
    with pytest.raises(ValueError, match="is in the source's folder .*; choose an --out elsewhere"):
        make("images", "--src", src, "--out", tmp_path / out)
    assert len(list(src.iterdir())) == 3
    make("images", "--src", src, "--out", tmp_path / "src-records")
