"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017; Orlandi & Pinardi 2020, algorithm 1)."""

import keras
from keras import ops

from tfdeblur.losses import as_unit_range
from tfdeblur.training.adversarial import Adversarial
from tfdeblur.training.differentiation import input_gradients, pull_back

EPSILON = 1e-12
"""Under the root of the gradient's norm, whose derivative at 0 would else be infinite."""


def gradient_norm(critic: keras.Model, pictures):
    """Return the norm, over height, width and channels, of the gradient of each picture's score, `(N,)`."""
    # A score depends on its own picture alone, so the gradient of the sum holds those of all.
    _, gradient = input_gradients(lambda pictures: (ops.sum(critic(pictures, training=True)), None), pictures, critic)
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

    def __init__(self, *networks, n_critic: int = 5, penalty_weight: float = 10.0, reuse_batch=False, **arguments):
        super().__init__(*networks, **arguments)
        self.n_critic, self.penalty_weight, self.reuse_batch = n_critic, penalty_weight, reuse_batch

    def train_step(self, batches) -> dict:
        """Update the critic `n_critic` times and the generator once. Numbers are the lines of Algorithm 1."""
        parts = [(as_unit_range(blur), as_unit_range(sharp), draws) for blur, sharp, draws in batches]  # 2
        blur, sharp, draws = parts[-1]
        variables = self.network.trainable_variables
        if self.reuse_batch:
            restored, back = pull_back(lambda: self.generate(blur, training=True), variables, self)  # 7 for all k, 15
            for k in range(self.n_critic):  # 3
                critic_logs = self.update_critic(sharp, ops.stop_gradient(restored[0]), draws[:, k])  # 6, 8, 9, 11
        else:
            for seen, truth, drawn in parts[:-1]:  # 3, 5
                made = ops.stop_gradient(self.generate(seen, training=True)[0])  # 7
                critic_logs = self.update_critic(truth, made, drawn[:, 0])  # 6, 8, 9, 11
            restored, back = pull_back(lambda: self.generate(blur, training=True), variables, self)  # 14, 15
        return self.update_generator(sharp, restored, back) | critic_logs  # 16, 18

    def critic_losses(self, sharp, restored, draws) -> dict:
        """Return the critic's loss of each sample (equation 4.1), the Wasserstein estimate and the gradient's norm."""
        between = self.between(sharp, restored, draws)  # 8
        real, fake = (self.critic(pictures, training=True) for pictures in self.labelled(sharp, restored, draws))
        norm = gradient_norm(self.critic, between)
        loss = fake - real + self.penalty_weight * penalty(norm)  # 9
        return {"critic_loss": loss, "wasserstein": real - fake, "gradient_norm": norm}

    def adversarial_loss(self, scores):
        """Return what each score of a restored picture costs the generator."""
        return -scores
