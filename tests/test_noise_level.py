"""Estimating the noise: right with clipped areas, in every depth, and not misled by textures."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy import ndimage

from tfdeblur.classical.noise_level import ROUNDING, noise_level
from tfdeblur.classical.photographs import method_on

DATA = Path("../shared/data")
CHANNELS = pytest.mark.parametrize("channels", [1, 3])


def noisy(sharp, sigma, share=0.0, end="white", bits=8, blur=1.5, channels=3):
    """Blur, brighten or darken until a share of the values is beyond the end, add noise, clip, and round."""
    values = ndimage.gaussian_filter(np.float64(sharp[..., :channels]), (blur, blur, 0))
    if share:
        values = values / np.quantile(values, 1 - share) if end == "white" else values - np.quantile(values, share)
    most = 2**bits - 1
    values = values + np.random.default_rng(0).normal(0, sigma, values.shape)
    return np.float32(np.rint(np.clip(values, 0, 1) * most) / most)[None], np.hypot(sigma, 1 / most / 12**0.5)


@pytest.fixture(scope="module")
def coffee():
    return skimage.data.coffee()[:384, :512] / 255


@CHANNELS
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("sigma", [0.002, 0.02, 0.1])
def test_right_without_clipping(sigma, bits, channels, coffee):
    image, true = noisy(coffee * 0.4 + 0.3, sigma, bits=bits, channels=channels)
    assert noise_level(image, 0) == pytest.approx(true, rel=0.1)


@CHANNELS
@pytest.mark.parametrize("end", ["black", "white"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("sigma", [0.002, 0.02, 0.1])
def test_right_with_clipped_areas(sigma, share, end, channels, coffee):
    image, true = noisy(coffee, sigma, share, end, channels=channels)
    assert noise_level(image, 0) == pytest.approx(true, rel=0.1)


def test_right_where_the_noise_of_every_block_is_clipped():
    image = np.clip(0.02 + np.random.default_rng(0).normal(0, 0.05, (1, 128, 128, 3)), 0, 1)
    assert noise_level(image) == pytest.approx(0.05, rel=0.1)
    assert noise_level(1 - image) == pytest.approx(0.05, rel=0.1)


def test_lines_on_clipped_paper_do_not_pass_for_smooth():
    rows, columns = np.indices((256, 256))
    drawing = np.where((rows % 40 < 2) | (columns % 60 < 2), 0.1, 1.0)[..., None]
    image, true = noisy(drawing, 0.02, blur=1, channels=1)
    assert noise_level(image) == pytest.approx(true, rel=0.25)


def test_what_shows_no_noise_has_the_floor():
    for image in (
        np.ones((1, 64, 64, 3)),
        np.zeros((1, 64, 64, 1)),
        np.full((1, 64, 64, 3), 0.5),
        np.ones((1, 7, 9, 1)),
    ):
        assert noise_level(image) == [ROUNDING]


def test_fine_texture_is_not_noise():
    brick = np.float64(skimage.data.brick())[..., None] / 255
    image, true = noisy(brick, 0.005, blur=0, channels=1)
    assert noise_level(image) < 2 * true


def test_texture_that_channels_share_is_not_noise():
    """Grass, gravel and plaster: structure in every block, down to the finest, and nearly the same in all channels."""
    random = np.random.default_rng(0)
    texture = ndimage.gaussian_filter(random.normal(0, 1, (256, 256, 1)), (0.6, 0.6, 0))
    colour = ndimage.gaussian_filter(random.normal(0, 0.01, (256, 256, 3)), (3, 3, 0))
    sharp = 0.5 + texture * [0.11, 0.12, 0.1] + colour
    for sigma in (0.002, 0.005, 0.02, 0.05):
        image, true = noisy(sharp, sigma, blur=0)
        assert noise_level(image) == pytest.approx(true, rel=0.25)


@CHANNELS
def test_noise_that_channels_share_is_not_taken_for_texture(channels):
    values = np.random.default_rng(0).normal(0.5, 0.03, (256, 256, 1)).repeat(channels, -1)
    assert noise_level(np.rint(values * 255)[None] / 255) == pytest.approx(0.03, rel=0.1)


@pytest.mark.parametrize("sigma", [0.002, 0.005, 0.01, 0.05])
def test_noise_of_a_drawing_on_white_paper_is_the_papers(sigma):
    """Rounding makes the share at white larger than a half: values above 254.5 are shown as 255."""
    rows, columns = np.indices((256, 256))
    drawing = np.where((rows % 64 < 2) | (columns % 80 < 2), 0.1, 1.0)[..., None].repeat(3, -1)
    drawing[40:60, 100:140] = np.random.default_rng(0).choice([0.1, 1.0], (20, 40, 1))
    image, true = noisy(drawing, sigma, blur=0)
    assert noise_level(image) == pytest.approx(true, rel=0.25)


def test_a_photograph_whose_middle_is_clipped_shows_its_noise_elsewhere():
    values = np.full((1000, 1000, 1), 0.4)
    values[100:900, 100:900] = 2
    pixels = np.uint8(np.rint(255 * np.clip(values + np.random.default_rng(0).normal(0, 0.02, values.shape), 0, 1)))
    assert method_on("wiener", None, None)(pixels).options["noise"] == pytest.approx(0.02, rel=0.1)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the folder of real data")
@pytest.mark.parametrize("sigma", [0.002, 0.005, 0.02, 0.05, 0.1])
def test_photographs_with_clipped_areas(sigma):
    """At most one in fifty is off by more than a tenth, none by more than a quarter."""
    found = []
    for sharp in _photographs(12):
        conditions = itertools.product([0, 0.1, 0.3, 0.5], ["black", "white"], [8, 16], [1, 3], [1.5, 4])
        for share, end, bits, channels, blur in conditions:
            image, true = noisy(sharp[:384, :384], sigma, share, end, bits, blur, channels)
            found.append(noise_level(image, 0)[0] / true)
    off = np.abs(np.array(found) - 1)
    assert (off > 0.1).mean() <= 0.02 and off.max() <= 0.25, (np.sort(found)[:5], np.sort(found)[-5:])


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the folder of real data")
@pytest.mark.parametrize("sigma", [0.005, 0.01, 0.02, 0.05])
def test_sharp_photographs_are_not_taken_for_noise(sigma):
    """Some photographs have noise or grain of their own, up to .006; it counts as too much here."""
    found = []
    for sharp in _photographs(275):
        image, true = noisy(sharp, sigma, blur=0)
        found.append(noise_level(image, 0)[0] / true)
    assert max(found) < 2 and min(found) > 0.9, (min(found), np.sort(found)[-5:])


def _photographs(count):
    for folder in ("photographs", "bsds500/test"):
        files = sorted(path for path in (DATA / folder).iterdir() if path.suffix in (".webp", ".jpg"))
        for path in files[:: max(len(files) // count, 1)]:
            yield np.asarray(Image.open(path).convert("RGB")) / 255
