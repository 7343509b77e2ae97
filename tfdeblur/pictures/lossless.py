"""Reading and writing what Pillow cannot, or only in part: 16 bits a channel, and TIFF with all of its tags."""

import io
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin, TiffTags

from tfdeblur.pictures.metadata import Metadata, png_chunks, png_options, tiff_tags

PNG_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's colour type by the number of channels."""
ROWS = 64
"""Rows that are encoded at a time, so that memory does not grow with the picture."""


def read_png16(path: str) -> np.ndarray:
    """Read a PNG of 16 bits a channel.

    Returns
    -------
    ndarray of shape (H, W, C), uint16

    Raises
    ------
    OSError, ValueError
        The file is damaged.
    """
    with Image.open(path) as image:
        kind, clear = image.tile[0].args, image.info.get("transparency")
    pixels = _read_halves(path, kind[:-1]) if kind in ("RGB;16B", "RGBA;16B") else _read_at_once(path)
    if clear is None:
        return pixels
    return np.dstack([pixels, np.uint16(65535) * (pixels != clear).any(axis=-1)])


def _read_halves(path: str, kind: str) -> np.ndarray:
    """Read upper and lower bytes one after the other, in a third of the memory that TensorFlow's decoder takes.

    Pillow keeps 8 bits of 16, the upper ones. Those it keeps if told that the bytes are the other way round, are the
    lower ones.
    """
    pixels = None
    for order, factor in [("B", 256), ("L", 1)]:
        with Image.open(path) as image:
            image.tile = [image.tile[0]._replace(args=kind + order)]
            if pixels is None:
                pixels = np.zeros((image.height, image.width, len(image.getbands())), np.uint16)
            for top in range(0, image.height, ROWS):
                part = image.crop((0, top, image.width, min(top + ROWS, image.height)))
                pixels[top : top + ROWS] += np.asarray(part).astype(np.uint16) * np.uint16(factor)
    return pixels


def _read_at_once(path: str) -> np.ndarray:
    import tensorflow as tf

    try:
        return tf.io.decode_png(tf.io.read_file(path), dtype=tf.uint16).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError("its compressed data are damaged") from error


def write_png16(path: str, pixels: np.ndarray, metadata: Metadata) -> None:
    """Write a PNG of 16 bits a channel, `(H, W, C)` uint16.

    TensorFlow's encoder would hold the picture three times more and take no metadata.
    """
    height, width, channels = pixels.shape
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        _put(file, b"IHDR", struct.pack(">LLBBBBB", width, height, 16, PNG_COLOUR[channels], 0, 0, 0))
        # Pillow knows how the metadata are stored: have it write them into a picture of one pixel.
        sample = io.BytesIO()
        Image.new("L" if channels < 3 else "RGB", (1, 1)).save(sample, "PNG", **png_options(metadata))
        for name, content in png_chunks(sample):
            if name not in (b"IHDR", b"IDAT", b"IEND"):
                _put(file, name, content)
        compressor = zlib.compressobj()
        for block in _filtered(pixels):
            _put(file, b"IDAT", compressor.compress(block))
        _put(file, b"IDAT", compressor.flush())
        _put(file, b"IEND", b"")


def _put(file, name: bytes, content: bytes) -> None:
    file.write(struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content)))


def _filtered(pixels: np.ndarray) -> Iterator[bytes]:
    """Yield rows as PNG stores them: the number of the filter, 4 (Paeth; PNG 1.2, section 6.6), and differences."""
    height, width, channels = pixels.shape
    bytes_per_pixel = 2 * channels
    above = np.zeros((1, bytes_per_pixel * (1 + width)), np.int16)  # one empty pixel to the left of each row
    for top in range(0, height, ROWS):
        block = (
            np.ascontiguousarray(pixels[top : top + ROWS], ">u2").view(np.uint8).reshape(-1, bytes_per_pixel * width)
        )
        rows = np.concatenate([above, np.pad(block, ((0, 0), (bytes_per_pixel, 0)))]).astype(np.int16)
        left, up, corner = rows[1:, :-bytes_per_pixel], rows[:-1, bytes_per_pixel:], rows[:-1, :-bytes_per_pixel]
        far_left, far_up, far_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
        predicted = np.where(far_up <= far_corner, up, corner)
        predicted = np.where((far_left <= far_up) & (far_left <= far_corner), left, predicted)
        difference = (rows[1:, bytes_per_pixel:] - predicted).astype(np.uint8)
        yield np.pad(difference, ((0, 0), (1, 0)), constant_values=4).tobytes()
        above = rows[-1:]


def read_tiff16(path: str) -> np.ndarray:
    """Read the first page of a TIFF of 16 bits a channel, with its orientation tag not yet applied.

    Returns
    -------
    ndarray of shape (H, W, C), uint16

    Raises
    ------
    ValueError
        It is neither grey nor RGB, or of another type.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        kind = page.photometric.name if page.photometric is not None else "MINISBLACK"
        if page.dtype != np.uint16 or kind not in ("MINISBLACK", "MINISWHITE", "RGB") or page.samplesperpixel > 4:
            raise ValueError(
                f"the TIFF holds {page.samplesperpixel} channels of {page.dtype} ({kind}); "
                "grey or RGB of 8 or 16 bits, with or without alpha, is expected"
            )
        pixels = page.asarray()
        premultiplied = tuple(page.extrasamples) == (1,)
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = np.atleast_3d(pixels)
    if kind == "MINISWHITE":
        pixels = np.iinfo(np.uint16).max - pixels
    return _unmultiplied(pixels) if premultiplied else pixels


def _unmultiplied(pixels: np.ndarray) -> np.ndarray:
    """Divide the colours by alpha, row block by row block."""
    plain = np.empty_like(pixels)
    for top in range(0, len(pixels), ROWS):
        block = pixels[top : top + ROWS].astype(np.float64)
        block[..., :-1] *= 65535 / np.maximum(block[..., -1:], 1)
        plain[top : top + ROWS] = np.rint(np.minimum(block, 65535))
    return plain


def write_tiff(path: str, pixels: np.ndarray, metadata: Metadata) -> None:
    """Write a TIFF, `(H, W, C)` uint8 or uint16, compressed with deflate and horizontal differences.

    Pillow's own writer knows no RGB of 16 bits, tifffile's no EXIF; Pillow's writer of directories knows everything.
    """
    height, width, channels = pixels.shape
    base = ExifTags.Base
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tiff_tags(metadata).items():
        if isinstance(value, bytes):
            tags.tagtype[tag] = TiffTags.UNDEFINED
        tags[tag] = value
    tags[base.ImageWidth], tags[base.ImageLength] = width, height
    tags[base.BitsPerSample] = (8 * pixels.itemsize,) * channels
    tags[base.Compression], tags[base.Predictor] = 8, 2
    tags[base.PhotometricInterpretation] = 1 if channels < 3 else 2
    tags[base.SamplesPerPixel], tags[base.RowsPerStrip], tags[base.PlanarConfiguration] = channels, ROWS, 1
    if channels in (2, 4):
        tags[base.ExtraSamples] = 2  # alpha, colours not multiplied by it
    with tempfile.TemporaryFile() as strips:
        offsets = []
        for top in range(0, height, ROWS):
            block = np.ascontiguousarray(pixels[top : top + ROWS]).astype(pixels.dtype.newbyteorder("<"))
            block[:, 1:] -= block[:, :-1].copy()
            offsets.append(strips.tell())
            strips.write(zlib.compress(block))
        sizes = np.diff([*offsets, strips.tell()])
        tags.tagtype[base.StripOffsets] = tags.tagtype[base.StripByteCounts] = 4  # 32 bits
        tags[base.StripOffsets] = tuple(offsets)  # from the end of the directory, which moves them when written
        tags[base.StripByteCounts] = tuple(int(size) for size in sizes)
        strips.seek(0)
        with open(path, "wb") as file:
            tags.save(file)
            shutil.copyfileobj(strips, file)
