"""Colours of transparent pixels: filled from the visible pixels around them, so that hidden colours reach nothing.

Whatever looks at more than one pixel at a time (deconvolution, networks, estimates of blur and noise, blur for
records) must not see what lies under transparency: it may be black, white, or anything else, and is no part of the
visible image.
"""

from collections.abc import Callable

import cv2
import numpy as np

REACH = 16
"""Pixels around a pixel whose opacity its own is compared with."""

CORRECTIONS = 4
"""Rounds on every level of the pyramid. With fewer the fill does not continue the visible gradients, with more it
follows their noise."""

SPREAD = 1.0
"""Standard deviation in pixels by which a round spreads the differences of the visible pixels."""

FAINT = 0.03
"""Weight, of an opaque pixel's, below which colours give way to what coarser levels say of their place."""

ROWS, AROUND = 256, 128
"""Rows of a large image that are filled at a time, and rows around them that are looked at for it."""


def has_hidden_colours(pixels: np.ndarray) -> bool:
    """Return whether an image `(H, W, C)` has an alpha channel (C is 2 or 4) that is not opaque everywhere."""
    return pixels.shape[-1] in (2, 4) and bool(pixels[..., -1].min() < _white(pixels.dtype))


def visibility(alpha: np.ndarray) -> np.ndarray:
    """Return how much the colour of each pixel counts: the square of its alpha relative to the largest alpha nearby.

    An image that is equally transparent everywhere is therefore worked on like an opaque one, while at the edge of a
    cutout faint pixels hardly count. The square is one over the variance of a colour that was multiplied by alpha and
    rounded.

    Parameters
    ----------
    alpha : numpy.ndarray
        `(H, W)`, float32 in [0, 1].

    Returns
    -------
    numpy.ndarray
        `(H, W)`, float32 in [0, 1]; 0 where alpha is 0.
    """
    side = 2 * REACH + 1
    largest = cv2.dilate(np.ascontiguousarray(alpha), np.ones((side, side), np.uint8))
    return np.divide(alpha, largest, out=np.zeros_like(largest), where=largest > 0) ** 2


def filled(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Replace colours that do not count by a smooth continuation of those that do.

    The continuation is a normalised convolution (Knutsson & Westin 1993) over a pyramid, from coarse to fine: every
    level corrects the one above it by the visible pixels' differences from it, spread by a Gaussian. It continues
    values and gradients across a visible edge, so that deconvolution does not ring there, and depends on visible
    pixels only.

    Parameters
    ----------
    colours : numpy.ndarray
        `(H, W, C)`, float32; other values, such as a map's, may take their place.
    weight : numpy.ndarray
        `(H, W)`, float32 in [0, 1], from `visibility`: 1 keeps a colour, 0 replaces it, between them they are mixed.

    Returns
    -------
    numpy.ndarray
        `(H, W, C)`, float32, within the range of what is visible; 0 if nothing is.
    """
    weight = weight[..., None]
    if not weight.any():
        return np.zeros_like(colours)
    visible = colours[weight[..., 0] > 0]
    levels = [np.concatenate([weight * colours, weight], -1)]
    while min(levels[-1].shape[:2]) > 1:
        levels.append(cv2.pyrDown(levels[-1]))
    *sums, total = levels[-1].sum((0, 1))
    fill = np.float32([[sums]]) / total
    for level in reversed(levels):
        height, width = level.shape[:2]
        if fill.shape[:2] == (1, 1):
            fill = np.broadcast_to(fill, (height, width, fill.shape[-1]))
        else:
            fill = np.atleast_3d(cv2.pyrUp(fill, dstsize=(width, height)))
        seen, share = level[..., :-1], level[..., -1:]
        spread_share = _spread(share) + FAINT
        for _ in range(CORRECTIONS):
            fill = fill + _spread(seen - share * fill) / spread_share
    return np.where(weight == 1, colours, weight * colours + (1 - weight) * np.clip(fill, visible.min(), visible.max()))


def without_hidden_colours(pixels: np.ndarray) -> np.ndarray:
    """Return an image's colours, those that are hidden replaced as by `filled`.

    Parameters
    ----------
    pixels : numpy.ndarray
        `(H, W, C)`, uint8, uint16 or float in [0, 1]; the last of 2 or 4 channels is alpha.

    Returns
    -------
    numpy.ndarray
        `(H, W, 1)` or `(H, W, 3)`, same dtype; a view where nothing is hidden.
    """
    colours = pixels[..., :-1] if pixels.shape[-1] in (2, 4) else pixels
    if not has_hidden_colours(pixels):
        return colours
    result = np.empty(colours.shape, pixels.dtype)
    for top in range(0, len(pixels), ROWS):
        first = max(top - AROUND, 0)
        around = _filled_rows(pixels[first : top + ROWS + AROUND])
        result[top : top + ROWS] = around[top - first : top - first + ROWS]
    return result


def _filled_rows(pixels: np.ndarray) -> np.ndarray:
    white = np.float32(_white(pixels.dtype))
    values = np.float32(pixels) / white
    replaced = filled(values[..., :-1], visibility(values[..., -1])) * white
    return np.rint(replaced) if np.issubdtype(pixels.dtype, np.integer) else replaced


def on_visible_colours(function: Callable, channels: int, reblur: Callable | None = None) -> Callable:
    """Return a function on images with alpha that has `function` see no hidden colours.

    What `function` changes of the filled colours is added to the image's own. Where alpha is 0 these stay as they are.
    Where it is known how the image was blurred, the fill is replaced once by the blurred result, which is what the
    kernel would have left there: the error at visible edges falls by up to a quarter, most of all without noise.

    Parameters
    ----------
    function : callable
        From float32 `(1, H, W, channels)` in [0, 1], or with further channels, to `(1, H, W, channels)`.
    channels : int
        Colours, 1 or 3.
    reblur : callable, optional
        Blurs what `function` returns as the image was blurred.

    Returns
    -------
    callable
        From float32 `(1, H, W, channels + 1)`, alpha after the colours, or with the same further channels behind it,
        to `(1, H, W, channels)`.
    """

    def on_visible(images: np.ndarray) -> np.ndarray:
        colours, alpha = images[..., :channels], images[0, ..., channels]
        weight = visibility(alpha)
        if not weight.any():
            return colours
        seen, weight = filled(colours[0], weight)[None], weight[..., None]
        result = function(np.concatenate([seen, images[..., channels + 1 :]], -1))
        if reblur is not None and (weight < 1).any():
            kept = np.where(weight > 0, weight * colours, 0)
            seen = np.where(weight == 1, colours, kept + (1 - weight) * np.clip(reblur(result), 0, 1))
            result = function(np.concatenate([seen, images[..., channels + 1 :]], -1))
        mixed = np.where(weight == 1, result, np.clip(colours + (result - seen), 0, 1))
        return np.where(weight == 0, colours, mixed)

    return on_visible


def _spread(planes: np.ndarray) -> np.ndarray:
    """Convolve `(H, W, C)` with a Gaussian, mirrored at the borders."""
    return cv2.GaussianBlur(planes, (0, 0), SPREAD, borderType=cv2.BORDER_REFLECT_101).reshape(planes.shape)


def _white(dtype: np.dtype) -> float:
    return np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
