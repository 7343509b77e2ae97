"""The blurs that sharp pictures can be given: the one place where they are listed.

A kind of blur is a function `(sharp, random, recipe) -> Blurred` on a picture `(H, W, C)`, float32 in [0, 1]. To add
one, write it here, name it in `BLURS`, and give `Options` and `Recipe` the fields that describe it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfdeblur.physics.blur import convolve, gaussian_blur
from tfdeblur.physics.kernels import gaussian_kernel
from tools.items import Recipe


class Blurred(NamedTuple):
    """A blurred picture and what is known of its blur."""

    picture: np.ndarray  # (H, W, C), float32 in [0, 1]
    sigma: float = float("nan")  # of a Gaussian, in pixels
    kernel: np.ndarray | None = None  # (h, w), float32


def gaussian(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> Blurred:
    """Gaussian blur of a strength drawn uniformly from `recipe.sigma` (Orlandi & Pinardi: 0 to 3 pixels)."""
    sigma = float(np.float32(random.uniform(*recipe.sigma)))
    return Blurred(gaussian_blur(sharp, sigma), sigma)


def gaussian5x5(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> Blurred:
    """5x5 Gaussian kernel of sigma 1 pixel, zeros beyond the border (King)."""
    kernel = gaussian_kernel(5, 1.0)
    return Blurred(convolve(sharp, kernel, "zero"), 1.0, kernel)


def none(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> Blurred:
    """No blur: both pictures of the pair are the sharp one."""
    return Blurred(sharp, 0.0)


BLURS: dict[str, Callable[[np.ndarray, np.random.Generator, Recipe], Blurred]] = {
    "gaussian": gaussian,
    "gaussian5x5": gaussian5x5,
    "none": none,
}
