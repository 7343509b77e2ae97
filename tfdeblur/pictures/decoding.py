"""Reading each format but TIFF. Every function takes an open file and returns a `Photograph`, or says why it cannot."""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image

from tfdeblur.pictures import jpeg
from tfdeblur.pictures.arrays import looked_up, turned
from tfdeblur.pictures.conversion import from_pillow
from tfdeblur.pictures.memory import check_fits
from tfdeblur.pictures.metadata import orientation, png_chunks, put_chunk, quiet, read_metadata
from tfdeblur.pictures.photograph import Photograph


@contextmanager
def opened(file: BinaryIO, format: str) -> Iterator[Image.Image]:
    """Open an image by Pillow, whose own limit on pixels does not count, and check that it is one and that it fits."""
    file.seek(0)
    with quiet():
        largest, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(file, formats=[format.upper()])
        finally:
            Image.MAX_IMAGE_PIXELS = largest
    with image:
        check_fits(*image.size, 4)
        with quiet():
            frames = getattr(image, "n_frames", 1)
        if image.format != "MPO" and frames > 1:
            raise ValueError(f"it holds {frames} pictures (animation or pages); one is expected")
        yield image


def read_jpeg(file: BinaryIO) -> Photograph:
    """Read a JPEG of 8 bits; CMYK becomes sRGB. Further pictures behind it (MPO) are left out."""
    marker, bits, _, _, channels = jpeg.frame(file)
    if marker == jpeg.JPEG_LS:
        raise ValueError("it is JPEG-LS, which is not supported; convert it to PNG, TIFF or JPEG")
    if bits != 8 or channels not in (1, 3, 4):
        raise ValueError(f"it is a JPEG of {channels} channels of {bits} bits; 1, 3 or 4 of 8 bits are expected")
    with opened(file, "jpeg") as image:
        turn, metadata, encoding = orientation(image), read_metadata(image), jpeg.encoding(image)
        if image.mode == "CMYK":
            metadata = metadata.without_profile()
        pixels = turned(np.atleast_3d(from_pillow(image)), turn)
    return Photograph(pixels, "jpeg", metadata, encoding)


def read_png(file: BinaryIO) -> Photograph:
    """Read a PNG of any kind, 16 bits a channel as such, every checksum verified."""
    chunks = tuple(png_chunks(file))
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ValueError("it is damaged: this PNG does not begin with its header")
    width, height, bits, colour, _, _, interlaced = struct.unpack(">LLBBBBB", chunks[0][1])
    check_fits(width, height, 8 if bits == 16 else 4)
    frames = [struct.unpack(">L", content[:4])[0] for name, content in chunks if name == b"acTL"]
    if frames and frames[0] > 1:
        raise ValueError(f"it holds {frames[0]} pictures (animation); one is expected")
    clear_grey = colour == 0 and any(name == b"tRNS" for name, _ in chunks)  # wrong in Pillow for 1, 2 and 4 bits
    if interlaced and bits <= 8 and not clear_grey:  # of which libpng warns on stderr
        with opened(file, "png") as image:
            pixels = np.atleast_3d(from_pillow(image))
    else:
        file.seek(0)
        pixels = np.atleast_3d(imagecodecs.png_decode(file.read()))
    with opened(_sample(chunks), "png") as image:
        turn, metadata = orientation(image), read_metadata(image, chunks)
    return Photograph(turned(pixels, turn), "png", metadata)


def _sample(chunks: tuple[tuple[bytes, bytes], ...]) -> BinaryIO:
    """Return a PNG of one pixel with the same metadata: Pillow knows how they are stored, without the large pixels."""
    own = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
    kept = [(name, content) for name, content in chunks if name not in own]
    header = struct.pack(">LLBBBBB", 1, 1, 8, 0, 0, 0, 0)
    sample = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    sample.seek(0, os.SEEK_END)
    for name, content in [(b"IHDR", header), *kept, (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]:
        put_chunk(sample, name, content)
    return sample


def read_webp(file: BinaryIO) -> Photograph:
    """Read a WebP to 4 bytes a pixel, of which opaque images show 3. Pillow's decoder, for animations, takes 16."""
    with opened(file, "webp") as image:
        turn, metadata, channels = orientation(image), read_metadata(image), len(image.getbands())
    file.seek(0)
    pixels = imagecodecs.webp_decode(file.read(), hasalpha=True)[..., :channels]
    return Photograph(turned(pixels, turn), "webp", metadata, {"lossless": _is_lossless_webp(file)})


def _is_lossless_webp(file: BinaryIO) -> bool:
    file.seek(12)
    while len(header := file.read(8)) == 8:
        name, length = struct.unpack("<4sL", header)
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        file.seek(length + length % 2, os.SEEK_CUR)
    return False


def read_bmp(file: BinaryIO) -> Photograph:
    """Read a BMP of any kind that Pillow knows."""
    with opened(file, "bmp") as image:
        return Photograph(np.atleast_3d(from_pillow(image)), "bmp", read_metadata(image))


def read_gif(file: BinaryIO) -> Photograph:
    """Read a GIF of one picture; one whose colours are all grey has one channel."""
    with opened(file, "gif") as image:
        pixels, metadata = np.atleast_3d(from_pillow(image)), read_metadata(image)
    if pixels.shape[-1] > 2 and (pixels[..., :3] == pixels[..., :1]).all():
        pixels = np.delete(pixels, [1, 2], axis=-1)
    return Photograph(pixels, "gif", metadata)


def read_ppm(file: BinaryIO) -> Photograph:
    """Read a PBM, PGM or PPM; binary ones of more than 8 bits as such, where Pillow keeps 8 of colours."""
    with opened(file, "ppm") as image:
        codec, _, offset, arguments = image.tile[0]
        white = arguments[1] if isinstance(arguments, tuple) else {"I;16B": 65535}.get(arguments, 255)
        if white <= 255:
            return Photograph(np.atleast_3d(from_pillow(image)), "ppm")
        if codec == "ppm_plain":
            raise ValueError("it is a PPM of more than 8 bits written as text; save it as a binary one")
        shape = (image.height, image.width, 1 if image.mode == "I" else 3)
    file.seek(offset)
    values = np.frombuffer(file.read(2 * int(np.prod(shape))), ">u2")
    if values.size < np.prod(shape):
        raise ValueError("it is truncated")
    return Photograph(_to_16_bits(values.reshape(shape), white), "ppm")


def _to_16_bits(values: np.ndarray, white: int) -> np.ndarray:
    if white == 65535:
        return values.astype(np.uint16)
    table = (np.minimum(np.arange(65536), white) * 131070 // white + 1) // 2
    return looked_up(table.astype(np.uint16), values)
