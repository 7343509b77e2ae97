"""Losses against NumPy."""

import keras
import numpy as np
import pytest

from tfdeblur import losses

ORACLES = {
    "mse": lambda d: (d**2).mean((1, 2, 3)),
    "mae": lambda d: np.abs(d).mean((1, 2, 3)),
    "logcosh": lambda d: np.log(np.cosh(d)).mean((1, 2, 3)),
    "charbonnier": lambda d: np.sqrt(d**2 + 1e-6).mean((1, 2, 3)),
    "psnr": lambda d: 10 * np.log10((d**2).mean((1, 2, 3)) + 1e-8),
}


def pictures(seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.random((3, 12, 16, 3)), rng.random((3, 12, 16, 3))


@pytest.mark.parametrize("name", ORACLES)
def test_equals_numpy(name):
    sharp, restored = pictures()
    value = losses.find_loss(name)(sharp.astype("float32"), restored.astype("float32"))
    np.testing.assert_allclose(value, ORACLES[name](restored - sharp), rtol=1e-5)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_one_value_a_picture_and_least_where_equal(name):
    sharp, restored = (x.astype("float32") for x in pictures())
    loss = losses.find_loss(name)
    value, least = np.asarray(loss(sharp, restored)), np.asarray(loss(sharp, sharp))
    assert value.shape == (3,)
    assert np.all(np.isfinite(value)) and np.all(least < value)


def test_multiscale_is_the_mean_over_averaged_scales():
    sharp, restored = pictures()
    expected = []
    for size in (1, 2, 4):
        a, b = (x.reshape(3, 12 // size, size, 16 // size, size, 3).mean((2, 4)) for x in (sharp, restored))
        expected.append(((a - b) ** 2).mean((1, 2, 3)))
    value = losses.find_loss("multiscale_mse")(sharp.astype("float32"), restored.astype("float32"))
    np.testing.assert_allclose(value, np.mean(expected, axis=0), rtol=1e-5)


def test_stored_pictures_are_scaled_and_floats_kept():
    stored = np.array([0, 51, 255], np.uint8)
    np.testing.assert_allclose(losses.as_unit_range(keras.ops.convert_to_tensor(stored)), [0, 0.2, 1], rtol=1e-6)
    np.testing.assert_array_equal(losses.as_unit_range(keras.ops.convert_to_tensor([0.25], "float32")), [0.25])


def test_unknown_loss_lists_those_there_are():
    with pytest.raises(ValueError, match="there is no loss 'lpips'; There are: mse, mae"):
        losses.find_loss("lpips")


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """VGG-19 with weights drawn by chance, and their file: those learned on ImageNet are a download."""
    keras.utils.set_random_seed(0)
    network = keras.applications.VGG19(include_top=False, weights=None)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.weights.h5"
    network.save_weights(path)
    return network, str(path)


def test_perceptual_loss_compares_features(vgg):
    network, path = vgg
    loss = losses.find_loss("perceptual", path)
    sharp, restored = (x.astype("float32") for x in pictures())
    features = keras.Model(network.input, network.get_layer("block3_conv3").output)
    means = np.float32([103.939, 116.779, 123.68])  # of ImageNet, blue first
    a, b = (np.asarray(features(255 * x[..., ::-1] - means)) / 255 for x in (sharp, restored))
    value = np.asarray(loss(sharp, restored))
    np.testing.assert_allclose(value, ((a - b) ** 2).mean((1, 2, 3)), rtol=1e-3)
    assert np.all(np.asarray(loss(sharp, sharp)) == 0) and np.all(value > 0)


def test_vgg_is_built_once(vgg, monkeypatch):
    loss = losses.find_loss("perceptual", vgg[1])
    monkeypatch.setattr(keras.applications, "VGG19", None)
    sharp, restored = (x.astype("float32") for x in pictures())
    loss(sharp, restored)


def test_missing_vgg_weights_are_explained(tmp_path):
    with pytest.raises(ValueError, match="there is no file nowhere.h5 .*or do without: --loss charbonnier"):
        losses.find_loss("perceptual", "nowhere.h5")
    (tmp_path / "broken.weights.h5").write_text("")
    with pytest.raises(ValueError, match="cannot be had from .*broken.*give --vgg-weights .*--loss charbonnier"):
        losses.find_loss("perceptual", str(tmp_path / "broken.weights.h5"))
