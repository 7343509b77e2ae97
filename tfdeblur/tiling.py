"""Pictures of any size through a function that takes tiles: where tiles lie, and how they blend into one another."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfdeblur.physics.transparency import has_hidden_colours, on_visible_colours

OVERLAP = 96
"""Leaves out 36 pixels at a tile's edges, which is further than REDNet30 sees (30) and than ResNet16 and UNet16 see
with any weight: whole pictures and tiled ones then differ by less than 1/255 (tests/test_inference.py)."""

LARGEST_OVERLAP = 1024
"""Largest overlap that is derived from a margin, unless half a tile is larger: the memory that a tile takes grows with
the square of its side, which is at least twice the overlap."""


def reflected(start: int, stop: int, size: int) -> np.ndarray:
    """Return indices into an axis of `size` pixels for the positions `start..stop`, mirrored beyond both ends.

    The edge pixel is not repeated, and the mirroring goes on as often as needed, so any size of at least 1 will do.

    Examples
    --------
    >>> reflected(-2, 6, 4)
    array([2, 1, 0, 1, 2, 3, 2, 1])
    >>> reflected(0, 4, 1)
    array([0, 0, 0, 0])
    """
    period = max(2 * (size - 1), 1)
    folded = np.arange(start, stop) % period
    return np.minimum(folded, period - folded)


def round_up(size: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is not below `size`."""
    return -(-size // multiple) * multiple


def tile_starts(extent: int, tile: int, overlap: int, multiple: int = 1) -> list[int]:
    """Where the tiles along one axis begin: evenly spread, the first at 0, the last ending at `extent`.

    Parameters
    ----------
    extent : int
        Length of the axis in pixels, a multiple of `multiple`.
    tile : int
        Length of a tile, a multiple of `multiple`. An axis that is no longer than this is one tile.
    overlap : int
        Least number of pixels that neighbouring tiles share, a multiple of `multiple`, below `tile`.
    multiple : int
        Every start is a multiple of this, so that a strided network sees each tile in the same phase as the whole.

    Examples
    --------
    >>> tile_starts(1000, 512, 64, 8)
    [0, 240, 488]
    """
    if extent <= tile:
        return [0]
    gaps = -(-(extent - tile) // (tile - overlap))
    return [(i * (extent - tile) // gaps) // multiple * multiple for i in range(gaps)] + [extent - tile]


def blending_weights(starts: list[int], tile: int, overlap: int) -> np.ndarray:
    """Return the weights of each tile along one axis, which sum to one at every position.

    Two neighbours are cross-faded by a raised cosine of `overlap / 4` pixels in the middle of what they share. So the
    outermost `3/8 overlap` pixels of a tile, where its output feels the cut most, never count; the picture's own
    borders are not faded.

    Parameters
    ----------
    starts : list of int
        From `tile_starts`.
    tile, overlap : int
        As given to `tile_starts`.

    Returns
    -------
    ndarray of shape (len(starts), tile), float32
        The weight of tile i at position `starts[i] + j` is the entry (i, j).
    """
    weights = np.ones((len(starts), tile), np.float32)
    for i in range(1, len(starts)):
        middle = (starts[i] + starts[i - 1] + tile) / 2
        weights[i] = _fade_in(starts[i], tile, middle, overlap / 4)
    for i in range(len(starts) - 1):
        middle = (starts[i] + starts[i + 1] + tile) / 2
        weights[i] -= _fade_in(starts[i], tile, middle, overlap / 4)
    return weights


def _fade_in(start: int, tile: int, middle: float, width: float) -> np.ndarray:
    """Return a raised cosine from 0 to 1 of the given width around `middle`, over the tile that begins at `start`."""
    position = np.arange(start, start + tile) + 0.5 - middle
    if width == 0:
        return (position > 0).astype(np.float32)
    return (0.5 + 0.5 * np.sin(np.pi * np.clip(position / width, -0.5, 0.5))).astype(np.float32)


def deblur_picture(
    deblur: Callable,
    picture: np.ndarray,
    *,
    tile: int = 512,
    overlap: int | None = None,
    ensemble: bool = False,
    out: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Deblur one picture of any size, tile by tile, in memory for the picture, the result and one row of tiles.

    Parameters
    ----------
    deblur : callable
        Takes and returns float32 `(1, H, W, C)` in [0, 1]. If it has an attribute `multiple`, tiles begin and end at
        multiples of it, so that a strided network sees them in the same phase as the whole picture. If it has an
        attribute `beside`, float32 `(H, W, D)`, it gets the part of it that belongs to a tile as further channels. If
        it has a method `turned`, an ensemble calls that, as `averaged_over_turns` says. If it has a method `reblur`,
        the fill below transparency is made with it (`physics.transparency.on_visible_colours`).
    picture : ndarray of shape (H, W) or (H, W, C), uint8, uint16 or float in [0, 1]
        C is 1 or 3, or 2 or 4, whose last channel is an alpha channel. It passes through untouched, `deblur` sees no
        hidden colours (`physics.transparency`), and where alpha is 0 the pixels stay as they are.
    tile : int
        Side of the square tiles in pixels. A picture no larger than one tile is deblurred whole.
    overlap : int, optional
        Pixels that neighbouring tiles share, at most half a tile; 96 (or half a tile) by default. If `deblur` has an
        attribute `margin`, it is so large that this many pixels are left out. The outer 3/8 at
        each edge of a tile are left out, the middle quarter is blended. If the network sees no further than the part
        left out, the result is that of the whole picture; if it does, nearly so, for the far pixels count little.
    ensemble : bool
        Average over the eight flips and quarter turns.
    out : ndarray, optional
        Where to put the result; `picture` itself will do, and saves its size in memory.
    progress : callable, optional
        Called with the number of rows finished each time some are.

    Returns
    -------
    ndarray
        Same shape and type; integers are rounded to nearest.

    Raises
    ------
    ValueError
        The array is not such a picture, or the overlap is more than half a tile.
    """
    _check_picture(picture)
    tile, overlap = tile_and_overlap(picture.shape[:2], tile, overlap, getattr(deblur, "margin", None))
    out = np.empty_like(picture) if out is None else out
    source, target = np.atleast_3d(picture), np.atleast_3d(out)
    single = averaged_over_turns(deblur) if ensemble else deblur
    if source.shape[-1] in (2, 4):
        target[..., -1:] = source[..., -1:]
        target = target[..., :-1]
        if has_hidden_colours(source):
            single = on_visible_colours(single, target.shape[-1], getattr(deblur, "reblur", None))
        else:
            source = source[..., :-1]
    multiple = getattr(deblur, "multiple", 1)
    tile = max(round_up(tile, multiple), 2 * multiple)
    beside = getattr(deblur, "beside", None)
    through_tiles(single, source, target, tile, round_up(overlap, multiple), multiple, beside, progress)
    return out


@dataclass(frozen=True)
class Turn:
    """One of the eight flips and quarter turns of an image or a kernel.

    Parameters
    ----------
    quarters : int
        Quarter turns, counter-clockwise.
    mirrored : bool
        Whether columns are reversed before.
    """

    quarters: int
    mirrored: bool

    def __call__(self, array: np.ndarray, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
        """Return an array turned in the plane of two axes, rows and columns."""
        return np.rot90(np.flip(array, axes[1]) if self.mirrored else array, self.quarters, axes)

    def back(self, array: np.ndarray, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
        """Undo the turn."""
        array = np.rot90(array, -self.quarters, axes)
        return np.flip(array, axes[1]) if self.mirrored else array


TURNS = tuple(Turn(quarters, mirrored) for quarters in range(4) for mirrored in (False, True))


def averaged_over_turns(deblur: Callable) -> Callable:
    """Return a function that averages `deblur` over the eight flips and quarter turns of its input.

    If `deblur` has a method `turned`, it takes a `Turn` and returns the function for images turned so: one whose kernel
    is turned, too.
    """
    functions = [deblur.turned(turn) if hasattr(deblur, "turned") else deblur for turn in TURNS]

    def ensemble(images: np.ndarray) -> np.ndarray:
        total = 0.0
        for turn, function in zip(TURNS, functions, strict=True):
            sharp = np.asarray(function(np.ascontiguousarray(turn(images, (1, 2)))))
            total = total + turn.back(sharp, (1, 2))
        return total / len(TURNS)

    return ensemble


def through_tiles(
    function: Callable,
    source: np.ndarray,
    target: np.ndarray,
    tile: int,
    overlap: int,
    multiple: int = 1,
    beside: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Fill `target` from the top, a row of tiles at a time; `source` is not read above what is filled.

    Parameters
    ----------
    function : callable
        From float32 `(1, h, w, C)` in [0, 1] to float32 `(1, h, w, D)`.
    source, target : numpy.ndarray
        `(H, W, C)` and `(H, W, D)`, uint8, uint16 or float.
    tile, overlap : int
        Side of the tiles, and pixels that neighbours share: multiples of `multiple`.
    multiple : int
        Tiles begin and end at multiples of it.
    beside : numpy.ndarray, optional
        `(H, W, E)`, float32, which the function gets as further channels.
    progress : callable, optional
        As in `deblur_picture`.
    """
    height, width = source.shape[:2]
    rows, columns = round_up(height, multiple), round_up(width, multiple)
    tops, lefts = tile_starts(rows, tile, overlap, multiple), tile_starts(columns, tile, overlap, multiple)
    tall, wide = min(tile, rows), min(tile, columns)
    down, across = blending_weights(tops, tall, overlap), blending_weights(lefts, wide, overlap)
    strip = np.zeros((tall, columns, target.shape[-1]), np.float32)  # sums for the rows top .. top + tall
    for i, top in enumerate(tops):
        rows_here = reflected(top, top + tall, height)
        for j, left in enumerate(lefts):
            here = np.ix_(rows_here, reflected(left, left + wide, width))
            part = _to_unit(source[here])
            if beside is not None:
                part = np.concatenate([part, beside[here]], -1)
            sharp = np.asarray(function(part[None]))[0]
            strip[:, left : left + wide] += sharp * (down[i][:, None] * across[j])[..., None]
        done = min(tops[i + 1] if i + 1 < len(tops) else rows, height) - top
        target[top : top + done] = _from_unit(strip[:done, :width], target.dtype)
        if i + 1 < len(tops):
            strip[: tall - done] = strip[done:]
            strip[tall - done :] = 0
        if progress:
            progress(done)


def tile_and_overlap(size: tuple[int, int], tile: int, overlap: int | None, margin: int | None) -> tuple[int, int]:
    """Return the side of the tiles for a photograph of a size, and their overlap.

    An overlap that is given stays; else it is derived from the margin if there is one, up to `LARGEST_OVERLAP` or half
    a tile, and tiles that it does not fit into are enlarged.

    Warns
    -----
    UserWarning
        The tiles are enlarged, or the overlap is too small for the margin.

    Examples
    --------
    >>> tile_and_overlap((4000, 6000), 512, None, 30)
    (512, 80)
    """
    if overlap is not None or margin is None or max(size) <= tile:
        return tile, choose_overlap(tile, overlap)
    wanted = -(-margin * 8 // 3)
    overlap = min(wanted, max(LARGEST_OVERLAP, tile // 2))
    side = max(tile, 2 * overlap)
    if overlap < wanted and side < max(size):
        left_out = overlap * 3 // 8
        warnings.warn(
            f"this kernel and noise reach at least {margin} pixels; tiles of {side} pixels leave out {left_out} at "
            f"their edges, so that seams may show (--tile {max(size)} deblurs the photograph whole)",
            stacklevel=2,
        )
    elif side > tile:
        warnings.warn(
            f"tiles of {tile} pixels are too small for the reach of this kernel and noise; they are enlarged to "
            f"{min(side, max(size))} (--overlap sets another overlap)",
            stacklevel=2,
        )
    return side, overlap


def choose_overlap(tile: int, overlap: int | None = None) -> int:
    """Return the overlap, by default `OVERLAP` or half a tile; raise a ValueError if it does not suit the tile."""
    if overlap is None:
        overlap = min(OVERLAP, tile // 2)
    if not 0 <= 2 * overlap <= tile or tile < 1:
        raise ValueError(f"tile {tile} with overlap {overlap}: the overlap is at most half a tile, and not negative")
    return overlap


def _check_picture(picture: np.ndarray) -> None:
    if not isinstance(picture, np.ndarray) or picture.ndim not in (2, 3) or 0 in picture.shape:
        found = f"an array of shape {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise ValueError(f"found {found}; a picture is an array of shape (H, W) or (H, W, C) with at least one pixel")
    if picture.ndim == 3 and picture.shape[-1] > 4:
        raise ValueError(f"the picture has {picture.shape[-1]} channels in its last axis; 1 to 4 are expected")
    if picture.dtype.newbyteorder("=") in (np.uint8, np.uint16):
        return
    if not np.issubdtype(picture.dtype, np.floating):
        raise ValueError(f"the picture is of type {picture.dtype}; uint8, uint16 or float in [0, 1] are expected")
    low, high = picture.min(), picture.max()
    if not np.isfinite([low, high]).all():
        raise ValueError("the picture has values that are not finite (NaN or infinite); replace them first")
    if low < -0.001 or high > 1.001:
        raise ValueError(f"the float picture lies in [{low:.4g}, {high:.4g}]; scale or clip it to [0, 1]")


def _to_unit(pixels: np.ndarray) -> np.ndarray:
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return pixels.astype(np.float32)


def _from_unit(pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert to `dtype`; the array given is used up."""
    if np.issubdtype(dtype, np.integer):
        pixels *= np.iinfo(dtype).max
        np.rint(pixels, out=pixels)
        np.clip(pixels, 0, np.iinfo(dtype).max, out=pixels)
    return pixels.astype(dtype)
