"""Pictures taken out of a data set again."""

import numpy as np
from PIL import Image

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
