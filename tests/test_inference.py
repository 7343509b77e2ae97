import keras
import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image

import tfdeblur
from tests.networks import negative, settle, strided
from tfdeblur.inference import as_float32, deblur_picture, load_deblur, load_network, size_multiple
from tfdeblur.models import MODELS, build_model
from tfdeblur.tiling import reflected

PICTURE = skimage.data.astronaut()
UNIT = PICTURE.astype(np.float32) / 255
NARROW = {
    "resnet16": {"features": 16},
    "unet16": {},
    "rednet30": {"features": 8},
    "msdeblur": {"features": 4, "residual": True},
    "unet3": {"features": 8},
}
"""Fewer features where the network is slow; depth, and so how far it sees, is that of the real one.

Not deblurgan, whose instance normalisation makes every pixel depend on the whole picture, as its docstring says; and
msdeblur as training begins, for with random weights its coarsest branch carries hundreds of pixels far.
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Save a network, return its path."""

    def save(network: keras.Model) -> str:
        path = tmp_path_factory.mktemp("model") / "network.keras"
        network.save(path)
        return str(path)

    return save


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"deblurgan"}))
def test_tiled_equals_whole_for_every_model(name, saved):
    """The law that the default overlap is chosen by, in units of the output's spread: random weights give any."""
    keras.utils.set_random_seed(1)
    network = load_deblur(saved(settle(build_model(name, **NARROW[name]), UNIT[:96, :96])))

    def unclipped(images):
        return network.predict(images)

    unclipped.multiple = network.multiple
    picture = UNIT[:416, :416]  # two tiles of 256 each way, which share 96
    whole = unclipped(picture[None])[0]
    tiled = deblur_picture(unclipped, picture, tile=256)
    difference = np.abs(tiled - whole).max() * picture.std() / whole.std()
    assert difference < 1 / 255
    assert np.abs(deblur_picture(unclipped, picture, tile=208, overlap=0) - whole).max() > difference


def test_size_multiple():
    found = {name: size_multiple(build_model(name, **({"depth": 4} if name == "rednet30" else {}))) for name in MODELS}
    assert found | {"resnet16": 8, "unet16": 8, "rednet30": 1} == found
    for stride in [1, 2, 4, 16, 32]:
        assert size_multiple(strided(stride=stride)) == stride


def test_networks_that_do_not_keep_the_size_are_refused():
    inputs = keras.Input((None, None, 3))
    shrinking = keras.Model(inputs, keras.layers.Conv2D(3, 3)(inputs))
    with pytest.raises(ValueError, match="does not return pictures of the size it takes"):
        size_multiple(shrinking)
    inputs = keras.Input((None, None, 5))
    with pytest.raises(ValueError, match="5.*is expected"):
        size_multiple(keras.Model(inputs, inputs))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float32"])
def test_as_float32_keeps_weights_and_results(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        network = strided()
    finally:
        keras.config.set_dtype_policy(before)
    single = as_float32(network)
    assert {layer.compute_dtype for layer in single.layers} == {"float32"}
    assert {weight.dtype for weight in single.weights} == {"float32"}
    for a, b in zip(network.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(single(UNIT[None]), network(UNIT[None]), atol=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 5), (13, 22), (64, 64)])
def test_any_size_is_reached_by_reflection(shape, saved):
    height, width = shape
    network = strided(stride=8)
    deblur = load_deblur(saved(network))
    assert (deblur.channels, deblur.multiple) == (3, 8)
    images = np.stack([UNIT[:height, :width], UNIT[100 : 100 + height, 50 : 50 + width]])
    padded = images[:, reflected(0, -(-height // 8) * 8, height)][:, :, reflected(0, -(-width // 8) * 8, width)]
    expected = np.clip(network(padded, training=False), 0, 1)[:, :height, :width]
    result = deblur(images)
    assert result.dtype == np.float32 and result.shape == images.shape
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_results_are_clipped(saved):
    deblur = load_deblur(saved(_scaled(4.0)))
    result = deblur(UNIT[None, :16, :16])
    assert result.min() >= 0 and result.max() == 1


def test_sizes_do_not_compile_anew(saved, monkeypatch):
    calls = []
    call = keras.Model.__call__
    deblur = load_deblur(saved(negative()))
    monkeypatch.setattr(keras.Model, "__call__", lambda self, *a, **k: calls.append(1) or call(self, *a, **k))
    for size in (8, 9, 30):
        deblur(UNIT[None, :size, : size + 1])
    assert len(calls) == 1


def test_grey_through_rgb_comes_back_as_luma(saved):
    deblur = load_deblur(saved(negative(3)))
    grey = UNIT[None, :20, :30, :1]
    np.testing.assert_allclose(deblur(grey), 1 - grey, atol=1e-6)


def test_rgb_through_grey_goes_by_channel(saved):
    deblur = load_deblur(saved(strided(1)))
    images = UNIT[None, :20, :30].repeat(2, axis=0)
    result = deblur(images)
    for channel in range(3):
        part = slice(channel, channel + 1)
        np.testing.assert_allclose(result[..., part], deblur(images[..., part]), atol=1e-6)


def test_two_channels_are_refused(saved):
    with pytest.raises(ValueError, match="2 channels"):
        load_deblur(saved(negative()))(UNIT[None, ..., :2])


def test_a_run_folder_gives_its_best_model(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="saved no model yet"):
        load_network(str(tmp_path))
    negative().save(tmp_path / "best.keras")
    assert load_network(str(tmp_path)).name == "negative"
    np.testing.assert_array_equal(tfdeblur.load(tmp_path)(PICTURE[:9, :9]), 255 - PICTURE[:9, :9])  # a Path


def test_what_is_no_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no .*missing.*run folder"):
        load_deblur(str(tmp_path / "missing"))
    (tmp_path / "notes.keras").write_text("not a model")
    with pytest.raises(ValueError, match="notes.keras is not a model"):
        load_deblur(str(tmp_path / "notes.keras"))
    negative().save(tmp_path / "cut.keras")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "cut.keras").read_bytes()[:2000])
    with pytest.raises(ValueError, match="cut.keras is not a model but something else, or damaged"):
        load_deblur(str(tmp_path / "cut.keras"))
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match="photo.png is not a model"):
        load_deblur(str(tmp_path / "photo.png"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="without config.json"):
        load_deblur(str(tmp_path / "folder"))
    (tmp_path / "folder" / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="not a SavedModel"):
        load_deblur(str(tmp_path / "folder"))
    with pytest.raises(ValueError, match="is a SavedModel"):
        load_network(str(tmp_path / "folder"))


def test_a_foreign_saved_model_in_float32_works(tmp_path):
    module = tf.Module()
    module.sharpen = tf.function(
        lambda images: {"result": 1 - images}, input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)]
    )
    tf.saved_model.save(module, str(tmp_path), {"serving_default": module.sharpen})
    deblur = load_deblur(str(tmp_path))
    np.testing.assert_allclose(deblur(UNIT[None, :9, :9]), 1 - UNIT[None, :9, :9], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_load_works_on_arrays(dtype, saved):
    sharpen = tfdeblur.load(saved(negative()), tile=64, overlap=16)
    white = 1 if dtype is np.float32 else np.iinfo(dtype).max
    picture = (UNIT[:100, :90] * white).astype(dtype)
    for part in (picture, picture[..., 0]):
        result = sharpen(part)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, white - part, atol=1e-6 if dtype is np.float32 else 0)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "I;16"])
def test_load_works_on_pillow_images(mode, saved):
    image = Image.fromarray(PICTURE[:70, :80]).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    image.info["icc_profile"] = b"profile"
    result = tfdeblur.load(saved(negative()))(image)
    assert (result.mode, result.size, result.info["icc_profile"]) == (mode, image.size, b"profile")
    expected = np.atleast_3d(np.asarray(image)).copy()
    colours = slice(0, -1 if mode in ("RGBA", "LA") else None)
    expected[..., colours] = np.iinfo(expected.dtype).max - expected[..., colours]
    np.testing.assert_array_equal(np.atleast_3d(np.asarray(result)), expected)


def test_load_takes_the_profile_of_cmyk_away(saved):
    image = Image.fromarray(PICTURE[:70, :80]).convert("CMYK")
    image.info |= {"icc_profile": b"of another colour space", "dpi": (300, 300)}
    result = tfdeblur.load(saved(negative()))(image)
    assert (result.mode, result.info) == ("RGB", {"dpi": (300, 300)})


def _scaled(factor: float) -> keras.Model:
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Rescaling(factor)(inputs))


def test_a_broken_model_is_said_and_writes_no_black_pictures(saved):
    network = negative()
    network.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    with pytest.raises(ValueError, match="the model's output is not finite, so the model is broken"):
        tfdeblur.load(saved(network))(PICTURE)
