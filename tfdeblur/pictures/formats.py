"""Names and contents of image files: which formats are read, and what is said of the others."""

import os

SUFFIXES = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "tiff": (".tif", ".tiff"),
    "webp": (".webp",),
    "bmp": (".bmp",),
    "gif": (".gif",),
    "ppm": (".ppm", ".pgm", ".pbm", ".pnm"),
}
"""How the names of each format's files end, in lower case; the first is given to new ones."""

RAW_SUFFIXES = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl "
    ".sr2 .srf .srw .x3f".split()
)
RAW_STARTS = {b"IIRO": 0, b"IIRS": 0, b"MMOR": 0, b"IIU\0": 0, b"FUJIFILMCCD-RAW": 0, b"FOVb": 0, b"\0MRM": 0}
RAW_STARTS |= {b"HEAPCCDR": 6, b"CR\x02": 8}
"""Bytes by which formats of camera raw that do not pass for a TIFF are known, and where they stand."""

STARTS = {
    "jpeg": (b"\xff\xd8\xff",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "bmp": (b"BM",),
    "gif": (b"GIF87a", b"GIF89a"),
    "ppm": (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"),
}
BRANDS = {
    b"crx ": "camera raw (CR3)",
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "HEIC"),
}
OTHERS = {
    "JPEG XL": (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "OpenEXR": (b"v/1\x01",),
    "Photoshop": (b"8BPS",),
    "PDF": (b"%PDF",),
}
RAW_ADVICE = "develop it and save a TIFF of 16 bits"
READ = "JPEG, PNG, TIFF or WebP picture (nor BMP, GIF or PPM)"
HEAD = 64
"""Bytes of a file that suffice to recognise it."""


def recognise(head: bytes, name: str = "") -> str:
    """Return the format of a file, a key of `SUFFIXES`, by its first bytes.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes.
    name : str
        The file's name. It matters only where it is that of camera raw: what is in such a file is a preview.

    Raises
    ------
    ValueError
        It is camera raw, or of a format that is not read.
    """
    suffix = os.path.splitext(name)[1].lower()
    if suffix in RAW_SUFFIXES:
        raise ValueError(f"it is camera raw by its name ({suffix}), which is not read; {RAW_ADVICE}")
    if any(head[start : start + len(code)] == code for code, start in RAW_STARTS.items()):
        raise ValueError(f"it is camera raw by its content, which is not read; {RAW_ADVICE}")
    if head[4:8] == b"ftyp":
        named = {head[at : at + 4] for at in (8, *range(16, HEAD, 4))}
        found = [kind for brand, kind in BRANDS.items() if brand in named]  # AVIF names HEIC's general brand, too
        raise ValueError(_not_supported(found[0] if found else "an ISO media file (a video?)"))
    for found, starts in OTHERS.items():
        if head.startswith(starts):
            raise ValueError(_not_supported(found))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    for format, starts in STARTS.items():
        if head.startswith(starts):
            return format
    raise ValueError(f"it is not a {READ}" + ("; it is empty" if not head else ""))


def _not_supported(found: str) -> str:
    if "raw" in found:
        return f"it is {found} by its content, which is not read; {RAW_ADVICE}"
    return f"it is {found}, which is not supported yet; convert it to PNG, TIFF or JPEG"
