"""The functions of an experiment that run on a device, with batches of fixed shape."""

import dataclasses
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from tfdeblur.config import Experiment
from tfdeblur.data import records
from tfdeblur.losses import as_unit_range
from tfdeblur.training.build import batches_per_step, build, state_of, updates_per_batch
from tfdeblur.training.plan import patch_size


@dataclass(frozen=True)
class Step:
    """A function that runs on a device.

    Attributes
    ----------
    function : callable
        From a batch to a dict of tensors.
    batch : tuple
        What it takes: a nest of `tf.TensorSpec`, for one replica.
    samples : int
        How many samples are in it.
    size : str
        Of a sample, such as `96x96x3`.
    state : list of keras.Variable
        What the function reads and changes.
    """

    function: Callable
    batch: tuple
    samples: int
    size: str
    state: list


def step_of(experiment: Experiment, which: str) -> Step:
    """Return a step as training has it, in bfloat16 as on every TPU.

    Parameters
    ----------
    experiment : Experiment
        Its batch is that of one replica.
    which : {"train", "evaluate", "infer"}
        An update (of adversarial training, all of a step's), a batch of the validation, or a batch restored.

    Raises
    ------
    ValueError
        The size of the samples is not known.
    """
    if experiment.loss == "perceptual" and experiment.vgg_weights is None:
        experiment = dataclasses.replace(experiment, vgg_weights=_any_vgg_weights())
    model = build(experiment, experiment.steps or round(100 * experiment.epochs), 100.0, "mixed_bfloat16")
    batch, batches = pair_of(experiment), 1
    if which == "infer":
        batch, function = batch[:1], lambda batch: {"restored": model.network(as_unit_range(batch[0]), training=False)}
    elif which == "evaluate":
        function = model.test_step
    else:
        function = model.train_step
        if experiment.training in ("wgan_gp", "gan"):
            batches = batches_per_step(experiment)
            draws = tf.TensorSpec((experiment.batch, updates_per_batch(experiment), 2), tf.float32)
            batch = ((*batch, draws),) * batches
    size = "x".join(map(str, tf.nest.flatten(batch)[0].shape[1:]))
    return Step(function, batch, experiment.batch * batches, size, state_of(model))


def _any_vgg_weights() -> str:
    """Return a file of weights for VGG-19, made by chance: what a step costs does not depend on them."""
    path = os.path.join(tempfile.gettempdir(), "vgg19-by-chance.weights.h5")
    if not os.path.exists(path):
        keras.applications.VGG19(include_top=False, weights=None).save_weights(path)
    return path


def pair_of(experiment: Experiment) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    """Return what the pipeline gives for one batch: pictures as uint8, and what is to be learned of them."""
    height, width = sample_size(experiment)
    pictures = tf.TensorSpec((experiment.batch, height, width, experiment.channels), tf.uint8)
    learned = {
        "sharp": pictures,
        "sigma": tf.TensorSpec((experiment.batch, height, width, 1), tf.float32),
        "motion": tf.TensorSpec((experiment.batch, 2), tf.float32),
    }
    return pictures, learned[experiment.target]


def sample_size(experiment: Experiment) -> tuple[int, int]:
    """Return height and width of the samples, from the experiment or else its data set.

    Raises
    ------
    ValueError
        Neither says it.
    """
    size = patch_size(experiment)
    if size is None:
        try:
            size = records.load_manifest(experiment.data)["size"]
        except FileNotFoundError:
            pass
    if size is None:
        raise ValueError(
            f"{experiment.name} takes whole pictures, and {experiment.data} does not say of which size; give it as "
            "--patch, such as --patch 32x32"
        )
    return tuple(size)
