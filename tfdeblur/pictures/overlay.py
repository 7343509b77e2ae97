"""A photograph with the map of its blur laid over it in colours."""

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfdeblur.physics.transparency import without_hidden_colours

OPACITY = 0.6
BAR, MARGIN, TEXT = 24, 12, 14
"""Pixels: width of the colour bar, distances, size of the numbers beside it."""


def overlay(pixels: np.ndarray, sigma: np.ndarray, known: np.ndarray, top: float) -> Image.Image:
    """Lay a map over a photograph in grey: dark violet where sigma is 0, yellow where it is `top`; with a colour bar.

    Where nothing is known of sigma the photograph stays grey.

    Parameters
    ----------
    pixels : numpy.ndarray
        `(H, W)` or `(H, W, C)`, uint8 or uint16; the last of 2 or 4 channels is alpha. What it hides is not shown.
    sigma : numpy.ndarray
        `(H, W)` in pixels.
    known : numpy.ndarray
        `(H, W)`, whether it is known.
    top : float
        Sigma of the last colour, above 0; more has this colour too.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    pixels = without_hidden_colours(np.atleast_3d(pixels))
    grey = pixels.mean(-1, keepdims=True) * (255 / np.iinfo(pixels.dtype).max)
    opacity = np.where(known, OPACITY, 0)[..., None]
    mixed = opacity * _coloured(sigma / top) + (1 - opacity) * grey
    height, width = sigma.shape
    tall = max(height, 4 * TEXT)
    page = Image.new("RGB", (width + BAR + 3 * MARGIN + 5 * TEXT, tall + 2 * MARGIN), "white")
    page.paste(Image.fromarray(np.uint8(np.rint(mixed))), (0, MARGIN))
    bar = np.repeat(np.linspace(1, 0, tall)[:, None], BAR, axis=1)
    left = width + MARGIN
    page.paste(Image.fromarray(_coloured(bar)), (left, MARGIN))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=TEXT)
    for share in (0, 0.5, 1):
        place = (left + BAR + MARGIN // 2, MARGIN + (1 - share) * (tall - TEXT))
        draw.text(place, f"{share * top:.2g} px", "black", font)
    return page


def _coloured(share: np.ndarray) -> np.ndarray:
    """Return colours `(H, W, 3)`, uint8, of shares in [0, 1]."""
    levels = np.uint8(np.rint(255 * np.clip(share, 0, 1)))
    return cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[..., ::-1]
