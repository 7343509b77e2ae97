"""Images of Pillow to arrays and back."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from tfdeblur.pictures.arrays import ROWS


def from_pillow(image: Image.Image) -> np.ndarray:
    """Return the pixels of a Pillow image as an array (H, W) or (H, W, C), uint8 or uint16.

    Palettes and CMYK become RGB, transparency an alpha channel. EXIF orientation is left alone.

    Raises
    ------
    ValueError
        The image's mode is none of the usual ones for 8 or 16 bits.
    """
    convert = _conversion(image)
    image.load()
    pixels = None
    for top in range(0, image.height, ROWS):  # Pillow holds RGB in 4 bytes a pixel and copies whatever it converts
        part = np.asarray(convert(image.crop((0, top, image.width, min(top + ROWS, image.height)))))
        if pixels is None:
            pixels = np.empty((image.height, *part.shape[1:]), part.dtype.newbyteorder("="))
        pixels[top : top + ROWS] = part
    return pixels


def to_pillow(pixels: np.ndarray, info: dict | None = None) -> Image.Image:
    """Return an array `(H, W)` or `(H, W, C)`, uint8, or uint16 with one channel, as a Pillow image."""
    image = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)
    image.info = {key: value for key, value in (info or {}).items() if key != "transparency"}
    return image


def rgb_from_cmyk(inks: np.ndarray, icc_profile: bytes) -> np.ndarray:
    """Convert CMYK, `(H, W, 4)` uint8, to sRGB by its profile, or without one where none fits."""
    convert = _cmyk_conversion(icc_profile)
    rgb = np.empty((*inks.shape[:2], 3), np.uint8)
    for top in range(0, len(inks), ROWS):
        block = np.ascontiguousarray(inks[top : top + ROWS])
        rgb[top : top + ROWS] = convert(Image.frombytes("CMYK", block.shape[1::-1], block.tobytes()))
    return rgb


def _cmyk_conversion(icc_profile: bytes) -> Callable[[Image.Image], Image.Image]:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "CMYK", "RGB")
    except (ImageCms.PyCMSError, OSError):  # no profile, or one that does not fit
        return lambda part: part.convert("RGB")
    return lambda part: ImageCms.applyTransform(part, transform)


def _conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    if image.mode.startswith("I;16"):
        return lambda part: part
    if image.mode == "CMYK":
        return _cmyk_conversion(image.info.get("icc_profile") or b"")
    clear = "transparency" in image.info
    modes = {"1": "L", "L": "LA" if clear else "L", "LA": "LA", "La": "LA", "P": "RGBA" if clear else "RGB"}
    modes |= {"RGB": "RGBA" if clear else "RGB", "RGBX": "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
    modes |= {"YCbCr": "RGB"}
    if image.mode not in modes:
        raise ValueError(f"the picture has Pillow's mode {image.mode}; grey or RGB of 8 or 16 bits is expected")
    return lambda part: part.convert(modes[image.mode])
