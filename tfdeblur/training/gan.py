"""Generative adversarial network with binary cross-entropy (Goodfellow et al. 2014; Kendall & Rios, phase II)."""

import tensorflow as tf
from keras import ops

from tfdeblur.losses import as_unit_range
from tfdeblur.training.adversarial import Adversarial, descend, scaled


def cross_entropy(logits, real: bool):
    """Return the binary cross-entropy of each logit with the label real or restored, `(N,)`."""
    return ops.softplus(-logits if real else logits)


class GAN(Adversarial):
    """A generator and a discriminator, which the attribute `critic` holds, updated in turn on each batch.

    The generator's adversarial loss is the cross-entropy of its pictures with the label real, which has a gradient
    where the discriminator is sure of itself (Goodfellow et al., section 3).
    """

    LOGGED = ("loss", "content", "adversarial", "critic_loss", "accuracy")

    def train_step(self, batches):
        """Update the discriminator, then the generator, on one batch."""
        ((blur, sharp),) = batches
        blur, sharp = as_unit_range(blur), as_unit_range(sharp)
        with tf.GradientTape() as generator_tape:
            restored = self.generate(blur, training=True)
        critic_logs = self.update_critic(sharp, tf.stop_gradient(restored[0]))
        with generator_tape:
            content = self.content(sharp, restored)
            adversarial = cross_entropy(self.critic(restored[0], training=True), real=True)
            loss = content + self._weight_now() * adversarial
            objective = scaled(loss)
        descend(self.optimizer, generator_tape, objective, self.network)
        return self._log(sharp, restored[0], loss=loss, content=content, adversarial=adversarial, **critic_logs)

    def update_critic(self, sharp, restored) -> dict:
        """Take one step of the discriminator."""
        with tf.GradientTape() as tape:
            real, fake = (self.critic(pictures, training=True) for pictures in self._labelled(sharp, restored))
            loss = (cross_entropy(real, real=True) + cross_entropy(fake, real=False)) / 2
            objective = scaled(loss)
        descend(self.critic_optimizer, tape, objective, self.critic)
        right = ops.cast(ops.concatenate([real > 0, fake < 0]), "float32")
        return {"critic_loss": loss, "accuracy": right}
