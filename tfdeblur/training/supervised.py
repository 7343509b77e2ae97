"""Supervised training: the network's estimate is compared with the sharp picture."""

from collections.abc import Callable

import keras
import numpy as np

from tfdeblur.evaluation.metrics import PSNR, SSIM
from tfdeblur.losses import as_unit_range


class _MeanOverPictures(keras.losses.Loss):
    """A loss as Keras reduces it: replicas then sum up their gradients to that of the mean over the global batch."""

    def __init__(self, loss: Callable):
        super().__init__(name="loss", reduction="sum_over_batch_size")
        self.loss = loss

    def call(self, sharp, restored):
        """Return one value per picture."""
        return self.loss(sharp, restored)


class Supervised(keras.Model):
    """A network with its loss, fed with pictures as they are stored.

    Parameters
    ----------
    network : keras.Model
        `(N, H, W, C)` in [0, 1] to float32 of the same shape.
    loss : callable
        `(sharp, restored)` to one value per picture; it works in float32 whatever the network computes in.
    metrics : list of keras.metrics.Metric, optional
        What is measured; PSNR and SSIM by default.
    """

    criterion = ("psnr", 1)
    """The metric by which the best network is chosen, and whether more of it (1) or less (-1) is better."""

    def __init__(self, network: keras.Model, loss: Callable, metrics: list | None = None):
        super().__init__(name="supervised")
        self.network = network
        self.loss_over_pictures = _MeanOverPictures(loss)
        self.metrics_over_pictures = [PSNR(), SSIM()] if metrics is None else metrics

    def build_optimizers(self) -> None:
        """Make the optimiser's variables: unbuilt ones fail under MirroredStrategy."""
        self.optimizer.build(self.trainable_variables)

    def call(self, blur, training=None):
        """Restore pictures: uint8, or float in [0, 1]. The conversion is the first thing the compiled step does."""
        return self.network(as_unit_range(blur), training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean over the pictures of this replica's batch, divided by the number of replicas."""
        return self.loss_over_pictures(self.as_target(y), y_pred)

    def as_target(self, sharp):
        """Return sharp pictures, uint8 or float, as the loss takes them."""
        return as_unit_range(sharp)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update PSNR and SSIM and return the means so far."""
        for metric in self.metrics_over_pictures:
            metric.update_state(y, y_pred)
        return self.get_metrics_result()

    def shown(self, blur, sharp) -> list[np.ndarray]:
        """Return what is to be seen of a batch: blurred, restored and sharp pictures, `(N, H, W, C)` in [0, 1]."""
        restored = self(blur, training=False)
        return [np.asarray(each) for each in (as_unit_range(blur), restored, as_unit_range(sharp))]
