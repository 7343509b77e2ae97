"""How finely a JPEG is quantised."""

import io

import numpy as np
from PIL import Image, JpegImagePlugin

QUALITY = 95
"""Of JPEG and lossy WebP, unless something else is asked for."""
LEAST_QUALITY = 90
"""A JPEG that comes from a JPEG is quantised at least as finely as this."""


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
