"""Training of networks that estimate blur: their output is compared with the blur that was made."""

import keras
import numpy as np
from keras import ops

from tfdeblur.estimation import outputs
from tfdeblur.training.supervised import Supervised


class Estimating(Supervised):
    """A network that estimates sigma, fed with blurred pictures as they are stored and the maps of their sigma.

    Parameters
    ----------
    network : keras.Model
        Pictures `(N, H, W, C)` in [0, 1] to what `tfdeblur.estimation.outputs` describes.
    """

    criterion = ("sigma_rmse", -1)

    def __init__(self, network: keras.Model):
        super().__init__(network, outputs.loss, metrics=[keras.metrics.RootMeanSquaredError("sigma_rmse")])
        if outputs.are_classes(network.output_shape):
            self.metrics_over_pictures.append(keras.metrics.SparseCategoricalAccuracy("accuracy"))

    def as_target(self, sigma_map):
        """Return maps of sigma as they are."""
        return sigma_map

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the error of sigma, and of classes how many are right."""
        target = outputs.target_of(y, y_pred)
        error, *accuracy = self.metrics_over_pictures
        error.update_state(target, outputs.sigma_of(y_pred)[0])
        for metric in accuracy:
            nearest = ops.argmin(ops.abs(target - outputs.class_sigmas(y_pred.shape[-1])), -1)
            metric.update_state(nearest, y_pred)
        return self.get_metrics_result()

    def shown(self, blur, sigma_map) -> list[np.ndarray]:
        """Return what is to be seen of a batch: pictures, estimated maps and true ones, white where sigma is 3."""
        output = self(blur, training=False)
        if len(output.shape) != 4:
            return []
        maps = (np.asarray(each) / outputs.HIGH for each in (outputs.sigma_of(output)[0], sigma_map))
        grey = np.asarray(super().as_target(blur)).mean(-1, keepdims=True)
        return [grey, *maps]


class EstimatingMotion(Supervised):
    """A network that estimates the motion which blurred a picture, fed with blurred pictures and motions `(N, 2)`.

    Parameters
    ----------
    network : keras.Model
        Pictures `(N, H, W, C)` in [0, 1] to `(N, 3)`, as `tfdeblur.estimation.outputs` describes.
    """

    criterion = ("motion_rmse", -1)

    def __init__(self, network: keras.Model):
        super().__init__(network, outputs.loss, metrics=[keras.metrics.RootMeanSquaredError("motion_rmse")])

    def as_target(self, motion):
        """Return motions as they are."""
        return motion

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the error of the motion."""
        self.metrics_over_pictures[0].update_state(y, y_pred[..., :-1])
        return self.get_metrics_result()

    def shown(self, blur, motion) -> list[np.ndarray]:
        """Return nothing: there is nothing to be seen."""
        return []
