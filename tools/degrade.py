"""The blurs that sharp pictures can be given, and what a camera adds: the one place where they are listed for records.

A kind of blur is a function `(light, random, described) -> Blurred` on a picture `(H, W, C)`, float32. To add one,
write it here, name it in `BLURS` and in `tfdeblur.physics.degradation`, which has the fields that describe it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tfdeblur.physics import noise
from tfdeblur.physics.blur import convolve, gaussian_blur, space_variant_blur
from tfdeblur.physics.degradation import Degradation
from tfdeblur.physics.draws import DRAWS, half_normal
from tfdeblur.physics.kernels import gaussian_kernel
from tfdeblur.physics.response import light_of, values_of
from tfdeblur.physics.sigma_maps import drawn_map


class Blurred(NamedTuple):
    """A blurred picture and what is known of its blur."""

    picture: np.ndarray  # (H, W, C), float32
    sigma: float = float("nan")  # of a Gaussian, in pixels
    kernel: np.ndarray | None = None  # (h, w), float32
    sigma_map: np.ndarray | None = None  # (H, W), float32, where sigma varies


def gaussian(light: np.ndarray, random: np.random.Generator, described: Degradation) -> Blurred:
    """Gaussian blur of a strength drawn from `described.sigma`.

    Uniformly, as Orlandi & Pinardi's from 0 to 3 pixels, or half-normally, as Kendall & Rios' of deviation 5.
    """
    if described.deviation:
        sigma = half_normal(random.random(), *described.sigma, described.deviation)
    else:
        sigma = random.uniform(*described.sigma)
    sigma = float(np.float32(sigma))
    return Blurred(gaussian_blur(light, sigma), sigma)


def gaussian5x5(light: np.ndarray, random: np.random.Generator, described: Degradation) -> Blurred:
    """5x5 Gaussian kernel of sigma 1 pixel, zeros beyond the border (King)."""
    kernel = gaussian_kernel(5, 1.0)
    return Blurred(convolve(light, kernel, "zero"), 1.0, kernel)


def space_variant(light: np.ndarray, random: np.random.Generator, described: Degradation) -> Blurred:
    """Gaussian blur whose sigma varies over the picture, within `described.sigma`: smoothly, or with edges."""
    sigma = drawn_map(described.blur, random, light.shape[:2], *described.sigma)
    return Blurred(space_variant_blur(light, sigma), sigma_map=sigma)


def by_kernel(light: np.ndarray, random: np.random.Generator, described: Degradation) -> Blurred:
    """Blur with a kernel drawn by `DRAWS[described.blur]`, with the picture mirrored at its border."""
    kernel = DRAWS[described.blur](random, described)
    return Blurred(convolve(light, kernel), kernel=kernel)


def none(light: np.ndarray, random: np.random.Generator, described: Degradation) -> Blurred:
    """No blur: both pictures of the pair are the sharp one."""
    return Blurred(light, 0.0)


BLURS: dict[str, Callable[[np.ndarray, np.random.Generator, Degradation], Blurred]] = {
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


@dataclass(frozen=True)
class Degraded:
    """A degraded picture, and what was drawn for it.

    Attributes
    ----------
    picture : numpy.ndarray
        `(H, W, C)`, float32 in [0, 1].
    sharp : numpy.ndarray, optional
        The sharp one as the same exposure shows it; None where that is the sharp one as it was.
    drawn : dict
        What was drawn, by the names that records have for it.
    sigma_map : numpy.ndarray, optional
        `(H, W)`, float32, where sigma varies.
    """

    picture: np.ndarray
    sharp: np.ndarray | None
    drawn: dict
    sigma_map: np.ndarray | None = None


def degrade(sharp: np.ndarray, random: np.random.Generator, described: Degradation) -> Degraded:
    """Blur a picture and photograph it.

    Parameters
    ----------
    sharp : numpy.ndarray
        `(H, W, C)`, float32 in [0, 1].
    random : numpy.random.Generator
        What everything is drawn from.
    described : Degradation
        What to do, and the ranges to draw from.
    """
    light, drawn = light_of(sharp, described.response), {}
    if described.highlights:
        drawn["highlights"] = random.uniform(*described.highlights)
        light = noise.highlights(light, drawn["highlights"])
    blurred = BLURS[described.blur](light, random, described)
    drawn |= {"sigma": blurred.sigma, "kernel": blurred.kernel}
    return replace(photograph(blurred.picture, sharp, random, described, drawn), sigma_map=blurred.sigma_map)


def photograph(
    light: np.ndarray, sharp: np.ndarray, random: np.random.Generator, described: Degradation, drawn: dict
) -> Degraded:
    """Do to blurred light what a camera does: gain, noise, white cut off, its response, JPEG.

    Parameters
    ----------
    light : numpy.ndarray
        `(H, W, C)`, float32.
    sharp, random, described
        As in `degrade`.
    drawn : dict
        What has been drawn before.
    """
    drawn, exposed = dict(drawn), None
    if described.gain:
        gain = drawn["gain"] = random.uniform(*described.gain)
        light = light * np.float32(gain)
        exposed = values_of(noise.saturate(light_of(sharp, described.response), gain), described.response)
    if described.photons:
        drawn["photons"] = random.uniform(*described.photons)
        light = noise.poisson_noise(light, drawn["photons"], random)
    if described.noise:
        drawn["noise"] = random.uniform(*described.noise)
        light = noise.gaussian_noise(light, drawn["noise"], random)
    if described.highlights or described.gain or described.photons or described.noise:
        light = noise.saturate(light)
    picture = values_of(light, described.response)
    if described.jpeg:
        drawn["jpeg"] = int(random.integers(*described.jpeg, endpoint=True))
        picture = noise.jpeg(picture, drawn["jpeg"])
    return Degraded(picture, exposed, drawn)
