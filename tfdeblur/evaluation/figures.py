"""Contact sheets: rows of pictures with a caption each, as one Pillow image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

_PAPER, _INK, _FRAME = (250, 250, 250), (30, 30, 30), (205, 205, 205)
_GAP, _MARGIN, _TEXT = 10, 16, 13


def sheet(
    rows: Sequence[Sequence[np.ndarray]],
    labels: Sequence[Sequence[str]] | None = None,
    *,
    title: str = "",
    smallest: int = 224,
    largest: int = 640,
) -> Image.Image:
    """Lay pictures out in rows, with a caption below each.

    Parameters
    ----------
    rows : sequence of sequences of numpy.ndarray
        Pictures `(H, W)` or `(H, W, C)` with 1 or 3 channels; uint8, uint16, or floats in [0, 1], which are clipped.
        Rows may differ in length and pictures in size.
    labels : sequence of sequences of str, optional
        One caption for each picture; a line that is too wide for its picture is cut.
    title : str
        A line above all.
    smallest, largest : int
        Pixels of a picture's longer edge: smaller ones are enlarged by a whole factor, so that each of their pixels
        is a square; larger ones are reduced.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    ValueError
        There are no pictures, or not as many captions as pictures.
    """
    if not any(len(row) for row in rows):
        raise ValueError("a contact sheet needs at least one picture, found none")
    labels = [[""] * len(row) for row in rows] if labels is None else labels
    if [len(row) for row in rows] != [len(row) for row in labels]:
        raise ValueError("a contact sheet needs one caption for each picture")
    drawn = [[_fit(picture, smallest, largest) for picture in row] for row in rows]
    columns = max(len(row) for row in drawn)
    widths = [max(row[i].width for row in drawn if i < len(row)) for i in range(columns)]
    heights = [max((picture.height for picture in row), default=0) for row in drawn]
    captions = [max((len(label.splitlines()) for label in row), default=0) * (_TEXT + 5) for row in labels]
    head = 2 * _TEXT + _GAP if title else 0
    width = sum(widths) + _GAP * (columns - 1) + 2 * _MARGIN
    height = head + sum(heights) + sum(captions) + (_GAP + 4) * (len(drawn) - 1) + 2 * _MARGIN
    page = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(page)
    _write(draw, title, (_MARGIN, _MARGIN), width - 2 * _MARGIN, _TEXT + 3)
    top = _MARGIN + head
    for pictures, texts, row_height, caption in zip(drawn, labels, heights, captions, strict=True):
        left = _MARGIN
        for picture, text, column in zip(pictures, texts, widths, strict=False):
            place = (left, top + row_height - picture.height)
            draw.rectangle((place[0] - 1, place[1] - 1, left + picture.width, top + row_height), outline=_FRAME)
            page.paste(picture, place)
            _write(draw, text, (left, top + row_height + 3), column, _TEXT)
            left += column + _GAP
        top += row_height + caption + _GAP + 4
    return page


def detail(pictures: Sequence[np.ndarray], size: int = 384) -> list[np.ndarray]:
    """Cut the same part out of pictures of one size, there where the last of them has the most edges.

    A large photograph reduced to a contact sheet looks sharp whatever it is; a part of it does not.

    Parameters
    ----------
    pictures : sequence of numpy.ndarray
        Pictures `(H, W, C)` of one size; by the last one, usually the sharp one, the place is chosen.
    size : int
        Height and width of the part, in pixels; an edge that is no longer than that stays whole.
    """
    grey = np.asarray(pictures[-1], np.float32).mean(axis=-1)
    h, w = (min(size, edge) for edge in grey.shape)
    edges = np.minimum(ndimage.gaussian_gradient_magnitude(grey, 1), 0.1 * (np.ptp(grey) or 1))
    sums = np.pad(edges, ((1, 0), (1, 0))).cumsum(0, np.float64).cumsum(1)
    inside = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
    y, x = np.unravel_index(inside.argmax(), inside.shape)
    return [picture[y : y + h, x : x + w] for picture in pictures]


def decibels(value: float) -> str:
    """Return a PSNR as text.

    >>> decibels(27.416), decibels(float("inf"))
    ('27.42 dB', 'identical')
    """
    return "identical" if value == float("inf") else f"{value:.2f} dB"


def _fit(picture: np.ndarray, smallest: int, largest: int) -> Image.Image:
    image = Image.fromarray(_bytes(picture)).convert("RGB")
    longest = max(image.size)
    if longest < smallest:
        factor = -(-smallest // longest)
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    if longest > largest:
        image.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    return image


def _bytes(picture: np.ndarray) -> np.ndarray:
    picture = np.asarray(picture)
    if picture.ndim == 3 and picture.shape[-1] == 1:
        picture = picture[..., 0]
    if picture.dtype == np.uint16:
        return (picture // 257).astype(np.uint8)
    if picture.dtype != np.uint8:
        picture = np.round(np.clip(picture.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    return picture


def _write(draw: ImageDraw.ImageDraw, text: str, place: tuple[int, int], width: int, size: int) -> None:
    font = ImageFont.load_default(size)
    left, top = place
    for i, line in enumerate(text.split("\n")):
        if draw.textlength(line, font) > width:
            while line and draw.textlength(line + "...", font) > width:
                line = line[:-1]
            line += "..."
        draw.text((left, top + i * (size + 5)), line, _INK, font)
