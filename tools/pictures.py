"""Picture files in and out: reading with errors that explain, resizing, encoding, PNG files kept byte for byte."""

import io

import numpy as np
from PIL import Image

from tfdeblur import storage
from tfdeblur.physics.transparency import without_hidden_colours
from tfdeblur.pictures import photographs
from tfdeblur.pictures.arrays import eight_bits
from tfdeblur.pictures.conversion import to_pillow

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ORIENTATIONS = ("exif", "Raw profile type exif", "XML:com.adobe.xmp")
"""Where in a PNG Pillow finds an orientation."""


def content_of(source: str | bytes) -> bytes:
    """Return the content of a picture's file, given by path or as it is."""
    if isinstance(source, bytes):
        return source
    try:
        return storage.read_bytes(source)
    except OSError as error:
        raise ValueError(complaint(source, error)) from error


def decode(content: bytes, title: str, channels: int) -> tuple[np.ndarray, bool]:
    """Decode a picture, by the reader that deblurs photographs, too.

    Parameters
    ----------
    content : bytes
        Content of a file.
    title : str
        What error messages call it.
    channels : int
        1 for grey, 3 for RGB: other pictures are converted. Records hold no alpha channel, so colours that it hides are
        replaced (`physics.transparency`), and 8 bits: 16 bits are rounded to them.

    Returns
    -------
    picture : numpy.ndarray
        `(H, W, channels)`, uint8.
    was_grey : bool
        Whether the file holds a grey picture.

    Raises
    ------
    ValueError
        The file is empty, truncated, damaged, no picture, one of a kind that is not read, or wholly transparent.
    """
    try:
        photograph = photographs.read(content, title)
        if photograph.has_alpha and not photograph.pixels[..., -1].any():
            raise ValueError("it is transparent everywhere, so nothing of it can be seen")
    except ValueError as error:
        raise ValueError(complaint(title, error)) from error
    picture = np.ascontiguousarray(eight_bits(without_hidden_colours(photograph.image)))
    colours = picture.shape[-1]
    if channels != colours:
        picture = np.asarray(to_pillow(picture).convert("L" if channels == 1 else "RGB"))
    return picture.reshape(*picture.shape[:2], channels), colours == 1


def complaint(title: str, error: Exception) -> str:
    """Return what to tell the user of a file that cannot be read."""
    found = getattr(error, "strerror", None) or str(error) or type(error).__name__
    found = found.removeprefix(f"{title} cannot be read: ")
    return (
        f"{title} cannot be read as a picture ({found}); replace the file, "
        "or use --on-error skip to leave such pictures out"
    )


def is_png_to_keep(content: bytes, channels: int) -> bool:
    """Whether a file that can be decoded goes into a record as it is, without being encoded again.

    That is an 8-bit PNG of the wanted channels without alpha, palette, interlacing or orientation.

    Parameters
    ----------
    content : bytes
        Content of a file.
    channels : int
        1 or 3.
    """
    if not content.startswith(PNG_SIGNATURE):
        return False
    # PNG specification, section 11.2.1; colour type 0 is grey, 2 is RGB.
    depth, colour, _, _, interlaced = content[24:29]
    if (depth, colour, interlaced) != (8, 0 if channels == 1 else 2, 0):
        return False
    with Image.open(io.BytesIO(content)) as image:
        return not image.info.keys() & {"transparency", *ORIENTATIONS}


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
