"""Supervised training: the network's estimate is compared with the sharp picture."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from tfdeblur.evaluation.metrics import quality
from tfdeblur.losses import as_unit_range
from tfdeblur.training.differentiation import descend, gradients, scaled


class Supervised(keras.Model):
    """A network with its loss, fed with pictures as they are stored.

    Parameters
    ----------
    network : keras.Model
        `(N, H, W, C)` in [0, 1] to float32 of the same shape.
    loss : callable
        `(sharp, restored)` to one value per picture; it works in float32 whatever the network computes in.
    clip_norm : float, optional
        Largest global norm of the gradient.
    """

    criterion = ("psnr", 1)
    """The measure by which the best network is chosen, and whether more of it (1) or less (-1) is better."""

    def __init__(self, network: keras.Model, loss: Callable, clip_norm: float | None = None):
        super().__init__(name="supervised")
        self.network, self.loss_over_pictures, self.clip_norm = network, loss, clip_norm

    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Return all optimisers."""
        return [self.optimizer]

    def build_optimizers(self) -> None:
        """Make the optimiser's variables: unbuilt ones fail under MirroredStrategy."""
        self.optimizer.build(self.network.trainable_variables)

    def call(self, blur, training=None):
        """Restore pictures: uint8, or float in [0, 1]. The conversion is the first thing the compiled step does."""
        return self.network(as_unit_range(blur), training=training)

    def train_step(self, batch) -> dict:
        """Take one step on this replica's part of a batch; return the means of what was measured over its pictures."""
        blur, target = batch

        def objective():
            output = self(blur, training=True)
            measured = {"loss": self.loss_over_pictures(self.as_target(target), output)}
            return scaled(measured["loss"]), measured | self.measures(target, output)

        variables = self.network.trainable_variables
        measured, slopes = gradients(objective, variables, self)
        descend(self.optimizer, slopes, variables, self.clip_norm)
        return {name: ops.mean(values) for name, values in measured.items()}

    def test_step(self, batch) -> dict:
        """Measure a batch: one value per picture of each measure."""
        blur, target = batch
        output = self(blur, training=False)
        return {"loss": self.loss_over_pictures(self.as_target(target), output)} | self.measures(target, output)

    def as_target(self, sharp):
        """Return sharp pictures, uint8 or float, as the loss takes them."""
        return as_unit_range(sharp)

    def measures(self, target, output) -> dict:
        """Return what is logged besides the loss, one value per picture of each."""
        return quality(target, output)

    def summary_of(self, means: dict[str, float]) -> dict[str, float]:
        """Return what is logged, from means over pictures."""
        return means

    def shown(self, blur, sharp) -> list[np.ndarray]:
        """Return what is to be seen of a batch: blurred, restored and sharp pictures, `(N, H, W, C)` in [0, 1]."""
        restored = self(blur, training=False)
        return [np.asarray(each) for each in (as_unit_range(blur), restored, as_unit_range(sharp))]
