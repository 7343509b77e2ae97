"""EXIF as bytes: what no longer holds is changed in place, for rewriting the whole would break makers' notes."""

import struct

from PIL import ExifTags

ORIENTATION = ExifTags.Base.Orientation
THUMBNAIL = (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount)
"""Tags that say where it is and how many bytes it has."""


def upright(exif: bytes) -> bytes:
    """Set the orientation to 1 and take out the thumbnail, which shows the image as it was; every other byte stays.

    Rewriting the whole structure instead would break the offsets inside makers' notes.
    """
    start = 6 if exif.startswith(b"Exif\0\0") else 0
    order = "<" if exif[start : start + 2] == b"II" else ">"
    patched = bytearray(exif)
    entries, end = _entries(exif, start, order, struct.unpack_from(order + "L", exif, start + 4)[0])
    if ORIENTATION in entries:
        struct.pack_into(order + "HLHH", patched, entries[ORIENTATION] + 2, 3, 1, 1, 0)  # one SHORT, 1, padding
    if end + 4 > len(patched):
        return bytes(patched)
    (second,) = struct.unpack_from(order + "L", exif, end)
    struct.pack_into(order + "L", patched, end, 0)  # no next directory
    return bytes(_without_thumbnail(patched, start, order, second) if second else patched)


def _entries(exif: bytes, start: int, order: str, offset: int) -> tuple[dict[int, int], int]:
    """Return where the entries of a directory are, by tag, and where it ends."""
    directory = start + offset
    end = directory + 2 + 12 * struct.unpack_from(order + "H", exif, directory)[0]
    return {struct.unpack_from(order + "H", exif, at)[0]: at for at in range(directory + 2, end, 12)}, end


def _without_thumbnail(exif: bytearray, start: int, order: str, directory: int) -> bytearray:
    """Cut off the thumbnail of a directory, or overwrite it with zeros where something lies behind it."""
    try:
        entries, _ = _entries(exif, start, order, directory)
        offset, size = (struct.unpack_from(order + "L", exif, entries[tag] + 8)[0] for tag in THUMBNAIL)
    except (KeyError, struct.error):
        return exif
    if start + offset + size > len(exif):
        return exif
    if start + offset + size >= len(exif) - 1:  # one byte of padding
        return exif[: start + offset]
    exif[start + offset : start + offset + size] = bytes(size)
    return exif
