"""Maps that say of each pixel how much it is blurred, and how to come between a few blurred pictures by them."""

import numpy as np

from tfdeblur.physics.kernels import check_number

FIRST = 0.5
"""The least sigma of the ladder above 0, in pixels."""

RATIO = 1.25
"""From one sigma of the ladder to the next. The error of the interpolation grows with the square of RATIO - 1."""

SPACING = 80
"""About how many pixels lie between the random values of a smooth map."""

SMOOTH_MAPS = {"space_variant": 1, "two_depths": 3}
"""How many smooth maps each kind of map is made of."""


def sigma_ladder(largest: float) -> list[float]:
    """Return 0, 0.5 and so on, each 1.25 times the one before, up to the first that is not below `largest`."""
    check_number("largest sigma", largest, least=0)
    ladder = [0.0, FIRST]
    while ladder[-1] < largest:
        ladder.append(ladder[-1] * RATIO)
    return ladder


def blend_weights(sigma_map, ladder: list[float], ops) -> list:
    """Return for each sigma of a ladder the map of its weights, which sum to 1 at each pixel.

    Parameters
    ----------
    sigma_map : numpy.ndarray or tensor
        Standard deviations in pixels; above the ladder's last they count as that.
    ladder : list of float
        From `sigma_ladder`.
    ops : module
        `numpy` or `keras.ops`, whichever the map is of.

    Returns
    -------
    list of numpy.ndarray or tensor
        Of the map's shape.
    """
    variances = [float(kernel_variance(np.float64(sigma), np)) for sigma in ladder]
    wanted = kernel_variance(sigma_map, ops)
    # How far each pixel is up each step; the weight of a rung is what the step to it has and the step from it has not.
    steps = [ops.clip((wanted - a) / (b - a), 0.0, 1.0) for a, b in zip(variances[:-1], variances[1:], strict=True)]
    return [1 - steps[0], *(a - b for a, b in zip(steps[:-1], steps[1:], strict=True)), steps[-1]]


def kernel_variance(sigma, ops):
    """Return the variance of a Gaussian kernel sampled at whole pixels: near sigma^2, but far below for small sigma."""
    tails = [ops.exp(-0.5 * (k / ops.maximum(sigma, 0.05)) ** 2) for k in range(1, 6)]
    squares = sum(k**2 * tail for k, tail in enumerate(tails, 1))
    return ops.where(sigma < 1, 2 * squares / (1 + 2 * sum(tails)), sigma**2)


def ramp(size: tuple[int, int], low: float, high: float) -> np.ndarray:
    """Return a map of sigma that rises evenly along x, `(H, W)`, float32 (Patro 2017, section 4.2.1)."""
    return np.tile(np.linspace(low, high, size[1], dtype=np.float32), (size[0], 1))


def sine(size: tuple[int, int], low: float, high: float, periods: float = 2, axis: int = 1) -> np.ndarray:
    """Return a map of sigma that comes and goes along an axis, `(H, W)`, float32 (Patro 2017, section 4.2.2)."""
    wave = np.sin(2 * np.pi * periods * np.arange(size[axis]) / size[axis])
    return np.float32(np.broadcast_to(np.expand_dims((low + high + (high - low) * wave) / 2, 1 - axis), size))


def drawn_map(kind: str, random: np.random.Generator, size: tuple[int, int], low: float, high: float) -> np.ndarray:
    """Draw a map of sigma.

    Parameters
    ----------
    kind : {"space_variant", "two_depths"}
        One that varies smoothly: random values about every 80 pixels, and linear between their places. Or two of these,
        with an edge where the one ends and the other begins, as of an object before a background.
    random : numpy.random.Generator
        What it is drawn from.
    size : tuple of int
        Height and width in pixels.
    low, high : float
        The range in pixels.

    Returns
    -------
    numpy.ndarray
        `(H, W)`, float32.
    """
    return map_of(kind, np.float32(random.random(drawn_for(kind, size))), size, low, high, np)


def drawn_for(kind: str, size: tuple[int, int]) -> int:
    """Return how many uniform numbers a map of a kind and a size is made of."""
    rows, columns = _nodes_along(size)
    return SMOOTH_MAPS[kind] * (rows * columns + 2)


def map_of(kind: str, uniform, size: tuple[int, int], low: float, high: float, ops):
    """Make a map of sigma between `low` and `high` of the numbers in [0, 1) that `drawn_for` counts.

    As `drawn_map`, on arrays or tensors. The edge of two depths is where a third smooth map, a relief, passes the
    middle of its range; some never do, and then there is but one depth.
    """
    parts = ops.reshape(uniform, (SMOOTH_MAPS[kind], -1))
    if kind == "space_variant":
        return _smooth_map(parts[0], size, low, high, ops)
    relief = _smooth_map(parts[2], size, 0, 1, ops)
    return ops.where(relief > 0.5, *(_smooth_map(part, size, low, high, ops) for part in (parts[0], parts[1])))


def _smooth_map(uniform, size: tuple[int, int], low: float, high: float, ops):
    """Make a smooth map: two numbers give its range, often nearly all there is, sometimes little of it.

    The others say where its nodes lie in that, more often near its ends than between, as in scenes of a sharp object
    before a blurred background.
    """
    begin, end = low + (high - low) * uniform[0] ** 3, high - (high - low) * uniform[1] ** 3
    share = ops.sin(np.pi / 2 * uniform[2:]) ** 2
    nodes = ops.reshape(begin + (end - begin) * share, _nodes_along(size))
    rows, columns = (_tents(side, count) for side, count in zip(size, _nodes_along(size), strict=True))
    return ops.matmul(ops.matmul(rows, nodes), columns.T)


def _nodes_along(size: tuple[int, int]) -> tuple[int, int]:
    rows, columns = (max(round(side / SPACING), 1) + 1 for side in size)
    return rows, columns


def _tents(length: int, count: int) -> np.ndarray:
    """Return the weights `(length, count)` of some evenly spaced values at each place between them."""
    places = np.linspace(0, count - 1, length)[:, None]
    return np.float32(np.maximum(1 - np.abs(places - np.arange(count)), 0))
