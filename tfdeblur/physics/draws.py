"""Blur kernels drawn at random."""

import math
import os
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import special

from tfdeblur.physics.degradation import Degradation
from tfdeblur.physics.kernels import camera_shake, disk, gaussian_kernel, linear_motion
from tfdeblur.physics.psfs import kernel_names, read_kernel


def half_normal(uniform, low: float, high: float, deviation: float):
    """Return the absolute value of a normal variable, between two bounds, of a variable uniform in [0, 1].

    Parameters
    ----------
    uniform : float or tensor
        The uniform variable.
    low, high : float
        Bounds, 0 <= low <= high.
    deviation : float
        Standard deviation of the normal variable.
    """
    scale = deviation * math.sqrt(2)
    first, last = math.erf(low / scale), math.erf(high / scale)
    if isinstance(uniform, float):
        return min(scale * float(special.erfinv(first + uniform * (last - first))), high)
    from keras import ops

    return ops.minimum(scale * ops.erfinv(first + uniform * (last - first)), high)


def draw_kings(random: np.random.Generator, described: Degradation) -> np.ndarray:
    """Return King's kernel, 5x5 of sigma 1: nothing is drawn."""
    return gaussian_kernel(5, 1.0)


def draw_disk(random: np.random.Generator, described: Degradation) -> np.ndarray:
    """Return a disk of a radius from `described.radius`."""
    return disk(random.uniform(*described.radius))


def draw_motion(random: np.random.Generator, described: Degradation) -> np.ndarray:
    """Return a motion of a length from `described.length` in any direction."""
    return linear_motion(random.uniform(*described.length), random.uniform(0, 180))


def draw_shake(random: np.random.Generator, described: Degradation) -> np.ndarray:
    """Return a camera shake whose path has a length from `described.length`."""
    return camera_shake(random, random.uniform(*described.length))


def draw_measured(random: np.random.Generator, described: Degradation) -> np.ndarray:
    """Return one of the kernels of the file `described.kernels`."""
    found = read_kernels(described.kernels)
    return found[random.integers(len(found))]


DRAWS: dict[str, Callable[[np.random.Generator, Degradation], np.ndarray]] = {
    "gaussian5x5": draw_kings,
    "disk": draw_disk,
    "motion": draw_motion,
    "shake": draw_shake,
    "measured": draw_measured,
}


@lru_cache(maxsize=4)
def read_kernels(path: str | os.PathLike) -> tuple[np.ndarray, ...]:
    """Read all kernels of a file, each with its centre of mass in the middle, so that they shift no picture.

    Parameters
    ----------
    path : str
        What `psfs.read_kernel` takes; of an `.npz` file without a name all arrays are taken.

    Returns
    -------
    tuple of numpy.ndarray
        Each `(h, w)`, float32.

    Raises
    ------
    ValueError, FileNotFoundError
        See `psfs.read_kernel`.
    """
    path = os.fspath(path)
    if not (path.lower().endswith(".npz") and os.path.isfile(path)):
        return (read_kernel(path, centred=True),)
    return tuple(read_kernel(f"{path}:{name}", centred=True) for name in kernel_names(path))


def kernel_bank(kind: str, described: Degradation, count: int, random: np.random.Generator) -> np.ndarray:
    """Draw kernels of one kind and frame them with zeros to one size.

    Parameters
    ----------
    kind : str
        A key of `DRAWS`.
    described : Degradation
        What they are drawn from.
    count : int
        How many.
    random : numpy.random.Generator
        What they are drawn with.

    Returns
    -------
    numpy.ndarray
        `(count, h, w)`, float32.
    """
    drawn = [DRAWS[kind](random, described) for _ in range(count)]
    height, width = (max(kernel.shape[axis] for kernel in drawn) for axis in (0, 1))
    bank = np.zeros((count, height, width), np.float32)
    for frame, kernel in zip(bank, drawn, strict=True):
        h, w = kernel.shape
        top, left = (height - h) // 2, (width - w) // 2
        frame[top : top + h, left : left + w] = kernel
    return bank
