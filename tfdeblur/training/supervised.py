"""Supervised training: the network's estimate is compared with the sharp picture."""

from collections.abc import Callable

import keras

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
    """

    def __init__(self, network: keras.Model, loss: Callable):
        super().__init__(name="supervised")
        self.network = network
        self.loss_over_pictures = _MeanOverPictures(loss)
        self.psnr, self.ssim = PSNR(), SSIM()

    def build_optimizers(self) -> None:
        """Make the optimiser's variables: unbuilt ones fail under MirroredStrategy."""
        self.optimizer.build(self.trainable_variables)

    def call(self, blur, training=None):
        """Restore pictures: uint8, or float in [0, 1]. The conversion is the first thing the compiled step does."""
        return self.network(as_unit_range(blur), training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean over the pictures of this replica's batch, divided by the number of replicas."""
        return self.loss_over_pictures(as_unit_range(y), y_pred)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update PSNR and SSIM and return the means so far."""
        for metric in (self.psnr, self.ssim):
            metric.update_state(y, y_pred)
        return self.get_metrics_result()
