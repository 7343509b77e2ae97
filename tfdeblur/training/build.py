"""From an experiment to the model that is trained: networks, losses, optimisers, and the batches that a step takes."""

import keras
import tensorflow as tf

from tfdeblur import losses
from tfdeblur.config import Experiment
from tfdeblur.models import build_estimator, build_model, discriminator, patchgan
from tfdeblur.precision import computing_in
from tfdeblur.training import schedule
from tfdeblur.training.estimating import Estimating
from tfdeblur.training.gan import GAN
from tfdeblur.training.supervised import Supervised
from tfdeblur.training.wgan_gp import WGANGP


def build(experiment: Experiment, steps: int, steps_per_epoch: float, policy: str) -> keras.Model:
    """Return the compiled training model, its optimisers built; to be called within the strategy's scope.

    Parameters
    ----------
    experiment : Experiment
        What is trained.
    steps, steps_per_epoch : int, float
        Length of the run, for the schedule of the learning rate.
    policy : str
        Keras dtype policy of the network; a critic is always float32.

    Raises
    ------
    ValueError
        There is no such model or loss, or the model has not such an option.
    """
    network = _network(experiment, policy)
    how = {"optimizer": schedule.optimizer(experiment, steps, steps_per_epoch)}
    if experiment.target != "sharp":
        model = Estimating(network, experiment.clip_norm)
    elif experiment.training == "supervised":
        model = Supervised(network, losses.find_loss(experiment.loss, experiment.vgg_weights), experiment.clip_norm)
    else:
        model = _adversarial(experiment, network, losses.find_loss(experiment.loss, experiment.vgg_weights))
        how["critic_optimizer"] = schedule.optimizer(experiment, steps, steps_per_epoch, ema=False)
    model.compile(**how)
    model.build(network.input_shape)
    model.build_optimizers()
    return model


def state_of(model: keras.Model) -> list:
    """Return all variables of a model and of its optimisers, each once."""
    variables = [*model.variables, *(each for optimizer in model.optimizers() for each in optimizer.variables)]
    return list({id(variable): variable for variable in variables}.values())


def batches_per_step(experiment: Experiment) -> int:
    """Return how many batches a step takes: one for each update, where each is to have its own."""
    return experiment.n_critic + 1 if experiment.training == "wgan_gp" and not experiment.reuse_batch else 1


def updates_per_batch(experiment: Experiment) -> int:
    """Return how many updates of the critic see the same batch."""
    return experiment.n_critic if experiment.training == "wgan_gp" and experiment.reuse_batch else 1


def as_steps(batches: tf.data.Dataset, experiment: Experiment, first_step: int = 0, host: int = 0) -> tf.data.Dataset:
    """Make of what the pipeline gives for a step what `train_step` takes.

    Adversarial training takes a tuple of parts with numbers drawn for each pair: see `Adversarial`. The draws are those
    of the step, and of the host that makes the batch.
    """
    if experiment.training not in ("wgan_gp", "gan"):
        return batches
    count, updates = batches_per_step(experiment), updates_per_batch(experiment)

    @tf.autograph.experimental.do_not_convert
    def divide(step, pairs):
        seed = tf.stack([tf.constant(experiment.seed + host * 2**32, tf.int64), step])
        draws = tf.random.stateless_uniform((pairs[0].shape[0], updates, 2), seed)
        return tuple(zip(*(tf.split(part, count) for part in (*pairs, draws)), strict=True))

    return batches.enumerate(first_step).map(divide)


def _network(experiment: Experiment, policy: str) -> keras.Model:
    with computing_in(policy):
        if experiment.target != "sharp":
            return build_estimator(
                experiment.model, channels=experiment.channels, features=experiment.features, classes=experiment.classes
            )
        return build_model(
            experiment.model, channels=experiment.channels, features=experiment.features, depth=experiment.depth,
            residual=experiment.residual, upsampling=experiment.upsampling, tanh=experiment.tanh or None,
        )  # fmt: skip


def _adversarial(experiment: Experiment, network: keras.Model, loss) -> keras.Model:
    fields = ("adversarial_weight", "content_steps", "wrong_labels", "clip_norm")
    shared = {key: getattr(experiment, key) for key in fields}
    if experiment.training == "gan":
        return GAN(network, discriminator(experiment.channels, experiment.critic_features), loss, **shared)
    own = {key: getattr(experiment, key) for key in ("n_critic", "penalty_weight", "reuse_batch")}
    return WGANGP(network, patchgan(experiment.channels, experiment.critic_features), loss, **shared, **own)
