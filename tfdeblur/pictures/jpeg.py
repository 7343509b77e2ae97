"""What is in a JPEG's header, and how finely it is quantised."""

import io
import os
import struct
from typing import BinaryIO

import numpy as np
from PIL import Image, JpegImagePlugin

JPEG_LS = 0xF7
FRAMES = {*range(0xC0, 0xD0), JPEG_LS} - {0xC4, 0xC8, 0xCC}
"""Markers of a frame header (ITU-T T.81, table B.1)."""
QUALITY = 95
"""Of JPEG and lossy WebP, unless something else is asked for."""
LEAST_QUALITY = 90
"""A JPEG that comes from a JPEG is quantised at least as finely as this."""


def frame(file: BinaryIO) -> tuple[int, int, int, int, int]:
    """Return the marker of the frame header, bits a channel, height, width and number of channels.

    Raises
    ------
    ValueError
        There is no frame header.
    """
    file.seek(2)
    while head := file.read(2):
        while head[0] == 0xFF and head[1:] == b"\xff":  # filling
            head = head[1:] + file.read(1)
        if head[0] != 0xFF or len(head) < 2:
            break
        marker = head[1]
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without content
            continue
        content = file.read(8)
        if len(content) < 8 or marker in (0xD9, 0xDA):
            break
        if marker in FRAMES:
            return marker, *struct.unpack(">BHHB", content[2:])
        file.seek(struct.unpack(">H", content[:2])[0] - 8, os.SEEK_CUR)
    raise ValueError("it is damaged: this JPEG has no frame header")


def encoding(image: JpegImagePlugin.JpegImageFile) -> dict:
    """Return how a JPEG is encoded: its subsampling, whether it is progressive, and its tables for luma and chroma."""
    tables = [np.array(image.quantization[layer[3]]) for layer in image.layer if layer[3] in image.quantization]
    luma_and_chroma = tables[:1] + ([np.minimum.reduce(tables[1:])] if len(tables) > 1 else [])
    return {
        "subsampling": max(JpegImagePlugin.get_sampling(image), 0),
        "progressive": bool(image.info.get("progressive")),
        "qtables": [table.tolist() for table in luma_and_chroma],
    }


def options(encoding: dict, quality: int | None) -> dict:
    """Return the options with which Pillow writes a JPEG.

    A given quality counts. Without one, and with the encoding of a source, every coefficient is quantised as in the
    source or as by `LEAST_QUALITY`, whichever is finer: what has been sharpened has more to lose than its source, but
    more bytes than the source's precision is worth are wasted. Everything else has `QUALITY` and no subsampling.

    Parameters
    ----------
    encoding : dict
        As `encoding` returns it; empty for images from elsewhere.
    quality : int, optional
        1 to 100.
    """
    tables = encoding.get("qtables")
    kept = {"subsampling": 0} | {key: value for key, value in encoding.items() if key != "qtables"}
    if quality or not tables:
        return kept | {"quality": quality or QUALITY}
    least = tables_of(LEAST_QUALITY)
    return kept | {"qtables": [np.minimum(ours, theirs).tolist() for ours, theirs in zip(tables, least, strict=False)]}


def tables_of(quality: int) -> list[list[int]]:
    """Return the tables for luma and chroma of a quality."""
    sample = io.BytesIO()
    Image.new("RGB", (8, 8)).save(sample, "JPEG", quality=quality)
    with Image.open(sample) as image:
        return [list(image.quantization[0]), list(image.quantization[1])]
