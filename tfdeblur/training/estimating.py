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
    clip_norm : float, optional
        Largest global norm of the gradient.
    """

    def __init__(self, network: keras.Model, clip_norm: float | None = None):
        super().__init__(network, outputs.loss, clip_norm)
        self.criterion = ("motion_rmse" if network.output_shape[-1] == outputs.MOTION else "sigma_rmse", -1)

    def as_target(self, truth):
        """Return maps of sigma, or motions, as they are."""
        return truth

    def measures(self, truth, output) -> dict:
        """Return the mean squared error of each picture's estimate, and of classes whether it is right."""
        target = outputs.target_of(truth, output)
        squared = ops.square(target - outputs.estimate_of(output)[0])
        found = {self.criterion[0]: ops.mean(squared, tuple(range(1, len(squared.shape))))}
        if outputs.are_classes(output):
            nearest = ops.argmin(ops.abs(target - outputs.class_sigmas(output.shape[-1])), -1)
            found["accuracy"] = ops.cast(ops.equal(nearest, ops.argmax(output, -1)), "float32")
        return found

    def summary_of(self, means: dict[str, float]) -> dict[str, float]:
        """Take the root of the mean squared error."""
        error = self.criterion[0]
        return means | {error: means[error] ** 0.5}

    def shown(self, blur, sigma_map) -> list[np.ndarray]:
        """Return what is to be seen of a batch: pictures, estimated maps and true ones, white where sigma is 3."""
        output = self(blur, training=False)
        if len(output.shape) != 4:
            return []
        maps = (np.asarray(each) / outputs.HIGH for each in (outputs.estimate_of(output)[0], sigma_map))
        grey = np.asarray(super().as_target(blur)).mean(-1, keepdims=True)
        return [grey, *maps]
