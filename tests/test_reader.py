"""What the one reader takes and what it refuses, by content; deblur and records alike."""

import io
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.making import make, pixels, read
from tests.picture_folders import photograph
from tfdeblur.deblur import main
from tfdeblur.pictures import memory, photographs
from tools import pictures

COLOUR = photograph(0)
GREY = np.asarray(Image.fromarray(COLOUR).convert("L"))
DEBLUR = ["--method", "rl", "--psf", "gaussian:0", "--iterations", "1"]
ROOT = Path(__file__).parent.parent


def refused(content: bytes, name: str, message: str) -> None:
    """Check that both commands' functions refuse a file for the same reason."""
    with pytest.raises(ValueError, match=message) as first:
        photographs.read(content, name)
    with pytest.raises(ValueError, match=message) as second:
        pictures.decode(content, name, 3)
    assert str(first.value).removeprefix(f"{name} cannot be read: ") in str(second.value)


def tiff(*pages: tuple[np.ndarray, dict]) -> bytes:
    """Return a TIFF of pages, each with options of tifffile."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for values, options in pages:
            writer.write(values, metadata=None, contiguous=False, **options)
    return file.getvalue()


def saved(picture: np.ndarray, format: str, **options) -> bytes:
    """Return a file written by Pillow."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format, **options)
    return file.getvalue()


RGB, RAW = {"photometric": "rgb"}, {"photometric": "cfa"}
DNG = {"extratags": [(50706, "B", 4, b"\1\4\0\0", True)]}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (tiff((COLOUR, RGB | DNG)), r"camera raw \(DNG\)"),
        (tiff((COLOUR, RGB | DNG | {"subfiletype": 1, "subifds": 1}), (GREY, RAW)), r"camera raw \(DNG\)"),
        (tiff((COLOUR, RGB | {"subfiletype": 1, "subifds": 1}), (GREY, RAW)), "colour filter array"),
        (tiff((COLOUR, RGB), (GREY, RAW)), "colour filter array"),
        (tiff((COLOUR, {"photometric": "linear_raw"})), "linear camera values"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(100), "camera raw by its content"),
        (b"IIRO\x08\0\0\0" + bytes(100), "camera raw by its content"),
        (b"IIU\0\x08\0\0\0" + bytes(100), "camera raw by its content"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(100), "camera raw by its content"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100), r"camera raw \(CR3\)"),
    ],
)  # fmt: skip
def test_camera_raw_is_refused_by_its_content(content, found):
    refused(content, "photo.tif", f"{found}.*develop it and save a TIFF of 16 bits")


@pytest.mark.parametrize("suffix", [".dng", ".NEF", ".cr2", ".arw", ".raf", ".orf", ".rw2", ".cr3"])
def test_camera_raw_is_refused_by_its_name(suffix):
    refused(tiff((COLOUR, RGB)), f"photo{suffix}", f"camera raw by its name .{suffix.lower()}.*develop it")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic" + bytes(100), "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic" + bytes(100), "HEIC"),
        (imagecodecs.avif_encode(COLOUR), "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif" + bytes(100), "AVIF"),
        (imagecodecs.jpegxl_encode(COLOUR), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100), "JPEG XL"),
        (imagecodecs.jpeg2k_encode(COLOUR), "JPEG 2000"),
    ],
)
def test_formats_to_come_are_refused_by_their_content(content, found):
    refused(content, "photo.jpg", f"it is {found}, which is not supported yet; convert it to PNG, TIFF or JPEG")


@pytest.mark.parametrize("kept", [0, 1])
def test_a_thumbnail_or_a_mask_beside_an_image_is_no_second_image(kept):
    small = (COLOUR[::4, ::4], RGB | {"subfiletype": 1})
    mask = (GREY > 0, {"photometric": "mask", "subfiletype": 4})
    picture = (COLOUR, RGB | {"description": "the whole"})
    beside = tiff(*([picture, small, mask] if kept == 0 else [small, picture]))
    found = photographs.read(beside)
    np.testing.assert_array_equal(found.pixels, COLOUR)
    assert b"the whole" in found.metadata.exif
    np.testing.assert_array_equal(pictures.decode(beside, "photo.tif", 3)[0], COLOUR)
    below = tiff((COLOUR, RGB | {"subifds": 1}), small)
    np.testing.assert_array_equal(photographs.read(below).pixels, COLOUR)


def test_several_pages_and_animations_are_refused():
    refused(tiff((COLOUR, RGB), (COLOUR, RGB)), "photo.tif", "2 pictures")
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - COLOUR)]}
    for format in ("PNG", "WEBP", "GIF"):
        refused(saved(COLOUR, format, **frames), f"photo.{format.lower()}", "2 pictures")
    assert photographs.read(saved(COLOUR, "GIF")).pixels.shape == COLOUR.shape


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM"])
def test_content_decides_not_the_name(format, tmp_path):
    """Both command lines take a file of any format under any format's name."""
    content = saved(GREY if format == "GIF" else COLOUR, format)
    (tmp_path / "in").mkdir()
    for suffix in ("jpg", "png", "tif", "webp"):
        (tmp_path / f"in/{suffix}.{suffix}").write_bytes(content)
    expected = photographs.read(content).pixels
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), *DEBLUR]) == 0
    make("images", "--src", tmp_path / "in", "--out", tmp_path / "set", "--splits", "test=1", "--blur", "none")
    found = read(tmp_path / "set")["test"]
    assert len(found) == 4
    for record in found:
        np.testing.assert_array_equal(pixels(record.sharp), np.broadcast_to(expected, COLOUR.shape))
        result = photographs.read(str(tmp_path / f"out/{record.name}.{record.name}"))
        assert result.format == format.lower()
        assert np.abs(result.pixels.astype(int) - expected).mean() < 3


def test_the_real_command_lines_say_the_same_reason(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/light.tif").write_bytes(tiff((np.float32(GREY), {"photometric": "minisblack"})))
    reason = "its pixels are floating-point numbers of 32 bits, whose range is not known"
    common = {"cwd": ROOT, "capture_output": True, "text": True}
    deblur = [sys.executable, "-m", "tfdeblur.deblur", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *DEBLUR]
    done = subprocess.run(deblur, **common)
    assert done.returncode == 1 and reason in done.stderr
    records = [sys.executable, "-m", "tools.make_tfrecords", "images", "--src", str(tmp_path / "in")]
    done = subprocess.run([*records, "--out", str(tmp_path / "set"), "--blur", "none"], **common)
    assert done.returncode == 1 and reason in done.stderr


@pytest.mark.parametrize("white", [255, 100, 1023, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_binary_ppm_of_any_white(channels, white):
    values = np.random.default_rng(0).integers(0, white + 1, (5, 7, channels))
    header = b"P%d\n# a comment\n7 5\n%d\n" % (5 if channels == 1 else 6, white)
    found = photographs.read(header + values.astype(">u2" if white > 255 else np.uint8).tobytes()).pixels
    full = 65535 if white > 255 else 255
    np.testing.assert_allclose(found, values * (full / white), atol=0.501)
    assert found.dtype == (np.uint16 if white > 255 else np.uint8)


def test_many_threads_leave_pillows_limit_and_warnings_as_they_were(monkeypatch):
    """As records are made."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**5)
    contents = [saved(COLOUR, format) for format in ("JPEG", "PNG", "WEBP", "BMP")] * 40
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert all(found.pixels.shape == COLOUR.shape for found in pool.map(photographs.read, contents))
    assert Image.MAX_IMAGE_PIXELS == 10**5 and warnings.filters == filters


def test_text_that_grows_a_thousandfold_is_refused():
    """As PNG's compressed text can."""
    text = b"Comment\0\0" + zlib.compress(bytes(10**8), 9)
    chunk = struct.pack(">L", len(text)) + b"zTXt" + text + struct.pack(">L", zlib.crc32(b"zTXt" + text))
    content = saved(COLOUR, "PNG")
    refused(content[:33] + chunk + content[33:], "photo.png", "(?i)too large")


def test_bombs_are_refused_before_memory_is_taken(monkeypatch):
    huge = bytearray(saved(COLOUR, "JPEG"))
    at = huge.index(b"\xff\xc0") + 5
    huge[at : at + 4] = struct.pack(">HH", 60000, 60000)
    refused(bytes(huge), "photo.jpg", "60000x60000 pixels; 1,000,000,000 at most are read")
    tiles = tiff((COLOUR, RGB | {"tile": (16, 16), "compression": "zlib"}))
    with tifffile.TiffFile(io.BytesIO(tiles)) as file:
        places = [file.pages[0].tags[tag].valueoffset for tag in (322, 323)]
    bomb = bytearray(tiles)
    for place in places:
        bomb[place : place + 2] = struct.pack("<H", 65520)
    refused(bytes(bomb), "photo.tif", "tiles of 65520x65520 are far larger")
    inner = bytearray(tiff((GREY, {"photometric": "minisblack", "tile": (16, 16), "compression": "jpeg"})))
    at = inner.index(b"\xff\xc0") + 5
    inner[at : at + 4] = struct.pack(">HH", 30000, 30000)
    refused(bytes(inner), "photo.tif", "a JPEG of 30000x30000 stands for 16x16 pixels")
    monkeypatch.setattr(memory, "free_memory", lambda: 10**4)
    for format in ("JPEG", "PNG", "TIFF", "WEBP"):
        refused(saved(COLOUR, format), "photo", r"GB of memory are needed; 0\.0 GB are free")
