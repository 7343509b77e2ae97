import io
import struct
import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import ExifTags, Image, ImageCms, ImageOps, JpegImagePlugin, TiffImagePlugin

from tfdeblur.pictures import photographs
from tfdeblur.pictures.metadata import Metadata, png_chunks
from tfdeblur.pictures.photographs import Photograph

COLOUR = np.ascontiguousarray(skimage.data.astronaut()[:75, 100:201])
ALPHA = np.linspace(0, 255, COLOUR[..., 0].size).astype(np.uint8).reshape(COLOUR.shape[:2])
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="1">by hand</rdf></x:xmpmeta>'
MAKER_NOTE = bytes(range(256))


def pixels_of(channels: int, dtype) -> np.ndarray:
    """A part of a photograph with 1 to 4 channels; the low bytes of 16 bits hold noise."""
    grey = COLOUR.mean(-1).astype(np.uint8)
    pixels = np.dstack(
        [[grey], [grey, ALPHA], [*np.moveaxis(COLOUR, -1, 0)], [*np.moveaxis(COLOUR, -1, 0), ALPHA]][channels - 1]
    )
    if dtype == np.uint16:
        return pixels.astype(np.uint16) * 256 + np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint16)
    return pixels


def exif(orientation: int = 1) -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.Base.Make] = "Camera"
    tags[ExifTags.IFD.Exif] = {
        ExifTags.Base.ExposureTime: TiffImagePlugin.IFDRational(1, 250),
        ExifTags.Base.MakerNote: MAKER_NOTE,
    }
    tags[ExifTags.IFD.GPSInfo] = {1: "N", 2: (44.0, 29.0, 38.0)}
    return tags.tobytes()


def facts(path) -> dict:
    """What Pillow reads of a file's EXIF."""
    with Image.open(path) as image:
        tags = image.getexif()
        inner = tags.get_ifd(ExifTags.IFD.Exif)
        return {
            "make": tags.get(ExifTags.Base.Make),
            "orientation": tags.get(ExifTags.Base.Orientation, 1),
            "exposure": float(inner[ExifTags.Base.ExposureTime]),
            "note": bytes(inner[ExifTags.Base.MakerNote]),
            "north": [float(part) for part in tags.get_ifd(ExifTags.IFD.GPSInfo)[2]],
        }


EXPECTED = {"make": "Camera", "orientation": 1, "exposure": 0.004, "note": MAKER_NOTE, "north": [44, 29, 38]}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("format", ["png", "tiff"])
def test_lossless_formats_return_the_pixels(format, channels, dtype, tmp_path):
    pixels, path = pixels_of(channels, dtype), str(tmp_path / f"photo.{format}")
    photographs.write(path, Photograph(pixels[::-1], format))  # a view that is not contiguous
    if format == "tiff":
        np.testing.assert_array_equal(np.atleast_3d(tifffile.imread(path)), pixels[::-1])
    if channels != 2 and (channels, dtype) != (4, np.uint8):  # which OpenCV converts
        seen = np.atleast_3d(cv2.imread(path, cv2.IMREAD_UNCHANGED))
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
        np.testing.assert_array_equal(seen[..., order], pixels[::-1])
    if (format, channels, dtype) != ("tiff", 2, np.uint16):  # which Pillow does not know
        read = photographs.read(path)
        assert (read.format, read.pixels.dtype) == (format, dtype)
        np.testing.assert_array_equal(read.pixels, pixels[::-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_kept_as_it_was(channels, tmp_path):
    path, result = str(tmp_path / "photo.jpg"), str(tmp_path / "result.jpg")
    photoshop = b"8BIM\x04\x04\x00\x00\x00\x00\x00\x05title\x00"
    Image.fromarray(pixels_of(channels, np.uint8).squeeze()).save(
        path, quality=90, subsampling="4:2:0", progressive=True, exif=exif(), icc_profile=PROFILE, xmp=XMP,
        comment=b"a comment", dpi=(300, 300), extra=b"\xff\xed\x00\x22Photoshop 3.0\0" + photoshop,
    )  # fmt: skip
    photograph = photographs.read(path)
    photographs.write(result, photograph)
    assert facts(result) == EXPECTED
    with Image.open(path) as before, Image.open(result) as after:
        for key in ["icc_profile", "xmp", "comment", "dpi", "photoshop", "exif", "progressive"]:
            assert after.info[key] == before.info[key], key
        assert after.info["photoshop"] == {0x0404: b"title"}
        assert (
            JpegImagePlugin.get_sampling(after) == JpegImagePlugin.get_sampling(before) == (2 if channels == 3 else -1)
        )
        assert after.mode == before.mode
        difference = np.asarray(after).astype(int) - np.atleast_3d(photograph.pixels).squeeze()
    assert np.abs(difference).mean() < 2


@pytest.mark.parametrize("source", ["jpeg", "png", "tiff", "webp"])
@pytest.mark.parametrize("target", ["jpeg", "png", "tiff", "webp"])
def test_metadata_pass_between_all_formats(source, target, tmp_path):
    path, result = str(tmp_path / f"photo.{source}"), str(tmp_path / f"result.{target}")
    metadata = Metadata(exif=exif(), icc_profile=PROFILE, xmp=XMP, dpi=None if source == "webp" else (300, 300))
    photographs.write(path, Photograph(COLOUR, source, metadata))
    photographs.write(result, photographs.read(path), target)
    assert facts(result) == EXPECTED
    with Image.open(result) as image:
        assert image.info["icc_profile"] == PROFILE
        xmp = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
        assert bytes(xmp) == XMP
        if "webp" not in (source, target):
            np.testing.assert_allclose([float(part) for part in image.info["dpi"]], 300, atol=0.01)
        assert np.abs(np.asarray(image).astype(int) - COLOUR).mean() < 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tags_of_a_tiff_are_kept(dtype, tmp_path):
    path, result = str(tmp_path / "photo.tif"), str(tmp_path / "result.tif")
    extra = [
        (315, "s", 0, "A. Photographer", True),
        (33723, "B", 8, b"\x1c\x02\x05\x00\x03sea", True),
        (34377, "B", 4, b"8BIM", True),
    ]
    tifffile.imwrite(path, pixels_of(3, dtype), photometric="rgb", description="a ship", extratags=extra, metadata=None)
    photographs.write(result, photographs.read(path))
    with tifffile.TiffFile(result) as file:
        tags = file.pages[0].tags
        assert (tags[270].value, tags[315].value) == ("a ship", "A. Photographer")
        assert (bytes(tags[33723].value), bytes(tags[34377].value)) == (b"\x1c\x02\x05\x00\x03sea", b"8BIM")


def test_chunks_of_a_png_are_kept_with_8_and_with_16_bits(tmp_path):
    chunks = ((b"gAMA", struct.pack(">L", 45455)), (b"tEXt", b"Title\0A ship"), (b"iTXt", "Ort\0\0\0\0\0Köln".encode()))
    for dtype in (np.uint8, np.uint16):
        path, result = str(tmp_path / "photo.png"), str(tmp_path / "result.png")
        photographs.write(path, Photograph(pixels_of(3, dtype), "png", Metadata(chunks=chunks)))
        photographs.write(result, photographs.read(path))
        with open(result, "rb") as file:
            assert set(chunks) <= set(png_chunks(file))


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(orientation, suffix, tmp_path):
    path, result = str(tmp_path / f"photo.{suffix}"), str(tmp_path / f"result.{suffix}")
    lossless = {"lossless": True} if suffix == "webp" else {}
    xmp = {"xmp": XMP.replace(b'"1"', b'"%d"' % orientation)} if suffix in ("jpg", "webp") else {}
    Image.fromarray(COLOUR).save(path, exif=exif(orientation), **lossless, **xmp)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    photograph = photographs.read(path)
    np.testing.assert_array_equal(photograph.pixels, expected)
    photographs.write(result, photograph)
    assert facts(result) == EXPECTED
    assert photograph.metadata.xmp == (XMP if xmp else b"")


def test_orientation_of_a_16_bit_tiff(tmp_path):
    path = str(tmp_path / "photo.tif")
    pixels = pixels_of(3, np.uint16)
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    photograph = photographs.read(path)
    np.testing.assert_array_equal(photograph.pixels, np.rot90(pixels, -1))
    photographs.write(path, photograph)
    np.testing.assert_array_equal(photographs.read(path).pixels, np.rot90(pixels, -1))


def test_a_turned_photograph_loses_its_thumbnail_only(tmp_path):
    path = str(tmp_path / "photo.jpg")
    tags = bytearray(exif(6))
    (count,) = struct.unpack_from(">H", tags, 14)
    struct.pack_into(">L", tags, 16 + 12 * count, 8)  # a second directory: here the first once more
    Image.fromarray(COLOUR).save(path, exif=bytes(tags))
    kept = photographs.read(path).metadata.exif
    assert struct.unpack_from(">L", kept, 16 + 12 * count) == (0,)
    assert sum(a != b for a, b in zip(tags, kept, strict=True)) == 2  # orientation and that pointer


@pytest.mark.parametrize(
    "mode, channels", [("1", 1), ("L", 1), ("LA", 2), ("P", 3), ("RGB", 3), ("RGBA", 4), ("I;16", 1), ("CMYK", 3)]
)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_modes_become_grey_or_rgb(mode, channels, suffix, tmp_path):
    if (mode, suffix) == ("CMYK", "png"):
        pytest.skip("PNG has no CMYK")
    image = (
        Image.fromarray(pixels_of(1, np.uint16)[..., 0]) if mode == "I;16" else Image.fromarray(COLOUR).convert(mode)
    )
    image.save(tmp_path / f"photo.{suffix}")
    pixels = photographs.read(str(tmp_path / f"photo.{suffix}")).pixels
    expected = np.asarray(
        image.convert("RGB") if mode in ("P", "CMYK") else image.convert("L") if mode == "1" else image
    )
    assert pixels.shape[-1] == channels
    np.testing.assert_array_equal(pixels, np.atleast_3d(expected))


def test_transparent_colours_become_an_alpha_channel(tmp_path):
    path = str(tmp_path / "photo.png")
    palette = Image.fromarray(COLOUR).quantize(16)
    palette.save(path, transparency=3)
    pixels = photographs.read(path).pixels
    np.testing.assert_array_equal(pixels[..., 3] == 0, np.asarray(palette) == 3)
    Image.fromarray(COLOUR).save(path, transparency=tuple(int(value) for value in COLOUR[5, 7]))
    assert photographs.read(path).pixels[5, 7, 3] == 0


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage!", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0II"])
def test_damaged_exif_stops_nothing(exif, tmp_path):
    path = str(tmp_path / "photo.jpg")
    Image.fromarray(COLOUR).save(path, exif=exif, dpi=(300, 300))
    photograph = photographs.read(path)
    for format in ("jpeg", "png", "tiff", "webp"):
        photographs.write(str(tmp_path / "photo"), photograph, format)
        assert photographs.read(str(tmp_path / "photo")).pixels.shape == COLOUR.shape


def test_cmyk_with_a_profile_that_does_not_fit_is_still_read(tmp_path):
    path = str(tmp_path / "photo.jpg")
    Image.fromarray(COLOUR).convert("CMYK").save(path, icc_profile=PROFILE, quality=95)
    photograph = photographs.read(path)
    assert np.abs(photograph.pixels.astype(int) - COLOUR).mean() < 3
    assert photograph.metadata.icc_profile == b""


@pytest.mark.parametrize("kind", ["planar", "white is zero", "premultiplied", "deflate"])
def test_kinds_of_16_bit_tiff(kind, tmp_path):
    path = str(tmp_path / "photo.tif")
    pixels = pixels_of(3, np.uint16)
    if kind == "planar":
        tifffile.imwrite(path, np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate")
    elif kind == "white is zero":
        pixels = pixels[..., :1]
        tifffile.imwrite(path, 65535 - pixels[..., 0], photometric="miniswhite")
    elif kind == "premultiplied":
        alpha = np.full_like(pixels[..., :1], 32768)
        tifffile.imwrite(
            path,
            np.dstack([(pixels * (32768 / 65535)).round().astype(np.uint16), alpha]),
            photometric="rgb",
            extrasamples=[1],
        )
        pixels = np.dstack([pixels, alpha])
    else:
        tifffile.imwrite(path, pixels, photometric="rgb", compression="zlib")
    np.testing.assert_allclose(
        photographs.read(path).pixels.astype(int), pixels, atol=2 if kind == "premultiplied" else 0
    )


def test_grey_16_bit_tiff_compressed_as_libtiff_can(tmp_path):
    path, pixels = str(tmp_path / "photo.tif"), pixels_of(1, np.uint16)
    Image.fromarray(pixels[..., 0]).save(path, compression="tiff_lzw")
    np.testing.assert_array_equal(photographs.read(path).pixels, pixels)


def test_transparent_colour_of_a_16_bit_png(tmp_path):
    path, pixels = tmp_path / "photo.png", pixels_of(3, np.uint16)
    photographs.write(str(path), Photograph(pixels, "png"))
    whole, colour = path.read_bytes(), pixels[5, 7].astype(">u2").tobytes()
    chunk = struct.pack(">L", 6) + b"tRNS" + colour + struct.pack(">L", zlib.crc32(b"tRNS" + colour))
    path.write_bytes(whole[:33] + chunk + whole[33:])
    read = photographs.read(str(path)).pixels
    np.testing.assert_array_equal(read[..., :3], pixels)
    assert (read[5, 7, 3], read[5, 8, 3]) == (0, 65535)


def test_webp_stays_lossless_or_lossy(tmp_path):
    for lossless in (True, False):
        path, result = str(tmp_path / "photo.webp"), str(tmp_path / "result.webp")
        Image.fromarray(pixels_of(4, np.uint8)).save(path, lossless=lossless, exact=True, quality=90, exif=exif())
        photograph = photographs.read(path)
        assert photograph.encoding == {"lossless": lossless}
        photographs.write(result, photograph)
        equal = np.array_equal(photographs.read(result).pixels, photograph.pixels)
        assert equal == lossless
        np.testing.assert_array_equal(photographs.read(result).pixels[..., 3], ALPHA)


@pytest.mark.parametrize("lossless", [True, False])
def test_webp_pixels_are_what_pillow_reads_and_may_be_changed_in_place(lossless, tmp_path):
    path, result = str(tmp_path / "photo.webp"), str(tmp_path / "result.webp")
    Image.fromarray(COLOUR).save(path, lossless=lossless)
    photograph = photographs.read(path)
    with Image.open(path) as image:
        np.testing.assert_array_equal(photograph.pixels, image)
    photograph.pixels[:] = COLOUR[::-1]
    photographs.write(result, replace(photograph, encoding={"lossless": True}))
    with Image.open(result) as image:
        np.testing.assert_array_equal(image, COLOUR[::-1])


def test_tiff_of_16_bits_compressed_by_lzw(tmp_path):
    path, pixels = str(tmp_path / "deep.tif"), COLOUR.astype(np.uint16) * 250
    tifffile.imwrite(path, pixels, photometric="rgb", compression="lzw", predictor=True)
    np.testing.assert_array_equal(photographs.read(path).pixels, pixels)


def test_16_bits_are_rounded_where_the_format_has_8(tmp_path):
    path = str(tmp_path / "photo.webp")
    photographs.write(path, Photograph(COLOUR.astype(np.uint16) * 257 - np.uint16(128) * (COLOUR > 0), "png"), "webp")
    assert np.abs(photographs.read(path).pixels.astype(int) - COLOUR).mean() < 3


def _damaged(path, how: str) -> None:
    whole = io.BytesIO()
    if how == "text":
        path.write_text("this is no picture")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "jpeg":
        Image.fromarray(COLOUR).save(whole, "JPEG")
        path.write_bytes(whole.getvalue()[:-1000])
    elif how == "png":
        Image.fromarray(COLOUR).save(whole, "PNG")
        path.write_bytes(whole.getvalue()[:-3000])
    elif how == "png16":
        photographs.write(str(path), Photograph(pixels_of(3, np.uint16), "png"))
        path.write_bytes(path.read_bytes()[:-3000])
    elif how == "tiff16":
        photographs.write(str(path), Photograph(pixels_of(3, np.uint16), "tiff"))
        path.write_bytes(path.read_bytes()[:-3000])
    elif how == "float":
        tifffile.imwrite(path, COLOUR.astype(np.float32), photometric="rgb")
    elif how == "pages":
        images = [Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)]
        images[0].save(path, "TIFF", save_all=True, append_images=images[1:])
    elif how == "huge":
        header = struct.pack(">LLBBBBB", 40000, 30000, 8, 2, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
        parts = [struct.pack(">L", len(c)) + n + c + struct.pack(">L", zlib.crc32(n + c)) for n, c in chunks]
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize(
    "how, message",
    [
        ("text", "is not a JPEG, PNG, TIFF or WebP"),
        ("empty", "is not a JPEG, PNG, TIFF or WebP"),
        ("jpeg", "(?i)truncated"),
        ("png", "truncated"),
        ("png16", "damaged|truncated"),
        ("tiff16", "cannot be read"),
        ("float", "floating-point numbers of 32 bits"),
        ("pages", "2 pictures"),
        ("huge", "40000x30000"),
    ],
)
def test_bad_files_are_named(how, message, tmp_path):
    path = tmp_path / "photo.png"
    _damaged(path, how)
    with pytest.raises(ValueError, match=message) as error:
        photographs.read(str(path))
    assert str(path) in str(error.value)


def test_missing_files_are_the_file_systems_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        photographs.read(str(tmp_path / "missing.png"))
    with pytest.raises(IsADirectoryError):
        photographs.read(str(tmp_path))
    assert photographs.size(str(tmp_path / "missing.png")) == (0, 0)


def test_size_is_read_from_the_header(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "photo.png")
    assert photographs.size(str(tmp_path / "photo.png")) == COLOUR.shape[:2]


def test_what_a_format_cannot_hold_is_said_and_nothing_written(tmp_path):
    with pytest.raises(ValueError, match="no transparency"):
        photographs.write(str(tmp_path / "photo.jpg"), Photograph(pixels_of(4, np.uint8), "png"), "jpeg")
    with pytest.raises(ValueError, match="more than webp holds"):
        photographs.write(str(tmp_path / "photo.webp"), Photograph(np.zeros((1, 20000, 3), np.uint8), "png"), "webp")
    assert list(tmp_path.iterdir()) == []


def test_pillows_limit_is_as_before(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # too few for the picture
    Image.fromarray(COLOUR).save(tmp_path / "photo.png")
    assert photographs.read(str(tmp_path / "photo.png")).pixels.shape == COLOUR.shape
    assert Image.MAX_IMAGE_PIXELS == 100


def test_big_endian_exif_is_set_upright():
    directory = TiffImagePlugin.ImageFileDirectory_v2(b"MM\x00\x2a\x00\x00\x00\x08")
    directory[ExifTags.Base.Orientation], directory[ExifTags.Base.Make] = 8, "Camera"
    raw = b"MM\x00\x2a\x00\x00\x00\x08" + directory.tobytes(8)
    from tfdeblur.pictures.exif import upright

    tags = Image.Exif()
    tags.load(upright(raw))
    assert (tags[ExifTags.Base.Orientation], tags[ExifTags.Base.Make]) == (1, "Camera")
