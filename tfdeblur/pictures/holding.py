"""What each format can hold of a photograph. All of it can be asked before the photograph is worked on."""

from dataclasses import replace

import numpy as np

from tfdeblur.pictures.colour import profile_of
from tfdeblur.pictures.metadata import COLOUR_CHUNKS, Metadata, tiff_tags
from tfdeblur.pictures.photograph import Photograph
from tfdeblur.pictures.xmp import LONGEST_SEGMENT

NO_ALPHA = ("jpeg", "bmp", "gif", "ppm")
"""Formats that are written without transparency; a channel that is opaque everywhere is left out."""
EIGHT_BITS = ("jpeg", "webp", "bmp", "gif")
LONGEST_SIDES = {"jpeg": 65500, "webp": 16383, "gif": 65535}
"""Pixels."""
FIELDS = {
    "jpeg": ("exif", "icc_profile", "xmp", "photoshop", "comment", "dpi"),
    "png": ("exif", "icc_profile", "xmp", "comment", "dpi", "chunks"),
    "tiff": ("exif", "icc_profile", "xmp", "photoshop", "iptc", "dpi"),
    "webp": ("exif", "icc_profile", "xmp"),
    "bmp": ("dpi",),
    "gif": (),
    "ppm": (),
}
"""Fields of `Metadata` that each format holds."""
NAMES = {
    "exif": "EXIF",
    "icc_profile": "the colour profile",
    "xmp": "XMP",
    "photoshop": "Photoshop's captions (IPTC)",
    "iptc": "captions (IPTC)",
    "comment": "the comment",
    "dpi": "the resolution",
    "chunks": "text",
}


def check_holds(photograph: Photograph, format: str) -> None:
    """Raise a ValueError if a format cannot hold a photograph at all: its transparency, its size or its colours."""
    pixels = photograph.pixels
    limit = LONGEST_SIDES.get(format)
    if limit and max(pixels.shape[:2]) > limit:
        raise ValueError(
            f"{pixels.shape[1]}x{pixels.shape[0]} is more than {format} holds ({limit}); try --format tiff"
        )
    if format in NO_ALPHA and photograph.has_alpha and (pixels[..., -1] < np.iinfo(pixels.dtype).max).any():
        raise ValueError(f"{format.upper()} holds no transparency; use --format png, tiff or webp")
    if format == "gif" and pixels.shape[-1] > 2:
        raise ValueError("GIF holds 256 colours; use --format png, tiff or webp")


def losses(photograph: Photograph, format: str) -> list[str]:
    """List what will be missing when a photograph is written in a format that otherwise holds it.

    Returns
    -------
    list of str
        Nouns, such as "the comment" or "bits beyond 8".
    """
    missing = []
    if format in EIGHT_BITS and photograph.pixels.dtype == np.uint16:
        missing.append("bits beyond 8 a channel")
    if photograph.has_extra and not photograph.has_alpha and format != "tiff":
        missing.append("the extra channel, of which the file does not say what it is")
    return missing + _fitted(photograph, format)[1]


def fitted(photograph: Photograph, format: str) -> Metadata:
    """Return the metadata of a photograph as a format holds them: without `losses`, colour chunks as a profile."""
    return _fitted(photograph, format)[0]


def _fitted(photograph: Photograph, format: str) -> tuple[Metadata, list[str]]:
    metadata, missing = photograph.metadata, []
    grey = photograph.pixels.shape[-1] < 3
    if any(name in (b"mDCV", b"cLLI") for name, _ in metadata.chunks):  # which Pillow does not write
        missing.append("the brightness of HDR (mDCV, cLLI)")
    if format != "png" and metadata.chunks:
        colours = [chunk for chunk in metadata.chunks if chunk[0] in COLOUR_CHUNKS]
        profile, described = profile_of(colours, metadata.icc_profile, grey)
        if not described:
            missing.append("the description of colours (cICP, gAMA or cHRM)")
        texts = tuple(chunk for chunk in metadata.chunks if chunk[0] not in COLOUR_CHUNKS)
        metadata = replace(metadata, icc_profile=profile, chunks=texts)
    for field, name in NAMES.items():
        if getattr(metadata, field) and field not in FIELDS[format]:
            missing.append(name)
            metadata = replace(metadata, **{field: getattr(Metadata(), field)})
    if format == "webp" and grey and metadata.icc_profile[16:20] == b"GRAY":  # WebP has no grey: it will be RGB
        missing.append("the colour profile, which is for grey")
        metadata = metadata.without_profile()
    if format == "jpeg":
        for field in ("exif", "comment"):
            if len(getattr(metadata, field)) + len(b"Exif\0\0") > LONGEST_SEGMENT:
                missing.append(f"{NAMES[field]}, {len(getattr(metadata, field)):,} bytes ({LONGEST_SEGMENT:,} at most)")
                metadata = replace(metadata, **{field: b""})
    if format == "tiff" and metadata.exif and not tiff_tags(Metadata(exif=metadata.exif)):
        missing.append("EXIF, which is damaged")
    return metadata, missing
