"""How much pictures are blurred, and where; and Patro's table by its command."""

import json

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio

from tests.making import make
from tests.networks import negative, says, says_motion
from tests.picture_folders import images
from tests.test_comparisons import blurred_photograph, command, error
from tfdeblur import deblur, estimate, report
from tfdeblur.classical import METHODS
from tfdeblur.estimation.kernels import kernel_estimator
from tfdeblur.estimation.motion import refined_motion
from tfdeblur.estimation.reblurring import CANDIDATES, reblurring_map
from tfdeblur.estimation.sigma_map import cautious, grey, read_map, trusted, write_map
from tfdeblur.estimation.stitching import SHARP, stitch
from tfdeblur.evaluation import kendall, kendall_phase2, patro
from tfdeblur.physics.blur import convolve, gaussian_blur, space_variant_blur
from tfdeblur.physics.kernels import gaussian, linear_motion
from tfdeblur.physics.sigma_maps import sigma_ladder


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


@pytest.mark.parametrize("method", ["wiener", "rl"])
def test_an_even_map_is_plain_deblurring(method, photograph):
    blur, sigma = photograph[None, :64, :64, None], sigma_ladder(2.0)[4]
    stitched = stitch(blur, np.full((64, 64), sigma), METHODS[method])
    np.testing.assert_allclose(stitched, METHODS[method](blur, gaussian(sigma)), atol=1e-5)


def test_stitching_with_the_true_map_sharpens_what_is_blurred_and_leaves_the_rest(photograph):
    sharp = photograph[None, :, :, None]
    sigma = np.where(np.arange(256) < 128, 0, 2).astype(np.float32) * np.ones((256, 1), np.float32)
    blur = np.float32(np.rint(space_variant_blur(sharp, sigma) * 255) / 255)
    stitched = stitch(blur, sigma, METHODS["hyper-laplacian"])
    np.testing.assert_array_equal(stitched[:, :, :128], blur[:, :, :128])
    before, after = (np.mean((each[:, :, 128:] - sharp[:, :, 128:]) ** 2) for each in (blur, stitched))
    assert after < before / 2
    faint = np.where(sigma > 0, sigma, SHARP)
    np.testing.assert_array_equal(stitch(blur, faint, METHODS["wiener"])[:, :, :128], blur[:, :, :128])


def test_a_photograph_is_stitched_by_the_command(tmp_path, capsys):
    blur, sharp = blurred_photograph(tmp_path / "in.png", sigma=2.0)
    options, run = ("--method", "stitch", "--out", tmp_path / "out"), says(tmp_path / "two", 2.0)
    code, err = command(capsys, deblur.main, tmp_path / "in.png", "--psf", f"map:{run}", *options)
    assert code == 0, err
    with Image.open(tmp_path / "out" / "in.png") as image:
        assert error(image, sharp) < 0.7 * error(blur, sharp)
    write_map(str(tmp_path / "map.png"), np.full(blur.shape[:2], 2, np.float32))
    by_map = (tmp_path / "in.png", "--method", "stitch", "--psf", f"map:{tmp_path / 'map.png'}", "--tile", 64)
    assert command(capsys, deblur.main, *by_map, "--out", tmp_path / "by map")[0] == 0
    with Image.open(tmp_path / "by map" / "in.png") as image:
        assert error(image, sharp) < 0.7 * error(blur, sharp)
    np.save(tmp_path / "small.npy", np.ones((5, 6), np.float32))
    wrong = {
        f"map:{tmp_path / 'small.npy'}": "is 6x5, the photograph 160x128",
        "gaussian:2": "stitch takes --psf map:MODEL",
        "map:nothing": "there is no nothing",
    }
    for psf, message in wrong.items():
        out = ("--method", "stitch", "--out", tmp_path / "wrong")
        assert message in command(capsys, deblur.main, tmp_path / "in.png", "--psf", psf, *out)[1]


def test_where_a_picture_is_flat_nothing_is_known_and_nothing_touched(tmp_path, capsys):
    blur = blurred_photograph(tmp_path / "half.png", sigma=2.0)[0].copy()
    blur[:64] = 200 + np.arange(64)[:, None, None] % 2  # a step of 8 bit is nothing to be seen
    Image.fromarray(blur).save(tmp_path / "half.png")
    Image.new("RGB", (160, 128), "white").save(tmp_path / "white.png")
    run, out = says(tmp_path / "two", 2.0), tmp_path / "out"
    estimate.main([str(tmp_path / "*.png"), "--model", str(run), "--out", str(out), "--format", "npy"])
    half, white = capsys.readouterr().out.splitlines()
    assert "sigma 2.00 px" in half and "; unknown in 38% of the picture" in half
    assert "nothing can be seen of its blur" in white
    sigma = np.load(out / "half-sigma.npy")
    assert np.all(sigma[:48] == 0) and np.all(sigma[48:] == 2) and not np.load(out / "white-sigma.npy").any()
    with Image.open(out / "half-sigma-overlay.png") as image:
        colours = np.asarray(image)[12 : 12 + 128, :160]
    assert np.ptp(colours[:48], -1).max() == 0 and np.ptp(colours[48:], -1).min() > 20
    options = ("--method", "stitch", "--psf", f"map:{run}", "--out", out)
    assert command(capsys, deblur.main, tmp_path / "half.png", *options)[0] == 0
    with Image.open(out / "half.png") as image:
        np.testing.assert_array_equal(np.asarray(image)[:48], blur[:48])
        assert np.any(np.asarray(image)[64:] != blur[64:])
    kernel = kernel_estimator(str(run))
    np.testing.assert_allclose(kernel(blur), gaussian(2.0), atol=1e-3)
    np.testing.assert_array_equal(kernel(np.full((64, 64, 3), 255, np.uint8)), [[1]])


def test_a_photograph_is_deblurred_by_the_kernel_that_a_network_sees(tmp_path, capsys):
    blurred_photograph(tmp_path / "in.png")
    results = []
    for number, psf in enumerate(("gaussian:1.5", f"estimate:{says(tmp_path / 'even', 1.5)}")):
        options = ("--method", "wiener", "--psf", psf, "--noise", 0.01, "--out", tmp_path / f"{number}")
        code, err = command(capsys, deblur.main, tmp_path / "in.png", *options)
        assert code == 0, err
        with Image.open(tmp_path / f"{number}" / "in.png") as image:
            results.append(np.float32(image))
    assert np.abs(results[0] - results[1]).max() <= 1
    negative(1).save(tmp_path / "negative.keras")
    wrong = {"nothing": "there is no ", "negative.keras": "an estimator of sigma takes grey pictures"}
    for name, message in wrong.items():
        options = ("--method", "wiener", "--psf", f"estimate:{tmp_path / name}", "--out", tmp_path / "wrong")
        assert message in command(capsys, deblur.main, tmp_path / "in.png", *options)[1]


def test_a_network_that_errs_by_a_third_of_a_motion_does_for_a_photograph(tmp_path, capsys):
    sharp = np.float32(skimage.data.coffee()) / 255
    blur = np.rint(255 * convolve(sharp, linear_motion(12, 30)).clip(0, 1))
    Image.fromarray(np.uint8(blur)).save(tmp_path / "in.png")
    run = says_motion(tmp_path / "run", 9, 38, deviation=3)
    options = ("--method", "hyper-laplacian", "--psf", f"estimate:{run}", "--out", tmp_path / "out")
    code, err = command(capsys, deblur.main, tmp_path / "in.png", *options)
    assert code == 0, err
    with Image.open(tmp_path / "out" / "in.png") as image:
        restored = np.float32(image) / 255
    assert peak_signal_noise_ratio(sharp, restored) > peak_signal_noise_ratio(sharp, np.float32(blur) / 255) + 6


@pytest.mark.parametrize(("noise", "off"), [(0.0, 0.75), (0.01, 1.0)])
@pytest.mark.parametrize("name", ["coffee", "astronaut", "chelsea"])
@pytest.mark.parametrize(("length", "angle"), [(5, 10), (12, 30), (18, 75), (8, 120)])
def test_a_motion_is_refined_by_the_zeros_of_its_spectrum(name, length, angle, noise, off):
    """From an estimate that errs by a third of the length and ten degrees; half the length fits in part."""
    sharp = np.float32(getattr(skimage.data, name)()) / 255
    random = np.random.default_rng(0)
    blur = convolve(sharp, linear_motion(length, angle)) + noise * random.standard_normal(sharp.shape)
    luma = np.float64(grey(np.uint8(np.rint(255 * blur.clip(0, 1))))[..., 0])
    truth = streak_of(length, angle)
    found = refined_motion(luma, streak_of(length / 1.4, angle + 10), 3.0)
    assert np.hypot(*(streak_of(*found) - truth)) < off


def test_where_nothing_is_seen_a_motion_stays_as_it_was_estimated():
    said = streak_of(9, 30)
    assert refined_motion(np.full((80, 90), 0.5), said, 2.0) == (9, 30)
    assert refined_motion(np.random.default_rng(0).random((20, 30)), np.zeros(2), 2.0) == (0, 0)


def streak_of(length: float, angle: float) -> np.ndarray:
    return length * np.array([np.cos(np.deg2rad(2 * angle)), np.sin(np.deg2rad(2 * angle))])


@pytest.mark.parametrize(
    ("wrong", "message"), [(np.ones((5, 5)), "it must be"), (np.full((8, 8), -1.0), "pixels >= 0")]
)
def test_wrong_maps_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        stitch(np.ones((1, 8, 8, 1), np.float32), wrong, METHODS["wiener"])


@pytest.mark.parametrize("name", ["map.npy", "map.png"])
def test_maps_are_read_as_they_were_written(name, tmp_path):
    sigma = np.linspace(0, 20, 600, dtype=np.float32).reshape(20, 30)
    write_map(str(tmp_path / name), sigma)
    np.testing.assert_allclose(read_map(str(tmp_path / name)), sigma, atol=6e-4)


def test_what_is_no_map_is_refused(tmp_path):
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(tmp_path / "colour.png")
    np.save(tmp_path / "below.npy", np.full((4, 5), -1.0))
    np.save(tmp_path / "nan.npy", np.full((4, 5), np.nan))
    (tmp_path / "broken.npy").write_bytes(b"what")
    for name in ("colour.png", "below.npy", "nan.npy"):
        with pytest.raises(ValueError, match=f"{name} holds no map of sigma"):
            read_map(str(tmp_path / name))
    with pytest.raises(ValueError, match="cannot be read as a map"):
        read_map(str(tmp_path / "broken.npy"))
    with pytest.raises(FileNotFoundError, match="a map of sigma is a .npy file or"):
        read_map(str(tmp_path / "nowhere.png"))


def test_patros_maps():
    along_x, along_y = (patro.MAPS[name]((400, 400)) for name in ("sin_rmse", "sin_y_rmse"))
    np.testing.assert_allclose(patro.MAPS["ramp_rmse"]((3, 101))[1, [0, 50, 100]], [0.3, 1.65, 3.0], rtol=1e-6)
    np.testing.assert_allclose(along_x[7, [0, 50, 150, 200]], [1.65, 3.0, 0.3, 1.65], atol=1e-5)
    np.testing.assert_array_equal(along_y, along_x.T)


def test_patros_table(tmp_path, capsys):
    images(tmp_path / "in", count=3, height=96, width=128)
    says(tmp_path / "runs" / "of_pictures", 1.0)
    says(tmp_path / "runs" / "by_brightness", 0.5, 2.0)
    table = ("table", "patro", "--data-dir", tmp_path / "in", "--runs", tmp_path / "runs", "--out", tmp_path / "o")
    code, err = command(capsys, report.main, *table)
    assert code == 0, err
    rows = {row["method"]: row for row in json.loads((tmp_path / "o" / "patro.json").read_text())}
    assert list(rows) == ["constant", "reblurring", "by_brightness", "by_brightness, smoothed"]
    assert rows["constant"]["ramp_rmse"] == pytest.approx((3.0 - 0.3) / 12**0.5, rel=0.02)  # of a uniform distribution
    assert rows["constant"]["sin_rmse"] == pytest.approx(1.35 / 2**0.5, rel=1e-3)
    assert rows["reblurring"]["ramp_rmse"] < rows["constant"]["ramp_rmse"] and rows["reblurring"]["pictures"] == 3
    assert rows["by_brightness, smoothed"]["ramp_rmse"] < rows["by_brightness"]["ramp_rmse"]
    nowhere = ("--data-dir", tmp_path / "o" / "no", "--out", tmp_path / "p")
    assert "there is no picture" in command(capsys, report.main, "table", "patro", *nowhere)[1]
    assert "--data-dir FOLDER" in command(capsys, report.main, "table", "patro", "--out", tmp_path / "p")[1]


def test_patros_table_of_a_data_set_is_of_its_test_split(tmp_path):
    images(tmp_path / "in", count=4, height=48, width=64)
    make("images", "--src", tmp_path / "in", "--out", tmp_path / "set", "--splits", "train=2", "test=2")
    found = patro.find(str(tmp_path / "set"), None)
    with open(tmp_path / "set" / "manifest.json") as file:
        assert [name for name, _ in found] == json.load(file)["splits"]["test"]["scenes"]
    expected = np.asarray(Image.open(tmp_path / "in" / f"{found[0][0]}.png").convert("L")) / 255
    np.testing.assert_allclose(found[0][1](), expected, atol=0.01)


def test_kendalls_table_with_a_trained_estimator(tmp_path, capsys):
    images(tmp_path / "in", count=3, height=124, width=124)
    says(tmp_path / "runs" / kendall.ESTIMATOR, 2.0)
    table = ("table", "kendall", "--data-dir", tmp_path / "in", "--runs", tmp_path / "runs", "--out", tmp_path / "o")
    code, err = command(capsys, report.main, *table)
    assert code == 0, err
    rows = {row["method"]: row for row in json.loads((tmp_path / "o" / "kendall.json").read_text())}
    assert list(rows) == [*kendall.CANDIDATES, "CNN + RL", "CNN + hyper-Laplacian"]
    sigmas = np.array(rows["blurred"]["sigmas"])
    errors = [kendall.squared_distance(gaussian(2.0), gaussian(sigma)) for sigma in sigmas]
    assert rows["CNN + RL"]["kernel_mse"] == pytest.approx(np.mean(errors), rel=1e-4)
    inside = sigmas[(sigmas >= 0.5) & (sigmas <= 6)]
    assert rows["CNN + RL"]["sigma_error"] == pytest.approx(np.median(np.abs(2 / inside - 1)), rel=0.01)


def test_a_scene_of_two_depths_is_sharp_in_front_and_blurred_behind(photograph):
    made = kendall_phase2.scene("camera", photograph[..., None], np.random.default_rng(3))
    front = made.sigma == 0
    assert front.mean() == pytest.approx(kendall_phase2.FOREGROUND, abs=0.01)
    low, high = kendall_phase2.SIGMAS
    (behind,) = np.unique(made.sigma[~front])
    assert low <= behind <= high
    deep = ndimage.distance_transform_edt(front), ndimage.distance_transform_edt(~front)
    np.testing.assert_allclose(made.blur[deep[0] > 6], made.sharp[deep[0] > 6], atol=0.002)
    evenly = gaussian_blur(made.sharp, float(behind))
    np.testing.assert_allclose(made.blur[deep[1] > 6], evenly[deep[1] > 6], atol=0.003)


def test_kendalls_second_tables_on_scenes_and_on_pairs(tmp_path, capsys):
    images(tmp_path / "in", count=2, height=96, width=120)
    run = says(tmp_path / "runs" / kendall_phase2.ESTIMATOR, 2.0)
    make(
        "images", "--src", tmp_path / "in", "--sigma", 2, 2, "--out", tmp_path / "set", "--splits", "train=1", "test=1"
    )
    rows = {}
    for name, folder in {"kendall_defocus": tmp_path / "in", "kendall_phase2": tmp_path / "set"}.items():
        table = ("table", name, "--data-dir", folder, "--runs", run.parent, "--out", tmp_path / "out")
        code, err = command(capsys, report.main, *table)
        assert code == 0, err
        content = json.loads((tmp_path / "out" / f"{name}.json").read_text())
        rows[name] = {row["method"]: row for row in content}
    scenes, pairs = rows.values()
    stitched = [
        f"{source} + {name} + stitching" for source in ("reblurring", "CNN") for name in kendall_phase2.STITCHED
    ]
    assert list(pairs) == ["blurred", "CNN + RL, one sigma", *stitched]
    assert pairs["CNN + RL + stitching"]["psnr"] > pairs["blurred"]["psnr"] + 1  # blurred as it says
    best = "true map + hyper-Laplacian + stitching"
    assert scenes[best]["map_error"] == 0 and scenes[best]["psnr"] > scenes["blurred"]["psnr"]
    assert scenes["CNN + RL + stitching"]["map_error"] > 0.5


def test_a_map_to_deblur_by_says_less_the_less_is_known():
    sigma = np.float32([2, 2, 2, 0.3, -0.1, 2])
    deviation = np.float32([0, 0.4, 1.9, 0.8, 0.2, np.inf])
    np.testing.assert_allclose(cautious(sigma, deviation), [2, 1.8, 1.05, 0, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(trusted(sigma, deviation), [2, 2, 2, 0.3, 0, 0], rtol=1e-6)
