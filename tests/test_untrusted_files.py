"""Models and arrays from anywhere: code in them is refused and never run, damage is named."""

import io
import json
import os
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.networks import negative
from tfdeblur import numpy_files
from tfdeblur.commandline import run
from tfdeblur.deblur import main as deblur
from tfdeblur.estimation.sigma_map import read_map
from tfdeblur.inference import load_deblur, load_network
from tfdeblur.physics.psfs import read_kernel
from tfdeblur.physics.response import response_of


def rewritten(path, change=lambda config: None, compression=zipfile.ZIP_STORED, **parts) -> str:
    """Save a network with a changed configuration, or with other parts in its archive."""
    negative().save(path)
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(found["config.json"])
    found["config.json"] = json.dumps(change(config) or config)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in (found | parts).items():
            archive.writestr(name, content)
    return str(path)


def layer(**fields):
    """Change the first convolution's description."""
    return lambda config: config["config"]["layers"][1].update(fields)


def with_lambda(path, around=lambda each: each, shape=(8, 8, 3)) -> str:
    inputs = keras.Input(shape)
    network = keras.Model(inputs, around(layers.Lambda(lambda x: 1 - x))(inputs))
    network.save(path)
    return str(path)


def function(module: str, name: str) -> dict:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


RUNS = {
    "lambda": lambda path: with_lambda(path),
    "lambda_in_a_model": lambda path: with_lambda(path, lambda each: keras.Sequential([keras.Input((8, 8, 3)), each])),
    "lambda_in_a_layer": lambda path: with_lambda(path, layers.TimeDistributed, (5, 8, 8, 3)),
    "saved_model_layer": lambda path: rewritten(path, layer(module="keras.layers", class_name="TFSMLayer")),
    "torch_layer": lambda path: rewritten(path, layer(module="keras.layers", class_name="TorchModuleWrapper")),
}
ELSEWHERE = {
    "class": layer(module="mine", class_name="Mine", registered_name="mine>Mine"),
    "process": lambda config: {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", "ran"]}},
    "function": layer(config={"name": "c", "filters": 3, "kernel_size": 1, "activation": function("os", "system")}),
}
NOT_A_LAYER = {
    "download": lambda config: {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "file:///x"}},
    "unsafe": lambda config: {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}},
    "evaluate": layer(config={"name": "c", "filters": 3, "kernel_size": 1, "activation": function("builtins", "eval")}),
    "vocabulary": layer(module="keras.layers", class_name="StringLookup", config={"vocabulary": "/etc/hostname"}),
}


def refused(path: str, tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ValueError) as found:
        load_network(path)
    assert sorted(os.listdir(tmp_path)) == before, "it ran"
    assert path in str(found.value) and "\n" not in str(found.value)
    return str(found.value).removeprefix(path)


@pytest.mark.parametrize("kind", RUNS)
def test_a_model_with_code_in_it_is_refused(kind, tmp_path, monkeypatch):
    path = RUNS[kind](tmp_path / "model.keras")
    assert "holds code (" in refused(path, tmp_path, monkeypatch)


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_model_that_needs_other_packages_is_refused(kind, tmp_path, monkeypatch):
    path = rewritten(tmp_path / "model.keras", ELSEWHERE[kind])
    assert "which is not part of Keras or tfdeblur; it is refused" in refused(path, tmp_path, monkeypatch)


@pytest.mark.parametrize("kind", NOT_A_LAYER)
def test_a_model_that_calls_what_is_no_layer_is_refused(kind, tmp_path, monkeypatch):
    path = rewritten(tmp_path / "model.keras", NOT_A_LAYER[kind])
    assert " is not a model that Keras " in refused(path, tmp_path, monkeypatch)


def test_what_would_unpack_to_far_more_is_refused(tmp_path, monkeypatch):
    path = rewritten(tmp_path / "a.keras", compression=zipfile.ZIP_DEFLATED, **{"assets/zeros": bytes(10**8)})
    assert "bytes would unpack to 100," in refused(path, tmp_path, monkeypatch)


def test_names_outside_of_the_archive_are_refused(tmp_path, monkeypatch):
    path = rewritten(tmp_path / "a.keras", **{"../outside": b"x"})
    assert "holds a file named '../outside'" in refused(path, tmp_path, monkeypatch)


def test_a_flipped_bit_anywhere_in_a_model_is_named_or_harmless(tmp_path):
    path = tmp_path / "model.keras"
    negative().save(path)
    sound, picture = path.read_bytes(), np.float32(np.random.default_rng(0).random((1, 8, 8, 3)))
    named = 0
    for at in np.linspace(0, len(sound) - 1, 150).astype(int):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << at % 8]) + sound[at + 1 :])
        try:
            network = load_network(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            named += 1
        else:
            np.testing.assert_allclose(network(picture), 1 - picture, atol=1e-6)
    assert named > 100


def test_a_saved_model_that_reads_or_writes_files_is_refused(tmp_path):
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])
    def sharpen(images):
        tf.io.write_file(str(tmp_path / "ran"), "")
        return {"result": images}

    tf.saved_model.save(module, str(tmp_path / "model"), {"serving_default": sharpen})
    with pytest.raises(ValueError, match=r"operations that reach beyond the model \(WriteFile\); it is refused"):
        load_deblur(tmp_path / "model")
    assert not (tmp_path / "ran").exists()


def test_a_flipped_bit_in_a_saved_models_weights_is_named(tmp_path):
    module = tf.Module()
    module.weights = tf.Variable(tf.ones((64, 3)))
    module.sharpen = tf.function(
        lambda images: {"result": images * module.weights[0]},
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)],
    )
    tf.saved_model.save(module, str(tmp_path), {"serving_default": module.sharpen})
    (path,) = (tmp_path / "variables").glob("*.data-*")
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes([content[100] ^ 4]) + content[101:])
    with pytest.raises(ValueError, match="is not a SavedModel that takes pictures"):
        load_deblur(str(tmp_path))


def test_the_command_says_it_in_a_line(tmp_path, capsys):
    path = with_lambda(tmp_path / "model.keras")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(SystemExit):
        run(deblur, [str(tmp_path / "a.png"), "--model", path, "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err.splitlines()
    assert said == [f"error: {path} holds code (Lambda), which loading it would run; it is refused"]


class Touches:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def arrays(kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "objects":
        np.save(file, np.array([Touches()], object), allow_pickle=True)
    elif kind == "objects_npz":
        np.savez(file, a=np.array([Touches()], object))
    elif kind == "text":
        np.save(file, np.array(["1"]))
    else:
        np.save(file, np.ones((5, 5)))
    content = file.getvalue()
    if kind == "huge":
        return content.replace(b"(5, 5), }         ", b"(99999999999999,), }")
    return {"cut": content[:140], "empty": b""}.get(kind, content)


@pytest.mark.parametrize("read", [read_kernel, response_of, read_map, numpy_files.read], ids=lambda read: read.__name__)
@pytest.mark.parametrize("kind", ["objects", "objects_npz", "text", "cut", "empty", "huge"])
def test_arrays_that_hold_no_numbers_are_refused(kind, read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("a.npz" if kind == "objects_npz" and read in (read_kernel, numpy_files.read) else "a.npy")
    path.write_bytes(arrays(kind))
    with pytest.raises(ValueError, match="cannot be read as|holds no numbers") as found:
        read(str(path))
    assert os.listdir(tmp_path) == [path.name] and "\n" not in str(found.value)
    if kind.startswith("objects"):
        assert "it holds pickled objects, which could run code" in str(found.value)
