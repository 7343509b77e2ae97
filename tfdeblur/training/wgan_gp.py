"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017; Orlandi & Pinardi 2020, algorithm 1)."""

import tensorflow as tf
from keras import ops

from tfdeblur.losses import as_unit_range
from tfdeblur.training.adversarial import Adversarial, descend, scaled

EPSILON = 1e-12
"""Under the root of the gradient's norm, whose derivative at 0 would else be infinite."""


def gradient_norm(critic, pictures):
    """Return the norm, over height, width and channels, of the gradient of each picture's score, `(N,)`."""
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        scores = critic(pictures, training=True)
    # A score depends on its own picture alone, so the gradient of the sum holds those of all.
    gradient = tape.gradient(scores, pictures)
    return ops.sqrt(ops.sum(ops.square(gradient), axis=(1, 2, 3)) + EPSILON)


def penalty(norm):
    """Return the gradient penalty of each picture, two-sided: (norm - 1)^2."""
    return ops.square(norm - 1)


class WGANGP(Adversarial):
    """A generator and a critic trained by Algorithm 1.

    Parameters
    ----------
    n_critic : int
        Updates of the critic for each of the generator.
    penalty_weight : float
        Weight of the gradient penalty, lambda.
    reuse_batch : bool
        Whether all updates of a step see the same batch, as in the report, instead of a fresh one each. The generator's
        pictures are then made once.
    **arguments
        See `Adversarial`.
    """

    LOGGED = ("loss", "content", "adversarial", "critic_loss", "wasserstein", "gradient_norm")

    def __init__(self, *networks, n_critic: int = 5, penalty_weight: float = 10.0, reuse_batch=False, **arguments):
        super().__init__(*networks, **arguments)
        self.n_critic, self.penalty_weight, self.reuse_batch = n_critic, penalty_weight, reuse_batch

    def train_step(self, batches):
        """Update the critic `n_critic` times and the generator once. Numbers are the lines of Algorithm 1."""
        batches = [[as_unit_range(pictures) for pictures in batch] for batch in batches]  # 2
        generator_tape = tf.GradientTape()
        if self.reuse_batch:
            ((blur, sharp),) = batches
            with generator_tape:
                restored = self.generate(blur, training=True)  # 7, once for all k, and 15
        for k in range(self.n_critic):  # 3
            if not self.reuse_batch:
                blur, sharp = batches[k]  # 5
                restored = self.generate(blur, training=True)  # 7
            critic_logs = self.update_critic(sharp, tf.stop_gradient(restored[0]))  # 6, 8, 9, 11
        with generator_tape:
            if not self.reuse_batch:
                blur, sharp = batches[-1]  # 14
                restored = self.generate(blur, training=True)  # 15
            content = self.content(sharp, restored)
            adversarial = -self.critic(restored[0], training=True)
            loss = content + self._weight_now() * adversarial  # 16
            objective = scaled(loss)
        descend(self.optimizer, generator_tape, objective, self.network)  # 18
        return self._log(sharp, restored[0], loss=loss, content=content, adversarial=adversarial, **critic_logs)

    def update_critic(self, sharp, restored) -> dict:
        """Take one step of the critic; numbers are the lines of Algorithm 1."""
        epsilon = self._uniform(0, sharp.shape[0])  # 6
        between = epsilon * sharp + (1 - epsilon) * restored  # 8
        with tf.GradientTape() as tape:
            logs = self.critic_loss(*self._labelled(sharp, restored), between)  # 9
            objective = scaled(logs["critic_loss"])
        descend(self.critic_optimizer, tape, objective, self.critic)  # 11
        return logs

    def critic_loss(self, sharp, restored, between) -> dict:
        """Return the critic's loss of each sample (equation 4.1), the Wasserstein estimate and the gradient's norm."""
        real, fake = (self.critic(pictures, training=True) for pictures in (sharp, restored))
        norm = gradient_norm(self.critic, between)
        loss = fake - real + self.penalty_weight * penalty(norm)
        return {"critic_loss": loss, "wasserstein": real - fake, "gradient_norm": norm}
