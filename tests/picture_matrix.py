"""Files of every kind that can be written in the four formats, each with what it must be read as."""

import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import imagecodecs
import numpy as np
import tifffile
from PIL import Image

HEIGHT, WIDTH = 20, 18


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes
    ----------
    name : str
        Which.
    write : callable
        Returns the file's content and the pixels it holds, `(H, W, C)` of 8 or 16 bits; None where they are not known
        from what was written (JPEG), and `decode` tells; raises where the writer does not know the kind.
    decode : callable, optional
        Another library's decoder.
    must : bool
        Whether refusing it would be a fault.
    """

    name: str
    write: Callable[[], tuple[bytes, np.ndarray | None]]
    decode: Callable[[bytes], np.ndarray] | None = None
    must: bool = False


def values_of(bits: int, channels: int) -> np.ndarray:
    """Return smooth values and noise, `(H, W, C)`, that need all of the bits."""
    random = np.random.default_rng([bits, channels])
    y, x, c = np.indices((HEIGHT, WIDTH, channels))
    share = 0.9 * ((y / HEIGHT + x / WIDTH + c / 4) % 1) + 0.1 * random.random(y.shape)
    values = np.uint64(np.minimum(share * 2.0**bits, 2.0**bits - 1))
    values[0, 0], values[0, 1] = 0, 2**bits - 1
    return values


def shown(values: np.ndarray, bits: int) -> np.ndarray:
    """Return values of up to 16 bits as 8 or 16 bits of the same share of white."""
    dtype = np.uint8 if bits <= 8 else np.uint16
    return dtype(np.floor(np.float64(values) * np.iinfo(dtype).max / (2**bits - 1) + 0.5))


def divided(pixels: np.ndarray) -> np.ndarray:
    """Return colours divided by alpha."""
    white, colours = np.iinfo(pixels.dtype).max, np.float64(pixels)
    colours[..., :-1] = np.minimum(np.rint(colours[..., :-1] * white / np.maximum(colours[..., -1:], 1)), white)
    return colours.astype(pixels.dtype)


# TIFF by hand: any number of bits, any order of them


def packed(values: np.ndarray, bits: int, order: str) -> bytes:
    """Pack rows `(H, N)` as TIFF 6.0 says: 8 and 16 bits as bytes and words, others bit by bit, rows whole bytes."""
    if bits in (8, 16):
        return values.astype(f"{order}u{bits // 8}").tobytes()
    places = np.arange(bits - 1, -1, -1, dtype=np.uint64)
    return np.packbits(((values[..., None] >> places) & 1).astype(np.uint8).reshape(len(values), -1), axis=1).tobytes()


COMPRESS = {
    1: bytes,
    5: imagecodecs.lzw_encode,
    8: zlib.compress,
    32773: imagecodecs.packbits_encode,
    50000: imagecodecs.zstd_encode,
}


def tiff(values, bits, photometric, *, planar=1, order="<", extra=None, fill=1, compression=1, turn=1, colours=None):
    """Return a TIFF of values `(H, W, C)`, in strips of 8 rows."""
    height, width, channels = values.shape
    planes = [values[..., c : c + 1] for c in range(channels)] if planar == 2 else [values]
    rows = 8
    strips = []
    for plane in planes:
        for top in range(0, height, rows):
            block = plane[top : top + rows]
            strip = COMPRESS[compression](packed(block.reshape(len(block), -1), bits, order))
            strips.append(imagecodecs.bitorder_encode(strip) if fill == 2 else strip)
    tags = {256: (4, width), 257: (4, height), 258: (3, *[bits] * channels), 259: (3, compression)}
    tags |= {262: (3, photometric), 266: (3, fill), 274: (3, turn), 277: (3, channels), 278: (4, rows)}
    tags |= {273: (4, *[0] * len(strips)), 279: (4, *map(len, strips)), 284: (3, planar)}
    if extra is not None:
        tags[338] = (3, extra)
    if colours is not None:
        tags[320] = (3, *colours.T.ravel())
    head = b"II*\0" if order == "<" else b"MM\0*"
    beside, directory = 8 + 2 + 12 * len(tags) + 4, b""
    content = b""
    place = beside + sum(2 * (len(v) - 1) * (1 + (v[0] == 4)) for v in tags.values())
    tags[273] = (4, *itertools.accumulate(map(len, strips[:-1]), initial=place))
    for tag, (kind, *numbers) in sorted(tags.items()):
        data = np.array(numbers, f"{order}u{2 if kind == 3 else 4}").tobytes()
        entry = struct.pack(f"{order}HHL", tag, kind, len(numbers))
        inline = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(f"{order}L", beside + len(content))
        content += data if len(data) > 4 else b""
        directory += entry + inline
    content = content.ljust(place - beside, b"\0")
    start = head + struct.pack(f"{order}LH", 8, len(tags))
    return start + directory + bytes(4) + content + b"".join(strips)


def by_hand(bits, photometric, extra, planar, order, fill, compression, turn) -> tuple[bytes, np.ndarray]:
    """Return a TIFF written by hand and its pixels."""
    count = 3 if photometric == 2 else 1
    values = values_of(bits, count + (extra is not None))
    colour, beyond = values[..., :count], shown(values[..., count:], bits)
    colours = None
    pixels = shown(2**bits - 1 - colour if photometric == 0 else colour, bits)
    if photometric == 3:
        colours = np.random.default_rng(1).integers(0, 256, (2**bits, 3)) * 257
        pixels = (colours[colour[..., 0]] // 257).astype(np.uint8)
        beyond = (beyond >> 8).astype(np.uint8) if beyond.dtype == np.uint16 else beyond
    pixels = np.concatenate([pixels, beyond], -1)
    if extra == 1:
        pixels = divided(pixels)
    content = tiff(
        values, bits, photometric, planar=planar, order=order, extra=extra, fill=fill, compression=compression,
        turn=turn, colours=colours,
    )  # fmt: skip
    upright = {1: pixels, 3: pixels[::-1, ::-1], 6: np.rot90(pixels, -1)}
    return content, upright[turn]


def tiffs_by_hand() -> Iterator[Kind]:
    """Yield 8,800 kinds of TIFF: every one of 1 to 16 bits has to be read."""
    turns = itertools.cycle([1, 3, 6])
    for bits, photometric, extra, planar, order, fill, compression in itertools.product(
        range(1, 17), (0, 1, 2, 3), (None, 0, 1, 2), (1, 2), "<>", (1, 2), COMPRESS
    ):
        if (planar, extra) == (2, None) and photometric != 2:
            continue
        choice = (bits, photometric, extra, planar, order, fill, compression, next(turns))
        yield Kind(f"by hand {choice}", lambda choice=choice: by_hand(*choice), must=True)


# TIFF by tifffile, Pillow and imagecodecs

DTYPES = "u1 u2 u4 u8 i1 i2 i4 f2 f4 f8 c8 b1".split()
CHANNELS = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4, "ycbcr": 3, "cielab": 3, "cfa": 1, "mask": 1}
CHANNELS |= {"logluv": 3, "linear_raw": 3}
LOSSY = ("jpeg", "webp", "jpegxr", "jetraw")
CODECS = "none zlib lzw packbits lzma zstd jpeg webp lerc png jpeg2000 jpegxl jpegxr".split()


def array_of(dtype: str, channels: int) -> np.ndarray:
    """Return an array that fills the dtype's range, or [0, 1] of floats."""
    kind = np.dtype(dtype)
    if kind.kind in "fc":
        return (values_of(16, channels) / 65535).astype(kind)
    if kind.kind == "b":
        return values_of(1, channels).astype(bool)
    return values_of(8 * kind.itemsize, channels).astype(f"u{kind.itemsize}").view(kind)


def by_tifffile(dtype, photometric, extra, codec, predictor, planar, order, tile, big) -> tuple[bytes, np.ndarray]:
    """Return a TIFF written by tifffile and its pixels, unless they are lossy."""
    values = array_of(dtype, CHANNELS[photometric] + (extra is not None))
    if planar:
        values = np.moveaxis(values, -1, 0)
    squeezed = values[..., 0] if values.shape[-1] == 1 else values
    file = io.BytesIO()
    tifffile.imwrite(
        file, squeezed, photometric=photometric, extrasamples=None if extra is None else [extra], bigtiff=big,
        compression=None if codec == "none" else codec, predictor=predictor or None, byteorder=order,
        planarconfig=("separate" if planar else "contig") if values.shape[-1] > 1 or planar else None,
        tile=(16, 16) if tile else None, metadata=None,
    )  # fmt: skip
    if codec in LOSSY or photometric not in ("minisblack", "miniswhite", "rgb") or dtype not in ("u1", "u2", "b1"):
        return file.getvalue(), None
    pixels = np.moveaxis(values, 0, -1) if planar else values
    if dtype == "b1" and pixels.shape[-1] > 1 and not planar:
        return file.getvalue(), None  # tifffile packs the bits of pixel after pixel in another order than TIFF 6.0
    if dtype == "b1":
        pixels = pixels * np.uint8(255)
    if photometric == "miniswhite":
        count = CHANNELS[photometric]
        pixels = np.concatenate([np.iinfo(pixels.dtype).max - pixels[..., :count], pixels[..., count:]], -1)
    return file.getvalue(), divided(pixels) if extra == 1 else pixels


def libtiff(content: bytes) -> np.ndarray:
    """Decode a TIFF by libtiff, in Pillow; it has alpha wrong where planes are compressed as JPEG."""
    with Image.open(io.BytesIO(content)) as image:
        if image.mode in ("RGB", "L"):
            return np.atleast_3d(np.asarray(image))
        if image.mode in ("CMYK", "YCbCr", "RGBX"):
            return np.asarray(image.convert("RGB"))
    raise ValueError("no decoder")


def tiffs_by_tifffile() -> Iterator[Kind]:
    """Yield kinds of TIFF that tifffile may know."""
    for choice in itertools.product(
        DTYPES, CHANNELS, (None, 0, 1, 2), CODECS, (False, True), (False, True), "<>", (False, True), (False, True)
    ):
        yield Kind(f"tifffile {choice}", lambda choice=choice: by_tifffile(*choice), libtiff)


PILLOW_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I;16", "I;16B", "I", "F")
PILLOW_CODECS = (None, "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "jpeg", "tiff_ccitt", "group3")
PILLOW_CODECS += ("group4", "lzma", "zstd", "tiff_jpeg")  # WebP, raw_16, SGILog and ThunderScan crash its writer

FAX = ("tiff_ccitt", "group3", "group4")
JPEG = ("jpeg", "tiff_jpeg")


def pillow_image(mode: str) -> Image.Image:
    """Return an image of a mode of Pillow."""
    channels = {"LA": 2, "PA": 4, "RGBA": 4, "CMYK": 4, "RGBX": 4, "RGB": 3, "YCbCr": 3, "LAB": 3, "P": 3}.get(mode, 1)
    if mode.startswith("I;16"):
        return Image.frombytes("I;16", (WIDTH, HEIGHT), values_of(16, 1).astype("<u2").tobytes()).convert(mode)
    if mode in "IF":
        return Image.fromarray(values_of(16, 1)[..., 0].astype({"I": np.int32, "F": np.float32}[mode]))
    values = values_of(8, channels).astype(np.uint8)
    if mode in ("P", "PA", "1"):
        image = Image.fromarray(values[..., 0] if mode == "1" else values[..., :3]).convert(mode[0])
        return image.convert(mode)
    return Image.frombytes(mode, (WIDTH, HEIGHT), np.ascontiguousarray(values).tobytes())


def by_pillow(mode: str, format: str, options: dict) -> tuple[bytes, np.ndarray | None]:
    """Return a file written by Pillow and its pixels where it keeps them."""
    image, file = pillow_image(mode), io.BytesIO()
    image.save(file, format, **options)
    if str(options.get("compression")) in ("jpeg", "webp", "tiff_jpeg"):
        return file.getvalue(), None
    if mode in ("1", "L", "LA", "RGB", "RGBA") and not options.get("transparency"):
        return file.getvalue(), np.atleast_3d(np.asarray(image.convert("L") if mode == "1" else image))
    if mode == "CMYK":
        inks = np.int32(values_of(8, 4))
        return file.getvalue(), np.uint8(np.rint((255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255))
    if mode == "I;16":
        return file.getvalue(), values_of(16, 1).astype(np.uint16)
    return file.getvalue(), None


def tiffs_by_pillow() -> Iterator[Kind]:
    """Yield kinds of TIFF that Pillow may know."""
    for mode, compression, big in itertools.product(PILLOW_MODES, PILLOW_CODECS, (False, True)):
        if (compression in FAX and mode != "1") or (compression in JPEG and mode[0] in "1PIF"):
            continue  # the writer crashes
        options = {"compression": compression} | ({"big_tiff": True} if big else {})
        write = lambda mode=mode, options=options: by_pillow(mode, "TIFF", options)  # noqa: E731
        yield Kind(f"Pillow TIFF {mode} {options}", write, opencv if mode in ("1", "YCbCr") else pillow)


def opencv(content: bytes) -> np.ndarray:
    """Decode by OpenCV, whose colours are the other way round."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("OpenCV does not know it")
    pixels = np.atleast_3d(pixels)
    return pixels[..., [2, 1, 0, 3][: pixels.shape[-1]]] if pixels.shape[-1] > 2 else pixels


def by_libtiff(dtype, photometric, extra, codec, predictor, planar, order, tile) -> tuple[bytes, np.ndarray]:
    """Return a TIFF written by imagecodecs' libtiff and its pixels."""
    values = array_of(dtype, CHANNELS[photometric] + (extra is not None))
    squeezed = (np.moveaxis(values, -1, 0) if planar else values).copy()  # libtiff swaps the bytes in place
    content = imagecodecs.tiff_encode(
        squeezed[..., 0] if squeezed.shape[-1] == 1 else np.ascontiguousarray(squeezed), photometric=photometric,
        compression=codec, predictor=predictor, planarconfig=2 if planar else 1, byteorder=order,
        tile=(16, 16) if tile else None, extrasample=extra,
    )  # fmt: skip
    count = CHANNELS[photometric]
    if photometric == "miniswhite":
        values = np.concatenate([np.iinfo(values.dtype).max - values[..., :count], values[..., count:]], -1)
    return content, divided(values) if extra == 1 else values


def tiffs_by_libtiff() -> Iterator[Kind]:
    """Yield kinds of TIFF that libtiff may know."""
    for choice in itertools.product(
        ("u1", "u2"), ("minisblack", "miniswhite", "rgb"), (None, 0, 1, 2), (1, 5, 8, 32773, 34925, 50000),
        (None, 2), (False, True), "<>", (False, True),
    ):  # fmt: skip
        yield Kind(f"libtiff {choice}", lambda choice=choice: by_libtiff(*choice))


# PNG by hand, with Adam7; by Pillow, OpenCV, imagecodecs

ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
COLOUR_TYPES = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}


def png(colour: int, bits: int, clear: bool, interlaced: bool) -> tuple[bytes, np.ndarray]:
    """Return a PNG written by hand and its pixels; with `clear`, one colour is transparent, or half of a palette is."""
    values = values_of(bits, COLOUR_TYPES[colour][0])
    chunks, pixels = [], shown(values, bits)
    if colour == 3:
        palette = np.random.default_rng(1).integers(0, 256, (2**bits, 3), np.uint8)
        alpha = np.random.default_rng(2).integers(0, 256, 2 ** (bits - 1), np.uint8)
        chunks.append((b"PLTE", palette.tobytes()))
        pixels = palette[values[..., 0]]
        if clear:
            chunks.append((b"tRNS", alpha.tobytes()))
            opacity = np.concatenate([alpha, np.full(2**bits - len(alpha), 255, np.uint8)])
            pixels = np.dstack([pixels, opacity[values[..., 0]]])
    elif clear:
        chunks.append((b"tRNS", values[3, 3].astype(">u2").tobytes()))
        opaque = (values != values[3, 3]).any(-1)
        pixels = np.dstack([pixels, opaque * np.iinfo(pixels.dtype).max]).astype(pixels.dtype)
    data = b""
    for top, left, down, right in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = values[top::down, left::right]
        rows = packed(part.reshape(len(part), -1), bits, ">")
        length = len(rows) // max(len(part), 1)
        data += b"".join(b"\0" + rows[i * length : (i + 1) * length] for i in range(len(part) if length else 0))
    header = struct.pack(">LLBBBBB", WIDTH, HEIGHT, bits, colour, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    parts = [struct.pack(">L", len(c)) + n + c + struct.pack(">L", zlib.crc32(n + c)) for n, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts), pixels


def pngs() -> Iterator[Kind]:
    """Yield kinds of PNG."""
    for colour, (_, depths) in COLOUR_TYPES.items():
        for bits, clear, interlaced in itertools.product(depths, (False, True), (False, True)):
            if not (clear and colour in (4, 6)):
                choice = (colour, bits, clear, interlaced)
                yield Kind(f"PNG by hand {choice}", lambda choice=choice: png(*choice), must=True)
    for mode, bits, clear in itertools.product(PILLOW_MODES, (None, 1, 2, 4), (None, 3, b"\0\x80\xff")):
        options = {"bits": bits} if bits else {}
        options |= {} if clear is None else {"transparency": clear}
        write = lambda mode=mode, options=options: by_pillow(mode, "PNG", options)  # noqa: E731
        yield Kind(f"Pillow PNG {mode} {options}", write, pillow)
    for bits, channels in itertools.product((8, 16), (1, 2, 3, 4)):
        pixels = values_of(bits, channels).astype(np.uint8 if bits == 8 else np.uint16)
        for name in ("png_encode", "spng_encode", "apng_encode"):
            write = lambda name=name, pixels=pixels: (getattr(imagecodecs, name)(pixels), pixels)  # noqa: E731
            yield Kind(f"{name} {bits} {channels}", write)


def pillow(content: bytes) -> np.ndarray:
    """Decode by Pillow, palettes and transparency opened up."""
    with Image.open(io.BytesIO(content)) as image:
        clear = "transparency" in image.info
        modes = {"P": "RGBA" if clear else "RGB", "1": "L", "L": "LA" if clear else "L", "CMYK": "RGB", "RGBX": "RGB"}
        modes |= {"RGB": "RGBA" if clear else "RGB", "YCbCr": "RGB", "PA": "RGBA"}
        return np.atleast_3d(np.asarray(image.convert(modes.get(image.mode, image.mode))))


# JPEG and WebP


def jpegs() -> Iterator[Kind]:
    """Yield kinds of JPEG."""
    for mode, sampling, progressive, quality in itertools.product(
        ("L", "RGB", "CMYK", "YCbCr"), ("4:4:4", "4:2:2", "4:2:0"), (False, True), (5, 60, 100)
    ):
        options = {"subsampling": sampling, "progressive": progressive, "quality": quality}
        write = lambda mode=mode, options=options: (by_pillow(mode, "JPEG", options)[0], None)  # noqa: E731
        yield Kind(f"Pillow JPEG {mode} {options}", write, opencv if mode != "CMYK" else cmyk, must=True)
    for name, bits, channels, lossless in itertools.product(
        ("jpeg8_encode", "mozjpeg_encode", "ljpeg_encode", "jpegls_encode", "jpegxl_encode", "jpeg2k_encode"),
        (8, 12, 16), (1, 2, 3, 4), (False, True),
    ):  # fmt: skip
        options = {"lossless": lossless} if name == "jpeg8_encode" else {}
        options |= {"bitspersample": bits} if name in ("jpeg8_encode", "ljpeg_encode") else {}
        pixels = values_of(bits, channels).astype(np.uint8 if bits == 8 else np.uint16)

        def write(name=name, pixels=pixels, options=options):
            return getattr(imagecodecs, name)(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, **options), None

        yield Kind(f"{name} {bits} {channels} {lossless}", write, jpeg8 if channels < 4 else None)


def jpeg8(content: bytes) -> np.ndarray:
    """Decode a JPEG by libjpeg-turbo, in imagecodecs."""
    return np.atleast_3d(imagecodecs.jpeg8_decode(content))


def cmyk(content: bytes) -> np.ndarray:
    """Decode a CMYK JPEG, whose inks Adobe stores inverted; white less ink less black."""
    inks = np.int32(imagecodecs.jpeg8_decode(content, outcolorspace="CMYK"))
    return np.uint8(np.rint(inks[..., :3] * inks[..., 3:] / 255))


def webps() -> Iterator[Kind]:
    """Yield kinds of WebP."""
    for mode, lossless, quality, method in itertools.product(
        ("L", "RGB", "RGBA", "P", "LA"), (False, True), (5, 80, 100), (0, 6)
    ):
        options = {"lossless": lossless, "quality": quality, "method": method, "exact": True}
        write = lambda mode=mode, options=options: (by_pillow(mode, "WEBP", options)[0], None)  # noqa: E731
        yield Kind(f"Pillow WebP {mode} {options}", write, pillow, must=True)
    for channels, lossless in itertools.product((3, 4), (False, True)):
        pixels = values_of(8, channels).astype(np.uint8)
        write = lambda pixels=pixels, lossless=lossless: (  # noqa: E731
            imagecodecs.webp_encode(pixels, lossless=lossless), None,
        )  # fmt: skip
        yield Kind(f"webp_encode {channels} {lossless}", write, pillow, must=True)


GROUPS = {
    "TIFF by hand": tiffs_by_hand,
    "TIFF by tifffile": tiffs_by_tifffile,
    "TIFF by Pillow": tiffs_by_pillow,
    "TIFF by libtiff": tiffs_by_libtiff,
    "PNG": pngs,
    "JPEG": jpegs,
    "WebP": webps,
}
