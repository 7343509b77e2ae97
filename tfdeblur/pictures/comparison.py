"""Sheets that show a photograph before and after."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LARGEST = 800
"""Pixels of a panel's longer side."""
MARGIN = 12
LABEL = 28


def panels(pixels: np.ndarray) -> list[tuple[str, Image.Image]]:
    """Copy what a sheet shows of a picture: the whole, reduced if need be, and then also its middle in full size.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, C), uint8 or uint16
        The last of 2 or 4 channels is alpha: what is transparent is shown on white.

    Returns
    -------
    list of (str, Image)
        What each shows, and an RGB image.
    """
    height, width = pixels.shape[:2]
    factor = -(-max(height, width) // LARGEST)
    if factor == 1:
        return [("", _rgb(pixels))]
    top, left = max(height - LARGEST, 0) // 2, max(width - LARGEST, 0) // 2
    middle = pixels[top : top + LARGEST * 3 // 4, left : left + LARGEST]
    return [(f", 1/{factor} of the size", _rgb(_reduced(pixels, factor))), (", middle in full size", _rgb(middle))]


def sheet(before: list[tuple[str, Image.Image]], after: list[tuple[str, Image.Image]]) -> Image.Image:
    """Lay panels of a picture side by side, before on the left and after on the right, with labels."""
    width = max(image.width for _, image in before)
    height = sum(image.height + LABEL + MARGIN for _, image in before)
    page = Image.new("RGB", (2 * width + 3 * MARGIN, height + MARGIN), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=16)
    for name, column, left in [("before", before, MARGIN), ("after", after, width + 2 * MARGIN)]:
        top = MARGIN
        for what, image in column:
            draw.text((left, top), name + what, "black", font)
            page.paste(image, (left, top + LABEL))
            top += image.height + LABEL + MARGIN
    return page


def _reduced(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Average squares of `factor` pixels, one row of them at a time; an incomplete one at the border is left out."""
    height, width = (max(size // factor, 1) for size in pixels.shape[:2])
    reduced = np.empty((height, width, pixels.shape[-1] - (pixels.shape[-1] in (2, 4))), pixels.dtype)
    for row in range(height):
        band = _on_white(pixels[row * factor : (row + 1) * factor, : width * factor])
        split = min(factor, band.shape[1])
        reduced[row] = np.rint(band.reshape(len(band), width, split, -1).mean(axis=(0, 2)))
    return reduced


def _on_white(pixels: np.ndarray) -> np.ndarray:
    """Lay an image over white by its alpha, where it has one."""
    if pixels.shape[-1] not in (2, 4):
        return pixels
    white = np.iinfo(pixels.dtype).max
    alpha = pixels[..., -1:] / white
    return np.rint(alpha * pixels[..., :-1] + (1 - alpha) * white).astype(pixels.dtype)


def _rgb(pixels: np.ndarray) -> Image.Image:
    pixels = _on_white(pixels)
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))))
