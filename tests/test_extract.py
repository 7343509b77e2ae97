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
