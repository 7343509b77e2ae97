"""Training of networks that estimate blur: their output is compared with the blur that was made."""

import keras
import numpy as np
from keras import ops

from tfdeblur.estimation import outputs
from tfdeblur.training.supervised import Supervised


class Estimating(Supervised):
    """A network that estimates blur, fed with blurred pictures as they are stored and what is known of their blur.

    Parameters
    ----------
    network : keras.Model
        Pictures `(N, H, W, C)` in [0, 1] to what `tfdeblur.estimation.outputs` describes.
    """

    def __init__(self, network: keras.Model):
        name = "motion_rmse" if network.output_shape[-1] == outputs.MOTION else "sigma_rmse"
        super().__init__(network, outputs.loss, metrics=[keras.metrics.RootMeanSquaredError(name)])
        self.criterion = (name, -1)
        if outputs.are_classes(network.output_shape):
            self.metrics_over_pictures.append(keras.metrics.SparseCategoricalAccuracy("accuracy"))

    def as_target(self, truth):
        """Return maps of sigma, or motions, as they are."""
        return truth

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the error of the estimate, and of classes how many are right."""
        target = outputs.target_of(y, y_pred)
        error, *accuracy = self.metrics_over_pictures
        error.update_state(target, outputs.estimate_of(y_pred)[0])
        for metric in accuracy:
            nearest = ops.argmin(ops.abs(target - outputs.class_sigmas(y_pred.shape[-1])), -1)
            metric.update_state(nearest, y_pred)
        return self.get_metrics_result()

    def shown(self, blur, sigma_map) -> list[np.ndarray]:
        """Return what is to be seen of a batch: pictures, estimated maps and true ones, white where sigma is 3."""
        output = self(blur, training=False)
        if len(output.shape) != 4:
            return []
        maps = (np.asarray(each) / outputs.HIGH for each in (outputs.estimate_of(output)[0], sigma_map))
        grey = np.asarray(super().as_target(blur)).mean(-1, keepdims=True)
        return [grey, *maps]
