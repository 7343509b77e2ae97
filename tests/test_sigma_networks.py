"""Networks that estimate sigma: what their outputs mean, what they are fed with, maps of any size, and the command."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy import stats

from tests.making import make
from tests.picture_folders import images, photograph, save
from tests.test_comparisons import command
from tfdeblur import estimate, train
from tfdeblur.data import pipeline
from tfdeblur.estimation import estimators, outputs
from tfdeblur.estimation.estimators import by_patches, load_estimator
from tfdeblur.estimation.kernels import kernel_estimator
from tfdeblur.estimation.sigma_map import UNITS, sigma_map, smoothed
from tfdeblur.models import ESTIMATORS, build_estimator
from tfdeblur.physics.blur import gaussian_blur
from tfdeblur.physics.degradation import Degradation
from tfdeblur.physics.trajectories import linear_motion, motion_of, streak

SMALL = {
    "patro": {"features": 4, "classes": 10},
    "kendall_sigma": {"features": 4},
    "sigma_dense": {"features": 8},
    "motion": {"features": 4},
}
SIZES = {"patro": (32, 32), "kendall_sigma": (64, 72), "sigma_dense": (32, 40), "motion": (64, 64)}


@pytest.fixture(scope="module")
def sharp_set(tmp_path_factory):
    """A data set of sharp grey pictures of 64x64."""
    folder = tmp_path_factory.mktemp("sharp")
    images(folder / "src", 5, height=64, width=64)
    make("images", "--src", folder / "src", "--blur", "none", "--channels", 1, "--out", folder / "set",
         "--splits", "train=3", "val=1", "test=1")  # fmt: skip
    return str(folder / "set")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_outputs_are_float32_and_gradients_reach_every_weight(name, precision):
    keras.config.set_dtype_policy(precision)
    try:
        network = build_estimator(name, **SMALL[name])
    finally:
        keras.config.set_dtype_policy("float32")
    x = np.random.default_rng(0).random((4, *SIZES[name], 1), np.float32)
    with tf.GradientTape() as tape:
        output = network(x, training=True)
        truth = tf.fill((4, 2) if name == "motion" else (4, *SIZES[name], 1), 1.2)
        loss = tf.reduce_mean(outputs.loss(truth, output))
    assert output.dtype == tf.float32 and outputs.loss(truth, output).shape == (4,)
    gradients = tape.gradient(loss, network.trainable_variables)
    assert all(g is not None and np.isfinite(g).all() for g in gradients) and any(np.any(g) for g in gradients)
    if name != "motion":
        sigma, deviation = outputs.estimate_of(output)
        assert sigma.shape == deviation.shape == (*output.shape[:-1], 1) and np.all(deviation >= 0)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_parameters_are_those_of_the_docstring(name):
    network = build_estimator(name)
    assert f"{network.count_params():,} parameters" in ESTIMATORS[name].__doc__


@pytest.mark.parametrize("name", ESTIMATORS)
def test_saved_and_loaded_is_the_same(name, tmp_path):
    network, x = build_estimator(name, **SMALL[name]), np.random.default_rng(0).random((2, *SIZES[name], 1), np.float32)
    network.save(tmp_path / "network.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "network.keras")(x), network(x))


def test_what_classes_say():
    logits = np.full((2, 10), -20, np.float32)
    logits[0, 3] = 20
    logits[1, [4, 6]] = 20
    sigma, deviation = (np.asarray(each)[:, 0] for each in outputs.estimate_of(logits))
    np.testing.assert_allclose(sigma, [1.2, 1.8], rtol=1e-6)
    np.testing.assert_allclose(deviation, [0, 0.3], atol=1e-5)
    maps = np.full((2, 8, 8, 1), 1.25, np.float32)  # nearest to 1.2, the fourth
    np.testing.assert_allclose(outputs.loss(maps, logits)[0], 0, atol=1e-5)
    assert outputs.loss(maps, logits)[1] > 30
    assert np.all(outputs.target_of(maps + 5, logits) == 3.0)  # the last class is all that is more blurred
    assert np.all(outputs.target_of(maps + 5, logits[:, :2]) == 6.25)


def test_the_cost_is_least_where_the_gaussian_is_that_of_the_errors():
    """Its weight stands still for the gradient, so that the minimum is that of the likelihood: the errors' variance."""
    errors = stats.norm.ppf((np.arange(400) + 0.5) / 400) * 0.3
    maps = tf.constant(1.5 + errors[:, None, None, None], tf.float32)
    logarithm = tf.Variable(np.log(0.3**2) + 0.7, dtype=tf.float32)

    def slope(value):
        logarithm.assign(value)
        with tf.GradientTape() as tape:
            output = tf.stack([tf.fill((400,), 1.5), tf.fill((400,), logarithm)], -1)
            cost = tf.reduce_mean(outputs.loss(maps, output))
        return float(tape.gradient(cost, logarithm))

    at = np.log(np.var(errors))
    assert slope(at - 0.2) < 0 < slope(at + 0.2) and abs(slope(at)) < 1e-3


@pytest.mark.parametrize("blur", ["gaussian", "space_variant"])
def test_maps_of_blur_made_while_training_are_those_of_the_blur(blur, sharp_set):
    made = {"batch": 3, "degradation": Degradation(blur=blur, sigma=(0.5, 2.0)), "augment": False, "shuffle": 0}
    ((_, sharp),) = pipeline.training_batches(sharp_set, **made | {"degradation": None}).take(1)
    ((first, maps),) = pipeline.training_batches(sharp_set, target="sigma", **made).take(1)
    ((second, same),) = pipeline.training_batches(sharp_set, **made).take(1)
    np.testing.assert_array_equal(first, second)  # what is learned changes nothing of what is given
    np.testing.assert_array_equal(same, sharp)
    assert maps.shape == (3, 64, 64, 1) and maps.dtype == tf.float32
    assert 0.5 <= np.min(maps) and np.max(maps) <= 2.0 and len(np.unique(np.max(maps, (1, 2)))) == 3
    if blur == "gaussian":
        for picture, given, sigma in zip(sharp.numpy(), first.numpy(), maps.numpy()[:, 0, 0, 0], strict=True):
            expected = gaussian_blur(np.float32(picture) / 255, float(sigma)) * 255
            assert np.abs(expected - given).max() <= 1


def test_recorded_sigmas_become_maps_that_turn_with_their_pictures(tmp_path):
    images(tmp_path / "src", 4, height=64, width=64)
    make("textures", "--src", tmp_path / "src", "--out", tmp_path / "set", "--sigma", 0.5, 2, "--levels", 4,
         "--splits", "train=3", "val=1")  # fmt: skip
    ((blur, maps),) = pipeline.training_batches(str(tmp_path / "set"), batch=32, target="sigma", cache="none").take(1)
    assert blur.shape == maps.shape == (32, 32, 32, 1) and blur.dtype == tf.uint8
    assert set(np.unique(maps)) == {0.5, 1.0, 1.5, 2.0} and np.ptp(maps, (1, 2)).max() == 0
    ((_, maps),) = pipeline.validation_batches(str(tmp_path / "set"), batch=4, target="sigma").take(1)
    assert maps.shape == (4, 32, 32, 1)


def test_sigma_that_nobody_knows_is_refused(sharp_set, tmp_path):
    with pytest.raises(ValueError, match="--blur disk has no sigma to be estimated"):
        pipeline.training_batches(sharp_set, batch=1, target="sigma", degradation=Degradation(blur="disk"))
    images(tmp_path / "src", 2, height=64, width=64)
    make("images", "--src", tmp_path / "src", "--blur", "disk", "--channels", 1, "--out", tmp_path / "set",
         "--splits", "train=1")  # fmt: skip
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not say the sigma of its blur"):
        next(iter(pipeline.training_batches(str(tmp_path / "set"), batch=1, target="sigma", cache="none")))


def test_patches_are_put_together_at_their_centres():
    ramp = np.tile(np.arange(70, dtype=np.float32), (50, 1))[..., None]

    def mean(patches):
        return np.stack([patches.mean((1, 2, 3)), patches.std((1, 2, 3))], -1)

    found = by_patches(mean, ramp, 32, stride=8)
    assert found.shape == (50, 70, 2)
    np.testing.assert_allclose(found[:, 16:48, 0], ramp[:, 16:48, 0], atol=1e-4)  # a ramp's mean is its value
    assert found[:, 0, 0] == pytest.approx(8, abs=0.6)  # of a patch half of which is mirrored
    assert by_patches(mean, ramp[:7, :9], 32).shape == (7, 9, 2)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "motion"])
def test_maps_of_pictures_of_any_kind_and_size(name, tmp_path):
    network = build_estimator(name, **SMALL[name])
    network.save(tmp_path / "network.keras")
    keras.utils.clear_session()  # names of layers begin anew, as in another process
    estimator = load_estimator(str(tmp_path / "network.keras"))
    colour = photograph(1, height=45, width=70)
    deep, with_alpha = np.uint16(colour) * 257, np.dstack([colour, np.full_like(colour[..., :1], 128)])
    for pixels in (colour, colour[..., 0], deep, colour[:1, :1], with_alpha):
        sigma, deviation = sigma_map(estimator, pixels)
        assert sigma.shape == deviation.shape == pixels.shape[:2] and np.isfinite(sigma).all()
        assert np.all(np.isfinite(deviation) if pixels.size > 3 else np.isposinf(deviation))
    for other in (deep, with_alpha):
        np.testing.assert_allclose(sigma_map(estimator, colour)[0], sigma_map(estimator, other)[0], rtol=1e-5)
    with pytest.raises(ValueError, match="not finite"):
        sigma_map(estimator, np.full((8, 8), np.nan, np.float32))


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "patro"])
def test_tiles_give_what_the_whole_gives(name, monkeypatch):
    monkeypatch.setattr(estimators, "TILE", 16)
    network = build_estimator(name, **SMALL[name])
    grey = np.float32(photograph(3, height=320, width=400)[..., :1]) / 255
    whole = network(grey[None])[0]
    np.testing.assert_allclose(estimators.through_spectra(network)(grey), whole, atol=1e-4)


@pytest.mark.parametrize("edges", [False, True])
def test_smoothing_takes_out_noise_and_can_leave_edges(edges):
    step = np.where(np.arange(90) < 45, 0.5, 3).astype(np.float32) * np.ones((60, 1), np.float32)
    noisy = step + np.random.default_rng(0).normal(0, 0.2, step.shape).astype(np.float32)
    found = smoothed(noisy, 11, edges)
    assert found.shape == step.shape and found.dtype == np.float32
    assert np.abs(found - step)[:, 10:35].std() < 0.06
    near = np.abs(found - step)[:, 42:48].mean()
    assert near < 0.15 if edges else near > 0.3
    np.testing.assert_array_equal(smoothed(noisy, 1, edges), noisy)


def test_training_estimates_and_the_command_writes_maps(sharp_set, tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "maps"
    small = "--patch 32x32 --features 8 --batch 4 --steps 6 --validate-every 3 --warmup-steps 0".split()
    train.main(["sigma_dense", "--data", sharp_set, *small, "--workdir", str(run)])
    best = json.loads((run / "run.json").read_text())["best"]
    assert best["sigma_rmse"] > 0 and "sigma rmse" in capsys.readouterr().out
    save(tmp_path / "one.png", photograph(3, height=60, width=90))
    (tmp_path / "two.png").write_bytes(b"no picture")
    code, err = command(capsys, estimate.main, tmp_path / "*.png", "--model", run, "--out", out, "--smooth", 5)
    assert code == 1 and "two.png" in err
    with Image.open(out / "one-sigma.png") as image:
        assert image.size == (90, 60) and image.mode.startswith("I;16")
        written = np.asarray(image) / UNITS
    with Image.open(out / "one-sigma-overlay.png") as image:
        assert image.size > (90, 60)
    assert "exists (use --overwrite" in command(capsys, estimate.main, tmp_path / "one.png", "--out", out)[1]
    options = ("--model", run, "--smooth", 5, "--format", "npy")
    assert command(capsys, estimate.main, tmp_path / "one.png", "--out", tmp_path / "b", *options)[0] == 0
    np.testing.assert_allclose(np.load(tmp_path / "b" / "one-sigma.npy").clip(0), written, atol=1e-3)


def test_motions_made_while_training_are_those_of_the_kernels(sharp_set):
    made = {"batch": 3, "degradation": Degradation(blur="motion", length=(4.0, 12.0)), "target": "motion"}
    ((blur, motion),) = pipeline.training_batches(sharp_set, **made).take(1)
    lengths = np.hypot(*motion.numpy().T)
    assert blur.shape == (3, 64, 64, 1) and motion.shape == (3, 2)
    assert 3.9 <= lengths.min() and lengths.max() <= 12.6 and np.ptp(lengths) > 0
    ((again, _),) = pipeline.training_batches(sharp_set, **made | {"target": "sharp", "augment": False}).take(1)
    np.testing.assert_array_equal(blur, again)  # not flipped or turned, which the motion would not know of
    with pytest.raises(ValueError, match="--blur gaussian has no motion to be estimated"):
        pipeline.training_batches(sharp_set, batch=1, target="motion", degradation=Degradation(blur="gaussian"))


@pytest.mark.parametrize("kind", [linear_motion, lambda length, angle: linear_motion(length, angle + 180)])
@pytest.mark.parametrize(("length", "angle"), [(8, 0), (13.5, 37), (20, 90), (11, 144)])
def test_the_streak_of_a_straight_motion_is_that_motion(kind, length, angle):
    found = motion_of(streak(kind(length, angle)))
    assert found == (pytest.approx(length, rel=0.03), pytest.approx(angle, abs=1))


def test_training_estimates_motion(sharp_set, tmp_path):
    small = "--patch 64x64 --features 4 --batch 2 --steps 4 --validate-every 2 --warmup-steps 0 --length 2 8".split()
    train.main(["camera_shake_kernel", "--data", sharp_set, *small, "--workdir", str(tmp_path / "run")])
    assert json.loads((tmp_path / "run" / "run.json").read_text())["best"]["motion_rmse"] > 0
    wrong = ["camera_shake_kernel", "--data", sharp_set, "--patch", "56x64", "--workdir", str(tmp_path / "small")]
    with pytest.raises(ValueError, match="motion takes pictures of at least 64x64, the samples are 56x64; choose a l"):
        train.main(wrong)
    kernel = kernel_estimator(str(tmp_path / "run"))(photograph(0, 50, 90))
    assert kernel.sum() == pytest.approx(1, abs=1e-5)


def test_a_network_that_restores_is_no_estimator(tmp_path):
    from tests.networks import negative

    negative(1).save(tmp_path / "negative.keras")
    with pytest.raises(ValueError, match="an estimator of sigma takes grey pictures and returns two numbers"):
        load_estimator(str(tmp_path / "negative.keras"))
