"""The kernel that blurred a whole photograph, as a network estimates it."""

from collections.abc import Callable

import numpy as np

from tfdeblur import inference
from tfdeblur.estimation.estimators import (
    REBLURRING,
    Estimator,
    estimator_of,
    load_estimator,
    sees_spectra,
    through_spectra,
)
from tfdeblur.estimation.motion import refined_motion
from tfdeblur.estimation.outputs import MOTION
from tfdeblur.estimation.sigma_map import grey, known, sigma_map
from tfdeblur.physics.kernels import gaussian, linear_motion

REACH = 8
"""Sigmas across the kernel of a Gaussian, which has to fit into the picture."""


def kernel_estimator(model: str) -> Callable[[np.ndarray], np.ndarray]:
    """Load a network that estimates blur as a function from photographs to kernels.

    Parameters
    ----------
    model : str
        Of a network that estimates motion: a run folder or a `.keras` file; the kernel is that of a straight motion,
        what the network says of it refined by `refined_motion`. Of one that estimates sigma: as `load_estimator` takes
        it; the kernel is a Gaussian of the map's median.

    Returns
    -------
    callable
        From `(H, W)` or `(H, W, C)`, as `sigma_map` takes it, to `(h, w)`, float32.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such model, or it estimates neither.
    """
    if model == REBLURRING:
        return _median_of(load_estimator(model))
    network = inference.load_network(model)
    if network.output_shape[-1] != MOTION or not sees_spectra(network):
        return _median_of(estimator_of(network, model))
    see = through_spectra(inference.as_float32(network))

    def estimate(pixels: np.ndarray) -> np.ndarray:
        luma = grey(pixels)
        *streak, deviation = np.float64(see(luma))
        return linear_motion(*refined_motion(np.float64(luma[..., 0]), np.array(streak), deviation))

    return estimate


def _median_of(estimator: Estimator) -> Callable[[np.ndarray], np.ndarray]:
    def estimate(pixels: np.ndarray) -> np.ndarray:
        sigma, deviation = sigma_map(estimator, pixels)
        seen = sigma[known(sigma, deviation)]
        return gaussian_of(float(np.median(seen)) if seen.size else 0.0, pixels.shape[:2])

    return estimate


def gaussian_of(sigma: float, size: tuple[int, int]) -> np.ndarray:
    """Return the kernel of an estimated sigma that is not negative and no larger than a picture of some size."""
    return gaussian(min(max(sigma, 0.0), (min(size) - 2) / REACH))
