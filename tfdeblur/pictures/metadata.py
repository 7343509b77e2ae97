"""What a photograph carries beside its pixels, from any of the four formats and into any of them."""

import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from PIL import ExifTags, Image, PngImagePlugin

from tfdeblur.pictures import xmp
from tfdeblur.pictures.exif import ORIENTATION, upright

TAG_XMP, TAG_IPTC, TAG_PHOTOSHOP, TAG_ICC_PROFILE = 700, 33723, 34377, 34675
OWN_TAGS = {TAG_XMP, TAG_IPTC, TAG_PHOTOSHOP, TAG_ICC_PROFILE}
STRUCTURE = {
    *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293),
    *(297, 301, 317, 320, 322, 323, 324, 325, 330, 338, 339, 340, 341, 347),
    *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),
}
"""Tags that say how a TIFF stores its pixels, in several kinds of compression; the writer knows better."""
PHOTOSHOP_HEADER = b"Photoshop 3.0\0"
COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI")
DAMAGE = (SyntaxError, ValueError, KeyError, OSError, TypeError, struct.error)
"""What Pillow raises for EXIF that it does not understand."""


@dataclass(frozen=True)
class Metadata:
    """EXIF, colour profile, XMP and the rest, as bytes that go unchanged from file to file.

    Parameters
    ----------
    exif : bytes
        A TIFF structure, with or without the leading "Exif" and two zeros; its orientation is 1 (upright).
    icc_profile, xmp : bytes
        As in the file.
    photoshop : bytes
        Image resource blocks (captions and keywords of IPTC among them), as JPEG and TIFF have them.
    iptc : bytes
        Captions and keywords as a TIFF has them outside of those blocks.
    comment : bytes
        JPEG's comment.
    dpi : tuple of float, optional
        Pixels per inch.
    chunks : tuple of (bytes, bytes)
        PNG's chunks of text and colour space: name and content.
    """

    exif: bytes = b""
    icc_profile: bytes = b""
    xmp: bytes = b""
    photoshop: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    dpi: tuple[float, float] | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()

    def without_profile(self) -> "Metadata":
        """Return the rest of it, for pixels that the colour profile does not describe."""
        return replace(self, icc_profile=b"")


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out warnings of odd tags. One thread at a time: what is to be warned of is a setting of the process."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_QUIET = threading.RLock()


@quiet()
def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an opened picture, 1 to 8; 1 where there is none or the EXIF is damaged."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except DAMAGE:
        return 1


@quiet()
def read_metadata(image: Image.Image, chunks: tuple[tuple[bytes, bytes], ...] = ()) -> Metadata:
    """Collect the metadata of an opened image that is no TIFF; `chunks` are those of a PNG."""
    info = image.info
    return Metadata(
        exif=_exif(image),
        icc_profile=info.get("icc_profile") or b"",
        xmp=_xmp(image),
        photoshop=_photoshop(image),
        comment=info.get("comment", b"") if image.format in ("JPEG", "MPO") else b"",
        dpi=_dpi(info.get("dpi")),
        chunks=tuple(_kept_chunks(chunks)),
    )


def tiff_metadata(file: BinaryIO, page) -> tuple[Metadata, int]:
    """Collect the metadata of a TIFF's page, and its orientation.

    Damaged EXIF is left out, and so is that of a big-endian BigTIFF, which Pillow cannot read.

    Parameters
    ----------
    file : file
        The TIFF.
    page : tifffile.TiffPage
        The page.
    """
    own = {tag: _raw(file, page.tags.get(tag)) for tag in OWN_TAGS}
    turn = page.tags.valueof(ORIENTATION) or _xmp_orientation(own[TAG_XMP])
    exif, kept, dpi = Image.Exif(), b"", None
    with quiet():
        try:
            exif.bigtiff, exif.endian = page.parent.is_bigtiff, page.parent.byteorder
            exif.load_from_fp(file, page.offset)
            exif.bigtiff = False  # as bytes it is a small one
            dpi = _tiff_dpi(exif)
            for tag in {*STRUCTURE, *OWN_TAGS, ORIENTATION} & set(exif):
                del exif[tag]
            kept = exif.tobytes() if len(exif) else b""
        except DAMAGE:
            pass
    xmp_packet = _cleaned_xmp(own[TAG_XMP])
    return Metadata(kept, own[TAG_ICC_PROFILE], xmp_packet, own[TAG_PHOTOSHOP], own[TAG_IPTC], dpi=dpi), turn


def _raw(file: BinaryIO, tag) -> bytes:
    """Return a tag's bytes as they are in the file: those of IPTC are often declared as words, by an old error."""
    if tag is None:
        return b""
    file.seek(tag.valueoffset)
    return file.read(tag.valuebytecount)


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of a PNG's chunks up to IEND, with empty content for the pixels' own.

    Raises
    ------
    ValueError
        The file ends before IEND, or a chunk's checksum is wrong.
    """
    file.seek(8)
    name = b""
    while name != b"IEND":
        header = file.read(8)
        if len(header) < 8:
            raise ValueError("the file is truncated: it ends before its last chunk")
        size, name = struct.unpack(">L4s", header)
        content, checksum = b"", zlib.crc32(name)
        while size and (block := file.read(min(size, 1 << 20))):
            size -= len(block)
            checksum = zlib.crc32(block, checksum)
            content += b"" if name == b"IDAT" else block
        if file.read(4) != struct.pack(">L", checksum):
            raise ValueError(f"it is damaged or truncated: the checksum of its chunk {name.decode('latin-1')} is wrong")
        yield name, content


def put_chunk(file: BinaryIO, name: bytes, content: bytes) -> None:
    """Write a chunk of a PNG."""
    file.write(struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content)))


def png_options(metadata: Metadata) -> dict:
    """Return the options with which Pillow writes the metadata into a PNG."""
    info = PngImagePlugin.PngInfo()
    for name, content in metadata.chunks:
        info.add(name, content)
    if metadata.xmp:
        info.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
    if metadata.comment:
        info.add_text("Comment", metadata.comment.decode("latin-1"))
    return {"pnginfo": info, **_common(metadata)}


def jpeg_options(metadata: Metadata) -> dict:
    """Return the options with which Pillow writes the metadata into a JPEG."""
    options = {"comment": metadata.comment, "extra": b"", **_common(metadata)}
    room = xmp.LONGEST_SEGMENT - len(PHOTOSHOP_HEADER)
    for start in range(0, len(metadata.photoshop), room):
        segment = PHOTOSHOP_HEADER + metadata.photoshop[start : start + room]
        options["extra"] += b"\xff\xed" + struct.pack(">H", 2 + len(segment)) + segment
    if metadata.exif and not metadata.exif.startswith(b"Exif\0\0"):
        options["exif"] = b"Exif\0\0" + metadata.exif
    options["extra"] += xmp.segments(metadata.xmp)
    return options


def webp_options(metadata: Metadata) -> dict:
    """Return the options with which Pillow writes the metadata into a WebP."""
    return {**_common(metadata), "xmp": metadata.xmp}


def tiff_tags(metadata: Metadata) -> dict:
    """Return the tags of a TIFF's first directory, with those for EXIF and GPS as nested dicts.

    EXIF that is damaged is left out: other formats take its bytes as they are, tags have to be understood.
    """
    exif, tags = Image.Exif(), {}
    with quiet():
        try:
            exif.load(metadata.exif)
            for tag in exif:
                nested = tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
                tags[tag] = exif.get_ifd(tag) if nested else exif[tag]
        except DAMAGE:
            tags = {}
    if metadata.dpi:
        tags |= {ExifTags.Base.XResolution: metadata.dpi[0], ExifTags.Base.YResolution: metadata.dpi[1]}
        tags[ExifTags.Base.ResolutionUnit] = 2  # inches
    own = zip(sorted(OWN_TAGS), [metadata.xmp, metadata.iptc, metadata.photoshop, metadata.icc_profile], strict=True)
    tags |= {tag: content for tag, content in own if content}
    return {tag: value for tag, value in tags.items() if tag not in STRUCTURE}


def _common(metadata: Metadata) -> dict:
    options = {name: getattr(metadata, name) for name in ["exif", "icc_profile"] if getattr(metadata, name)}
    return options | ({"dpi": metadata.dpi} if metadata.dpi else {})


def _exif(image: Image.Image) -> bytes:
    """Return the EXIF bytes, upright and without a thumbnail."""
    if "Raw profile type exif" in image.info:
        exif = image.getexif()
        for tag in {*STRUCTURE, *OWN_TAGS, ORIENTATION} & set(exif):
            del exif[tag]
        return exif.tobytes() if len(exif) else b""
    exif = image.info.get("exif", b"")
    try:
        return upright(exif) if exif else b""
    except struct.error:  # damaged
        return exif


def _photoshop(image: Image.Image) -> bytes:
    segments = [content for name, content in getattr(image, "applist", []) if name == "APP13"]
    return b"".join(s[len(PHOTOSHOP_HEADER) :] for s in segments if s.startswith(PHOTOSHOP_HEADER))


def _tiff_dpi(tags: Image.Exif) -> tuple[float, float] | None:
    base = ExifTags.Base
    factor = {2: 1.0, 3: 2.54}.get(tags.get(base.ResolutionUnit))
    values = [tags.get(base.XResolution), tags.get(base.YResolution)]
    return _dpi([value * factor for value in values]) if factor and all(values) else None


def _dpi(dpi: Sequence | None) -> tuple[float, float] | None:
    return (float(dpi[0]), float(dpi[1])) if dpi and all(dpi) else None


def _xmp_orientation(content: bytes) -> int:
    found = re.search(rb'tiff:Orientation(?:="|>)([0-9])', content)
    return int(found[1]) if found else 1


def _xmp(image: Image.Image) -> bytes:
    content = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp", b"")
    content = content.encode() if isinstance(content, str) else bytes(content)
    return _cleaned_xmp(
        xmp.read_extended([part for name, part in getattr(image, "applist", []) if name == "APP1"], content)
    )


def _cleaned_xmp(content: bytes) -> bytes:
    """Return XMP of an image that stands upright, with nothing stored behind it."""
    content = re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", content)
    return xmp.without_appended(content)


def _kept_chunks(chunks: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Chunks that Pillow writes only if given as they are; EXIF, XMP, profile and resolution travel on their own."""
    own = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"Raw profile type APP1\0", b"Raw profile type xmp\0")
    for name, content in chunks:
        if name in (*COLOUR_CHUNKS, b"tEXt", b"zTXt", b"iTXt") and not content.startswith(own):
            yield name, content
