"""How much pictures are blurred, and where; and Patro's table by its command."""

import json

import numpy as np
import pytest
import skimage.data

from tests.picture_folders import images
from tests.test_comparisons import command
from tfdeblur import report
from tfdeblur.estimation.reblurring import CANDIDATES, reblurring_map
from tfdeblur.evaluation import patro
from tfdeblur.physics.blur import gaussian_blur, space_variant_blur


@pytest.fixture(scope="module")
def photograph():
    return np.float32(skimage.data.camera()[100:356, 100:356]) / 255


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_an_even_blur_is_found_from_reblurring(sigma, photograph):
    own = np.median(reblurring_map(photograph))  # no photograph is quite sharp, and variances add
    blur = np.rint(gaussian_blur(photograph[..., None], sigma)[..., 0] * 255) / 255
    assert np.median(reblurring_map(blur)) == pytest.approx(np.hypot(own, sigma), rel=0.25)


def test_an_uneven_blur_is_found_where_it_is(photograph):
    sigma = np.where(np.arange(256) < 128, 0.5, 2.5).astype(np.float32) * np.ones((256, 1), np.float32)
    found = reblurring_map(space_variant_blur(photograph[..., None], sigma)[..., 0])
    assert np.median(found[:, 32:96]) < 1.2 and np.median(found[:, 160:224]) > 1.8


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 5), (33, 64)])
def test_a_map_has_the_pictures_size(size, photograph):
    found = reblurring_map(photograph[: size[0], : size[1]])
    assert found.shape == size and found.dtype == np.float32
    assert found.min() >= np.float32(CANDIDATES[0]) and found.max() <= np.float32(CANDIDATES[-1])


def test_patros_maps():
    ramp, sine = patro.ramp(3, 101), patro.sine(2, 400)
    np.testing.assert_allclose(ramp[1, [0, 50, 100]], [0.3, 1.65, 3.0], rtol=1e-6)
    np.testing.assert_allclose(sine[0, [0, 50, 150, 200]], [1.65, 3.0, 0.3, 1.65], atol=1e-5)


def test_patros_table(tmp_path, capsys):
    images(tmp_path / "in", count=3, height=96, width=128)
    code, err = command(capsys, report.main, "table", "patro", "--data-dir", tmp_path / "in", "--out", tmp_path / "o")
    assert code == 0, err
    rows = {row["method"]: row for row in json.loads((tmp_path / "o" / "patro.json").read_text())}
    assert rows["constant"]["ramp_rmse"] == pytest.approx((3.0 - 0.3) / 12**0.5, rel=0.02)  # of a uniform distribution
    assert rows["constant"]["sin_rmse"] == pytest.approx(1.35 / 2**0.5, rel=1e-3)
    assert rows["reblurring"]["ramp_rmse"] < rows["constant"]["ramp_rmse"] and rows["reblurring"]["pictures"] == 3
    assert (
        "there is no picture"
        in command(capsys, report.main, "table", "patro", "--data-dir", tmp_path / "o" / "no", "--out", tmp_path / "p")[
            1
        ]
    )
    assert "--data-dir FOLDER" in command(capsys, report.main, "table", "patro", "--out", tmp_path / "p")[1]
