"""Damaged copies of files of every kind, always the same ones."""

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import imagecodecs
import numpy as np
from PIL import Image, TiffImagePlugin

from tests.picture_matrix import (
    divided,
    jpegs,
    opencv,
    pillow,
    pngs,
    shown,
    tiffs_by_hand,
    tiffs_by_libtiff,
    tiffs_by_pillow,
    webps,
)
from tests.test_photographs import PROFILE, XMP, exif


@dataclass(frozen=True)
class Mutated:
    """A damaged file: its name, its content, the sound one, and another library's decoder."""

    name: str
    content: bytes
    sound: bytes
    decode: Callable[[bytes], np.ndarray]


@cache
def sound_files() -> list[tuple[str, bytes, Callable]]:
    """Return suffix, content and another decoder of about eighty files."""
    files = []
    webp, png, jpeg = upright(pillow), upright(pillow), upright(opencv)
    groups = [(pngs, 3, ".png", png), (jpegs, 9, ".jpg", jpeg), (webps, 5, ".webp", webp)]
    groups += [(tiffs_by_hand, 467, ".tif", libtiff), (tiffs_by_pillow, 11, ".tif", pillow)]
    groups += [(tiffs_by_libtiff, 101, ".tif", libtiff)]
    for kinds, step, suffix, decode in groups:
        for number, kind in enumerate(kinds()):
            if number % step == 0:
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        files.append((suffix, kind.write()[0], decode))
                except Exception:  # the writer does not know this kind
                    continue
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)).resize((60, 40))
    for format, suffix, decode in [("JPEG", ".jpg", jpeg), ("PNG", ".png", png), ("WEBP", ".webp", webp)]:
        file = io.BytesIO()
        picture.save(file, format, exif=exif(6), icc_profile=PROFILE, **({} if format == "PNG" else {"xmp": XMP}))
        files.append((suffix, file.getvalue(), decode))
    return files


def libtiff(content: bytes) -> np.ndarray:
    """Decode a TIFF by libtiff, in imagecodecs; what its tags say of the values is done here, by Pillow's tags."""
    file = io.BytesIO(content)
    tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(16 if content[2:4] in (b"+\0", b"\0+") else 8))
    file.seek(tags.next)
    tags.load(file)
    bits, planar, photometric, extra = (tags.get(tag, default) for tag, default in TAGS.items())
    values = np.atleast_3d(imagecodecs.tiff_decode(content))
    if planar == 2 and values.shape[0] == tags.get(277, 1) > 1:
        values = np.moveaxis(values, 0, -1)
    white = 2 ** bits[0] - 1
    count = 3 if photometric == 2 else 1
    colour, beyond = shown(values[..., :count], bits[0]), shown(values[..., count:], bits[0])
    if photometric == 0:
        colour = shown(white - values[..., :count], bits[0])
    if photometric == 3:
        colours = np.array(tags[320]).reshape(3, -1).T
        colour = np.uint8(colours >> 8 if colours.max() > 255 else colours)[values[..., 0]]
        beyond = beyond if beyond.dtype == np.uint8 else np.uint8(beyond >> 8)
    pixels = np.concatenate([colour, beyond], -1)
    return turned(divided(pixels) if extra == (1,) and beyond.shape[-1] == 1 else pixels, tags.get(274, 1))


TAGS = {258: (1,), 284: 1, 262: 0, 338: ()}


def upright(decode: Callable[[bytes], np.ndarray]) -> Callable[[bytes], np.ndarray]:
    """Return a decoder that turns images as their EXIF says."""

    def decode_upright(content):
        pixels = decode(content)
        with Image.open(io.BytesIO(content)) as image:
            try:
                return turned(pixels, image.getexif().get(274, 1))
            except Exception:  # damaged EXIF
                return pixels

    return decode_upright


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn pixels upright, by Pillow."""
    if orientation not in TURNS:
        return pixels
    channels = [Image.fromarray(pixels[..., c]).transpose(TURNS[orientation]) for c in range(pixels.shape[-1])]
    return np.dstack([np.asarray(channel) for channel in channels])


TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""Numbers of Pillow's `Image.Transpose`."""


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Return a copy with one to four changes: bits flipped, bytes cut out or put in, the end cut off."""
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        head = random.random() < 0.5  # where most of what a file says of itself is
        at = int(random.integers(0, min(len(changed), 200) if head else len(changed)))
        how = random.integers(0, 8)
        if how < 5:
            changed[at] ^= 1 << int(random.integers(0, 8))
        elif how == 5:
            del changed[at : at + int(random.integers(1, 40))]
        elif how == 6:
            changed[at:at] = random.bytes(int(random.integers(1, 40)))
        else:
            del changed[max(at, 1) :]
        if not changed:
            break
    return bytes(changed)


def mutations(count: int) -> Iterator[Mutated]:
    """Yield damaged files, in turns of all kinds."""
    files = sound_files()
    for number in range(count):
        suffix, content, decode = files[37 * number % len(files)]
        yield Mutated(f"{number:04d}{suffix}", mutated(content, np.random.default_rng(number)), content, decode)
