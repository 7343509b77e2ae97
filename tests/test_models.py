"""One battery for every network."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfdeblur.models import MODELS, build_model

MULTIPLE = {"resnet16": 8, "unet16": 8, "rednet30": 1, "msdeblur": 4, "deblurgan": 4, "unet3": 8}
PARAMETERS = {
    "resnet16": 7_366_034,
    "unet16": 482_067,
    "rednet30": 1_044_931,
    "msdeblur": 11_953_609,
    "deblurgan": 11_391_811,
    "unet3": 2_878_659,
}
# On CPUs with AVX-512, TensorFlow 2.21 corrupts memory in gradients of strided 1x1 convolutions of under 16 features.
SMALL = {
    "resnet16": {"features": 16},
    "unet16": {"features": 4},
    "rednet30": {"features": 8, "depth": 8},
    "msdeblur": {"features": 4, "depth": 2},
    "deblurgan": {"features": 4, "depth": 2},
    "unet3": {"features": 4},
}
VARIANTS = [(name, SMALL[name]) for name in MODELS] + [
    (name, SMALL[name] | {"upsampling": method, "residual": True})
    for name in ("resnet16", "unet16")
    for method in ("resize", "subpixel")
]
VARIANTS += [
    ("rednet30", SMALL["rednet30"] | {"tanh": True}),
    ("msdeblur", SMALL["msdeblur"] | {"residual": True}),
    ("deblurgan", SMALL["deblurgan"] | {"residual": False, "laplacian": False}),
]


def pictures(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((2, height, width, channels), np.float32)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_those_of_the_docstring(name):
    assert build_model(name).count_params() == PARAMETERS[name]
    assert f"{PARAMETERS[name]:,} parameters" in MODELS[name].__doc__


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
def test_any_size_in_float32_out_and_gradients_everywhere(name, arguments, precision):
    keras.config.set_dtype_policy(precision)
    try:
        network = build_model(name, **arguments)
    finally:
        keras.config.set_dtype_policy("float32")
    step = MULTIPLE[name]
    for height, width in [(step, step), (5 * step, 3 * step), (64, 96)]:
        x = pictures(height, width)
        assert network(x).shape == x.shape
    with tf.GradientTape() as tape:
        y = network(x, training=True)
        loss = tf.reduce_mean(tf.square(y - 0.5))
    assert y.dtype == tf.float32
    gradients = tape.gradient(loss, network.trainable_variables)
    assert all(g is not None and np.any(g) for g in gradients)


@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
def test_saved_and_loaded_is_the_same(name, arguments, tmp_path):
    network, x = build_model(name, **arguments), pictures(16, 24)
    network.save(tmp_path / "network.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "network.keras")(x), network(x))


@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
def test_compiles_under_xla(name, arguments):
    network, x = build_model(name, **arguments), pictures(16, 24)
    compiled = tf.function(network, jit_compile=True)
    np.testing.assert_allclose(compiled(x), network(x), atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_grey_pictures_and_residual(name):
    network, x = build_model(name, channels=1, residual=True, **SMALL[name]), pictures(16, 16, 1)
    for variable in network.layers[-2].variables:  # what the last layer adds to the picture
        variable.assign(tf.zeros_like(variable))
    assert network(x).shape == x.shape
    if name != "resnet16":  # there two branches end in the sum
        np.testing.assert_array_equal(network(x), x)


def test_jax_gives_the_same_output(tmp_path):
    """Weights move between the backends, and both compute the same."""
    code = (
        "import sys, numpy as np, keras; from tfdeblur.models import build_model; "
        "assert keras.backend.backend() == 'jax'\n"
        "for name, arguments in eval(sys.argv[2]):\n"
        "    network = build_model(name, **arguments); key = name + str(arguments.get('upsampling'))\n"
        "    network.load_weights(f'{sys.argv[1]}/{key}.weights.h5')\n"
        "    x = np.random.default_rng(0).random((2, 16, 24, 3), np.float32)\n"
        "    np.save(f'{sys.argv[1]}/{key}.npy', network.predict_on_batch(x))\n"
    )
    moved = [*VARIANTS[: len(MODELS)], ("unet16", SMALL["unet16"] | {"upsampling": "subpixel"})]
    networks = {}
    for name, arguments in moved:
        key = name + str(arguments.get("upsampling"))
        networks[key] = build_model(name, **arguments)
        networks[key].save_weights(tmp_path / f"{key}.weights.h5")
    quickly_compiled = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": quickly_compiled}
    subprocess.run([sys.executable, "-c", code, str(tmp_path), repr(moved)], env=environment, check=True)
    for key, network in networks.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{key}.npy"), network(pictures(16, 24)), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("unet17", {}, "there is no model 'unet17'; did you mean unet16"),
        ("rednet30", {"upsampling": "resize"}, "rednet30 has no option 'upsampling'; it has channels"),
        ("rednet30", {"depth": 7}, "an even depth of at least 4, not 7"),
        ("unet16", {"upsampling": "bicubic"}, "there is no upsampling 'bicubic'"),
    ],
)
def test_wrong_arguments_are_explained(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        build_model(name, **arguments)
