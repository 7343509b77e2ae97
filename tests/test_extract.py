"""Pictures taken out of a data set again."""

import numpy as np
import pytest
from PIL import Image

from tests.making import make
from tests.record_folders import pair, photograph, write_folder
from tools import extract_pictures


def test_pictures_come_out_as_they_went_in(tmp_path, capsys):
    found = [pair(photograph("chelsea", 20, 30, 20 * i), 1.0, f"cats/{i}", "cat") for i in range(4)]
    folder = write_folder(tmp_path / "records", {"test": found})
    extract_pictures.main([str(folder), "--out", str(tmp_path / "out"), "--every", "2"])
    assert sorted(path.name for path in (tmp_path / "out" / "sharp").iterdir()) == ["cats-0.png", "cats-2.png"]
    for i in (0, 2):
        sharp = np.asarray(Image.open(tmp_path / "out" / "sharp" / f"cats-{i}.png"))
        np.testing.assert_array_equal(sharp, photograph("chelsea", 20, 30, 20 * i))
        assert np.any(np.asarray(Image.open(tmp_path / "out" / "blur" / f"cats-{i}.png")) != sharp)
    assert "2 pairs" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--channels", "3"], ["--channels", "1"], ["--float"]], ids=str)
@pytest.mark.parametrize("shape", [(9, 1, 3), (1, 9, 3), (1, 1, 3)])
def test_narrow_pictures_keep_their_shape(tmp_path, shape, options):
    picture = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "src").mkdir()
    Image.fromarray(picture).save(tmp_path / "src/narrow.png")
    make("images", "--src", tmp_path / "src", "--out", tmp_path / "records", "--blur", "none", *options)
    extract_pictures.main([str(tmp_path / "records"), "--split", "train", "--out", str(tmp_path / "out")])
    mode = "L" if "1" in options else "RGB"
    expected = np.asarray(Image.fromarray(picture).convert(mode))
    for side in ("blur", "sharp"):
        with Image.open(tmp_path / "out" / side / "narrow.png") as found:
            assert found.mode == mode
            np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("option", ["--every", "--limit"])
def test_numbers_that_make_no_sense_are_explained(tmp_path, option):
    with pytest.raises(ValueError, match=f"{option} .*must be above 0"):
        extract_pictures.main([str(tmp_path), "--out", str(tmp_path), option, "0"])


def test_names_that_differ_give_files_that_differ(tmp_path):
    names = ["a/b", "a-b", "a%2Db", "a/b/c", "a-b/c", "a/b-c", "a", "a-", "a:b"]
    found = [pair(photograph("chelsea", 20, 30, 10 * i), 1.0, name, name) for i, name in enumerate(names)]
    folder = write_folder(tmp_path / "records", {"test": found})
    extract_pictures.main([str(folder), "--out", str(tmp_path / "out")])
    for side in ("sharp", "blur"):
        assert len(list((tmp_path / "out" / side).iterdir())) == len(names)
    for i, name in enumerate(names):
        sharp = np.asarray(Image.open(tmp_path / "out/sharp" / extract_pictures.file_name(name)))
        np.testing.assert_array_equal(sharp, photograph("chelsea", 20, 30, 10 * i))


def test_two_records_of_one_name_are_not_taken_for_one(tmp_path):
    found = [pair(photograph("chelsea", 20, 30, 10 * i), 1.0, "cat", "cat") for i in range(2)]
    folder = write_folder(tmp_path / "records", {"test": found})
    with pytest.raises(ValueError, match="has two records named 'cat'; only the first was written"):
        extract_pictures.main([str(folder), "--out", str(tmp_path / "out")])


def test_other_images_in_the_way_are_neither_kept_silently_nor_overwritten(tmp_path, capsys):
    for i in range(2):
        write_folder(tmp_path / str(i), {"test": [pair(photograph("chelsea", 20, 30, 10 * i), 1.0, "cat", "cat")]})
    arguments = ["--out", str(tmp_path / "out")]
    extract_pictures.main([str(tmp_path / "0"), *arguments])
    left_over = tmp_path / "out/sharp" / f".partial-{'0' * 32}-cat.png"
    left_over.write_bytes(b"half")
    extract_pictures.main([str(tmp_path / "0"), *arguments])
    assert capsys.readouterr().out.count("1 pairs") == 2 and not left_over.exists()
    path = tmp_path / "out/blur/cat.png"
    before = path.read_bytes()
    with pytest.raises(ValueError, match="cat.png is there already and holds another image; choose another --out"):
        extract_pictures.main([str(tmp_path / "1"), *arguments])
    assert path.read_bytes() == before
