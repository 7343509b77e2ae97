"""Maps of sigma of pictures of any size, by trained networks or without."""

import json
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from tfdeblur import inference, storage
from tfdeblur.estimation import outputs
from tfdeblur.estimation.reblurring import reblurring_map
from tfdeblur.physics.colour import luma
from tfdeblur.tiling import round_up, through_tiles

TILE, OVERLAP = 768, 256
"""Pixels along the edge of a tile, and how many neighbours share, 3/8 of which are further than sigma_dense sees."""

STRIDE = 8
"""Pixels from one patch to the next, of networks that see one patch at a time."""

BATCH = 512

UNITS = 1000
"""Values of a 16-bit PNG that holds a map, to a pixel of sigma."""

REBLURRING = "reblurring"
"""The estimator that is not trained, as users name it."""

Estimator = Callable[[np.ndarray], np.ndarray]
"""Grey pictures `(H, W, 1)`, float32 in [0, 1], to `(H, W, 2)`, float32: sigma, and the standard deviation of its
error, in pixels."""


def load_estimator(model: str) -> Estimator:
    """Load a network that estimates sigma as a function on one picture.

    Parameters
    ----------
    model : str
        A run folder, a `.keras` file, or `"reblurring"`, which is not trained and says a deviation of 0.

    Raises
    ------
    FileNotFoundError
        There is no such model.
    ValueError
        It is none, or does not estimate sigma.
    """
    if model == REBLURRING:
        return lambda picture: _with_deviation(reblurring_map(picture[..., 0]))
    network = inference.as_float32(inference.load_network(model))
    shape = network.output_shape
    if network.input_shape[-1] != 1 or not (outputs.are_classes(shape) or shape[-1] == 2):
        raise ValueError(
            f"{model} takes {network.input_shape} and returns {shape}; an estimator of sigma takes grey pictures and "
            "returns two numbers, or classes: train one, such as `python -m tfdeblur.train sigma_dense`"
        )
    predict = inference.compiled(network)

    def estimate(pictures: np.ndarray) -> np.ndarray:
        return np.concatenate([np.asarray(part) for part in outputs.sigma_of(np.asarray(predict(pictures)))], -1)

    if len(shape) == 4:
        return _dense(estimate, inference.size_multiple(network, 2))
    if network.input_shape[1] is None:
        return lambda picture: np.broadcast_to(estimate(picture[None])[0], (*picture.shape[:2], 2))
    return lambda picture: by_patches(estimate, picture, network.input_shape[1])


def is_map(path: str) -> bool:
    """Whether a path is that of a map in a file, and not of a model."""
    return path.lower().endswith((".npy", ".png"))


def read_map(path: str) -> np.ndarray:
    """Read a map, `(H, W)`, float32, in pixels, as `write_map` writes it.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It holds something else.
    """
    if not storage.exists(path):
        raise FileNotFoundError(f"there is no {path}; a map of sigma is a .npy file or a 16-bit PNG")
    try:
        if path.lower().endswith(".npy"):
            sigma = np.load(path)
        else:
            with Image.open(path) as image:
                sigma = np.asarray(image) / UNITS if image.mode.startswith("I;16") else np.zeros(0)
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read as a map of sigma: {error}") from error
    if sigma.ndim != 2 or not np.issubdtype(sigma.dtype, np.floating) or not (sigma >= 0).all():
        raise ValueError(f"{path} holds no map of sigma: floats (H, W) of at least 0 in pixels, or a 16-bit grey PNG")
    return np.float32(sigma)


def write_map(path: str, sigma: np.ndarray) -> None:
    """Write a map `(H, W)` in pixels: to a .npy file as it is, to a PNG with 16 bits, a thousand to a pixel."""
    with storage.publish(path) as temporary:
        if path.lower().endswith(".npy"):
            with open(temporary, "wb") as file:
                np.save(file, sigma)
        else:
            values = np.rint(np.clip(sigma * UNITS, 0, np.iinfo(np.uint16).max))
            Image.fromarray(np.uint16(values)).save(temporary, "PNG")


def find_estimators(runs: str) -> dict[str, str]:
    """Return the run folders in a folder in which networks have learned to estimate sigma, by their names."""
    if not storage.is_folder(runs):
        return {}
    folders = {name: storage.join(runs, name) for name in sorted(storage.list_names(runs))}
    return {name: folder for name, folder in folders.items() if _estimates(folder)}


def _estimates(folder: str) -> bool:
    path = storage.join(folder, "config.json")
    if not (storage.exists(path) and storage.exists(storage.join(folder, "best.keras"))):
        return False
    return json.loads(storage.read_text(path)).get("training") == "sigma"


def sigma_map(estimator: Estimator, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the map of sigma of a photograph, and that of its deviation, `(H, W)`, float32, in pixels.

    Parameters
    ----------
    estimator : callable
        From `load_estimator`.
    pixels : numpy.ndarray
        `(H, W)` or `(H, W, C)`, uint8, uint16 or float in [0, 1]; an alpha channel is left out, colours become luma.

    Raises
    ------
    ValueError
        The pixels are not finite.
    """
    pixels = np.atleast_3d(pixels)
    pixels = pixels[..., :-1] if pixels.shape[-1] in (2, 4) else pixels
    scale = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1
    picture = np.float32(pixels) / np.float32(scale)
    if not np.isfinite(picture).all():
        raise ValueError("the picture has values that are not finite (NaN or infinite); replace them first")
    found = estimator(luma(picture) if picture.shape[-1] == 3 else picture)
    return np.ascontiguousarray(found[..., 0]), np.ascontiguousarray(found[..., 1])


def by_patches(estimate: Callable, picture: np.ndarray, side: int, stride: int = STRIDE) -> np.ndarray:
    """Estimate sigma of overlapping patches, and interpolate between their centres.

    Parameters
    ----------
    estimate : callable
        Patches `(N, side, side, 1)` to `(N, 2)`.
    picture : numpy.ndarray
        `(H, W, 1)`; mirrored where it is smaller than a patch.
    side, stride : int
        Edge of a patch and distance to the next, in pixels.

    Returns
    -------
    numpy.ndarray
        `(H, W, 2)`, float32; beyond the outermost centres as at them.
    """
    height, width = picture.shape[:2]
    missing = [(0, max(side - edge, 0)) for edge in (height, width)]
    whole = np.pad(picture[..., 0], missing, "symmetric")
    starts = [np.unique([*range(0, edge - side, stride), edge - side]) for edge in whole.shape]
    windows = np.lib.stride_tricks.sliding_window_view(whole, (side, side))[np.ix_(*starts)]
    patches = windows.reshape(-1, side, side, 1)
    found = [estimate(patches[first : first + BATCH]) for first in range(0, len(patches), BATCH)]
    found = np.concatenate(found).reshape(*windows.shape[:2], 2)
    between = (
        np.interp(np.arange(edge), first + (side - 1) / 2, np.arange(len(first)))
        for edge, first in zip((height, width), starts, strict=True)
    )
    places = np.meshgrid(*between, indexing="ij")
    maps = [ndimage.map_coordinates(found[..., k], places, order=1, mode="nearest") for k in range(2)]
    return np.float32(np.stack(maps, -1))


def _dense(estimate: Callable, multiple: int) -> Estimator:
    def estimator(picture: np.ndarray) -> np.ndarray:
        found = np.empty((*picture.shape[:2], 2), np.float32)
        through_tiles(estimate, picture, found, round_up(TILE, multiple), OVERLAP, multiple)
        return found

    return estimator


def _with_deviation(sigma: np.ndarray) -> np.ndarray:
    return np.stack([sigma, np.zeros_like(sigma)], -1)
