"""Trained networks as plain functions on pictures of any size."""

import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from google.protobuf.message import DecodeError

from tfdeblur import keras_files, storage
from tfdeblur.keras_files import MODEL_KINDS
from tfdeblur.models.spectra import LogSpectra
from tfdeblur.physics.colour import luma
from tfdeblur.tiling import deblur_picture, reflected, round_up

__all__ = ["Deblur", "as_float32", "compiled", "deblur_picture", "load_deblur", "load_network", "size_multiple"]
HALF_TYPES = ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16"]
FILE_OPERATIONS = {"ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc"}
"""What no SavedModel of a network needs: operations that open files by name, or call Python."""


@dataclass(frozen=True)
class Deblur:
    """A network as a function: float32 `(N, H, W, C)` in [0, 1] to the same, for any size of at least 1x1.

    Sizes that the network does not take are reached by reflection at the bottom and the right, and cropped back. Grey
    pictures go through an RGB network as three equal channels and come back as luma; the channels of an RGB picture go
    through a grey network one by one.

    Parameters
    ----------
    predict : callable
        Takes and returns float32 arrays `(N, H, W, channels)` whose height and width are multiples of `multiple`.
    channels : int
        Channels of the network's pictures, 1 or 3.
    multiple : int
        Heights and widths that the network takes are multiples of this.
    """

    predict: Callable
    channels: int
    multiple: int

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Deblur a batch of pictures."""
        images = np.asarray(images, np.float32)
        count, height, width, channels = images.shape
        if channels not in (1, 3):
            raise ValueError(f"pictures have {channels} channels; 1 (grey) or 3 (RGB) are expected")
        if channels < self.channels:
            images = np.repeat(images, 3, axis=-1)
        elif channels > self.channels:
            images = np.moveaxis(images, -1, 1).reshape(count * channels, height, width, 1)
        sharp = self._any_size(images)
        if not np.isfinite(sharp).all():
            raise ValueError("the model's output is not finite, so the model is broken; use an earlier one")
        sharp = np.clip(sharp, 0, 1)
        if channels < self.channels:
            return luma(sharp)
        if channels > self.channels:
            return np.moveaxis(sharp.reshape(count, channels, height, width), 1, -1)
        return sharp

    def _any_size(self, images: np.ndarray) -> np.ndarray:
        height, width = images.shape[1:3]
        rows, columns = round_up(height, self.multiple), round_up(width, self.multiple)
        if (rows, columns) != (height, width):
            images = images[:, reflected(0, rows, height)][:, :, reflected(0, columns, width)]
        return np.asarray(self.predict(images))[:, :height, :width]


def load_deblur(model: str | os.PathLike) -> Deblur:
    """Load a model as a function on batches of pictures.

    Parameters
    ----------
    model : str or path
        A run folder (its `best.keras`), a `.keras` file, or a folder made by `python -m tfdeblur.export`.

    Raises
    ------
    FileNotFoundError
        There is no such file, or the run has saved no model yet.
    ValueError
        It is not a model, or damaged, or holds code, or does not return pictures of the size it takes.
    """
    model = os.fspath(model)
    if storage.exists(storage.join(model, "saved_model.pb")):
        return _load_saved_model(model)
    network = as_float32(load_network(model))
    return Deblur(compiled(network), _channels(network), size_multiple(network))


def load_network(model: str | os.PathLike) -> keras.Model:
    """Load the Keras model in a run folder (its `best.keras`) or a `.keras` file.

    Raises
    ------
    FileNotFoundError
        There is no such file, or the run has saved no model yet.
    ValueError
        It is not a Keras model, or damaged, or holds code.
    """
    model = os.fspath(model)
    if not storage.exists(model):
        raise FileNotFoundError(f"there is no {model}; a model is {MODEL_KINDS}")
    path = model
    if storage.is_folder(model):
        if storage.exists(storage.join(model, "saved_model.pb")):
            raise ValueError(f"{model} is a SavedModel; a run folder or a .keras file is needed here")
        if not storage.exists(storage.join(model, "config.json")):
            raise ValueError(f"{model} is a folder without config.json or saved_model.pb; a model is {MODEL_KINDS}")
        path = storage.join(model, "best.keras")
        if not storage.exists(path):
            raise FileNotFoundError(f"{model}: this run has saved no model yet (no best.keras); train it further")
    with storage.local_copy(path) as copy:
        keras_files.check(copy, path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about parts that then cannot be loaded, which is an error
                return keras.saving.load_model(copy, {"LogSpectra": LogSpectra}, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises whatever its parts raise: ValueError, KeyError, TypeError ...
            reason = str(error).split("\n")[0].split(". ")[0][:200]
            raise ValueError(f"{path} is not a model that Keras {keras.__version__} can read: {reason}") from error


def as_float32(network: keras.Model) -> keras.Model:
    """Rebuild a network with every half-precision layer in float32, and copy its weights.

    Exports of mixed-precision networks work only in part, and pictures deserve all the digits.
    """
    description = single = network.to_json()
    for name in HALF_TYPES:
        single = single.replace(json.dumps(name), '"float32"')
    if single == description:
        return network
    single = keras.models.model_from_json(single)
    single.set_weights(network.get_weights())
    return single


def size_multiple(network: keras.Model, returned: int | None = None) -> int:
    """Return the smallest m in 1, 2, 4 ... 32 such that the network keeps every height and width divisible by m.

    Found by trying small pictures: shape inference overlooks that skip connections do not fit. The network returns as
    many channels as it takes, or as many as are `returned`.

    Raises
    ------
    ValueError
        The network does not take grey or RGB pictures, or returns another size even for multiples of 32.
    """
    channels, reason = _channels(network), None
    for multiple, size in [(1, 33), (2, 34), (4, 36), (8, 40), (16, 48), (32, 96)]:  # no larger power of 2 divides it
        try:
            shape = network(np.zeros((1, size, size, channels), np.float32), training=False).shape
        except Exception as error:  # each of Keras' backends has its own for sizes that do not fit
            reason = error
            continue
        if tuple(shape[1:]) == (size, size, returned or channels):
            return multiple
    raise ValueError(
        f"the network {network.name} (input {network.input_shape}, output {network.output_shape}) does not return "
        "pictures of the size it takes; networks over (None, None, 1) or (None, None, 3) are expected"
    ) from reason


def _channels(network: keras.Model) -> int:
    shape = network.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] not in (1, 3):
        raise ValueError(f"the network {network.name} takes {shape}; one input (None, None, None, 1 or 3) is expected")
    return shape[-1]


def compiled(network: keras.Model) -> Callable:
    """Compile a network once for pictures of every size."""
    if keras.backend.backend() != "tensorflow":
        return network.predict_on_batch
    import tensorflow as tf

    shape = tf.TensorSpec((None, None, None, network.input_shape[-1]), tf.float32)
    predict = tf.function(lambda images: network(images, training=False), input_signature=[shape])
    return lambda images: predict(images).numpy()


def _operations(folder: str) -> set[str]:
    """Return the names of all operations in a SavedModel."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    path = storage.join(folder, "saved_model.pb")
    try:
        graphs = [each.graph_def for each in SavedModel.FromString(storage.read_bytes(path)).meta_graphs]
    except DecodeError as error:
        raise ValueError(f"{folder} is not a SavedModel, or a damaged one ({error})") from error
    nodes = [node for graph in graphs for part in graph.library.function for node in part.node_def]
    return {node.op for node in [*nodes, *(node for graph in graphs for node in graph.node)]}


def _load_saved_model(folder: str) -> Deblur:
    """Take the float32 signature where there is one (our own exports), else the default one."""
    import tensorflow as tf

    foreign = _operations(folder) & FILE_OPERATIONS
    if foreign:
        raise ValueError(f"{folder} holds operations that reach beyond the model ({', '.join(foreign)}); it is refused")
    try:
        module = tf.saved_model.load(folder)
        function = module.signatures["float32" if "float32" in module.signatures else "serving_default"]
        ((name, spec),) = function.structured_input_signature[1].items()
        channels = spec.shape[-1]
    except Exception as error:  # a damaged file raises nearly anything
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder} is not a SavedModel that takes pictures as its only input: {reason}") from error
    if channels not in (1, 3):
        raise ValueError(f"{folder} takes {spec.shape}; (None, None, None, 1) or (None, None, None, 3) is expected")
    multiple = int(module.multiple) if hasattr(module, "multiple") else 32

    def predict(images):
        if spec.dtype == tf.uint8:
            (sharp,) = function(**{name: tf.constant(np.rint(images * 255), tf.uint8)}).values()
            return sharp.numpy().astype(np.float32) / 255
        (sharp,) = function(**{name: tf.constant(images, spec.dtype)}).values()
        return sharp.numpy()

    return Deblur(predict, channels, multiple)
