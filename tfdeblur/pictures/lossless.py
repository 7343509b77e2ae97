"""Writing what Pillow cannot, or only in part: 16 bits a channel, and TIFF with all of its tags."""

import io
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin, TiffTags

from tfdeblur.pictures.arrays import multiplied
from tfdeblur.pictures.metadata import Metadata, png_chunks, png_options, put_chunk, tiff_tags

PNG_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's colour type by the number of channels."""
ROWS = 64
"""Rows that are encoded at a time, so that memory does not grow with the picture."""


def write_png16(path: str, pixels: np.ndarray, metadata: Metadata) -> None:
    """Write a PNG of 16 bits a channel, `(H, W, C)` uint16.

    TensorFlow's encoder would hold the picture three times more and take no metadata.
    """
    height, width, channels = pixels.shape
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        put_chunk(file, b"IHDR", struct.pack(">LLBBBBB", width, height, 16, PNG_COLOUR[channels], 0, 0, 0))
        # Pillow knows how the metadata are stored: have it write them into a picture of one pixel.
        sample = io.BytesIO()
        Image.new("L" if channels < 3 else "RGB", (1, 1)).save(sample, "PNG", **png_options(metadata))
        for name, content in png_chunks(sample):
            if name not in (b"IHDR", b"IDAT", b"IEND"):
                put_chunk(file, name, content)
        compressor = zlib.compressobj()
        for block in _filtered(pixels):
            put_chunk(file, b"IDAT", compressor.compress(block))
        put_chunk(file, b"IDAT", compressor.flush())
        put_chunk(file, b"IEND", b"")


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


EXTRA_SAMPLES = {"unspecified": 0, "associated": 1, "alpha": 2}


def write_tiff(path: str, pixels: np.ndarray, metadata: Metadata, extra: str = "alpha") -> None:
    """Write a TIFF, `(H, W, C)` uint8 or uint16, compressed with deflate and horizontal differences.

    The last of 2 or 4 channels is what `extra` says, as in `Photograph`.

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
        tags[base.ExtraSamples] = EXTRA_SAMPLES[extra]
        pixels = multiplied(pixels) if extra == "associated" else pixels
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


def write_ppm(path: str, pixels: np.ndarray) -> None:
    """Write a PGM or PPM, `(H, W, 1 or 3)` uint8 or uint16; Pillow knows no colours of 16 bits there."""
    height, width, channels = pixels.shape
    with open(path, "wb") as file:
        file.write(b"P%d\n%d %d\n%d\n" % (5 if channels == 1 else 6, width, height, np.iinfo(pixels.dtype).max))
        for top in range(0, height, ROWS):
            file.write(np.ascontiguousarray(pixels[top : top + ROWS], pixels.dtype.newbyteorder(">")))
