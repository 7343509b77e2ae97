"""Whatever lies under transparency, the visible result is the same, and better than the input up to its edge."""

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy import ndimage

import tfdeblur
from tests.making import make, read
from tests.making import pixels as decoded
from tests.networks import says, strided
from tests.picture_folders import save
from tfdeblur.classical.noise_level import noise_of_parts
from tfdeblur.classical.photographs import deblurrer, middle, parts
from tfdeblur.deblur import main
from tfdeblur.estimation.estimators import load_estimator
from tfdeblur.estimation.kernels import kernel_estimator
from tfdeblur.estimation.sigma_map import known, read_map, sigma_map
from tfdeblur.physics.psfs import parse_psf
from tfdeblur.physics.transparency import filled, visibility, without_hidden_colours
from tfdeblur.tiling import deblur_picture

SHARP = skimage.data.astronaut()[150:390, 80:400]
ROWS, COLUMNS = np.indices(SHARP.shape[:2])
ALPHA = np.uint8(255 * np.clip(90.5 - np.hypot(ROWS - 120, COLUMNS - 150), 0, 1))
VISIBLE, HIDDEN = ALPHA == 255, ALPHA == 0
EDGE = VISIBLE & (ndimage.distance_transform_edt(VISIBLE) < 8)
BLURRED = np.rint(ndimage.gaussian_filter(np.float64(SHARP), (2, 2, 0), mode="mirror")).astype(np.uint8)


def cutout(hidden, colours=BLURRED, alpha=ALPHA) -> np.ndarray:
    """Return the circle of an image with `hidden` under the transparency around it."""
    return np.dstack([np.where((alpha == 0)[..., None], hidden, colours).astype(colours.dtype), alpha])


NOISE = np.random.default_rng(0).integers(0, 256, SHARP.shape)
CUTOUTS = {"black": cutout(0), "white": cutout(255), "kept": cutout(BLURRED), "noise": cutout(NOISE)}


def error(image: np.ndarray, where: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.float64(image[..., :3]) - SHARP)[where] ** 2)))


def check_same(results: dict[str, np.ndarray], inputs: dict[str, np.ndarray]) -> None:
    shown = next(iter(inputs.values()))[..., -1] > 0
    first = next(iter(results.values()))
    for name, result in results.items():
        np.testing.assert_array_equal(result[shown], first[shown])
        np.testing.assert_array_equal(result[..., -1], inputs[name][..., -1])
        np.testing.assert_array_equal(result[~shown], inputs[name][~shown])


@pytest.mark.parametrize("method", ["rl", "wiener", "tikhonov", "tv", "hyper-laplacian"])
def test_hidden_colours_reach_no_visible_pixel(method, tmp_path):
    for name, pixels in CUTOUTS.items():
        save(tmp_path / "in" / f"{name}.png", pixels)
    assert main([str(tmp_path / "in"), "--method", method, "--psf", "gaussian:2", "--out", str(tmp_path / "out")]) == 0
    results = {name: np.asarray(Image.open(tmp_path / "out" / f"{name}.png")) for name in CUTOUTS}
    check_same(results, CUTOUTS)
    assert error(results["black"], VISIBLE) < 0.75 * error(BLURRED, VISIBLE)
    assert error(results["black"], EDGE) < error(BLURRED, EDGE)


@pytest.mark.parametrize("psf", ["disk:6", "motion:20,30"])
def test_large_kernels_do_not_ring_at_the_visible_edge(psf):
    """What the fill lacks of the blur rings most where nothing is noisy."""
    whole = np.float64(skimage.data.astronaut()[130:410, 60:420])
    blurred = np.dstack([ndimage.convolve(whole[..., c], np.float64(parse_psf(psf)), mode="mirror") for c in range(3)])
    blurred = np.uint8(np.rint(np.clip(blurred[20:-20, 20:-20], 0, 255)))
    pixels = cutout(0, blurred)
    for method in ("wiener", "hyper-laplacian"):
        deblur = deblurrer(method, psf)(pixels)
        result = deblur_picture(deblur, pixels)
        plain = deblur_picture(deblur.__call__, pixels)  # which does not know the kernel
        assert error(result, EDGE) < 0.95 * error(plain, EDGE)
        assert error(result, EDGE) < 0.9 * error(blurred, EDGE)
        assert error(result, VISIBLE) < 0.75 * error(blurred, VISIBLE)


def test_tiles_cut_through_transparency():
    deblur = deblurrer("rl", "gaussian:2")
    results = {name: deblur_picture(deblur(pixels), pixels, tile=96) for name, pixels in CUTOUTS.items()}
    check_same(results, CUTOUTS)
    assert error(results["white"], EDGE) < error(BLURRED, EDGE)
    whole = deblur_picture(deblur(CUTOUTS["white"]), CUTOUTS["white"])
    assert error(results["white"], EDGE) < error(whole, EDGE) + 0.2


def test_a_network_sees_no_hidden_colours(tmp_path):
    strided().save(tmp_path / "network.keras")
    sharpen = tfdeblur.load(str(tmp_path / "network.keras"), tile=128)
    check_same({name: sharpen(pixels) for name, pixels in CUTOUTS.items()}, CUTOUTS)
    images = {name: np.asarray(sharpen(Image.fromarray(pixels))) for name, pixels in CUTOUTS.items()}
    check_same(images, CUTOUTS)
    deep = {name: np.uint16(pixels) * np.uint16(257) for name, pixels in CUTOUTS.items()}
    check_same({name: sharpen(pixels) for name, pixels in deep.items()}, deep)
    grey = {name: pixels[..., 2:] for name, pixels in CUTOUTS.items()}
    check_same({name: sharpen(pixels) for name, pixels in grey.items()}, grey)


def test_equal_transparency_everywhere_changes_nothing():
    deblur = deblurrer("hyper-laplacian", "gaussian:2")
    opaque = deblur_picture(deblur(BLURRED), BLURRED)
    for alpha in (1, 100, 255):
        pixels = np.dstack([BLURRED, np.full(BLURRED.shape[:2], alpha, np.uint8)])
        np.testing.assert_array_equal(deblur_picture(deblur(pixels), pixels)[..., :3], opaque)


def test_colours_count_by_their_alpha():
    """At the edge of a cutout those of alpha 1/255 hardly reach the visible pixels, whatever they are."""
    faint = np.where(HIDDEN & (np.hypot(ROWS - 120, COLUMNS - 150) < 100), 1, ALPHA).astype(np.uint8)
    deblur = deblurrer("rl", "gaussian:2")
    results = []
    for colour in (0, 255):
        pixels = np.dstack([np.where((faint <= 1)[..., None], colour, BLURRED).astype(np.uint8), faint])
        results.append(np.int32(deblur_picture(deblur(pixels), pixels)[VISIBLE]))
    assert np.abs(results[0] - results[1]).max() <= 3


def test_an_image_without_a_visible_pixel_stays_as_it_is():
    pixels = np.dstack([BLURRED, np.zeros_like(ALPHA)])
    np.testing.assert_array_equal(deblur_picture(deblurrer("wiener", "gaussian:2")(pixels), pixels), pixels)


def test_the_fill_continues_what_is_visible():
    ramp = np.float32(np.dstack([COLUMNS, ROWS, COLUMNS + ROWS]) / 600)
    weight = np.float32(COLUMNS < 200)
    fill = filled(ramp, weight)
    np.testing.assert_array_equal(fill[:, :200], ramp[:, :200])
    assert np.abs(fill - ramp)[40:-40, 200].max() < 0.001  # of steps of 0.0017
    np.testing.assert_array_equal(filled(np.where(weight[..., None] > 0, ramp, 7), weight), fill)
    np.testing.assert_allclose(filled(np.full_like(ramp, 0.3), weight), 0.3, atol=1e-6)
    for shape in [(1, 1), (1, 40), (40, 1), (3, 5)]:
        weight = np.zeros(shape, np.float32)
        weight[0, 0] = 1
        np.testing.assert_allclose(filled(np.full((*shape, 1), 0.3, np.float32), weight), 0.3, atol=1e-6)


def test_large_images_are_filled_in_parts():
    tall = np.concatenate([cutout(NOISE)] * 5)
    parts, other = without_hidden_colours(tall), without_hidden_colours(np.concatenate([cutout(0)] * 5))
    np.testing.assert_array_equal(parts, other)
    np.testing.assert_array_equal(parts[tall[..., -1] == 255], tall[tall[..., -1] == 255][:, :3])
    weight = visibility(np.float32(tall[..., -1]) / 255)
    whole = 255 * filled(np.float32(tall[..., :3]) / 255, weight)
    near = ndimage.distance_transform_edt(tall[..., -1] == 0) < 12
    assert np.abs(whole - parts)[near].max() < 2


@pytest.mark.parametrize("hidden", [0, 255, 128])
def test_noise_is_estimated_of_visible_pixels(hidden):
    noisy = np.random.default_rng(1).normal(BLURRED, 0.02 * 255).clip(0, 255).round().astype(np.uint8)
    large = np.zeros((1200, 1900, 4), np.uint8)
    large[600:840, 1500:1820] = cutout(hidden, noisy)
    for pixels in (cutout(hidden, noisy), large, np.tile(cutout(hidden, noisy), (4, 4, 1))):
        some, visible = parts(pixels)
        np.testing.assert_allclose(noise_of_parts(some, visible=visible), 0.02, rtol=0.15)


def test_the_middle_is_that_of_what_is_visible():
    large = np.zeros((900, 2000, 4), np.uint8)
    large[600:840, 1500:1820] = CUTOUTS["black"]
    part = middle(large)
    assert part.shape == (1, 768, 768, 3)
    found = (part[0] * 255).round().astype(np.uint8).reshape(-1, 3)
    assert {tuple(colour) for colour in BLURRED[VISIBLE]} <= {tuple(colour) for colour in found}


def test_kernels_are_estimated_of_visible_pixels(tmp_path):
    run = str(says(tmp_path / "run", 1.0, brightness=2.0))
    of_kernel, kernels = kernel_estimator(run), {}
    for name, pixels in CUTOUTS.items():
        deblurred = deblur_picture(deblurrer("wiener", "blind:9")(pixels), pixels)
        part = middle(pixels)[0]
        kernels[name] = deblurred[VISIBLE], of_kernel(part), of_kernel(pixels)
    for name in CUTOUTS:
        for here, first in zip(kernels[name], kernels["black"], strict=True):
            np.testing.assert_array_equal(here, first)


def test_maps_are_those_of_visible_pixels(tmp_path):
    from tfdeblur.estimate import main as estimate

    estimator = load_estimator("reblurring")
    maps = {name: sigma_map(estimator, pixels) for name, pixels in CUTOUTS.items()}
    for sigma, deviation in maps.values():
        np.testing.assert_array_equal(sigma, maps["black"][0])
        assert not known(sigma, deviation)[HIDDEN].any() and known(sigma, deviation)[VISIBLE].mean() > 0.5
    save(tmp_path / "white.png", CUTOUTS["white"])
    assert estimate([str(tmp_path / "white.png"), "--out", str(tmp_path / "maps")]) == 0
    assert not read_map(str(tmp_path / "maps" / "white-sigma.png"))[HIDDEN].any()


def test_stitching_goes_up_to_the_visible_edge(tmp_path):
    """Maps are 0 below transparency, and continued from the visible part to deblur by them."""
    np.save(tmp_path / "map.npy", np.where(HIDDEN, 0, np.float32(2)).astype(np.float32))
    from tfdeblur.estimation.stitching import stitcher

    deblur = stitcher("wiener", str(tmp_path / "map.npy"))
    results = {name: deblur_picture(deblur(pixels), pixels) for name, pixels in CUTOUTS.items()}
    check_same(results, CUTOUTS)
    assert error(results["black"], EDGE) < error(BLURRED, EDGE)


def test_sheets_show_what_is_transparent_on_white():
    from tfdeblur.pictures.comparison import panels

    for size in (1, 4):
        large = {name: np.tile(pixels, (size, size, 1)) for name, pixels in CUTOUTS.items()}
        shown = {name: [np.asarray(image) for _, image in panels(pixels)] for name, pixels in large.items()}
        for name in CUTOUTS:
            for here, first in zip(shown[name], shown["black"], strict=True):
                np.testing.assert_array_equal(here, first)
        assert (shown["black"][0][0, 0] == 255).all()


def test_records_hold_no_hidden_colours(tmp_path):
    """Neither those made from one image nor those of pairs; what is visible is recorded as it is."""
    for name, pixels in CUTOUTS.items():
        save(tmp_path / name / "a.png", pixels)
        save(tmp_path / name / "blur" / "a.png", pixels)
        save(tmp_path / name / "sharp" / "a.png", cutout(NOISE if name == "noise" else 0, SHARP))
    for source, options in [("images", ["--blur", "gaussian", "--sigma", "1", "1"]), ("pairs", [])]:
        records = {}
        for name in CUTOUTS:
            out = tmp_path / f"{source}-{name}"
            make(source, "--src", tmp_path / name, "--out", out, "--splits", "test=1", *options)
            (record,) = [record for record in read(out)["test"] if "sharp/" not in record.name][:1]
            records[name] = (record.blur, record.sharp)
            sharp = SHARP if source == "pairs" else BLURRED
            np.testing.assert_array_equal(decoded(record.sharp)[VISIBLE], sharp[VISIBLE])
        assert len(set(records.values())) == 1


def test_a_wholly_transparent_image_makes_no_record(tmp_path):
    save(tmp_path / "src" / "clear.png", np.zeros((48, 64, 4), np.uint8))
    with pytest.raises(ValueError, match="clear.png .*transparent everywhere.*--on-error skip"):
        make("images", "--src", tmp_path / "src", "--out", tmp_path / "set")


def test_an_unspecified_channel_is_no_transparency(tmp_path):
    import tifffile

    options = {"photometric": "rgb", "extrasamples": ["unspecified"]}
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/other.tif", np.dstack([BLURRED, np.zeros_like(ALPHA)]), **options)
    save(tmp_path / "in" / "opaque.tif", BLURRED)
    arguments = ["--method", "rl", "--psf", "gaussian:2", "--out", str(tmp_path / "out")]
    assert main([str(tmp_path / "in"), *arguments]) == 0
    other, opaque = (tifffile.imread(tmp_path / "out" / name) for name in ("other.tif", "opaque.tif"))
    np.testing.assert_array_equal(other[..., :3], opaque)
    assert not other[..., 3].any()


def test_associated_alpha_is_divided_out_and_put_back(tmp_path):
    import tifffile

    results = {}
    (tmp_path / "in").mkdir()
    for bits, white in ((8, 255), (16, 65535)):
        pixels = np.float64(CUTOUTS["black"]) / 255
        multiplied = np.dstack([pixels[..., :3] * pixels[..., 3:], pixels[..., 3]])
        stored = np.rint(white * multiplied).astype(f"uint{bits}")
        tifffile.imwrite(tmp_path / f"in/{bits}.tif", stored, photometric="rgb", extrasamples=["assocalpha"])
    assert main([str(tmp_path / "in"), "--method", "rl", "--psf", "gaussian:2", "--out", str(tmp_path / "out")]) == 0
    for bits, white in ((8, 255), (16, 65535)):
        with tifffile.TiffFile(tmp_path / f"out/{bits}.tif") as file:
            assert file.pages[0].extrasamples == (1,)
            results[bits] = file.asarray() / white * 255
        assert error(results[bits], EDGE) < error(BLURRED, EDGE)
        assert not results[bits][HIDDEN].any()
    np.testing.assert_allclose(results[8][VISIBLE], results[16][VISIBLE], atol=1.5)
