"""A classical method as a function on the tiles of one photograph."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfdeblur.classical import METHODS
from tfdeblur.classical.kernel_estimation import estimate_kernel
from tfdeblur.classical.noise_level import ROUNDING, noise_of_parts
from tfdeblur.naming import look_up
from tfdeblur.physics.kernels import parse_psf
from tfdeblur.physics.transparency import has_hidden_colours, visibility, without_hidden_colours

MIDDLE = 768
"""Pixels along an edge of the part in the middle of a photograph that the kernel is estimated from."""

PART = 128
"""Pixels along an edge of the parts that the noise is estimated from; together they are as large as the middle."""


def deblurrer(method: str, psf: str | Callable, noise: float | None = None, iterations: int | None = None) -> Callable:
    """Return a function that makes, for a photograph, the function that deblurs its tiles.

    Parameters
    ----------
    method : str
        A name in `METHODS`.
    psf : str or callable
        As `parse_psf` takes it, or `blind:SIZE`: estimated from the middle of each photograph, within SIZE pixels. Or
        what estimates it of such a middle, `(h, w, C)`.
    noise : float, optional
        Standard deviation of the noise in [0, 1]; by default estimated from parts of each photograph.
    iterations : int, optional
        Of the methods `rl` and `tv`; their own number by default.

    Returns
    -------
    callable
        `(H, W)` or `(H, W, C)`, uint8, uint16 or float in [0, 1], to a function on float32 `(1, h, w, C)`.

    Raises
    ------
    ValueError
        The PSF is not understood, or the method does not take one of the options.
    """
    method_for = method_on(method, noise, iterations)
    kernel_of = psf if callable(psf) else _kernel_of(psf)

    def of_photograph(pixels: np.ndarray) -> Callable:
        return _WithKernel(method_for(pixels), kernel_of(middle(pixels)[0]))

    return of_photograph


@dataclass(frozen=True)
class _WithKernel:
    """Deblurs tiles with one kernel."""

    deblur: Callable
    kernel: np.ndarray

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return np.clip(self.deblur(images, self.kernel), 0, 1)

    def turned(self, turn: Callable[[np.ndarray], np.ndarray]) -> Callable:
        """Return the function for images that are turned, as `tiling.averaged_over_turns` wants it."""
        return _WithKernel(self.deblur, turn(self.kernel))


def method_on(method: str, noise: float | None, iterations: int | None, least: float = 0.0) -> Callable:
    """Return a function that makes, for a photograph, a method with its options: `(pictures, kernel)` to sharp ones.

    Parameters and errors are those of `deblurrer`; where the noise is estimated it is taken to be at `least` this.
    """
    options = _options(method, noise, iterations)

    def of_photograph(pixels: np.ndarray) -> Callable:
        chosen = dict(options)
        if method != "rl" and noise is None:
            chosen["noise"] = _noise(pixels, max(ROUNDING, least))
        return functools.partial(METHODS[method], **chosen)

    return of_photograph


def _options(method: str, noise: float | None, iterations: int | None) -> dict:
    look_up(METHODS, method, "method")
    if noise is not None and (method == "rl" or not noise >= 0):
        raise ValueError(f"noise is {noise}: it is at least 0, and of every method but rl, which takes iterations")
    if iterations is not None and (method not in ("rl", "tv") or iterations < 1):
        raise ValueError(f"iterations is {iterations}: they are at least 1, and of the methods rl and tv")
    given = {"noise": noise, "iterations": iterations}
    return {name: value for name, value in given.items() if value is not None}


def _kernel_of(psf: str) -> Callable[[np.ndarray], np.ndarray]:
    if not psf.startswith("blind:"):
        kernel = parse_psf(psf)
        return lambda picture: kernel
    try:
        size = int(psf.removeprefix("blind:"))
    except ValueError as error:
        raise ValueError(f"the PSF {psf!r} is not understood; expected blind:SIZE, such as blind:31") from error
    return lambda picture: estimate_kernel(picture[None], size)[0]


def middle(pixels: np.ndarray) -> np.ndarray:
    """Return the middle of a photograph, or of what transparency shows of it, as float32 `(1, h, w, C)` in [0, 1].

    It has no alpha channel. Hidden colours are filled.
    """
    part, _ = _part(pixels, *_middle(pixels))
    return part[None]


def parts(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return parts from everywhere in a photograph where something is visible.

    A photograph that shows at most `MIDDLE` by `MIDDLE` pixels is one part. Its middle alone may be clipped altogether.

    Returns
    -------
    parts : numpy.ndarray
        `(K, h, w, C)`, float32 in [0, 1], without alpha; hidden colours are filled.
    visible : numpy.ndarray
        `(K, h, w)`, bool: whether a pixel shows its own colour.
    """
    extent = _extent(pixels)
    if max(stop - start for start, stop in extent) <= MIDDLE:
        places = [_middle(pixels)]
    else:
        starts = []
        for start, stop in extent:
            count = -(-min(stop - start, MIDDLE) // PART)
            starts.append(np.linspace(start, max(stop - PART, start), count).astype(int))
        places = [(slice(top, top + PART), slice(left, left + PART)) for top in starts[0] for left in starts[1]]
    found = [_part(pixels, rows, columns) for rows, columns in places]
    return np.stack([part for part, _ in found]), np.stack([visible for _, visible in found])


def _noise(pixels: np.ndarray, floor: float) -> float:
    some, visible = parts(pixels)
    return noise_of_parts(some, floor, visible)


def _middle(pixels: np.ndarray) -> tuple[slice, slice]:
    tops = [
        int(np.clip((start + stop - MIDDLE) // 2, 0, max(side - MIDDLE, 0)))
        for side, (start, stop) in zip(pixels.shape, _extent(pixels), strict=False)
    ]
    rows, columns = (slice(start, start + MIDDLE) for start in tops)
    return rows, columns


def _extent(pixels: np.ndarray) -> list[tuple[int, int]]:
    """Return the rows and the columns, from first to last, in which a photograph shows anything; all if nothing."""
    if pixels.ndim == 3 and has_hidden_colours(pixels) and (shown := pixels[..., -1] > 0).any():
        places = [np.flatnonzero(shown.any(1 - axis)) for axis in (0, 1)]
        return [(int(along[0]), int(along[-1]) + 1) for along in places]
    return [(0, side) for side in pixels.shape[:2]]


def _part(pixels: np.ndarray, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return a part, `(h, w, C)`, float32 in [0, 1], without alpha, and whether a pixel shows its colour, `(h, w)`."""
    part = np.atleast_3d(pixels[rows, columns])
    scale = np.float32(np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1)
    visible = np.ones(part.shape[:2], bool)
    if has_hidden_colours(part):
        visible = visibility(np.float32(part[..., -1]) / scale) == 1
    return np.float32(without_hidden_colours(part)) / scale, visible
