"""Steps that the unknown border's solver takes, by kernel, noise and precision."""

import numpy as np
import skimage.data
from scipy import signal

from tfdeblur.classical.least_squares import LeastSquares, squared_gradient
from tfdeblur.classical.noise_level import ROUNDING
from tfdeblur.classical.wiener import TYPICAL_VARIANCE
from tfdeblur.physics.kernels import disk, gaussian, linear_motion

KERNELS = {
    "Gaussian, sigma 1": lambda: gaussian(1),
    "Gaussian, sigma 8": lambda: gaussian(8),
    "disk, radius 5": lambda: disk(5),
    "disk, radius 20": lambda: disk(20),
    "motion, 10 pixels at 20 degrees": lambda: linear_motion(10, 20),
    "motion, 40 pixels at 20 degrees": lambda: linear_motion(40, 20),
    "motion, 80 pixels at 30 degrees": lambda: linear_motion(80, 30),
}
NOISES = {"8 bit": ROUNDING, ".005": 0.005, ".01": 0.01, ".05": 0.05}


def main(size: int = 256) -> dict[str, dict[str, str]]:
    """Count steps of conjugate gradients for Tikhonov's filter, for float32 / float64 images.

    Parameters
    ----------
    size : int
        Pixels along an edge of the blurred image.

    Returns
    -------
    dict
        For each kernel the steps at each noise.
    """
    rows = {}
    for name, make in KERNELS.items():
        kernel = make()
        height, width = (size + side - 1 for side in kernel.shape)
        sharp = skimage.data.astronaut()[:height, :width, 1] / 255
        blur = signal.fftconvolve(sharp, kernel, mode="valid")[None, ..., None]
        rows[name] = {f"noise {label}": _steps(blur, kernel, noise) for label, noise in NOISES.items()}
    return rows


def _steps(blur: np.ndarray, kernel: np.ndarray, noise: float) -> str:
    noisy = blur + np.random.default_rng(0).normal(0, noise, blur.shape)
    counts = []
    for kind in (np.float32, np.float64):
        problem = LeastSquares(noisy.astype(kind), kernel, "unknown")
        weight = noise**2 / TYPICAL_VARIANCE["gradient"]
        solver = problem.under(weight * squared_gradient(problem.size, np.float64)[None, None])
        solver.solve()
        counts.append(str(solver.steps))
    return " / ".join(counts)
