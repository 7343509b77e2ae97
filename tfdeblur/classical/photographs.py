"""A classical method as a function on the tiles of one photograph."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tfdeblur.classical import METHODS
from tfdeblur.classical.kernel_estimation import SMALLEST_SIZE, estimate_kernel
from tfdeblur.classical.noise_level import ROUNDING, noise_of_parts
from tfdeblur.classical.reach import iterated_reach, linear_reach
from tfdeblur.classical.richardson_lucy import ITERATIONS
from tfdeblur.naming import look_up
from tfdeblur.physics.blur import convolve
from tfdeblur.physics.psfs import LARGEST_SIDE, Psf, describe_psf
from tfdeblur.physics.transparency import has_hidden_colours, visibility, without_hidden_colours

MIDDLE = 768
"""Pixels along an edge of the part in the middle of a photograph that the kernel is estimated from."""

PART = 128
"""Pixels along an edge of the parts that the noise is estimated from; together they are as large as the middle."""

CLIPPED = 1e-4
"""Share of clipped pixels from which deconvolution may ring so much that its result is worse than its input.

Measured with the true kernel on values clipped after the blur. A few lights eight times as bright as white, .03 % of
the pixels, cost hyper-Laplacian 4 dB and Wiener 2 dB against the input; a single faint one does no harm. Photographs
with an exposure of 1.2 to 3 fall below their input from 17 % of clipped pixels, by up to 9 dB.
"""


@dataclass(frozen=True)
class Deblurrer:
    """Makes, for a photograph, the function that deblurs its tiles.

    Attributes
    ----------
    method_for, kernel_for : callable
        From a photograph's pixels to the method with its options, and to the kernel.
    remarks : tuple of str
        What may not be meant so in the kernel that was given.
    """

    method_for: Callable
    kernel_for: Callable
    remarks: tuple[str, ...] = ()

    def __call__(self, pixels: np.ndarray) -> Callable:
        """Return the function on tiles, float32 `(1, h, w, C)`; it has `remarks` on the photograph.

        Parameters
        ----------
        pixels : numpy.ndarray
            `(H, W)` or `(H, W, C)`, uint8, uint16 or float in [0, 1].
        """
        return _WithKernel(self.method_for(pixels), self.kernel_for(pixels), clipping_remarks(pixels))


def deblurrer(
    method: str,
    psf: str | Callable,
    noise: float | None = None,
    iterations: int | None = None,
    centre_psf: bool = False,
) -> Deblurrer:
    """Return what makes, for a photograph, the function that deblurs its tiles.

    Parameters
    ----------
    method : str
        A name in `METHODS`.
    psf : str or callable
        As `describe_psf` takes it, or `blind:SIZE`: estimated from the middle of each photograph, within SIZE pixels.
        Or a function that estimates it from such a middle, `(h, w, C)`.
    noise : float, optional
        Standard deviation of the noise in [0, 1]; by default estimated from parts of each photograph. At least
        that of rounding to its dtype.
    iterations : int, optional
        Of the methods `rl` and `tv`; their own number by default.
    centre_psf : bool
        Whether to move the centre of mass of a file's kernel to its middle, to the nearest pixel.

    Raises
    ------
    ValueError
        The PSF is not understood, or the method does not take one of the options. For a photograph: the PSF is larger.
    """
    method_for = method_on(method, noise, iterations)
    if callable(psf):
        return Deblurrer(method_for, lambda pixels: psf(middle(pixels)[0]))
    if psf.partition(":")[0] == "blind":
        return Deblurrer(method_for, _blind(psf))
    described = describe_psf(psf, centre_psf)
    return Deblurrer(method_for, _fitting(described), described.remarks)


def clipping_remarks(pixels: np.ndarray) -> tuple[str, ...]:
    """Return a remark on a photograph of which a share above `CLIPPED` is white in some channel."""
    pixels = np.atleast_3d(pixels)
    white = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1
    alpha = pixels.shape[-1] in (2, 4)
    clipped = 0
    for row in pixels:
        there = (row[:, :-1] >= white).any(-1) & (row[:, -1] > 0) if alpha else (row >= white).any(-1)
        clipped += there.sum()
    share = clipped / (pixels.shape[0] * pixels.shape[1])
    if share < CLIPPED:
        return ()
    return (f"{100 * share:.2g} % of its pixels are clipped at white; deconvolution may ring around them",)


@dataclass(frozen=True)
class _WithKernel:
    """Deblurs tiles with one kernel."""

    deblur: "Method"
    kernel: np.ndarray
    remarks: tuple[str, ...] = ()

    @property
    def margin(self) -> int:
        """Pixels at a tile's edges that a cut would show in, as `tiling.deblur_picture` wants it."""
        return self.deblur.reach(self.kernel)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return np.clip(self.deblur(images, self.kernel), 0, 1)

    def reblur(self, images: np.ndarray) -> np.ndarray:
        """Blur results as the photograph was blurred."""
        return convolve(images, self.kernel)

    def turned(self, turn: Callable[[np.ndarray], np.ndarray]) -> Callable:
        """Return the function for images that are turned, as `tiling.averaged_over_turns` wants it."""
        return replace(self, kernel=turn(self.kernel))


@dataclass(frozen=True)
class Method:
    """A method with its options, `(images, kernel)` to sharp ones, in which no parameter depends on a tile.

    Attributes
    ----------
    name : str
        In `METHODS`.
    options : dict
        What the method takes besides.
    """

    name: str
    options: dict

    def __call__(self, images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """Return the sharp images, `(N, H, W, C)`."""
        return METHODS[self.name](images, kernel, **self.options)

    def reach(self, kernel: np.ndarray) -> int:
        """Return how many pixels away a blurred pixel has an influence."""
        if self.name == "rl":
            return iterated_reach(kernel, self.options.get("iterations", ITERATIONS))
        return linear_reach(kernel, self.options["noise"])


def method_on(method: str, noise: float | None, iterations: int | None, least: float = 0.0) -> Callable:
    """Return a function that makes, for a photograph, a `Method` with its options.

    Parameters and errors are those of `deblurrer`; where the noise is estimated it is taken to be at `least` this.
    """
    options = _options(method, noise, iterations)

    def of_photograph(pixels: np.ndarray) -> Method:
        chosen = dict(options)
        if method != "rl":
            chosen["noise"] = _noise(pixels, max(ROUNDING, least)) if noise is None else max(noise, _rounding(pixels))
        if method == "wiener":
            chosen["whole"] = middle(pixels)
        return Method(method, chosen)

    return of_photograph


def _rounding(pixels: np.ndarray) -> float:
    """Return the standard deviation of the error of rounding to a photograph's dtype."""
    return ROUNDING * 255 / np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 0.0


def _options(method: str, noise: float | None, iterations: int | None) -> dict:
    look_up(METHODS, method, "method")
    if noise is not None and (method == "rl" or not noise >= 0):
        raise ValueError(f"noise is {noise}: it is at least 0, and of every method but rl, which takes iterations")
    if iterations is not None and (method not in ("rl", "tv") or iterations < 1):
        raise ValueError(f"iterations is {iterations}: they are at least 1, and of the methods rl and tv")
    given = {"noise": noise, "iterations": iterations}
    return {name: value for name, value in given.items() if value is not None}


def _fitting(psf: Psf) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that makes the kernel for a photograph, if it is no larger than that."""
    make = functools.cache(psf.make)

    def kernel_for(pixels: np.ndarray) -> np.ndarray:
        limit = [min(side, LARGEST_SIDE) for side in pixels.shape[:2]]
        if any(side > most for side, most in zip(psf.sides, limit, strict=True)):
            raise ValueError(
                f"the PSF {psf.text} has {psf.size} pixels and the photograph {pixels.shape[1]}x{pixels.shape[0]}; at "
                f"most {limit[1]}x{limit[0]} are possible"
            )
        return make()

    return kernel_for


def _blind(psf: str) -> Callable[[np.ndarray], np.ndarray]:
    text = psf.partition(":")[2]
    size = int(text) if text.isdecimal() else 0
    if size < SMALLEST_SIZE or size % 2 == 0:
        raise ValueError(
            f"the PSF {psf!r} is not understood; expected blind:SIZE with an odd number of at least {SMALLEST_SIZE}, "
            "such as blind:31"
        )

    def kernel_for(pixels: np.ndarray) -> np.ndarray:
        most = min(*pixels.shape[:2], MIDDLE)
        if size > most:
            raise ValueError(
                f"the PSF {psf} is {size} pixels wide and the photograph {pixels.shape[1]}x{pixels.shape[0]}; at most "
                f"{most - 1 + most % 2} are possible"
            )
        return estimate_kernel(middle(pixels), size)[0]

    return kernel_for


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
