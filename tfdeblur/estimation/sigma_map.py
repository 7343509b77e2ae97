"""Maps of sigma of photographs: made, read and written."""

import os

import cv2
import numpy as np
from PIL import Image
from scipy import ndimage

from tfdeblur import numpy_files, storage
from tfdeblur.estimation.estimators import Estimator
from tfdeblur.physics.colour import luma
from tfdeblur.physics.transparency import has_hidden_colours, without_hidden_colours

STEP = 0.5
"""Difference in pixels of sigma that counts as an edge of a map."""

SURROUNDINGS = 33
"""Edge in pixels of the square about a pixel that must not be flat for its sigma to be known."""

CAUTION = 0.5
"""Deviations by which a map is lowered before a picture is deblurred by it. Too high a sigma makes waves, too low a one
leaves some of the blur: Richardson-Lucy gained 0.15 dB by it on scenes of two depths."""

UNITS = 1000
"""Values of a 16-bit PNG that holds a map, to a pixel of sigma."""


def sigma_map(estimator: Estimator, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the map of sigma of a photograph, and that of its deviation, `(H, W)`, float32, in pixels.

    Where all about a pixel is flat, to within one step of 8 bit, every blur would leave it so: there the deviation is
    infinite, whatever the estimator says. So it is where a pixel is transparent.

    Parameters
    ----------
    estimator : callable
        From `load_estimator`.
    pixels : numpy.ndarray
        `(H, W)` or `(H, W, C)`, uint8, uint16 or float in [0, 1]; the last of 2 or 4 channels is alpha; colours that
        it hides are not looked at. Colours become luma.

    Raises
    ------
    ValueError
        The pixels are not finite.
    """
    picture = grey(pixels)
    sigma, deviation = (np.ascontiguousarray(part) for part in np.moveaxis(estimator(picture), -1, 0))
    unseen = _is_flat(picture[..., 0])
    if pixels.ndim == 3 and has_hidden_colours(pixels):
        unseen |= pixels[..., -1] == 0
    return sigma, np.where(unseen, np.float32(np.inf), deviation)


def known(sigma: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return where a map says something: where its deviation is below sigma, or below 1 pixel."""
    return deviation < np.maximum(sigma, 1)


def trusted(sigma: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return a map with 0 where nothing is known."""
    return np.where(known(sigma, deviation), np.maximum(sigma, 0), 0)


def cautious(sigma: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return a map to deblur by: what blur there is at least, and 0, for what is left as it is, where none is known."""
    return np.maximum(trusted(sigma, deviation) - CAUTION * deviation, 0)


def _is_flat(picture: np.ndarray) -> np.ndarray:
    levels = np.uint8(np.rint(255 * np.clip(picture, 0, 1)))
    square = np.ones((SURROUNDINGS, SURROUNDINGS), np.uint8)
    return cv2.dilate(levels, square) - cv2.erode(levels, square) <= 1


def grey(pixels: np.ndarray) -> np.ndarray:
    """Return a photograph, as `sigma_map` takes it, as its luma `(H, W, 1)`, float32 in [0, 1]; errors as there.

    It is rounded to 8 bit, as are the pictures that networks learn from: where the finest detail drowns in the rounding
    is part of what they see. Colours' luma as it is seems 8 % more blurred to them.
    """
    pixels = without_hidden_colours(np.atleast_3d(pixels))
    scale = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1
    picture = np.float32(pixels) / np.float32(scale)
    if not np.isfinite(picture).all():
        raise ValueError("the picture has values that are not finite (NaN or infinite); replace them first")
    return np.rint(255 * (luma(picture) if picture.shape[-1] == 3 else picture)) / np.float32(255)


def smoothed(sigma: np.ndarray, size: int, edges: bool = False) -> np.ndarray:
    """Return a map averaged over squares, as Patro (2017, section 4.2.1) does; or so that its own edges stay.

    Parameters
    ----------
    sigma : numpy.ndarray
        `(H, W)`, float32, in pixels.
    size : int
        Edge of the squares in pixels; up to 1 nothing is done.
    edges : bool
        Leave out of each average what differs by much more than `STEP` pixels of sigma: a bilateral filter.
    """
    if size <= 1:
        return sigma
    if edges:
        return cv2.bilateralFilter(sigma, size, STEP, size / 3, borderType=cv2.BORDER_REFLECT_101)
    return ndimage.uniform_filter(sigma, size, mode="mirror")


def is_map(path: str | os.PathLike) -> bool:
    """Whether a path is that of a map in a file, and not of a model."""
    return os.fspath(path).lower().endswith((".npy", ".png"))


def read_map(path: str | os.PathLike) -> np.ndarray:
    """Read a map, `(H, W)`, float32, in pixels, as `write_map` writes it.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It holds something else.
    """
    path = os.fspath(path)
    if not storage.exists(path):
        raise FileNotFoundError(f"there is no {path}; a map of sigma is a .npy file or a 16-bit PNG")
    try:
        if path.lower().endswith(".npy"):
            sigma = numpy_files.read_array(path)
        else:
            with Image.open(path) as image:
                sigma = np.asarray(image) / UNITS if image.mode.startswith("I;16") else np.zeros(0)
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read as a map of sigma: {error}") from error
    if sigma.ndim != 2 or not np.issubdtype(sigma.dtype, np.floating) or not (sigma >= 0).all():
        raise ValueError(f"{path} holds no map of sigma: floats (H, W) of at least 0 in pixels, or a 16-bit grey PNG")
    return np.float32(sigma)


def write_map(path: str | os.PathLike, sigma: np.ndarray) -> None:
    """Write a map `(H, W)` in pixels: to a .npy file as it is, to a PNG with 16 bits, a thousand to a pixel."""
    path = os.fspath(path)
    with storage.publish(path) as temporary:
        if path.lower().endswith(".npy"):
            with open(temporary, "wb") as file:
                np.save(file, sigma)
        else:
            values = np.rint(np.clip(sigma * UNITS, 0, np.iinfo(np.uint16).max))
            Image.fromarray(np.uint16(values)).save(temporary, "PNG")
