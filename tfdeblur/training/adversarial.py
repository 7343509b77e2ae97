"""What adversarial training has of its own besides the step: two networks, two optimisers, what is drawn and logged."""

from collections.abc import Callable

import keras
from keras import ops

from tfdeblur.evaluation.metrics import quality
from tfdeblur.losses import as_unit_range, over_scales
from tfdeblur.models import every_scale
from tfdeblur.training.differentiation import descend, gradients, input_gradients, scaled
from tfdeblur.training.supervised import Supervised


class Adversarial(keras.Model):
    """A generator and a critic with what any way of training them shares; a subclass adds `train_step`.

    A batch of training is a tuple of parts `(blur, sharp, draws)`: pictures, uint8 or float in [0, 1], and numbers in
    [0, 1), `(N, updates, 2)`, two of each pair for each update of the critic that sees it. They are drawn where the
    batch is made, so that they are the same on any number of replicas. There is one part for each update of the critic
    and one for the generator's, or a single one for all.

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
    clip_norm : float, optional
        Largest global norm of either network's gradient.
    """

    criterion, shown, summary_of = Supervised.criterion, Supervised.shown, Supervised.summary_of

    def __init__(
        self,
        network: keras.Model,
        critic: keras.Model,
        content: Callable,
        *,
        adversarial_weight: float = 1e-4,
        content_steps: int = 0,
        wrong_labels: float = 0.0,
        clip_norm: float | None = None,
    ):
        super().__init__(name=type(self).__name__.lower())
        self.network, self.critic = network, critic
        self.every_scale = every_scale(network)
        self.content = over_scales(content)
        self.adversarial_weight, self.content_steps = adversarial_weight, content_steps
        self.wrong_labels, self.clip_norm = wrong_labels, clip_norm

    def compile(self, optimizer, critic_optimizer, **arguments):
        """Set the optimisers of the generator and of the critic."""
        super().compile(optimizer=optimizer, **arguments)
        self.critic_optimizer = critic_optimizer

    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Return both optimisers."""
        return [self.optimizer, self.critic_optimizer]

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

    def update_critic(self, sharp, restored, draws) -> dict:
        """Take one step of the critic, with draws `(N, 2)`; return means of what `critic_losses` returns."""
        variables = self.critic.trainable_variables

        def objective():
            losses = self.critic_losses(sharp, restored, draws)
            return scaled(losses["critic_loss"]), losses

        losses, slopes = gradients(objective, variables, self)
        descend(self.critic_optimizer, slopes, variables, self.clip_norm)
        return {name: ops.mean(values) for name, values in losses.items()}

    def update_generator(self, sharp, restored: list, pull_back: Callable) -> dict:
        """Take one step of the generator, by the gradient to its pictures; return the means of what is logged."""
        weight = self.adversarial_weight * ops.cast(self.optimizer.iterations >= self.content_steps, "float32")

        def objective(restored):
            content = self.content(sharp, restored)
            adversarial = self.adversarial_loss(self.critic(restored[0], training=True))
            loss = content + weight * adversarial
            return scaled(loss), {"loss": loss, "content": content, "adversarial": adversarial}

        losses, slopes = input_gradients(objective, restored, self)
        descend(self.optimizer, pull_back(slopes), self.network.trainable_variables, self.clip_norm)
        return {name: ops.mean(values) for name, values in (losses | quality(sharp, restored[0])).items()}

    def test_step(self, batch) -> dict:
        """Measure the generator, one value per picture; the critic has no say in which model is the best."""
        blur, sharp = batch
        restored = self.generate(as_unit_range(blur), training=False)
        return {"content": self.content(as_unit_range(sharp), restored)} | quality(sharp, restored[0])

    def labelled(self, sharp, restored, draws):
        """Return what the critic is told is real and what is restored; for some samples that is wrong."""
        if not self.wrong_labels:
            return sharp, restored
        wrong = _per_picture(draws, 1) < self.wrong_labels
        return ops.where(wrong, restored, sharp), ops.where(wrong, sharp, restored)

    def between(self, sharp, restored, draws):
        """Return a picture between each pair, at a place drawn uniformly."""
        epsilon = _per_picture(draws, 0)
        return epsilon * sharp + (1 - epsilon) * restored


def _per_picture(draws, purpose: int):
    return ops.reshape(draws[:, purpose], (-1, 1, 1, 1))
