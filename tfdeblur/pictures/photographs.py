"""Photographs from and to files: JPEG, PNG, TIFF and WebP, with 8 or 16 bits and everything else they carry."""

import io
import os
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import imagecodecs
import numpy as np
from PIL import ExifTags, Image, ImageCms, JpegImagePlugin, UnidentifiedImageError

from tfdeblur import storage
from tfdeblur.pictures.lossless import read_png16, read_tiff16, write_png16, write_tiff
from tfdeblur.pictures.metadata import (
    Metadata,
    jpeg_options,
    orientation,
    png_chunks,
    png_options,
    read_metadata,
    webp_options,
)

FORMATS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "TIFF": "tiff", "WEBP": "webp"}
"""Format by Pillow's name. MPO is what telephones write: a JPEG with more pictures behind it, which are left out."""
BITS_PER_SAMPLE, PHOTOMETRIC = ExifTags.Base.BitsPerSample, ExifTags.Base.PhotometricInterpretation
BLACK_IS_ZERO = 1
LARGEST = 10**9
"""Pixels of the largest picture that is read."""
QUALITY = 95
"""Of JPEG and lossy WebP."""
ROWS = 256
"""Rows converted at a time: Pillow holds RGB in 4 bytes a pixel and copies whatever it converts."""


@dataclass(frozen=True)
class Photograph:
    """A picture and what it carries.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, C), uint8 or uint16
        Upright. C is 1 (grey) or 3 (RGB), or 2 or 4 with an alpha channel last. May be a view that is not contiguous.
    format : {"jpeg", "png", "tiff", "webp"}
        The format of its file.
    metadata : Metadata
        EXIF, colour profile, XMP and the rest.
    encoding : dict
        Options of Pillow's writer for the same format: subsampling, progressive, lossless.
    """

    pixels: np.ndarray
    format: str
    metadata: Metadata = Metadata()
    encoding: dict = field(default_factory=dict)


def read(path: str) -> Photograph:
    """Read a photograph.

    EXIF orientation is applied to the pixels, palettes become RGB, CMYK becomes sRGB by way of its profile.
    Reading takes 7 bytes of memory a pixel of 8-bit RGB.

    Raises
    ------
    OSError
        The file is not there or may not be read.
    ValueError
        It is no picture of the four formats, damaged, larger than `LARGEST`, holds several pictures, or pixels that
        are neither 8 nor 16 bits.
    """
    with _explained(path), open(path, "rb") as file, _opened(path) as image:
        if _is_deep(image, file):
            pixels = read_png16(path) if image.format == "PNG" else read_tiff16(path)
        elif image.format == "WEBP":
            pixels = _decode_webp(image, file)
        else:
            pixels = np.atleast_3d(from_pillow(image))
        turn = orientation(image)  # of a TIFF, Pillow has turned the pixels and says 1
        metadata = read_metadata(image, file)
        if image.mode == "CMYK":
            metadata = replace(metadata, icc_profile=b"")
        return Photograph(_turned(pixels, turn), FORMATS[image.format], metadata, _encoding(image, file))


def size(path: str) -> tuple[int, int]:
    """Return height and width from a photograph's header, orientation not considered; (0, 0) if it cannot be read."""
    try:
        with _explained(path), _opened(path) as image:
            return image.height, image.width
    except (OSError, ValueError):
        return 0, 0


def write(path: str, photograph: Photograph, format: str | None = None) -> None:
    """Write a photograph; its file appears when it is complete.

    Parameters
    ----------
    path : str
        A local path.
    photograph : Photograph
        What to write.
    format : {"jpeg", "png", "tiff", "webp"}, optional
        Instead of the photograph's own. JPEG and WebP hold 8 bits; 16 bits are rounded to them.

    Raises
    ------
    OSError
        The file cannot be written there.
    ValueError
        The format cannot hold the picture: alpha in JPEG, or too large.
    """
    format = format or photograph.format
    pixels, metadata = photograph.pixels, photograph.metadata
    encoding = photograph.encoding if format == photograph.format else {}
    if format == "jpeg" and pixels.shape[-1] in (2, 4):
        raise ValueError("JPEG holds no alpha channel; use --format png, tiff or webp")
    limit = {"jpeg": 65500, "webp": 16383}.get(format)
    if limit and max(pixels.shape[:2]) > limit:
        raise ValueError(
            f"{pixels.shape[1]}x{pixels.shape[0]} is more than {format} holds ({limit}); try --format tiff"
        )
    if format in ("jpeg", "webp") and pixels.dtype == np.uint16:
        pixels = _eight_bits(pixels)
    with storage.publish(path) as temporary:
        if format == "tiff":
            write_tiff(temporary, pixels, metadata)
        elif format == "png" and pixels.dtype == np.uint16:
            write_png16(temporary, pixels, metadata)
        elif format == "png":
            to_pillow(pixels).save(temporary, "PNG", **png_options(metadata))
        elif format == "jpeg":
            options = {"quality": QUALITY, "subsampling": 0} | encoding | jpeg_options(metadata)
            to_pillow(pixels).save(temporary, "JPEG", **options)
        else:
            if pixels.shape[-1] < 3 and metadata.icc_profile[16:20] == b"GRAY":
                metadata = replace(metadata, icc_profile=b"")  # WebP has no grey: it will be RGB
            options = {"quality": QUALITY, "exact": True} | encoding | webp_options(metadata)
            _for_webp(pixels).save(temporary, "WEBP", **options)


def from_pillow(image: Image.Image) -> np.ndarray:
    """Return the pixels of a Pillow image as an array (H, W) or (H, W, C), uint8 or uint16.

    Palettes and CMYK become RGB, transparency an alpha channel. EXIF orientation is left alone.

    Raises
    ------
    ValueError
        The image's mode is none of the usual ones for 8 or 16 bits.
    """
    convert = _conversion(image)
    image.load()
    pixels = None
    for top in range(0, image.height, ROWS):
        part = np.asarray(convert(image.crop((0, top, image.width, min(top + ROWS, image.height)))))
        if pixels is None:
            pixels = np.empty((image.height, *part.shape[1:]), part.dtype.newbyteorder("="))
        pixels[top : top + ROWS] = part
    return pixels


def to_pillow(pixels: np.ndarray, info: dict | None = None) -> Image.Image:
    """Return an array `(H, W)` or `(H, W, C)`, uint8, or uint16 with one channel, as a Pillow image."""
    image = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)
    image.info = {key: value for key, value in (info or {}).items() if key != "transparency"}
    return image


def _for_webp(pixels: np.ndarray) -> Image.Image:
    """Return the pixels as a Pillow image, without a copy if they lie as `_decode_webp` has put them."""
    whole, (height, width, channels) = pixels.base, pixels.shape
    if channels == 3 and isinstance(whole, np.ndarray) and whole.shape == (height, width, 4):
        if whole.flags.c_contiguous and whole.strides == pixels.strides and whole.ctypes.data == pixels.ctypes.data:
            return Image.frombuffer("RGBX", (width, height), whole, "raw", "RGBX", 0, 1)
    return to_pillow(pixels)


def _conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    if image.mode.startswith("I;16"):
        return lambda part: part
    clear = "transparency" in image.info
    modes = {"1": "L", "L": "LA" if clear else "L", "LA": "LA", "La": "LA", "P": "RGBA" if clear else "RGB"}
    modes |= {"RGB": "RGBA" if clear else "RGB", "RGBX": "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
    modes |= {"CMYK": "RGB", "YCbCr": "RGB"}
    if image.mode not in modes:
        raise ValueError(f"the picture has Pillow's mode {image.mode}; grey or RGB of 8 or 16 bits is expected")
    if image.mode == "CMYK" and image.info.get("icc_profile"):
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "CMYK", "RGB")
            return lambda part: ImageCms.applyTransform(part, transform)
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that does not fit: convert without one
    return lambda part: part.convert(modes[image.mode])


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn whatever a damaged file raises into a ValueError that names it."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{path} is not a JPEG, PNG, TIFF or WebP picture, or of a kind that Pillow does not know"
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # of the file system, which names the path itself
            raise
        raise ValueError(f"{path} cannot be read: {error}") from error


@contextmanager
def _opened(path: str) -> Iterator[Image.Image]:
    largest = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd tags; the picture still counts
            with Image.open(path, formats=["JPEG", "PNG", "TIFF", "WEBP"]) as image:
                if image.width * image.height > LARGEST:
                    raise ValueError(f"it has {image.width}x{image.height} pixels; {LARGEST:,} at most are read")
                if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
                    raise ValueError(f"it holds {image.n_frames} pictures (animation or pages); one is expected")
                yield image
    finally:
        Image.MAX_IMAGE_PIXELS = largest


def _is_deep(image: Image.Image, file) -> bool:
    """Whether the file has more bits a channel than Pillow reads of it."""
    if image.format == "PNG":
        return next(png_chunks(file))[1][8] == 16
    if image.format != "TIFF" or (image.mode.startswith("I;16") and image.tag_v2.get(PHOTOMETRIC) == BLACK_IS_ZERO):
        return False
    return max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))) > 8


def _decode_webp(image: Image.Image, file) -> np.ndarray:
    """Decode a WebP to 4 bytes a pixel, of which opaque pictures show 3. Pillow's decoder, for animations, takes 16."""
    file.seek(0)
    return imagecodecs.webp_decode(file.read(), hasalpha=True)[..., : len(image.getbands())]


def _encoding(image: Image.Image, file) -> dict:
    """Return the options with which Pillow would write the picture as it was written."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        sampling = JpegImagePlugin.get_sampling(image)
        return {"subsampling": max(sampling, 0), "progressive": bool(image.info.get("progressive"))}
    return {"lossless": _is_lossless_webp(file)} if image.format == "WEBP" else {}


def _is_lossless_webp(file) -> bool:
    file.seek(12)
    while len(header := file.read(8)) == 8:
        name, length = struct.unpack("<4sL", header)
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        file.seek(length + length % 2, os.SEEK_CUR)
    return False


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """View pixels stored with an EXIF orientation (2 to 8; else as they are) upright."""
    mirrored = {2: np.s_[:, ::-1], 3: np.s_[::-1, ::-1], 4: np.s_[::-1], 7: np.s_[::-1, ::-1]}
    if orientation in (5, 7):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (6, 8):
        pixels = np.rot90(pixels, -1 if orientation == 6 else 1)
    return pixels[mirrored[orientation]] if orientation in mirrored else pixels


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Round 16 bits to 8, without a wide copy of the whole."""
    narrow = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), ROWS):
        narrow[top : top + ROWS] = (pixels[top : top + ROWS].astype(np.uint32) + 128) // 257
    return narrow
