"""Space-variant deblurring: every level of blur by itself, put together by a map (Kendall & Rios 2019, Phase II)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfdeblur.classical.photographs import Method, clipping_remarks, method_on
from tfdeblur.estimation.estimators import load_estimator
from tfdeblur.estimation.sigma_map import cautious, is_map, read_map, sigma_map
from tfdeblur.physics.blur import space_variant_blur
from tfdeblur.physics.kernels import gaussian, gaussian_reach
from tfdeblur.physics.sigma_maps import blend_weights, sigma_ladder
from tfdeblur.physics.transparency import filled, has_hidden_colours

SHARP = 0.4
"""Sigma in pixels up to which a pixel counts as sharp and is left as it is."""

ROUGHNESS = 0.01
"""Standard deviation of the noise that is assumed at least: estimated kernels are not quite right."""


def stitch(pictures: np.ndarray, sigma_map: np.ndarray, deblur: Callable) -> np.ndarray:
    """Deblur pictures whose Gaussian blur varies from pixel to pixel.

    The pictures are deblurred whole at a few sigmas, those of `sigma_ladder`; at each pixel the results of the two
    nearest are blended, linearly in the variance. What is sharper than a sigma is blurred to it before: there the
    deblurring would make waves that reach far into what is as blurred as it takes it to be. What the map says is sharp
    stays as it is, to the last bit.

    Parameters
    ----------
    pictures : numpy.ndarray
        `(N, H, W, C)`, float32 in [0, 1].
    sigma_map : numpy.ndarray
        `(H, W)`, or `(N, H, W)` for a map each: standard deviations in pixels, >= 0.
    deblur : callable
        `(pictures, kernel)` to sharp pictures: one of `classical.METHODS`, or any network that takes a kernel.

    Returns
    -------
    numpy.ndarray
        Same shape and dtype, not clipped.

    Raises
    ------
    ValueError
        The map is not of the pictures' size, or has values that are no sigmas.
    """
    maps = sigma_map[None] if sigma_map.ndim == 2 else sigma_map
    if maps.shape[1:] != pictures.shape[1:3] or len(maps) not in (1, len(pictures)):
        raise ValueError(
            f"a sigma map of shape {sigma_map.shape} for pictures of shape {pictures.shape}; it must be (H, W) or "
            "(N, H, W)"
        )
    if not (np.isfinite(maps).all() and (maps >= 0).all()):
        raise ValueError("a sigma map must hold numbers of pixels >= 0")
    maps = np.where(maps <= SHARP, 0, maps).astype(pictures.dtype)
    ladder = sigma_ladder(float(maps.max()))
    stitched = np.zeros_like(pictures)
    for sigma, weight in zip(ladder, blend_weights(maps, ladder, np), strict=True):
        if weight.any():
            stitched += weight[..., None] * (_deblurred(pictures, maps, sigma, deblur) if sigma else pictures)
    return stitched


def _deblurred(pictures: np.ndarray, maps: np.ndarray, sigma: float, deblur: Callable) -> np.ndarray:
    """Deblur pictures as ones whose sigma is everywhere at least this one."""
    missing = np.sqrt(np.maximum(sigma**2 - maps**2, 0))
    return deblur(space_variant_blur(pictures, missing), gaussian(sigma))


def stitcher(method: str, where: str, noise: float | None = None, iterations: int | None = None) -> Callable:
    """Return a function that makes, for a photograph, the function that deblurs its tiles by a map of sigma.

    Parameters
    ----------
    method : str
        A name in `classical.METHODS`.
    where : str
        A map in a file, `.npy` or 16-bit PNG, for photographs of its size; or, as `load_estimator` takes it, what
        makes one of every photograph.
    noise, iterations : float, int, optional
        As `classical.photographs.deblurrer` takes them.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such map or model, the map is of another size than a photograph, or the method does not take one of
        the options.
    """
    method_for = method_on(method, noise, iterations, ROUGHNESS)
    if is_map(where):
        known = read_map(where)
        return lambda pixels: _by_map(method_for, _fitting(known, where, pixels), pixels)
    estimator = load_estimator(where)
    return lambda pixels: _by_map(method_for, cautious(*sigma_map(estimator, pixels)), pixels)


@dataclass(frozen=True)
class _ByMap:
    """Deblurs tiles whose last channel is the map, which `tiling.deblur_picture` puts there."""

    deblur: Method
    beside: np.ndarray
    remarks: tuple[str, ...]

    @property
    def margin(self) -> int:
        """Pixels at a tile's edges that a cut would show in: those of the largest blur, and of what is added to it."""
        largest = sigma_ladder(float(self.beside.max()))[-1]
        return self.deblur.reach(gaussian(largest)) + gaussian_reach(largest)

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        return np.clip(stitch(pictures[..., :-1], pictures[..., -1], self.deblur), 0, 1)


def _by_map(method_for: Callable, sigma: np.ndarray, pixels: np.ndarray) -> _ByMap:
    return _ByMap(method_for(pixels), _continued(sigma, pixels), clipping_remarks(pixels))


def _fitting(known: np.ndarray, where: str, pixels: np.ndarray) -> np.ndarray:
    (height, width), (rows, columns) = pixels.shape[:2], known.shape
    if (rows, columns) != (height, width):
        raise ValueError(
            f"the map {where} is {columns}x{rows}, the photograph {width}x{height}; it must be of the same size"
        )
    return known


def _continued(sigma: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return a map `(H, W)` as `(H, W, 1)`, continued below the transparency of a photograph, as its colours are."""
    sigma = sigma[..., None]
    if not (pixels.ndim == 3 and has_hidden_colours(pixels)):
        return sigma
    return filled(sigma, np.float32(pixels[..., -1] > 0))
