"""Generative adversarial network with binary cross-entropy (Goodfellow et al. 2014; Kendall & Rios, phase II)."""

from keras import ops

from tfdeblur.losses import as_unit_range
from tfdeblur.training.adversarial import Adversarial
from tfdeblur.training.differentiation import pull_back


def cross_entropy(logits, real: bool):
    """Return the binary cross-entropy of each logit with the label real or restored, `(N,)`."""
    return ops.softplus(-logits if real else logits)


class GAN(Adversarial):
    """A generator and a discriminator, which the attribute `critic` holds, updated in turn on each batch.

    The generator's adversarial loss is the cross-entropy of its pictures with the label real, which has a gradient
    where the discriminator is sure of itself (Goodfellow et al., section 3).
    """

    def train_step(self, batches) -> dict:
        """Update the discriminator, then the generator, on one batch; return the means of what is logged."""
        ((blur, sharp, draws),) = batches
        blur, sharp = as_unit_range(blur), as_unit_range(sharp)
        restored, back = pull_back(lambda: self.generate(blur, training=True), self.network.trainable_variables, self)
        critic_logs = self.update_critic(sharp, ops.stop_gradient(restored[0]), draws[:, 0])
        return self.update_generator(sharp, restored, back) | critic_logs

    def critic_losses(self, sharp, restored, draws) -> dict:
        """Return the discriminator's loss of each pair, and how often it is right."""
        real, fake = (self.critic(pictures, training=True) for pictures in self.labelled(sharp, restored, draws))
        loss = (cross_entropy(real, real=True) + cross_entropy(fake, real=False)) / 2
        return {"critic_loss": loss, "accuracy": ops.cast(ops.concatenate([real > 0, fake < 0]), "float32")}

    def adversarial_loss(self, logits):
        """Return what each logit of a restored picture costs the generator."""
        return cross_entropy(logits, real=True)
