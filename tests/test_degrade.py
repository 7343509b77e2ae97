"""The blurs of made records and what a camera adds: records hold what was done, and nothing else is changed."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage, stats

from tests import picture_folders
from tests.making import make, pixels, read
from tfdeblur.config import Experiment, load, save
from tfdeblur.data import pipeline, records
from tfdeblur.data.degrade import BANK, degrading
from tfdeblur.physics import degradation
from tfdeblur.physics.blur import convolve, gaussian_blur
from tfdeblur.physics.draws import DRAWS, half_normal, kernel_bank, read_kernels
from tfdeblur.physics.noise import jpeg
from tfdeblur.physics.sigma_maps import SMOOTH_MAPS
from tools.degrade import BLURS

ALL = ("--splits", "train=1")
BY_KERNEL = [kind for kind in DRAWS if kind != "gaussian5x5"]


@pytest.fixture(scope="module")
def kernel_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("kernels") / "kernels.npz"
    off_centre = np.zeros((9, 9))
    off_centre[0, :3], off_centre[1, 1] = 1, 5
    np.savez(path, wide=np.ones((1, 5)), off_centre=off_centre)
    return path


def made(tmp_path, kind, *more, count=3):
    src = picture_folders.images(tmp_path / "src", count)
    make("images", "--src", src, "--out", tmp_path / "set", "--blur", kind, *more, *ALL)
    return read(tmp_path / "set")["train"]


def test_every_kind_is_listed_alike():
    assert tuple(BLURS) == degradation.BLURS
    assert set(DRAWS) | set(SMOOTH_MAPS) | {"gaussian", "none"} == set(BLURS)


@pytest.mark.parametrize("kind", BY_KERNEL)
def test_the_recorded_kernel_is_the_blur(tmp_path, kernel_file, kind):
    more = {"disk": ("--radius", 1, 3), "measured": ("--kernels", kernel_file)}.get(kind, ("--length", 4, 14))
    found = made(tmp_path, kind, *more, "--draws", 2)
    assert len(found) == 6 and len({record.kernel.tobytes() for record in found}) >= (2 if kind == "measured" else 6)
    for record in found:
        assert np.isnan(record.sigma) and record.kernel.sum() == pytest.approx(1, abs=1e-6)
        sharp = np.float64(pixels(record.sharp))
        expected = ndimage.convolve(sharp, np.float64(record.kernel)[..., None], mode="mirror")
        assert np.abs(pixels(record.blur) - expected).max() <= 0.5 + 1e-2


@pytest.mark.parametrize("kind", SMOOTH_MAPS)
def test_space_variant_blur_has_every_sigma_of_its_range(tmp_path, kind):
    for record in made(tmp_path, kind, "--sigma", 1, 2):
        sharp, blur = (np.float64(pixels(side)) for side in (record.sharp, record.blur))
        errors = [np.square(ndimage.gaussian_filter(sharp, (s, s, 0), mode="mirror") - blur) for s in (0, 1, 1.5, 2)]
        assert errors[2].mean() < errors[0].mean() and np.minimum(*errors[1::2]).mean() < errors[1].mean()
        assert np.isnan(record.sigma) and record.kernel is None


def test_gain_cuts_off_both_pictures_at_white(tmp_path):
    found = made(tmp_path, "none", "--gain", 2, 2)
    for record in found:
        original = np.float64(picture_folders.photograph(int(record.name)))
        np.testing.assert_allclose(pixels(record.sharp), np.minimum(2 * original, 255), atol=0.51)
        np.testing.assert_array_equal(pixels(record.blur), pixels(record.sharp))
    (record, *_) = made(tmp_path / "blurred", "gaussian", "--gain", 3, 3, "--sigma", 2, 2)
    light = ndimage.gaussian_filter(3.0 * picture_folders.photograph(int(record.name)), (2, 2, 0), mode="mirror")
    assert np.abs(pixels(record.blur) - np.clip(light, 0, 255)).max() <= 0.51, "light above white spreads first"


@pytest.mark.parametrize(
    ("option", "variance"),
    [(("--noise", 0.05, 0.05), lambda value: 0.05**2), (("--photons", 300, 300), lambda value: value / 300)],
)
def test_noise_has_its_variance(tmp_path, option, variance):
    for record in made(tmp_path, "none", *option):
        sharp, noisy = (np.float64(pixels(side)) / 255 for side in (record.sharp, record.blur))
        inside = (sharp > 0.3) & (sharp < 0.7)  # where nothing is cut off
        relative = (noisy - sharp)[inside] ** 2 / (variance(sharp[inside]) + (1 / 255) ** 2 / 12)
        assert relative.mean() == pytest.approx(1, rel=0.15)


def test_jpeg_comes_last(tmp_path):
    for record in made(tmp_path, "none", "--jpeg", 30, 30):
        sharp = np.float32(pixels(record.sharp)) / 255
        np.testing.assert_array_equal(pixels(record.blur), np.rint(jpeg(sharp, 30) * 255))


def test_manifest_says_what_was_drawn_from(tmp_path, kernel_file):
    made(tmp_path, "measured", "--kernels", kernel_file, "--jpeg", 20, 50, "--noise", 0, 0.1)
    said = records.load_manifest(str(tmp_path / "set"))["blur"]
    assert (said["kind"], said["kernels"], said["jpeg"]) == ("measured", str(kernel_file), [20, 50])
    assert said["noise"] == [0, 0.1] and not said.keys() & {"sigma", "radius", "length", "gain", "photons"}


def test_seed_and_workers_decide_as_ever(tmp_path):
    digests = []
    for number, more in enumerate([("--workers", 1), ("--workers", 2), ("--seed", 1)]):
        found = made(tmp_path / str(number), "shake", "--photons", 100, 1000, "--jpeg", 20, 90, *more)
        digests.append({hashlib.sha256(record.blur).hexdigest() for record in found})
    assert digests[0] == digests[1] and not digests[0] & digests[2]


def test_a_file_of_kernels_is_centred_and_a_bank_framed(kernel_file):
    names = read_kernels(str(kernel_file))
    assert [kernel.shape for kernel in names] == [(1, 5), (3, 3)]
    bank = kernel_bank(
        "measured", degradation.Degradation("measured", kernels=str(kernel_file)), 20, np.random.default_rng(0)
    )
    assert bank.shape == (20, 3, 5)
    np.testing.assert_allclose(bank.sum((1, 2)), 1, rtol=1e-6)
    framed = [np.pad(names[0], ((1, 1), (0, 0))), np.pad(names[1], ((0, 0), (1, 1)))]
    chosen = [next(i for i, kernel in enumerate(framed) if np.array_equal(kernel, each)) for each in bank]
    assert set(chosen) == {0, 1}


def test_missing_kernels_are_found_out_before_any_work(tmp_path):
    with pytest.raises(FileNotFoundError, match="no kernel file .*nowhere.npz"):
        made(tmp_path, "measured", "--kernels", tmp_path / "nowhere.npz")
    assert not (tmp_path / "set").exists()


def test_a_kernel_that_does_not_fit_is_explained_with_the_picture(tmp_path):
    with pytest.raises(ValueError, match="00.png cannot be blurred: the kernel is .* larger than the picture of 48x64"):
        made(tmp_path, "disk", "--radius", 40, 40, count=1)


SHARP = picture_folders.photograph(4, height=24, width=32)


def trained_on(described, count=6, blur=SHARP, dtype=np.uint8, sharp=SHARP):
    """Return the pairs that samples of one pair of pictures become within a pipeline."""
    pair = tuple(tf.constant(p) for p in (blur.astype(dtype), sharp))
    change = degrading(described, 3)
    pairs = tf.data.Dataset.range(count).map(lambda index: change(*pair, tf.stack([tf.constant(3, tf.int64), index])))
    return [tuple(p.numpy() for p in changed) for changed in pairs]


def photographed(sharp, described, drawn, kernel):
    """Return what a camera makes of a picture, by the equations: values to light and back, all in float64."""
    gamma = float(described.response.removeprefix("gamma:"))
    light = (sharp / 255) ** gamma
    light *= 1 + (drawn["highlights"] - 1) * np.maximum(light - 0.8, 0) ** 2 / 0.2**2
    light = ndimage.convolve(light, np.float64(kernel)[..., None], mode="mirror") * drawn["gain"]
    return np.clip(light, 0, 1) ** (1 / gamma)


def test_highlights_are_blurred_in_light_and_cut_off_then(tmp_path):
    more = ("--radius", 3, 6, "--response", "gamma:2.2", "--highlights", 2, 8, "--gain", 0.5, 1.5, "--draws", 2)
    described = degradation.Degradation("disk", radius=(3, 6), response="gamma:2.2")
    for record in made(tmp_path, "disk", *more):
        original = np.float64(picture_folders.photograph(int(record.name[:2])))
        drawn = {"highlights": record.highlights, "gain": record.gain}
        assert 2 <= record.highlights <= 8 and 0.5 <= record.gain <= 1.5 and np.isnan(record.noise)
        expected = photographed(original, described, drawn, record.kernel)
        assert np.abs(pixels(record.blur) - 255 * expected).max() <= 0.5 + 2e-2
        light = np.clip((original / 255) ** 2.2 * record.gain, 0, 1)
        assert np.abs(pixels(record.sharp) - 255 * light ** (1 / 2.2)).max() <= 0.5 + 1e-2


def test_records_say_what_the_camera_did(tmp_path):
    for record in made(tmp_path, "none", "--photons", 100, 200, "--noise", 0.01, 0.02, "--jpeg", 40, 50):
        assert 100 <= record.photons <= 200 and 0.01 <= record.noise <= 0.02 and record.jpeg in range(40, 51)
        assert np.isnan(record.gain) and np.isnan(record.highlights)


@pytest.mark.parametrize("name", degradation.PRESETS)
def test_presets_are_the_same_offline_and_while_training(tmp_path, name):
    """Means over pictures of what is drawn independently agree, with the sharp one and with its blur."""
    src = tmp_path / "src"
    for index in range(16):
        picture_folders.save(src / f"{index}.png", picture_folders.photograph(4, height=96, width=96))
    make("images", "--src", src, "--out", tmp_path / "set", "--degrade", name, "--draws", 4, *ALL)
    found = read(tmp_path / "set")["train"]
    said = records.load_manifest(str(tmp_path / "set"))["blur"]
    assert said["kind"] == degradation.PRESETS[name].blur
    offline = np.float64([pixels(record.blur) for record in found])
    experiment = Experiment("a", "b", degrade=name)
    described = degradation.degradation_of(experiment)
    assert described == degradation.PRESETS[name]
    picture = pixels(found[0].sharp)
    online = np.float64([blur for blur, _ in trained_on(described, 64, picture, sharp=picture)])
    spread = (offline.std(0).mean() + online.std(0).mean()) / 2
    assert np.abs(offline.mean(0) - online.mean(0)).mean() < 0.3 * spread + 1
    assert offline.std((1, 2)).mean() == pytest.approx(online.std((1, 2)).mean(), rel=0.1)


def test_options_take_the_place_of_a_presets():
    experiment = Experiment("a", "b", degrade="phone-photo", jpeg=(30, 40))
    described = degradation.degradation_of(experiment)
    assert described == replace(degradation.PRESETS["phone-photo"], jpeg=(30, 40))
    other = degradation.degradation_of(Experiment("a", "b", degrade="phone-photo", blur="disk"))
    assert other.blur == "disk" and other.length == degradation.Degradation.length and other.jpeg == (70, 95)


def test_half_normal_sigmas_are_kendalls():
    draw = np.random.default_rng(0)
    sigmas = np.array([half_normal(draw.random(), 0.0, 15.0, 5.0) for _ in range(4000)])
    assert stats.kstest(sigmas, stats.truncnorm(0, 3, scale=5.0).cdf).pvalue > 0.01
    uniform = np.linspace(0, 1, 101, dtype=np.float32)
    expected = [half_normal(float(u), 0.5, 6.0, 5.0) for u in uniform]
    np.testing.assert_allclose(half_normal(tf.constant(uniform), 0.5, 6.0, 5.0), expected, atol=1e-4)


@pytest.mark.parametrize("kind", DRAWS)
def test_a_sample_is_blurred_with_a_kernel_of_the_bank(kind, kernel_file):
    strengths = {"kernels": str(kernel_file), "length": (4, 9), "radius": (1, 3)}
    described = degradation.Degradation(kind, **{name: strengths[name] for name in degradation.USED.get(kind, ())})
    bank = kernel_bank(kind, described, BANK, np.random.default_rng([3, BANK]))
    border = "zero" if kind == "gaussian5x5" else "reflect"
    pictures = np.repeat(np.float32(SHARP)[None] / 255, BANK, 0)
    possible = np.rint(255 * np.clip(convolve(pictures, bank, border), 0, 1))
    chosen = set()
    for blur, sharp in trained_on(described):
        np.testing.assert_array_equal(sharp, SHARP)
        differences = np.abs(possible - blur).max((1, 2, 3))
        assert blur.dtype == np.uint8 and differences.min() <= 1
        chosen.add(bank[differences.argmin()].tobytes())
    assert len(chosen) == {"gaussian5x5": 1, "measured": 2}.get(kind, 6)


def test_a_sample_is_blurred_with_a_gaussian_of_the_range():
    strengths = np.linspace(1, 2, 101)
    possible = np.stack([gaussian_blur(np.float32(SHARP), sigma) for sigma in strengths])
    found = []
    for blur, _ in trained_on(degradation.Degradation("gaussian", sigma=(1, 2)), 24):
        errors = np.square(possible - blur).mean((1, 2, 3))
        assert errors.min() < 0.15  # rounding alone makes 1 / 12
        found.append(strengths[errors.argmin()])
    assert min(found) < 1.3 and max(found) > 1.7 and len(set(found)) > 15
    weaker, stronger = (gaussian_blur(np.float32(SHARP), sigma) for sigma in (0.9, 2.1))
    for kind in SMOOTH_MAPS:
        for blur, _ in trained_on(degradation.Degradation(kind, sigma=(1, 2))):
            roughness = [np.square(np.diff(np.float64(p), axis=0)).mean() for p in (weaker, blur, stronger)]
            assert roughness[0] > roughness[1] > roughness[2]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_camera_alone_changes_the_recorded_blur(dtype):
    blurred = np.full_like(SHARP, 102)
    blurred = blurred if dtype == np.uint8 else blurred / np.float32(255)
    described = degradation.Degradation("recorded", noise=(0.1, 0.1), photons=(100, 100))
    for noisy, sharp in trained_on(described, 2, blurred, dtype):
        noisy = np.float64(noisy) / (255 if dtype == np.uint8 else 1)
        assert noisy.mean() == pytest.approx(0.4, abs=0.01)
        assert noisy.var() == pytest.approx(0.1**2 + 0.4 / 100, rel=0.1)
        np.testing.assert_array_equal(sharp, SHARP)
    bright, sharp = trained_on(degradation.Degradation("none", gain=(2, 2), jpeg=(90, 90)), 1)[0]
    np.testing.assert_array_equal(sharp, np.minimum(2 * np.int32(SHARP), 255))
    np.testing.assert_array_equal(bright, np.rint(255 * jpeg(np.float32(sharp) / 255, 90)))


def test_every_epoch_has_another_blur(tmp_path):
    made(tmp_path, "none", count=1)
    options = {"batch": 1, "augment": False, "degradation": degradation.Degradation("motion", length=(5, 9))}
    pairs = [[p.numpy() for p in pair] for pair in pipeline.training_batches(str(tmp_path / "set"), **options).take(4)]
    assert len({blur.tobytes() for blur, _ in pairs}) == 4 and len({sharp.tobytes() for _, sharp in pairs}) == 1
    assert degrading(degradation.Degradation("recorded"), 0) is None
    del options["augment"]
    passes = [
        [
            blur.numpy()
            for blur, _ in pipeline.validation_batches(str(tmp_path / "set"), "train", patch=(24, 32), **options)
        ]
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*passes)
    assert len({blur.tobytes() for blur in passes[0]}) == 4
    options["degradation"] = degradation.Degradation("disk", radius=(20, 20))
    for batches in (pipeline.training_batches, pipeline.validation_batches):
        with pytest.raises(ValueError, match="^the kernel is 41x41 .*larger than the picture of 16x16"):
            batches(str(tmp_path / "set"), "train", patch=(16, 16), **options)


def test_experiments_keep_and_check_their_degradation(tmp_path):
    experiment = Experiment("a", "b", blur="disk", radius=(1, 2), jpeg=(20, 60))
    save(str(tmp_path / "config.json"), experiment)
    assert load(str(tmp_path / "config.json")) == experiment
    with pytest.raises(ValueError, match="--radius has no part in --blur recorded; leave it out"):
        Experiment("a", "b", radius=(1, 2))
    with pytest.raises(ValueError, match="--noise is 0.2 0.1"):
        Experiment("a", "b", noise=(0.2, 0.1))
