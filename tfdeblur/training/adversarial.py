"""What adversarial training has of its own besides the step: two networks, two optimisers, what is drawn and logged."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from tfdeblur.evaluation.metrics import PSNR, SSIM
from tfdeblur.losses import as_unit_range, over_scales
from tfdeblur.models import every_scale
from tfdeblur.training.supervised import Supervised


class Adversarial(keras.Model):
    """A generator and a critic with what any way of training them shares; a subclass adds `train_step`.

    A batch of training is a tuple of pairs `(blur, sharp)`, uint8 or float in [0, 1]: one pair of batches for each
    update of the critic and one for the generator's, or a single one for all.

    Parameters
    ----------
    network : keras.Model
        The generator, `(N, H, W, C)` in [0, 1] to the same.
    critic : keras.Model
        `(N, H, W, C)` in [0, 1] to one score for each picture, float32.
    content : callable
        The content loss, `(sharp, restored)` to one value per picture; networks of several scales are compared at each.
    adversarial_weight : float
        Weight of the adversarial loss beside the content loss.
    content_steps : int
        Steps in which the generator has its content loss alone; the critic learns from the first step on.
    wrong_labels : float
        Share of the samples whose real and restored pictures are swapped in the critic's loss.
    seed : int
        Seed of what is drawn; with the step it makes every draw, whatever the number of replicas.
    """

    LOGGED: tuple[str, ...] = ()
    """What the steps of a subclass report of themselves."""

    criterion, shown = Supervised.criterion, Supervised.shown

    def __init__(
        self,
        network: keras.Model,
        critic: keras.Model,
        content: Callable,
        *,
        adversarial_weight: float = 1e-4,
        content_steps: int = 0,
        wrong_labels: float = 0.0,
        seed: int = 0,
    ):
        super().__init__(name=type(self).__name__.lower())
        self.network, self.critic = network, critic
        self.every_scale = every_scale(network)
        self.content = over_scales(content)
        self.adversarial_weight, self.content_steps = adversarial_weight, content_steps
        self.wrong_labels, self.seed = wrong_labels, seed
        self.psnr, self.ssim = PSNR(), SSIM()
        self.means = {name: keras.metrics.Mean(name) for name in self.LOGGED}

    def compile(self, optimizer, critic_optimizer, **arguments):
        """Set the optimisers of the generator and of the critic."""
        super().compile(optimizer=optimizer, **arguments)
        self.critic_optimizer = critic_optimizer

    def build_optimizers(self) -> None:
        """Make the optimisers' variables: unbuilt ones fail under MirroredStrategy."""
        self.optimizer.build(self.network.trainable_variables)
        self.critic_optimizer.build(self.critic.trainable_variables)

    def call(self, blur, training=None):
        """Restore pictures: uint8, or float in [0, 1]."""
        return self.network(as_unit_range(blur), training=training)

    def generate(self, blur, training: bool) -> list:
        """Return the generator's pictures of every scale, the finest first."""
        pictures = self.every_scale(blur, training=training)
        return pictures if isinstance(pictures, list) else [pictures]

    def test_step(self, data):
        """Measure the generator; the critic has no say in which model is the best."""
        blur, sharp = data
        restored = self.generate(as_unit_range(blur), training=False)
        self.means["content"].update_state(self.content(as_unit_range(sharp), restored))
        self._update_metrics(sharp, restored[0])
        return {name: metric.result() for name, metric in self._shown().items() if name in ("content", "psnr", "ssim")}

    def _shown(self) -> dict[str, keras.metrics.Metric]:
        return {**self.means, "psnr": self.psnr, "ssim": self.ssim}

    def _update_metrics(self, sharp, restored) -> None:
        for metric in (self.psnr, self.ssim):
            metric.update_state(sharp, restored)

    def _log(self, sharp, restored, **values) -> dict:
        """Take in values of one step, and the generator's pictures; return the means since the last line of the log."""
        for name, value in values.items():
            self.means[name].update_state(value)
        self._update_metrics(sharp, restored)
        return {name: metric.result() for name, metric in self._shown().items()}

    def _weight_now(self):
        """Return the weight of the adversarial loss at this step."""
        return self.adversarial_weight * ops.cast(self.optimizer.iterations >= self.content_steps, "float32")

    def _uniform(self, purpose: int, count: int):
        """Draw a number in [0, 1) for each of this replica's `count` samples, `(count, 1, 1, 1)`.

        The numbers of the global batch are drawn, of which each replica takes its own.
        """
        context = tf.distribute.get_replica_context()
        replica, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
        seed = tf.stack(
            [tf.cast(2 * self.seed + purpose, tf.int64), tf.cast(self.critic_optimizer.iterations, tf.int64)]
        )
        drawn = tf.random.stateless_uniform([replicas, count, 1, 1, 1], seed)
        return drawn[replica]

    def _labelled(self, sharp, restored):
        """Return what the critic is told is real and what is restored; for some samples that is wrong."""
        if not self.wrong_labels:
            return sharp, restored
        wrong = self._uniform(1, sharp.shape[0]) < self.wrong_labels
        return ops.where(wrong, restored, sharp), ops.where(wrong, sharp, restored)


def scaled(loss):
    """Return this replica's part of the mean of a loss over the global batch: replicas' gradients are summed."""
    return ops.mean(loss) / tf.distribute.get_strategy().num_replicas_in_sync


def descend(optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, objective, network: keras.Model) -> None:
    """Move a network's weights one step of the optimiser against the gradient of what was computed under the tape."""
    gradients = tape.gradient(objective, network.trainable_variables)
    optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
