"""Export a trained model: `python -m tfdeblur.export MODEL --out DIR`, for use without this package."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from tfdeblur import locking, storage
from tfdeblur.commandline import import_tensorflow, parse, run


@dataclass(frozen=True)
class Arguments:
    """What to export, and where to."""

    model: Annotated[str, tyro.conf.Positional]
    """A run folder (its best.keras) or a .keras file."""
    out: str
    """Folder for the SavedModel, or for `model.keras`; a name that ends in .keras is taken for the file."""
    format: Literal["saved_model", "keras"] = "saved_model"
    """saved_model: uint8 pictures of any size in and out, needs TensorFlow only. keras: the network in float32."""
    overwrite: bool = False
    """Replace an export that exists."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Export a trained model."""
    chosen = parse(Arguments, "tfdeblur.export", arguments, "Export a trained model for use without this package.")
    keras_file = chosen.format == "keras"
    path = chosen.out
    if keras_file and not path.endswith(".keras"):
        path = storage.join(path, "model.keras")
    _check(path, chosen)
    with locking.lock((os.path.dirname(path) or ".") if keras_file and not storage.is_remote(path) else path):
        _check(path, chosen)  # once more, now that no other run writes there
        os.environ["KERAS_BACKEND"] = "tensorflow"  # a SavedModel is TensorFlow's, whatever trained the network
        import_tensorflow()
        from tfdeblur.inference import as_float32, load_network

        network = as_float32(load_network(chosen.model))
        if keras_file:
            locking.clean(os.path.dirname(path) or ".")
            with storage.publish(path) as temporary:
                network.save(temporary)
            print(f"wrote {path}; load it with keras.saving.load_model")
        else:
            export_saved_model(network, path)
            print(f"wrote {path}; load it with tf.saved_model.load, call .signatures['serving_default'](blur=...)")


def _check(path: str, chosen: Arguments) -> None:
    """Raise a ValueError if the export may not be written there."""
    if chosen.format == "keras":
        if storage.exists(path) and not chosen.overwrite:
            raise ValueError(f"{path} exists; use --overwrite to replace it, or another --out")
        return
    check_folder(path, chosen.overwrite)
    if path.endswith(".keras"):
        raise ValueError(f"{path} is the name of a .keras file; add --format keras, or give a folder to --out")


def check_folder(folder: str, overwrite: bool) -> None:
    """Refuse a folder that holds something, unless it is a SavedModel and may be overwritten.

    Raises
    ------
    ValueError
        It is refused, or is a file.
    """
    if storage.exists(folder) and not storage.is_folder(folder):
        raise ValueError(f"{folder} is a file; a folder is needed for a SavedModel")
    if not storage.list_names(folder):
        return
    if not storage.exists(storage.join(folder, "saved_model.pb")):
        raise ValueError(f"{folder} is not empty and no SavedModel; use another --out")
    if not overwrite:
        raise ValueError(f"{folder} holds a SavedModel; use --overwrite to replace it, or another --out")


def export_saved_model(network, folder: str) -> None:
    """Write a network as a SavedModel that takes pictures of any size; the folder appears when it is complete.

    Its signature `serving_default` takes `blur`, uint8 `(N, H, W, C)`, and returns `sharp`, the same; `float32` does so
    for float32 in [0, 1]. Sizes that the network does not take are reached by reflection inside.

    Parameters
    ----------
    network : keras.Model
        Over float32 `(None, None, C)`.
    folder : str
        Local or in a bucket; a SavedModel there is replaced.

    Raises
    ------
    ValueError
        The network does not return pictures of the size it takes.
    """
    import tensorflow as tf

    module = saved_module(network)
    signatures = {"serving_default": module.serve, "float32": module.serve_float32}
    if storage.is_remote(folder):
        with tempfile.TemporaryDirectory() as temporary:
            tf.saved_model.save(module, temporary, signatures)
            _upload(temporary, folder)
        return
    with storage.publish_folder(folder) as temporary:
        tf.saved_model.save(module, temporary, signatures)


def saved_module(network):
    """Return a `tf.Module` with the network's variables and the functions that `export_saved_model` writes."""
    import tensorflow as tf

    from tfdeblur.inference import size_multiple

    multiple, channels = size_multiple(network), network.input_shape[-1]
    shape = (None, None, None, channels)

    def deblur(images):
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        images = tf.gather(images, _reflected(height, multiple), axis=1)
        images = tf.gather(images, _reflected(width, multiple), axis=2)
        return tf.clip_by_value(network(images, training=False)[:, :height, :width], 0.0, 1.0)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.uint8, "blur")])
    def serve(blur):
        sharp = deblur(tf.cast(blur, tf.float32) / 255)
        return {"sharp": tf.cast(tf.round(sharp * 255), tf.uint8)}

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, "blur")])
    def serve_float32(blur):
        return {"sharp": deblur(blur)}

    module = tf.Module()
    module.weights = [weight.value for weight in network.weights]
    module.multiple = tf.Variable(multiple, trainable=False)
    module.serve, module.serve_float32 = serve, serve_float32
    return module


def _reflected(size, multiple: int):
    """As `tfdeblur.tiling.reflected` from 0 to the next multiple, on tensors."""
    import tensorflow as tf

    period = tf.maximum(2 * (size - 1), 1)
    folded = tf.range(-(-size // multiple) * multiple) % period
    return tf.minimum(folded, period - folded)


def _upload(source: str, folder: str) -> None:
    """Copy a SavedModel to a bucket, the file that makes it one last."""
    files = [os.path.join(parent, name) for parent, _, names in os.walk(source) for name in names]
    for file in sorted(files, key=lambda file: file.endswith("saved_model.pb")):
        with storage.publish(storage.join(folder, *os.path.relpath(file, source).split(os.sep))) as temporary:
            shutil.copyfile(file, temporary)


if __name__ == "__main__":
    run(main)
