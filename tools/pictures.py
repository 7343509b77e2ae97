"""Picture files in and out: reading with errors that explain, resizing, encoding, and PNG files taken over byte for byte."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises for files that are not what their names say."""

GREY_MODES = ("L", "LA", "1", "I;16", "I", "F")


def title(source: str | bytes) -> str:
    """Return how to call a picture in an error message."""
    return source if isinstance(source, str) else f"a picture of {len(source)} bytes"


def file_bytes(source: str | bytes) -> bytes:
    """Return the content of a picture's file."""
    return Path(source).read_bytes() if isinstance(source, str) else source


def read(source: str | bytes, channels: int) -> tuple[np.ndarray, bool]:
    """Decode a picture.

    Parameters
    ----------
    source : str or bytes
        Path or content of a file in any format that Pillow reads.
    channels : int
        1 for grey, 3 for RGB: other pictures are converted. An alpha channel is dropped, 16 bits become 8, an EXIF
        orientation is applied.

    Returns
    -------
    picture : numpy.ndarray
        `(H, W, channels)`, uint8.
    was_grey : bool
        Whether the file holds a grey picture.

    Raises
    ------
    ValueError
        The file is missing, empty, truncated, or no picture.
    """
    try:
        with Image.open(io.BytesIO(file_bytes(source))) as image:
            image.load()
            was_grey = image.mode in GREY_MODES
            picture = np.asarray(_eight_bit(ImageOps.exif_transpose(image)).convert("L" if channels == 1 else "RGB"))
    except BROKEN as error:
        raise ValueError(_complaint(source, error)) from error
    return picture.reshape(*picture.shape[:2], channels), was_grey


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale the 16-bit grey modes, which Pillow would clip at 255."""
    if image.mode.startswith("I;16") or image.mode == "I":
        return Image.fromarray(np.uint8(np.round(np.clip(np.asarray(image, np.float64), 0, 65535) / 257)))
    return image


def _complaint(source: str | bytes, error: Exception) -> str:
    found = str(error) or type(error).__name__
    return (
        f"{title(source)} cannot be read as a picture ({found}); replace the file, or use --on-error skip to leave such files out"
    )


def png_as_stored(source: str | bytes, channels: int) -> tuple[bytes, int, int] | None:
    """Return a PNG file's own bytes where they can be a record's, so that nothing is encoded again.

    They can if the file is an 8-bit PNG of the wanted channels without alpha, palette, interlacing or orientation.
    Every chunk's checksum is verified.

    Parameters
    ----------
    source : str or bytes
        Path or content of a file.
    channels : int
        1 or 3.

    Returns
    -------
    tuple of (bytes, int, int) or None
        Content, height and width; None where the file is something else that has to be decoded.

    Raises
    ------
    ValueError
        The file is a PNG but damaged.
    """
    content = file_bytes(source)
    header = _png_header(content)
    if header is None:
        return None
    width, height, depth, colour, interlaced = header
    if (depth, colour, interlaced) != (8, 0 if channels == 1 else 2, 0):
        return None
    try:
        image = Image.open(io.BytesIO(content))
        if image.info.keys() & {"transparency", "exif"}:
            return None
        image.verify()
    except BROKEN as error:
        raise ValueError(_complaint(source, error)) from error
    return content, height, width


def _png_header(content: bytes) -> tuple[int, int, int, int, int] | None:
    """Return width, height, bit depth, colour type and interlacing of a PNG (specification, section 11.2.1)."""
    if len(content) < 33 or not content.startswith(b"\x89PNG\r\n\x1a\n") or content[12:16] != b"IHDR":
        return None
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", content[16:29])
    return width, height, depth, colour, interlaced


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a uint8 picture to `(height, width)`: Lanczos, wide enough not to alias where the picture shrinks."""
    if picture.shape[:2] == tuple(size):
        return picture
    height, width = size
    squeezed = picture[..., 0] if picture.shape[-1] == 1 else picture
    resized = Image.fromarray(squeezed).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(resized).reshape(height, width, picture.shape[-1])


def encode(picture: np.ndarray, encoding: str) -> bytes:
    """Encode a picture `(H, W, C)` as a record holds it.

    Parameters
    ----------
    picture : numpy.ndarray
        uint8 for `"png"` and `"raw"`, float32 in [0, 1] for `"float32"`.
    encoding : str
        `"png"`, `"raw"` or `"float32"`.

    Returns
    -------
    bytes
        The same for the same picture.
    """
    if encoding == "png":
        buffer = io.BytesIO()
        Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(buffer, "png")
        return buffer.getvalue()
    return np.ascontiguousarray(picture, "<f4" if encoding == "float32" else np.uint8).tobytes()
