"""Pixels of images as arrays: number of bits, alpha, orientation; block by block, for images are large."""

import numpy as np

ROWS = 256
"""Rows converted at a time."""


def levels(bits: int) -> np.ndarray:
    """Return what each value of 1 to 16 bits becomes in 8 bits, or with more than 8 in 16: the same share of white."""
    dtype, white = (np.uint8, 255) if bits <= 8 else (np.uint16, 65535)
    values = np.arange(2**bits, dtype=np.uint64)
    return ((2 * values * white + values[-1]) // (2 * values[-1])).astype(dtype)


def looked_up(table: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the entries of a table, `(N,)` or `(N, C)`, for values `(H, W, 1)` or, of the former, `(H, W, C)`."""
    shape = (*values.shape[:-1], table.shape[-1]) if table.ndim == 2 else values.shape
    found = np.empty(shape, table.dtype)
    for top in range(0, len(values), ROWS):
        part = values[top : top + ROWS]
        found[top : top + ROWS] = table[part[..., 0] if table.ndim == 2 else part]
    return found


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Round uint16 to uint8; return uint8 as it is."""
    if pixels.dtype == np.uint8:
        return pixels
    narrow = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), ROWS):
        narrow[top : top + ROWS] = (pixels[top : top + ROWS].astype(np.uint32) + 128) // 257
    return narrow


def unmultiplied(pixels: np.ndarray) -> np.ndarray:
    """Divide the colours by alpha, the last channel; `multiplied` makes the same pixels of the result."""
    plain, white = np.empty_like(pixels), np.iinfo(pixels.dtype).max
    for top in range(0, len(pixels), ROWS):
        block = pixels[top : top + ROWS].astype(np.float64)
        block[..., :-1] = block[..., :-1] * white / np.maximum(block[..., -1:], 1)
        plain[top : top + ROWS] = np.rint(np.minimum(block, white))
    return plain


def multiplied(pixels: np.ndarray) -> np.ndarray:
    """Multiply the colours by alpha, the last channel."""
    product, white = np.empty_like(pixels), np.iinfo(pixels.dtype).max
    for top in range(0, len(pixels), ROWS):
        block = pixels[top : top + ROWS].astype(np.float64)
        block[..., :-1] = block[..., :-1] * block[..., -1:] / white
        product[top : top + ROWS] = np.rint(block)
    return product


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """View pixels stored with an EXIF orientation (2 to 8; else as they are) upright."""
    mirrored = {2: np.s_[:, ::-1], 3: np.s_[::-1, ::-1], 4: np.s_[::-1], 7: np.s_[::-1, ::-1]}
    if orientation in (5, 7):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (6, 8):
        pixels = np.rot90(pixels, -1 if orientation == 6 else 1)
    return pixels[mirrored[orientation]] if orientation in mirrored else pixels
