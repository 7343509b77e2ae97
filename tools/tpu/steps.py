"""The functions of an experiment that run on a device, as TensorFlow functions with batches of fixed shape."""

import tensorflow as tf

from tfdeblur.config import Experiment
from tfdeblur.data import records
from tfdeblur.losses import as_unit_range
from tfdeblur.training.build import batches_per_step, build
from tfdeblur.training.run import patch_size


def step_of(experiment: Experiment, which: str) -> tuple[tf.types.experimental.PolymorphicFunction, list]:
    """Return a step as training has it, in bfloat16 as on every TPU, and what it takes.

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
    model = build(experiment, 1000, 100.0, "mixed_bfloat16")
    batch = batch_of(experiment)
    if which == "infer":
        return _compiled(lambda blur: model.network(as_unit_range(blur), training=False)), [batch[0]]
    count = batches_per_step(experiment)
    if which == "evaluate":
        return _compiled(lambda blur, sharp: model.test_step((blur, sharp))), batch
    if experiment.training in ("wgan_gp", "gan"):
        return _compiled(
            lambda *parts: model.train_step(tuple(zip(parts[::2], parts[1::2], strict=True)))
        ), count * batch
    return _compiled(lambda blur, sharp: model.train_step((blur, sharp))), batch


def batch_of(experiment: Experiment) -> list[tf.TensorSpec]:
    """Return what the pipeline gives for one batch: pictures as uint8, and what is to be learned of them."""
    height, width = sample_size(experiment)
    pictures = tf.TensorSpec((experiment.batch, height, width, experiment.channels), tf.uint8)
    learned = {
        "sharp": pictures,
        "sigma": tf.TensorSpec((experiment.batch, height, width, 1), tf.float32),
        "motion": tf.TensorSpec((experiment.batch, 2), tf.float32),
    }
    return [pictures, learned[experiment.target]]


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


def _compiled(function):
    return tf.function(function, jit_compile=True, autograph=False)
