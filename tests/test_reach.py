"""How far kernels and methods reach, and photographs that come out the same whatever the size of their tiles."""

import warnings

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy import signal

from tfdeblur import deblur
from tfdeblur.classical import METHODS
from tfdeblur.classical.noise_level import ROUNDING
from tfdeblur.classical.photographs import deblurrer, method_on
from tfdeblur.classical.reach import LARGEST_REACH, iterated_reach, linear_reach
from tfdeblur.classical.wiener import wiener
from tfdeblur.estimation.stitching import stitcher
from tfdeblur.physics.blur import space_variant_blur
from tfdeblur.physics.kernels import disk, gaussian, linear_motion
from tfdeblur.physics.sigma_maps import ramp
from tfdeblur.tiling import deblur_picture, tile_and_overlap


def psnr(pixels: np.ndarray, sharp: np.ndarray) -> float:
    return -10 * np.log10(np.mean((pixels / 255 - sharp) ** 2))


@pytest.fixture(scope="module")
def sharp():
    return np.float32(skimage.data.astronaut()[..., 1]) / 255


def photograph(sharp: np.ndarray, kernel: np.ndarray, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A blurred photograph in 8 bit, and its sharp part."""
    blur = signal.fftconvolve(sharp, kernel, mode="valid")
    blur = blur + np.random.default_rng(0).normal(0, noise, blur.shape)
    top, left = (side // 2 for side in kernel.shape)
    truth = sharp[top : top + blur.shape[0], left : left + blur.shape[1]]
    return np.uint8(np.rint(np.clip(blur, 0, 1) * 255)), truth


@pytest.mark.filterwarnings("ignore:tiles of")
@pytest.mark.parametrize("method", METHODS)
def test_every_size_of_tile_gives_the_same(method, sharp, tmp_path):
    kernel = disk(2.5)
    np.save(tmp_path / "kernel.npy", kernel)
    blur, truth = photograph(sharp[:204, :280], kernel, 0.01)
    function = deblurrer(method, str(tmp_path / "kernel.npy"))(blur)
    whole = deblur_picture(function, blur, tile=512)
    assert psnr(whole, truth) > psnr(blur, truth) + 0.3
    for tile in (96, 224):
        assert tile_and_overlap(blur.shape, tile, None, function.margin)[0] < 230  # really in tiles
        tiled = deblur_picture(function, blur, tile=tile)
        assert psnr(tiled, truth) == pytest.approx(psnr(whole, truth), abs=0.1)
        assert np.sqrt(np.mean((np.float32(tiled) - whole) ** 2)) < 1.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:tiles of")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kernel", [gaussian(3), disk(4), linear_motion(10, 20), linear_motion(25, 10)])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_every_size_of_tile_gives_the_same_on_a_grid(noise, kernel, method, sharp, tmp_path):
    np.save(tmp_path / "kernel.npy", kernel)
    blur, truth = photograph(sharp, kernel, noise)
    function = deblurrer(method, str(tmp_path / "kernel.npy"))(blur)
    figures = [psnr(deblur_picture(function, blur, tile=tile), truth) for tile in (128, 256, 512)]
    assert np.ptp(figures) < 0.1


@pytest.mark.filterwarnings("ignore:tiles of")
def test_stitching_is_the_same_for_every_size_of_tile(sharp, tmp_path):
    truth = sharp[:260, :340]
    sigma = ramp(truth.shape, 0, 2.5)
    blur = np.uint8(np.rint(space_variant_blur(truth[None, ..., None], sigma[None])[0, ..., 0] * 255))
    np.save(tmp_path / "map.npy", sigma)
    function = stitcher("wiener", str(tmp_path / "map.npy"))(blur)
    whole = deblur_picture(function, blur, tile=512)
    tiled = deblur_picture(function, blur, tile=128)
    assert psnr(tiled, truth) == pytest.approx(psnr(whole, truth), abs=0.05)
    assert psnr(whole, truth) > psnr(blur, truth) + 1


def test_one_filter_serves_all_tiles(sharp):
    kernel = gaussian(1.5)
    blur = np.float32(photograph(sharp, kernel)[0])[None, ..., None] / 255
    whole = wiener(blur, kernel, noise=0.01, whole=blur)
    for top, left in [(0, 0), (150, 230)]:  # of quite another variance than the photograph
        tile = wiener(blur[:, top : top + 128, left : left + 128], kernel, noise=0.01, whole=blur)
        inside = (slice(None), slice(40, 88), slice(40, 88))
        expected = whole[:, top : top + 128, left : left + 128][inside]
        np.testing.assert_allclose(tile[inside], expected, atol=2e-3)


def test_the_reach_grows_with_the_kernel_and_falls_with_noise():
    assert linear_reach(np.ones((1, 1)), 0.01) == 1 and iterated_reach(np.ones((1, 1)), 30) == 1
    reaches = [linear_reach(disk(radius), 0.003) for radius in (1, 2, 4, 8)]
    assert reaches == sorted(reaches) and reaches[0] >= 3
    noises = [linear_reach(disk(4), noise) for noise in (0.001, 0.01, 0.1)]
    assert noises == sorted(noises, reverse=True) and noises[-1] == 9  # the kernel's own width
    counts = [iterated_reach(disk(4), count) for count in (1, 30, 1000)]
    assert counts == sorted(counts) and counts[0] == 9 < counts[-1]
    assert linear_reach(linear_motion(80, 20), 0) == LARGEST_REACH


def test_noise_below_the_rounding_of_the_file_is_that_of_rounding():
    for dtype, expected in ((np.uint8, ROUNDING), (np.uint16, ROUNDING / 257), (np.float32, 0)):
        options = method_on("tikhonov", 0.0, None)(np.zeros((20, 20), dtype)).options
        assert options["noise"] == pytest.approx(expected)


def test_tiles_that_are_too_small_are_enlarged_with_a_line_and_an_overlap_that_is_given_stays(sharp, tmp_path, capsys):
    kernel = linear_motion(15, 10)
    blur, truth = photograph(sharp[:200, :240], kernel)
    np.save(tmp_path / "kernel.npy", kernel)
    Image.fromarray(blur).save(tmp_path / "photo.png")
    given = [str(tmp_path / "photo.png"), "--method", "wiener", "--psf", str(tmp_path / "kernel.npy"), "--out"]
    results = []
    for tile, more in (("64", []), ("512", []), ("64", ["--overlap", "32"])):
        out = tmp_path / f"tile{tile}{''.join(more)}"
        assert deblur.main([*given, str(out), "--tile", tile, *more]) == 0
        results.append(np.asarray(Image.open(out / "photo.png")))
        said = capsys.readouterr().err
        assert ("tiles of 64 pixels are too small" in said) == (tile == "64" and not more)
        assert said.count("warning") <= 1
    np.testing.assert_array_equal(results[0], results[1])
    assert psnr(results[1], truth) > psnr(results[2], truth) + 0.3


def test_a_reach_beyond_the_largest_overlap_is_said_in_one_line(tmp_path, capsys):
    kernel = linear_motion(80, 0)
    np.save(tmp_path / "kernel.npy", kernel)
    noise = np.random.default_rng(0).random((24, 2400))
    Image.fromarray(np.uint8(np.rint(255 * signal.fftconvolve(noise, kernel, mode="valid")))).save(
        tmp_path / "photo.png"
    )
    given = [str(tmp_path / "photo.png"), "--method", "tikhonov", "--psf", str(tmp_path / "kernel.npy")]
    for number, (more, said) in enumerate([([], True), (["--tile", "2400"], False), (["--overlap", "96"], False)]):
        assert deblur.main([*given, *more, "--out", str(tmp_path / str(number))]) == 0
        lines = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
        assert len(lines) == said, lines
        if said:
            assert f"photo.png: this kernel and noise reach at least {LARGEST_REACH} pixels" in lines[0]
            assert "--tile 2320 deblurs the photograph whole" in lines[0]


def test_the_largest_overlap_is_half_of_a_larger_tile():
    size = (5000, 3000)
    with pytest.warns(UserWarning, match="reach at least 512 pixels; tiles of 2048 pixels leave out 384"):
        assert tile_and_overlap(size, 512, None, 512) == (2048, 1024)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tile_and_overlap(size, 2800, None, 512) == (2800, 1366)
        assert tile_and_overlap(size, 5000, None, 512)[0] == 5000
