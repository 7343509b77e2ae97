"""How much a picture is blurred at each pixel, from what blurring it again takes away: no training."""

import numpy as np
from scipy import ndimage

SCALES = np.array([0.7, 1.0, 1.4, 2.0, 2.8])
"""Sigmas of the Gaussians, in pixels, under which gradients are compared."""

CANDIDATES = np.geomspace(0.2, 6.0, 64)
"""Sigmas that are tried."""

EXPONENT, EXPONENT_DEVIATION = 1.0, 0.6
"""How the sharp picture's gradients fall off with the variance of a blur: as in photographs, and how far from it."""

LOGARITHM_DEVIATION = 0.05
"""By how much the logarithm of a gradient's energy strays from the law."""

WINDOW = 12.0
"""Sigma in pixels of the Gaussian window over which energies are averaged."""

STRIDE = 4
"""Pixels from one estimate to the next; those between are interpolated."""


def reblurring_map(picture: np.ndarray) -> np.ndarray:
    """Estimate the sigma of the Gaussian blur at each pixel.

    A sharp picture's spectrum is taken for a power law about each pixel, as that of photographs is. Then the energy of
    its gradients, blurred by sigma and again by a, is `c (sigma^2 + a^2)^-p`. Energies at a few a give sigma, c and p,
    by least squares with a prior on p. Noise and textures with a scale of their own break the law. (The idea of
    comparing a picture with itself blurred again is that of Zhuo & Sim 2011, who do it at edges.)

    Parameters
    ----------
    picture : numpy.ndarray
        `(H, W)` in [0, 1].

    Returns
    -------
    numpy.ndarray
        `(H, W)`, float32, sigmas in pixels in [0.2, 6]. Where nothing is seen they say as little.
    """
    energies = np.stack([_energy(np.float64(picture), scale) for scale in SCALES], -1)
    least, best = np.full(energies.shape[:2], np.inf), np.zeros(energies.shape[:2])
    for sigma in CANDIDATES:
        logarithms = np.log(sigma**2 + SCALES**2)
        rest = energies + EXPONENT * logarithms
        rest -= rest.mean(-1, keepdims=True)
        logarithms -= logarithms.mean()
        share = (LOGARITHM_DEVIATION / EXPONENT_DEVIATION) ** 2
        steeper = rest @ logarithms / (logarithms @ logarithms + share)  # the exponent's difference from the prior's
        cost = np.square(rest - steeper[..., None] * logarithms).sum(-1) + share * steeper**2
        better = cost < least
        least[better], best[better] = cost[better], sigma
    places = np.meshgrid(*(np.arange(side) / STRIDE for side in picture.shape), indexing="ij")
    return ndimage.map_coordinates(best, places, order=1, mode="nearest").astype(np.float32)


def _energy(picture: np.ndarray, scale: float) -> np.ndarray:
    """Return the logarithm of the mean squared gradient under a Gaussian about every STRIDE-th pixel."""
    gradient = (ndimage.gaussian_filter(picture, scale, order=order, mode="mirror") for order in ((0, 1), (1, 0)))
    squared = sum(np.square(part) for part in gradient)
    mean = ndimage.gaussian_filter(squared, WINDOW, mode="mirror")[::STRIDE, ::STRIDE]
    return np.log(mean + 1e-12)
