"""Reading TIFF: grey, RGB, palettes, CMYK and YCbCr of up to 16 unsigned bits in any layout, or why not."""

import io
import logging
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import tifffile
from PIL import Image

from tfdeblur.pictures import jpeg
from tfdeblur.pictures.arrays import levels, looked_up, turned, unmultiplied
from tfdeblur.pictures.conversion import from_pillow, rgb_from_cmyk
from tfdeblur.pictures.formats import RAW_ADVICE
from tfdeblur.pictures.memory import check_fits
from tfdeblur.pictures.metadata import tiff_metadata
from tfdeblur.pictures.photograph import Photograph

DNG_VERSION = 50706
RAW_PHOTOMETRICS = {32803: "the values of a colour filter array", 34892: "linear camera values"}
RAW_COMPRESSIONS = {32767: "Sony's", 34713: "Nikon's", 65535: "Pentax'"}
COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34887, 34925, 50000, 50001}
"""None, fax, LZW, old and new JPEG, deflate, PackBits, deflate, LERC, LZMA, Zstandard, WebP."""
JPEG = 7
BILEVEL = {1, 2, 3, 4, 32773}
"""Compressions with which a page that does not say its bits has one."""
BY_LIBTIFF = {2, 3, 4, 6}
"""Fax and old JPEG are read by libtiff (in Pillow) and so is YCbCr; the rest by tifffile, which knows more layouts."""
CHANNELS = {"MINISWHITE": 1, "MINISBLACK": 1, "RGB": 3, "PALETTE": 1, "SEPARATED": 4, "YCBCR": 3}
"""Channels of each photometric interpretation, without extra ones."""
EXTRAS = {0: "unspecified", 1: "associated", 2: "alpha"}
INK_SET = 332
SAMPLE_FORMATS = {2: "signed integers", 3: "floating-point numbers", 5: "complex integers", 6: "complex numbers"}
ADVICE = "save it with 8 or 16 bits a channel, grey or RGB"


def read_tiff(file: BinaryIO) -> Photograph:
    """Read the one image of a TIFF; reduced copies of it (thumbnails) and masks beside it do not count.

    Channels of 1 to 8 bits become 8 bits, those of 9 to 16 bits become 16.

    Raises
    ------
    ValueError
        It is camera raw, damaged, has several images, or one that is not of these kinds.
    """
    with opened_tiff(file) as tiff:
        page = only_page(tiff)
        kind, extra = _kind(page), _extra(page)
        check_fits(page.imagewidth, page.imagelength, page.samplesperpixel * -(-page.bitspersample // 8))
        _check_segments(page, tiff.filehandle.size)
        if page.compression == JPEG:
            _check_jpegs(file, page)
        metadata, orientation = tiff_metadata(file, page)
        if page.compression in BY_LIBTIFF or kind == "YCBCR":
            return Photograph(_by_libtiff(file, page.index), "tiff", metadata)
        pixels = _channels(page, kind)
    if kind == "SEPARATED":
        pixels = rgb_from_cmyk(pixels, metadata.icc_profile)
        metadata = metadata.without_profile()
    if extra == "associated":
        pixels = unmultiplied(pixels)
    return Photograph(turned(pixels, orientation), "tiff", metadata, extra=extra)


def opened_tiff(file: BinaryIO) -> tifffile.TiffFile:
    """Open a TIFF by tifffile, which reports to nobody what it raises, too."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    file.seek(0)
    return tifffile.TiffFile(file)


def only_page(tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    """Return the page of the image, or raise a ValueError if there is not just one, or it is camera raw."""
    pages = list(tiff.pages)
    for page in _with_inner(pages):
        if DNG_VERSION in page.tags:
            raise ValueError(f"it is camera raw (DNG) by its content, which is not read; {RAW_ADVICE}")
        if found := RAW_PHOTOMETRICS.get(page.photometric) or RAW_COMPRESSIONS.get(page.compression):
            raise ValueError(f"it is camera raw by its content ({found}), which is not read; {RAW_ADVICE}")
    images = [page for page in pages if not (page.is_reduced or page.is_mask)]
    if not images:
        raise ValueError("it holds a thumbnail or a mask, but no image")
    if len(images) > 1:
        raise ValueError(f"it holds {len(images)} pictures (pages); one is expected")
    return images[0]


def _with_inner(pages: list) -> Iterator[tifffile.TiffPage]:
    """Yield the pages and those of their SubIFDs."""
    for page in pages:
        yield page
        if page.subifds:
            yield from page.pages or ()


def _kind(page: tifffile.TiffPage) -> str:
    """Return the name of the photometric interpretation, or say why the page is not read."""
    kind = _photometric(page)
    bits = page.bitspersample
    if page.sampleformat in SAMPLE_FORMATS or not isinstance(bits, int) or bits > 16:
        what = SAMPLE_FORMATS.get(page.sampleformat, "unsigned integers")
        raise ValueError(f"its pixels are {what} of {bits} bits, whose range is not known; {ADVICE}")
    if kind not in CHANNELS:
        raise ValueError(f"its colours are given as {kind}, which is not read; {ADVICE}")
    if 259 not in page.tags or (258 not in page.tags and page.compression not in BILEVEL):
        raise ValueError("it is damaged: its tags do not say how many bits a channel has, or how they are compressed")
    if page.compression not in COMPRESSIONS:
        name = getattr(page.compression, "name", page.compression)
        raise ValueError(f"its compression {name} is not read; save it with another one, such as LZW or deflate")
    if page.axes not in ("YX", "YXS", "SYX"):
        raise ValueError(f"its image has the axes {page.axes}; a flat one is expected")
    beyond = page.samplesperpixel - CHANNELS[kind]
    most = 0 if kind in ("SEPARATED", "YCBCR") else 1
    if not 0 <= beyond <= most or (kind == "PALETTE" and page.colormap is None):
        raise ValueError(f"it has {page.samplesperpixel} channels, given as {kind}; {ADVICE}, with alpha or without")
    if (kind == "SEPARATED" and (bits != 8 or page.tags.valueof(INK_SET, 1) != 1)) or (kind == "YCBCR" and bits != 8):
        raise ValueError(f"its colours are given as {kind} of {bits} bits or with inks of their own; {ADVICE}")
    if page.predictor != 1 and (page.compression in (1, 32773) or page.predictor != 2 or bits not in (8, 16)):
        if page.compression not in (7, 34887, 50001):  # which have no use for it
            raise ValueError(f"its predictor {page.predictor} does not go with {bits} bits so compressed; {ADVICE}")
    return kind


def _photometric(page: tifffile.TiffPage) -> str:
    value = page.tags.valueof(262)
    return value.name if isinstance(value, tifffile.PHOTOMETRIC) else f"the photometric interpretation {value}"


def _extra(page: tifffile.TiffPage) -> str:
    """Return what the last channel is, as `Photograph.extra` says it."""
    found = page.tags.valueof(338, ())
    found = found if isinstance(found, tuple) else (found,)
    beyond = page.samplesperpixel - CHANNELS[_photometric(page)]
    return EXTRAS.get(int(found[0]) if found else 0, "unspecified") if beyond else "alpha"


def _check_segments(page: tifffile.TiffPage, size: int) -> None:
    """Raise a ValueError unless every strip or tile is there: tifffile fills up missing ones with black."""
    count = int(np.prod(page.chunked))
    offsets, sizes = page.dataoffsets[:count], page.databytecounts[:count]
    if len(offsets) < count or len(sizes) < count or not all(offsets) or not all(sizes):
        raise ValueError(f"it is damaged: of {count} strips or tiles some are missing")
    if max(map(sum, zip(offsets, sizes, strict=True))) > size:
        raise ValueError("it is truncated: strips or tiles lie beyond its end")
    wanted = page.imagewidth * page.imagelength * page.samplesperpixel * page.bitspersample // 8
    if page.compression == 1 and not page.is_subsampled and sum(sizes) < wanted:
        raise ValueError(f"it is damaged: {sum(sizes)} bytes of pixels, {wanted} are needed")
    if page.is_tiled and page.tilewidth * page.tilelength > 4 * max(page.imagewidth * page.imagelength, 2**24):
        raise ValueError(f"its tiles of {page.tilewidth}x{page.tilelength} are far larger than the image")


def _check_jpegs(file: BinaryIO, page: tifffile.TiffPage) -> None:
    """Raise a ValueError unless each strip or tile is a JPEG of its size: a larger one would take memory first."""
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(offset)
        _, _, height, width, _ = jpeg.frame(io.BytesIO(file.read(min(size, 2**16))))
        if height > rows + 64 or width != columns:  # some write whole blocks
            raise ValueError(f"it is damaged: a JPEG of {width}x{height} stands for {columns}x{rows} pixels")


def _by_libtiff(file: BinaryIO, index: int) -> np.ndarray:
    """Read a page by Pillow, which also turns it upright."""
    file.seek(0)
    with Image.open(file, formats=["TIFF"]) as image:
        image.seek(index)
        return np.atleast_3d(from_pillow(image))


def _channels(page: tifffile.TiffPage, kind: str) -> np.ndarray:
    """Read a page by tifffile, as 8 or 16 bits from black to white."""
    values = page.asarray()
    values = np.moveaxis(values, 0, -1) if page.axes == "SYX" else np.atleast_3d(values)
    bits, count = page.bitspersample, CHANNELS[kind]
    values = values.astype(np.uint8 if bits <= 8 else np.uint16, copy=False)
    if kind in ("RGB", "MINISBLACK", "SEPARATED") and bits in (8, 16):
        return values
    table = levels(bits)
    extra = looked_up(table, values[..., count:])
    if kind == "PALETTE":
        colours = page.colormap.T
        table = (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)  # some writers give 8 bits
        extra = (extra >> 8).astype(np.uint8) if extra.dtype == np.uint16 else extra
    elif kind == "MINISWHITE":
        table = table[::-1]
    colour = looked_up(table, values[..., :count])
    return np.concatenate([colour, extra], axis=-1) if extra.shape[-1] else colour
