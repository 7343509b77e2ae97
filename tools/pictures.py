"""Picture files in and out: reading with errors that explain, resizing, encoding, PNG files kept byte for byte."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tfdeblur import storage

SUFFIXES = frozenset(".png .jpg .jpeg .webp .tif .tiff .bmp .gif .ppm .pgm".split())
"""Files with these suffixes, in either case, are taken for pictures."""

BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises for files that are not what their names say."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ORIENTATIONS = ("exif", "Raw profile type exif", "XML:com.adobe.xmp")
"""Where in a PNG Pillow finds an orientation."""

GREY_MODES = ("L", "LA", "La", "1", "I", "F", "I;16", "I;16B", "I;16L")


def content_of(source: str | bytes) -> bytes:
    """Return the content of a picture's file, given by path or as it is."""
    if isinstance(source, bytes):
        return source
    try:
        return storage.read_bytes(source)
    except OSError as error:
        raise ValueError(complaint(source, error)) from error


def decode(content: bytes, title: str, channels: int, verified: bool = False) -> tuple[np.ndarray, bool]:
    """Decode a picture.

    Parameters
    ----------
    content : bytes
        Content of a file in any format that Pillow reads.
    title : str
        What error messages call it.
    channels : int
        1 for grey, 3 for RGB: other pictures are converted. An alpha channel is dropped, 16 bits become 8, an EXIF
        orientation is applied.
    verified : bool
        Whether the checksums in the file are known to be right; otherwise those of a PNG are verified, since Pillow
        decodes without looking at them.

    Returns
    -------
    picture : numpy.ndarray
        `(H, W, channels)`, uint8.
    was_grey : bool
        Whether the file holds a grey picture.

    Raises
    ------
    ValueError
        The file is empty, truncated, damaged, or no picture.
    """
    try:
        if not verified and content.startswith(PNG_SIGNATURE):
            Image.open(io.BytesIO(content)).verify()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            was_grey = image.mode in GREY_MODES
            upright = _eight_bit(ImageOps.exif_transpose(image))
            picture = np.asarray(upright.convert("L" if channels == 1 else "RGB"))
    except BROKEN as error:
        raise ValueError(complaint(title, error)) from error
    return picture.reshape(*picture.shape[:2], channels), was_grey


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey, which Pillow would clip at 255, and open up palettes with transparency, which it warns of."""
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of unknown range; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return Image.fromarray(np.uint8(np.rint(np.clip(np.asarray(image, np.float64), 0, 65535) / 257)))
    return image.convert("RGBA") if image.mode == "P" and "transparency" in image.info else image


def complaint(title: str, error: Exception) -> str:
    """Return what to tell the user of a file that cannot be read."""
    if isinstance(error, UnidentifiedImageError):  # its own text has an address in memory
        found = "the content is of no known picture format"
    else:
        found = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return (
        f"{title} cannot be read as a picture ({found}); replace the file, "
        "or use --on-error skip to leave such pictures out"
    )


def png_to_keep(content: bytes, title: str, channels: int) -> tuple[int, int] | None:
    """Return height and width of a PNG file that can go into a record as it is, without being encoded again.

    That is an 8-bit PNG of the wanted channels without alpha, palette, interlacing or orientation. The checksum of each
    of its chunks is verified.

    Parameters
    ----------
    content : bytes
        Content of a file.
    title : str
        What error messages call it.
    channels : int
        1 or 3.

    Returns
    -------
    tuple of two int or None
        None where the file is something else and has to be decoded.

    Raises
    ------
    ValueError
        The file is such a PNG, but damaged.
    """
    if len(content) < 33 or not content.startswith(PNG_SIGNATURE) or content[12:16] != b"IHDR":
        return None
    # PNG specification, section 11.2.1; colour type 0 is grey, 2 is RGB.
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", content[16:29])
    if (depth, colour, interlaced) != (8, 0 if channels == 1 else 2, 0):
        return None
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.info.keys() & {"transparency", *ORIENTATIONS}:
                return None
            image.verify()
    except BROKEN as error:
        raise ValueError(complaint(title, error)) from error
    return height, width


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a uint8 picture to `(height, width)`: Lanczos, as wide as a picture that shrinks needs not to alias."""
    if picture.shape[:2] == tuple(size):
        return picture
    height, width = size
    squeezed = picture[..., 0] if picture.shape[-1] == 1 else picture
    resized = Image.fromarray(squeezed).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(resized).reshape(height, width, picture.shape[-1])


def to_eight_bit(picture: np.ndarray) -> np.ndarray:
    """Round a float picture in [0, 1] to uint8."""
    return np.uint8(np.clip(np.rint(picture * 255), 0, 255))


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
