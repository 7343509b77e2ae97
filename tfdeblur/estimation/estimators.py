"""What estimates sigma: functions from pictures of any size to maps, by trained networks or without."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops
from scipy import ndimage

from tfdeblur import inference, storage
from tfdeblur.estimation import outputs
from tfdeblur.estimation.reblurring import reblurring_map
from tfdeblur.models.spectra import OF_SQUARES, LogSpectra, least_side
from tfdeblur.tiling import reflected, round_up

REBLURRING = "reblurring"
"""The estimator that is not trained, as users name it."""

Estimator = Callable[[np.ndarray], np.ndarray]
"""Grey pictures `(H, W, 1)`, float32 in [0, 1], to `(H, W, 2)`, float32: sigma, and the standard deviation of its
error, in pixels."""

STRIDE, BATCH = 8, 512
"""Of networks that see one patch at a time: pixels from one patch to the next, and about how many patches at once."""

TILE = 192
"""Of networks that see spectra, which are of squares of 8x8 pixels: edge of the tiles in which they are computed, in
squares."""


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
    return estimator_of(inference.load_network(model), model)


def estimator_of(network: keras.Model, model: str) -> Estimator:
    """Return a network, loaded from `model`, as `load_estimator` does; errors as there."""
    network = inference.as_float32(network)
    shape = network.output_shape
    if network.input_shape[-1] != 1 or not (outputs.are_classes(shape) or shape[-1] == 2):
        raise ValueError(
            f"{model} takes {network.input_shape} and returns {shape}; an estimator of sigma takes grey pictures and "
            "returns two numbers, or classes: train one, such as `python -m tfdeblur.train sigma_dense`"
        )
    estimating = keras.Model(network.input, _Estimate(name="estimate")(network.output))
    if network.input_shape[1] is None:
        if not sees_spectra(network):
            raise ValueError(f"{model} has no layer named spectra; estimators for any size see tfdeblur.models.spectra")
        return _by_spectra(estimating)
    predict = inference.compiled(estimating)
    return lambda picture: by_patches(predict, picture, network.input_shape[1])


class _Estimate(keras.layers.Layer):
    """What an output says, and the deviation of that, side by side."""

    def call(self, output):
        return ops.concatenate(outputs.estimate_of(output), -1)


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
    return storage.read_json(path).get("training") == "sigma"


def sees_spectra(network: keras.Model) -> bool:
    """Whether a network has the layer that estimators for pictures of any size have."""
    return "spectra" in (layer.name for layer in network.layers)


def by_patches(estimate: Callable, picture: np.ndarray, side: int, stride: int = STRIDE) -> np.ndarray:
    """Estimate sigma of overlapping patches, and interpolate between their centres.

    Parameters
    ----------
    estimate : callable
        Patches `(N, side, side, 1)` to `(N, 2)`.
    picture : numpy.ndarray
        `(H, W, 1)`; mirrored beyond its border, so that there are patches around the outermost pixels too.
    side, stride : int
        Edge of a patch and distance to the next, in pixels.

    Returns
    -------
    numpy.ndarray
        `(H, W, 2)`, float32.
    """
    height, width = picture.shape[:2]
    before = side // 2
    starts = [np.arange(0, edge + stride, stride) for edge in (height, width)]  # of patches about the pixel `start`
    rows, columns = (
        reflected(-before, first[-1] + side - before, edge) for first, edge in zip(starts, (height, width), strict=True)
    )
    windows = np.lib.stride_tricks.sliding_window_view(picture[np.ix_(rows, columns)][..., 0], (side, side))
    found = np.concatenate([_rows_of_patches(estimate, windows, tops, starts[1]) for tops in _groups(*starts)])
    middle = (side - 1) / 2 - before  # of a patch, from its pixel
    places = np.meshgrid(*((np.arange(edge) - middle) / stride for edge in (height, width)), indexing="ij")
    maps = [ndimage.map_coordinates(found[..., k], places, order=1, mode="nearest") for k in range(2)]
    return np.float32(np.stack(maps, -1))


def _groups(tops: np.ndarray, lefts: np.ndarray) -> list[np.ndarray]:
    """Return the rows of patches that are estimated at once."""
    rows = max(BATCH // len(lefts), 1)
    return np.split(tops, range(rows, len(tops), rows))


def _rows_of_patches(estimate: Callable, windows: np.ndarray, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
    patches = windows[tops[:, None], lefts]
    return estimate(patches.reshape(-1, *windows.shape[2:], 1)).reshape(*patches.shape[:2], 2)


def _by_spectra(network: keras.Model) -> Estimator:
    see = through_spectra(network)

    def estimate(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        said = see(picture)
        return said[:height, :width] if said.ndim == 3 else np.broadcast_to(said, (height, width, 2))

    return estimate


def through_spectra(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return a network that has a layer `spectra` (`tfdeblur.models.spectra`) as a function on pictures of any size.

    Up to there a network sees but a few pixels around each, and takes much memory: this part is done tile by tile, with
    the same result. What follows is a small part of the picture's size, and seen as a whole; if it is brought back to
    the picture's size, that is done tile by tile again.

    Returns
    -------
    callable
        From a picture `(H, W, 1)` to the network's output for it, without the batch's axis, mirrored at its right and
        lower border up to the next size that the network takes.
    """
    by_name, output = {layer.name: layer for layer in network.layers}, network.output
    squares = by_name.get(OF_SQUARES, by_name["spectra"]).output
    rises = [layer for layer in network.layers if isinstance(layer, keras.layers.UpSampling2D)]
    coarse = rises[0].input if rises else output
    of_pixels = inference.compiled(keras.Model(network.input, squares))
    of_spectra = inference.compiled(keras.Model(squares, coarse))
    to_pixels = inference.compiled(keras.Model(coarse, output)) if rises else None
    seen = (layer.window // 2 // layer.stride for layer in network.layers if isinstance(layer, LogSpectra))
    margin, least = max(seen, default=0), least_side(network)

    def see(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        rows, columns = (reflected(0, round_up(max(edge, least), STRIDE), edge) for edge in (height, width))
        whole = picture if (len(rows), len(columns)) == (height, width) else picture[np.ix_(rows, columns)]
        said = of_spectra(_by_tiles(of_pixels, whole, (STRIDE, 1), margin, squares.shape[-1])[None])[0]
        return _by_tiles(to_pixels, said, (1, STRIDE), 1, output.shape[-1]) if rises else said

    return see


def _by_tiles(function: Callable, whole: np.ndarray, edges: tuple[int, int], margin: int, channels: int) -> np.ndarray:
    """Apply a function to an array `(H, W, C)` tile by tile.

    The tiles are of whole squares, whose edges `edges` says, in the array and in the result; the function sees `margin`
    squares around each.
    """
    edge, edge_after = edges
    height, width = (side // edge for side in whole.shape[:2])
    found = np.empty((height * edge_after, width * edge_after, channels), np.float32)
    for top, bottom in _parts(height):
        above = max(top - margin, 0)
        for left, right in _parts(width):
            before = max(left - margin, 0)
            tile = whole[None, above * edge : (bottom + margin) * edge, before * edge : (right + margin) * edge]
            place = found[top * edge_after : bottom * edge_after, left * edge_after : right * edge_after]
            inside = function(tile)[0, (top - above) * edge_after :, (left - before) * edge_after :]
            place[...] = inside[: len(place), : place.shape[1]]
    return found


def _parts(count: int) -> list[tuple[int, int]]:
    """Return where nearly equal parts of so many squares begin and end, none longer than TILE."""
    parts = -(-count // TILE)
    cuts = [count * i // parts for i in range(parts + 1)]
    return list(zip(cuts, cuts[1:], strict=False))


def _with_deviation(sigma: np.ndarray) -> np.ndarray:
    return np.stack([sigma, np.zeros_like(sigma)], -1)
