"""Pictures that cannot be used as they are: what is said, and what becomes of the others."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests import picture_folders
from tests.making import make, pixels, read
from tests.picture_folders import photograph
from tfdeblur.data import records


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def text(path: Path) -> None:
    path.write_text("This is no picture.")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other_size(path: Path) -> None:
    picture_folders.save(path, photograph(1, height=30, width=40))


def gone(path: Path) -> None:
    path.unlink()


def test_floating_point_pictures_are_refused(tmp_path):
    (tmp_path / "src").mkdir()
    Image.fromarray(photograph(0)[..., 0] / np.float32(255)).save(tmp_path / "src/light.tif")
    with pytest.raises(ValueError, match="light.tif cannot be read as a picture .*floating-point numbers"):
        make("images", "--src", tmp_path / "src", "--out", tmp_path / "set")


@pytest.mark.parametrize("encoding", ["png", "raw"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncated, "00000001.png cannot be read as a picture"),
        (bit_flipped, "00000001.png cannot be read as a picture"),
        (text, "00000001.png cannot be read as a picture"),
        (empty, "00000001.png cannot be read as a picture"),
        (other_size, "00000001.png is 64x48 but .*00000001.png is 40x30; pairs must have equal sizes"),
        (gone, "has no sharp partner in .*train_sharp"),
    ],
)
def test_bad_pictures_stop_or_are_listed(tmp_path, spoil, message, encoding):
    src = picture_folders.reds(tmp_path / "src")
    spoil(src / "train/train_sharp/001/00000001.png")
    arguments = ["pairs", "--src", src, "--out", tmp_path / "set", "--encoding", encoding]
    with pytest.raises(ValueError, match=message) as caught:
        make(*arguments)
    assert "--on-error skip" in str(caught.value)
    make(*arguments[:-1], encoding, "--on-error", "skip")
    manifest = records.load_manifest(str(tmp_path / "set"))
    assert [skipped["name"] for skipped in manifest["skipped"]] == ["train/001/00000001"]
    assert manifest["skipped"][0]["reason"]
    names = {record.name for record in read(tmp_path / "set")["train"]}
    assert len(names) == 5 and "train/001/00000001" not in names


def test_grey_among_rgb(tmp_path):
    src = picture_folders.images(tmp_path / "src", 3)
    grey = np.asarray(Image.fromarray(photograph(1)).convert("L"))
    picture_folders.save(src / "01.png", grey)
    picture_folders.save(src / "deep.png", np.uint16(grey) * 257)
    rgba = np.dstack([photograph(2), np.full((48, 64), 9, np.uint8)])
    picture_folders.save(src / "alpha.png", rgba)
    make("images", "--src", src, "--out", tmp_path / "set", "--splits", "test=1", "--blur", "none")
    found = {record.name: pixels(record.sharp) for record in read(tmp_path / "set")["test"]}
    for name in ("01", "deep"):
        np.testing.assert_array_equal(found[name], np.dstack([grey] * 3))
    np.testing.assert_array_equal(found["alpha"], photograph(2))
    assert records.load_manifest(str(tmp_path / "set"))["expanded_grey"] == 2


def test_photographs_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    (tmp_path / "src").mkdir()
    for suffix in ("png", "webp"):
        Image.fromarray(photograph(0)).save(tmp_path / f"src/a-{suffix}.{suffix}", exif=exif, lossless=True)
    make("images", "--src", tmp_path / "src", "--out", tmp_path / "set", "--splits", "test=1", "--blur", "none")
    for record in read(tmp_path / "set")["test"]:
        np.testing.assert_array_equal(pixels(record.sharp), np.rot90(photograph(0), -1))


def test_orientation_in_xmp_turns_a_photograph_too(tmp_path):
    """As some editors write it: in a text chunk of a PNG, which is not copied as it is then."""
    text_chunk = PngInfo()
    text_chunk.add_itxt("XML:com.adobe.xmp", '<rdf:Description tiff:Orientation="6"/>')
    (tmp_path / "src").mkdir()
    Image.fromarray(photograph(0)).save(tmp_path / "src/a.png", pnginfo=text_chunk)
    make("images", "--src", tmp_path / "src", "--out", tmp_path / "set", "--splits", "test=1", "--blur", "none")
    (record,) = read(tmp_path / "set")["test"]
    np.testing.assert_array_equal(pixels(record.sharp), np.rot90(photograph(0), -1))


def test_picture_of_one_pixel(tmp_path):
    picture_folders.save(tmp_path / "src/a.png", np.full((1, 1, 3), 77, np.uint8))
    make("images", "--src", tmp_path / "src", "--out", tmp_path / "set", "--sigma", 2, 2)
    (record,) = read(tmp_path / "set")["train"]
    assert pixels(record.blur).tolist() == pixels(record.sharp).tolist() == [[[77, 77, 77]]]


def test_picture_smaller_than_the_patch(tmp_path):
    src = picture_folders.images(tmp_path / "src", 3)
    picture_folders.save(src / "small.png", photograph(0, height=20, width=64))
    arguments = ["images", "--src", src, "--out", tmp_path / "set", "--patch", "24x32", "--splits", "test=1"]
    with pytest.raises(
        ValueError, match=r"small.png is 20x64 .*smaller than the patch of 24x32; choose a smaller --patch"
    ):
        make(*arguments)
    make(*arguments, "--on-error", "skip")
    assert len(read(tmp_path / "set")["test"]) == 3 * 4


def test_nothing_left_after_skipping(tmp_path):
    picture_folders.save_pair(tmp_path / "src/blur/a.png", tmp_path / "src/sharp/b.png", 0)
    with pytest.raises(ValueError, match="no usable pictures"):
        make("pairs", "--src", tmp_path / "src", "--out", tmp_path / "set", "--on-error", "skip")
    text(picture_folders.images(tmp_path / "one", 1) / "00.png")
    with pytest.raises(ValueError, match="none of the 1 pictures .*00.png cannot be read"):
        make("images", "--src", tmp_path / "one", "--out", tmp_path / "set", "--on-error", "skip")
    picture_folders.images(tmp_path / "one", 1)
    make("images", "--src", tmp_path / "one", "--out", tmp_path / "set", "--on-error", "skip")
    assert len(read(tmp_path / "set")["train"]) == 1, "mended pictures are tried again"


def test_split_of_which_nothing_is_left(tmp_path):
    src = tmp_path / "src"
    picture_folders.images(src / "train", 2)
    picture_folders.save(src / "train/narrow.png", photograph(2, height=50, width=40))
    text(picture_folders.images(src / "val", 1) / "00.png")
    make("images", "--src", src, "--out", tmp_path / "set", "--on-error", "skip")
    manifest = records.load_manifest(str(tmp_path / "set"))
    assert list(manifest["splits"]) == ["train"] and len(manifest["skipped"]) == 1
    assert manifest["size"] is None and manifest["splits"]["train"]["smallest"] == [48, 40]
    assert [path.name for path in (tmp_path / "set").glob("*.tfrecord")] == ["set-train-00000-of-00001.tfrecord"]
