"""Whatever deblur writes it reads again: the same pixels, the same type, alpha of the same kind, the same metadata."""

import io
import itertools
import struct

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from tests.test_photographs import PROFILE, XMP, exif, pixels_of
from tfdeblur.deblur import main
from tfdeblur.pictures import photographs
from tfdeblur.pictures.holding import check_holds, losses
from tfdeblur.pictures.metadata import Metadata
from tfdeblur.pictures.photograph import Photograph

KINDS = [
    (channels, dtype, extra)
    for channels, dtype in itertools.product((1, 2, 3, 4), (np.uint8, np.uint16))
    for extra in (("alpha", "associated", "unspecified") if channels in (2, 4) else ("alpha",))
]
LOSSLESS = ("png", "tiff", "webp", "bmp", "ppm")


def written_and_read(photograph: Photograph, format: str, folder) -> Photograph:
    path = str(folder / f"photo.{format}")
    photographs.write(path, photograph, format)
    return photographs.read(path)


@pytest.mark.parametrize("format", [*LOSSLESS, "jpeg", "gif"])
@pytest.mark.parametrize(("channels", "dtype", "extra"), KINDS)
def test_what_is_written_is_read_again(channels, dtype, extra, format, tmp_path):
    pixels = pixels_of(channels, dtype)
    if extra == "associated":  # colours are at most alpha, so each product stands for one colour
        pixels[pixels[..., -1] == 0] = 0
    first = Photograph(pixels, "tiff", Metadata(exif=exif(), xmp=XMP), {}, extra)
    if first.has_alpha and format in ("jpeg", "bmp", "ppm", "gif"):
        with pytest.raises(ValueError, match="holds no transparency"):
            check_holds(first, format)
        return
    if format == "gif" and channels > 2:
        with pytest.raises(ValueError, match="GIF holds 256 colours"):
            check_holds(first, format)
        return
    if format == "webp":
        first = Photograph(pixels, "webp", first.metadata, {"lossless": True}, extra)
    again = written_and_read(first, format, tmp_path)
    assert again.format == format
    missing = losses(first, format)
    assert ("bits beyond 8 a channel" in missing) == (dtype == np.uint16 and again.pixels.dtype == np.uint8)
    kept = first.has_alpha or (first.has_extra and format == "tiff")
    assert again.has_extra == kept
    assert any("extra channel" in what for what in missing) == (first.has_extra and not kept)
    assert again.extra == ("alpha" if format != "tiff" else first.extra)
    assert ("EXIF" in missing) == (not again.metadata.exif) and ("XMP" in missing) == (again.metadata.xmp != XMP)
    if format in LOSSLESS and again.pixels.dtype == dtype:
        expected = pixels if kept else pixels[..., : channels - first.has_extra]
        if extra == "associated":
            expected = written_and_read(first, format, tmp_path).pixels
        if expected.shape[-1] < 3 and format == "webp":
            expected = np.concatenate([np.repeat(expected[..., :1], 3, -1), expected[..., 1:]], -1)
        np.testing.assert_array_equal(again.pixels, expected)
    second = written_and_read(again, format, tmp_path)
    if format != "jpeg":
        np.testing.assert_array_equal(second.pixels, again.pixels)
    assert second.metadata == again.metadata and second.extra == again.extra


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4])
def test_associated_alpha_stays_associated(channels, dtype, tmp_path):
    white = np.iinfo(dtype).max
    alpha = np.linspace(0, white, 600).round().reshape(20, 30)
    stored = (np.random.default_rng(0).random((20, 30, channels - 1)) * alpha[..., None]).round()
    stored = np.dstack([stored, alpha]).astype(dtype)
    source, result = str(tmp_path / "photo.tif"), str(tmp_path / "result.tif")
    photometric = "rgb" if channels == 4 else "minisblack"
    tifffile.imwrite(source, stored, photometric=photometric, extrasamples=[1])
    photographs.write(result, photographs.read(source))
    with tifffile.TiffFile(result) as file:
        assert tuple(file.pages[0].extrasamples) == (1,)
        np.testing.assert_array_equal(file.pages[0].asarray(), stored)


@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4])
def test_the_command_reads_its_own_results(channels, dtype, extra, tmp_path):
    pixels = pixels_of(channels, dtype)
    pixels[..., -1] |= 128
    (tmp_path / "in").mkdir()
    options = {"photometric": "rgb" if channels == 4 else "minisblack", "extrasamples": [extra]}
    tifffile.imwrite(tmp_path / "in/photo.tif", pixels, **options)
    method = ["--method", "rl", "--psf", "gaussian:0", "--iterations", "1"]
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "one"), *method]) == 0
    assert main([str(tmp_path / "one"), "--out", str(tmp_path / "two"), *method]) == 0
    one, two = (photographs.read(str(tmp_path / name / "photo.tif")) for name in ("one", "two"))
    assert one.pixels.dtype == two.pixels.dtype == dtype and one.extra == two.extra
    np.testing.assert_array_equal(one.pixels[..., -1], pixels[..., -1])
    np.testing.assert_array_equal(two.pixels[..., -1], pixels[..., -1])
    with tifffile.TiffFile(tmp_path / "two/photo.tif") as file:
        assert tuple(file.pages[0].extrasamples) == (extra,)


def test_a_big_endian_big_tiff_stands_upright(tmp_path):
    path, pixels = str(tmp_path / "photo.tif"), pixels_of(3, np.uint8)
    turned = [(274, "H", 1, 6, True)]
    tifffile.imwrite(path, pixels, bigtiff=True, byteorder=">", photometric="rgb", extratags=turned)
    np.testing.assert_array_equal(photographs.read(path).pixels, np.rot90(pixels, -1))


def test_a_big_tiff_keeps_its_tags(tmp_path):
    path = str(tmp_path / "photo.tif")
    tifffile.imwrite(
        path, pixels_of(3, np.uint8), bigtiff=True, photometric="rgb", description="a ship",
        iccprofile=PROFILE, resolution=(300, 300), resolutionunit=2, metadata=None,
        extratags=[(700, "B", len(XMP), XMP, True), (33723, "I", 4, struct.unpack("<4L", b"captions, a ship"), True)],
    )  # fmt: skip
    photograph = photographs.read(path)
    metadata = photograph.metadata
    assert (metadata.icc_profile, metadata.xmp, metadata.iptc) == (PROFILE, XMP, b"captions, a ship")
    np.testing.assert_allclose(metadata.dpi, 300)
    photographs.write(path, photograph)
    with Image.open(path) as image:
        assert image.tag_v2[ExifTags.Base.ImageDescription] == "a ship" and image.info["icc_profile"] == PROFILE
    photographs.write(path, photograph, "jpeg")
    with Image.open(io.BytesIO((tmp_path / "photo.tif").read_bytes())) as image:
        assert image.getexif()[ExifTags.Base.ImageDescription] == "a ship"
