"""Photographs from and to files, with 8 or 16 bits and everything else they carry: the one reader of the package."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from tfdeblur import storage
from tfdeblur.pictures import decoding, jpeg
from tfdeblur.pictures.arrays import eight_bits
from tfdeblur.pictures.conversion import to_pillow
from tfdeblur.pictures.formats import HEAD, recognise
from tfdeblur.pictures.holding import EIGHT_BITS, NO_ALPHA, check_holds, fitted
from tfdeblur.pictures.lossless import write_png16, write_ppm, write_tiff
from tfdeblur.pictures.metadata import jpeg_options, png_options, webp_options
from tfdeblur.pictures.photograph import Photograph


def read(source: str | os.PathLike | bytes, name: str | None = None) -> Photograph:
    """Read a photograph.

    EXIF orientation is applied to the pixels, palettes become RGB, CMYK becomes sRGB by way of its profile. The format
    is that of the content, whatever the name says. Reading takes 7 bytes of memory a pixel of 8-bit RGB.

    Parameters
    ----------
    source : str, pathlib.Path or bytes
        Path of a file, local or gs://, or its content.
    name : str, optional
        What error messages call it, instead of its path.

    Raises
    ------
    OSError
        The file is not there or may not be read.
    ValueError
        It is no image of the formats that are read, camera raw, damaged, too large, an animation or several pages, or
        has pixels other than 1 to 16 unsigned bits a channel. The message says which.
    """
    source = source if isinstance(source, bytes) else os.fspath(source)
    name = name or ("the image" if isinstance(source, bytes) else source)
    with _explained(name), _content(source) as file:
        return _READERS[recognise(file.read(HEAD), name)](file)


def size(path: str | os.PathLike) -> tuple[int, int]:
    """Return height and width from a photograph's header, orientation not considered; (0, 0) if it cannot be read."""
    path = os.fspath(path)
    try:
        with _explained(path), open(path, "rb") as file:
            format = recognise(file.read(HEAD), path)
            if format == "tiff":
                return _tiff_size(file)
            with decoding.opened(file, format) as image:
                return image.height, image.width
    except (OSError, ValueError):
        return 0, 0


def write(
    path: str | os.PathLike, photograph: Photograph, format: str | None = None, quality: int | None = None
) -> None:
    """Write a photograph; its file appears when it is complete.

    Parameters
    ----------
    path : str or pathlib.Path
        A local path.
    photograph : Photograph
        What to write.
    format : str, optional
        Instead of the photograph's own, a key of `formats.SUFFIXES`. `holding.losses` says beforehand what it cannot
        hold of the photograph.
    quality : int, optional
        Of JPEG and lossy WebP, 1 to 100. By default a JPEG that comes from a JPEG is quantised as its source
        (`jpeg.options`); everything else has 95.

    Raises
    ------
    OSError
        The file cannot be written there.
    ValueError
        The format cannot hold the picture, as `holding.check_holds` says.
    """
    format = format or photograph.format
    check_holds(photograph, format)
    pixels, metadata, extra = photograph.pixels, fitted(photograph, format), photograph.extra
    encoding = photograph.encoding if format == photograph.format else {}
    if photograph.has_extra and (format in NO_ALPHA or (extra == "unspecified" and format != "tiff")):
        pixels = pixels[..., :-1]
    if format in EIGHT_BITS:
        pixels = eight_bits(pixels)
    with storage.publish(path) as temporary:
        if format == "tiff":
            write_tiff(temporary, pixels, metadata, extra)
        elif format == "png" and pixels.dtype == np.uint16:
            write_png16(temporary, pixels, metadata)
        elif format == "png":
            to_pillow(pixels).save(temporary, "PNG", **png_options(metadata))
        elif format == "jpeg":
            to_pillow(pixels).save(temporary, "JPEG", **jpeg.options(encoding, quality), **jpeg_options(metadata))
        elif format == "webp":
            options = {"exact": True, "quality": quality or jpeg.QUALITY} | encoding | webp_options(metadata)
            _for_webp(pixels).save(temporary, "WEBP", **options)
        elif format == "ppm":
            write_ppm(temporary, pixels)
        else:
            to_pillow(pixels).save(temporary, format.upper(), **({"dpi": metadata.dpi} if metadata.dpi else {}))


def _for_webp(pixels: np.ndarray) -> Image.Image:
    """Return the pixels as a Pillow image, without a copy if they lie as `_decode_webp` has put them."""
    whole, (height, width, channels) = pixels.base, pixels.shape
    if channels == 3 and isinstance(whole, np.ndarray) and whole.shape == (height, width, 4):
        if whole.flags.c_contiguous and whole.strides == pixels.strides and whole.ctypes.data == pixels.ctypes.data:
            return Image.frombuffer("RGBX", (width, height), whole, "raw", "RGBX", 0, 1)
    return to_pillow(pixels)


@contextmanager
def _content(source: str | bytes) -> Iterator[BinaryIO]:
    with nullcontext(io.BytesIO(source)) if isinstance(source, bytes) else storage.opened(source) as file:
        yield file


def _read_tiff(file: BinaryIO) -> Photograph:
    from tfdeblur.pictures.tiff import read_tiff  # with tifffile, which takes a quarter of a second to import

    return read_tiff(file)


def _tiff_size(file: BinaryIO) -> tuple[int, int]:
    from tfdeblur.pictures.tiff import only_page, opened_tiff

    with opened_tiff(file) as tiff:
        page = only_page(tiff)
        return page.imagelength, page.imagewidth


_READERS = {
    "jpeg": decoding.read_jpeg,
    "png": decoding.read_png,
    "tiff": _read_tiff,
    "webp": decoding.read_webp,
    "bmp": decoding.read_bmp,
    "gif": decoding.read_gif,
    "ppm": decoding.read_ppm,
}


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn whatever a damaged file raises into a ValueError that names it."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} cannot be read: it is damaged, or of a kind that Pillow does not know") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # of the file system, which names the path itself
            raise
        found = " ".join(str(error).split()) or type(error).__name__
        if not isinstance(error, (ValueError, OSError, MemoryError)):  # a library's own trouble with what it found
            found = f"it is damaged, or of a kind that is not known ({found})"
        raise ValueError(f"{name} cannot be read: {found}") from error
