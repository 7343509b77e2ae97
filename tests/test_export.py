import os
import subprocess
import sys
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
import skimage.data
import tensorflow as tf

import tfdeblur
from tests.networks import negative, settle, strided
from tfdeblur import locking, storage
from tfdeblur.export import main
from tfdeblur.inference import load_deblur, load_network

PICTURE = skimage.data.chelsea()
SIZES = [(1, 1), (1, 9), (5, 3), (37, 50), (64, 64)]


@pytest.fixture(scope="module", params=["float32", "mixed_bfloat16"])
def run_folder(request, tmp_path_factory):
    """A run whose network takes multiples of 8 and has batch normalisations, in each precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    try:
        network = settle(strided(stride=8), PICTURE[:64, :64].astype(np.float32) / 255)
    finally:
        keras.config.set_dtype_policy(before)
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.json").write_text("{}")
    network.save(folder / "best.keras")
    return str(folder)


PLAIN = '''
import sys

class Without:
    """A finder of modules on a machine where neither Keras nor this package is installed."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("keras", "tf_keras", "tfdeblur"):
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import numpy as np
import tensorflow as tf

folder, source, target = sys.argv[1:]
serve = tf.saved_model.load(folder).signatures["serving_default"]
pictures = np.load(source)
np.savez(target, **{name: serve(blur=tf.constant(pictures[name]))["sharp"].numpy() for name in pictures})
for name in ("keras", "tfdeblur"):
    assert name not in sys.modules
'''


def test_plain_tensorflow_returns_what_this_package_does(run_folder, tmp_path):
    main([run_folder, "--out", str(tmp_path / "saved")])
    pictures = {f"{height}x{width}": PICTURE[None, :height, :width] for height, width in SIZES}
    pictures["two"] = np.stack([PICTURE[:20, :30], PICTURE[100:120, :30]])
    np.savez(tmp_path / "in.npz", **pictures)
    command = [
        sys.executable,
        "-c",
        PLAIN,
        str(tmp_path / "saved"),
        str(tmp_path / "in.npz"),
        str(tmp_path / "out.npz"),
    ]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    results = np.load(tmp_path / "out.npz")
    sharpen = tfdeblur.load(run_folder)
    for name, blur in pictures.items():
        assert results[name].dtype == np.uint8
        expected = np.stack([sharpen(picture) for picture in blur])
        np.testing.assert_array_equal(results[name], expected)
        assert name == "1x1" or (expected != blur).any()


def test_the_package_loads_its_exports_with_all_their_digits(run_folder, tmp_path):
    main([run_folder, "--out", str(tmp_path / "saved")])
    exported, original = load_deblur(str(tmp_path / "saved")), load_deblur(run_folder)
    assert (exported.channels, exported.multiple) == (original.channels, original.multiple) == (3, 8)
    images = PICTURE[None, :45, :61].astype(np.float32) / 255
    np.testing.assert_allclose(exported(images), original(images), atol=1e-5)
    deep = np.random.default_rng(0).integers(0, 65536, (30, 40, 3)).astype(np.uint16)
    difference = tfdeblur.load(str(tmp_path / "saved"))(deep).astype(int) - tfdeblur.load(run_folder)(deep)
    assert np.abs(difference).max() <= 1


def test_keras_files_are_in_float32(run_folder, tmp_path):
    main([run_folder, "--out", str(tmp_path / "folder"), "--format", "keras"])
    main([run_folder, "--out", str(tmp_path / "mine.keras"), "--format", "keras"])
    for path in (tmp_path / "folder" / "model.keras", tmp_path / "mine.keras"):
        network = keras.saving.load_model(path)
        assert {layer.compute_dtype for layer in network.layers} == {"float32"}
        images = PICTURE[None, :40, :64].astype(np.float32) / 255
        np.testing.assert_allclose(network(images), load_network(run_folder)(images), atol=0.02)
    with pytest.raises(ValueError, match="mine.keras exists; use --overwrite"):
        main([run_folder, "--out", str(tmp_path / "mine.keras"), "--format", "keras"])


def test_grey_networks(tmp_path):
    negative(1).save(tmp_path / "grey.keras")
    main([str(tmp_path / "grey.keras"), "--out", str(tmp_path / "saved")])
    serve = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    grey = PICTURE[None, :7, :9, :1]
    np.testing.assert_array_equal(serve(blur=tf.constant(grey))["sharp"], 255 - grey)


def test_an_export_is_replaced_only_when_asked(tmp_path):
    negative().save(tmp_path / "model.keras")
    arguments = [str(tmp_path / "model.keras"), "--out", str(tmp_path / "saved")]
    main(arguments)
    (tmp_path / "saved" / "old").write_text("of the former export")
    with pytest.raises(ValueError, match="holds a SavedModel; use --overwrite"):
        main(arguments)
    main([*arguments, "--overwrite"])
    assert not (tmp_path / "saved" / "old").exists()
    assert sorted(os.listdir(tmp_path)) == ["model.keras", "saved"]
    tf.saved_model.load(str(tmp_path / "saved"))


def test_what_cannot_be_exported_leaves_things_as_they_are(tmp_path):
    negative().save(tmp_path / "model.keras")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"dear")
    with pytest.raises(ValueError, match="not empty and no SavedModel"):
        main([str(tmp_path / "model.keras"), "--out", str(tmp_path / "photos"), "--overwrite"])
    with pytest.raises(ValueError, match="is a file"):
        main([str(tmp_path / "model.keras"), "--out", str(tmp_path / "model.keras"), "--overwrite"])
    with pytest.raises(ValueError, match="new.keras is the name of a .keras file; add --format keras"):
        main([str(tmp_path / "model.keras"), "--out", str(tmp_path / "new.keras")])
    with pytest.raises(OSError, match="mine.jpg is a file; a folder is needed"):
        main([str(tmp_path / "model.keras"), "--out", str(tmp_path / "photos" / "mine.jpg"), "--format", "keras"])
    with pytest.raises(OSError, match="model.keras"):
        main([str(tmp_path / "model.keras"), "--out", str(tmp_path / "model.keras" / "below")])
    with pytest.raises(FileNotFoundError, match="there is no"):
        main([str(tmp_path / "missing"), "--out", str(tmp_path / "out")])
    inputs = keras.Input((None, None, 3))
    keras.Model(inputs, keras.layers.MaxPooling2D()(inputs)).save(tmp_path / "half.keras")
    with pytest.raises(ValueError, match="does not return pictures of the size"):
        main([str(tmp_path / "half.keras"), "--out", str(tmp_path / "out")])
    assert sorted(os.listdir(tmp_path)) == ["half.keras", "model.keras", "photos"]
    assert os.listdir(tmp_path / "photos") == ["mine.jpg"]


def test_an_export_is_replaced_at_once(tmp_path):
    """Whoever looks finds the old one or the new one whole, never none."""
    folder, seen, done = tmp_path / "saved", set(), threading.Event()
    folder.mkdir()
    (folder / "content").write_text("0")

    def look() -> None:
        while not done.is_set():
            seen.add((folder / "content").exists())

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(1, 300):
        with storage.publish_folder(str(folder)) as temporary:
            Path(temporary).mkdir()
            (Path(temporary) / "content").write_text(str(number))
    done.set()
    thread.join()
    assert (folder / "content").read_text() == "299" and os.listdir(tmp_path) == ["saved"]
    assert seen == {True} or sys.platform != "linux"


def test_one_export_at_a_time(tmp_path):
    negative().save(tmp_path / "model.keras")
    with locking.lock(str(tmp_path / "saved")), pytest.raises(ValueError, match="in use by another run"):
        main([str(tmp_path / "model.keras"), "--out", str(tmp_path / "saved")])
    main([str(tmp_path / "model.keras"), "--out", str(tmp_path / "saved")])
    assert storage.LOCK not in os.listdir(tmp_path / "saved")
