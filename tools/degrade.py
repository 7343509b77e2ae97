"""The blurs that sharp pictures can be given, and what a camera adds: the one place where they are listed for records.

A kind of blur is a function `(sharp, random, recipe) -> Blurred` on a picture `(H, W, C)`, float32 in [0, 1]. To add
one, write it here, name it in `BLURS` and in `tfdeblur.physics.ranges`, which has the fields that describe it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfdeblur.physics import noise
from tfdeblur.physics.blur import convolve, gaussian_blur, space_variant_blur
from tfdeblur.physics.draws import DRAWS
from tfdeblur.physics.kernels import gaussian_kernel
from tfdeblur.physics.sigma_maps import drawn_map
from tools.items import Recipe


class Blurred(NamedTuple):
    """A blurred picture and what is known of its blur."""

    picture: np.ndarray  # (H, W, C), float32 in [0, 1]
    sigma: float = float("nan")  # of a Gaussian, in pixels
    kernel: np.ndarray | None = None  # (h, w), float32
    sigma_map: np.ndarray | None = None  # (H, W), float32, where sigma varies


def gaussian(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> Blurred:
    """Gaussian blur of a strength drawn uniformly from `recipe.sigma` (Orlandi & Pinardi: 0 to 3 pixels)."""
    sigma = float(np.float32(random.uniform(*recipe.sigma)))
    return Blurred(gaussian_blur(sharp, sigma), sigma)


def gaussian5x5(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> Blurred:
    """5x5 Gaussian kernel of sigma 1 pixel, zeros beyond the border (King)."""
    kernel = gaussian_kernel(5, 1.0)
    return Blurred(convolve(sharp, kernel, "zero"), 1.0, kernel)


def space_variant(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> Blurred:
    """Gaussian blur whose sigma varies over the picture, within `recipe.sigma`: smoothly, or with edges."""
    sigma = drawn_map(recipe.blur, random, sharp.shape[:2], *recipe.sigma)
    return Blurred(space_variant_blur(sharp, sigma), sigma_map=sigma)


def by_kernel(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> Blurred:
    """Blur with a kernel drawn by `DRAWS[recipe.blur]`, with the picture mirrored at its border."""
    kernel = DRAWS[recipe.blur](random, recipe)
    return Blurred(convolve(sharp, kernel), kernel=kernel)


def none(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> Blurred:
    """No blur: both pictures of the pair are the sharp one."""
    return Blurred(sharp, 0.0)


BLURS: dict[str, Callable[[np.ndarray, np.random.Generator, Recipe], Blurred]] = {
    "gaussian": gaussian,
    "gaussian5x5": gaussian5x5,
    "space_variant": space_variant,
    "two_depths": space_variant,
    "disk": by_kernel,
    "motion": by_kernel,
    "shake": by_kernel,
    "measured": by_kernel,
    "none": none,
}


def degrade(sharp: np.ndarray, random: np.random.Generator, recipe: Recipe) -> tuple[Blurred, np.ndarray | None]:
    """Blur a picture and do to it what a camera does: gain, noise, white cut off, rounding, JPEG.

    Parameters
    ----------
    sharp : numpy.ndarray
        `(H, W, C)`, float32 in [0, 1].
    random : numpy.random.Generator
        What everything is drawn from.
    recipe : Recipe
        What of.

    Returns
    -------
    tuple
        The blurred picture; and the sharp one as the same exposure shows it, or None where a gain changes nothing.
    """
    blurred = BLURS[recipe.blur](sharp, random, recipe)
    picture, exposed = camera(blurred.picture, sharp, random, recipe)
    return blurred._replace(picture=picture), exposed


def camera(
    picture: np.ndarray, sharp: np.ndarray, random: np.random.Generator, recipe: Recipe
) -> tuple[np.ndarray, np.ndarray | None]:
    """Do to a blurred picture what a camera does after the blur; return it and, where it shows, the sharp one's gain.

    Parameters and results are those of `degrade`.
    """
    exposed = None
    if recipe.gain:
        gain = random.uniform(*recipe.gain)
        picture, exposed = picture * np.float32(gain), noise.saturate(sharp, gain)
    if recipe.photons:
        picture = noise.poisson_noise(picture, random.uniform(*recipe.photons), random)
    if recipe.noise:
        picture = noise.gaussian_noise(picture, random.uniform(*recipe.noise), random)
    if recipe.gain or recipe.photons or recipe.noise:
        picture = noise.saturate(picture)
    if recipe.jpeg:
        picture = noise.jpeg(picture, random.integers(*recipe.jpeg, endpoint=True))
    return picture, exposed
