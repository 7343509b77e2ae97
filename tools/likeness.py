"""Pictures that are nearly the same: twice in a data set, or, what spoils a test, on both sides of a split."""

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

SIDE = 8
"""Pixels along an edge of a thumbnail."""
NEAR = 2.0
"""Root mean squared difference of thumbnails, in levels of 8 bit, up to which pictures are nearly the same."""
FLAT = 4.0
"""Standard deviation of a thumbnail, in levels of 8 bit, below which pictures are not compared: all blank ones are."""
DIRECTIONS = 6
"""In which thumbnails are looked up, of all in which they differ."""
NEIGHBOURS = 4
"""Of a picture that are looked at, at most."""


def thumbnails(luma: np.ndarray) -> np.ndarray:
    """Return pictures' luma `(N, H, W)`, float32 in [0, 255], reduced to means over squares, `(N, SIDE * SIDE)`."""
    height, width = luma.shape[1:]
    means = _means(height) @ luma @ _means(width).T
    return np.uint8(np.rint(means)).reshape(len(luma), SIDE * SIDE)


@lru_cache(maxsize=64)
def _means(edge: int) -> np.ndarray:
    """Return the matrix `(SIDE, edge)` that takes means over equal parts of an edge, whole pixels or not."""
    cuts = np.linspace(0, edge, SIDE + 1)
    pixels = np.arange(edge)
    share = np.clip(np.minimum(cuts[1:, None], pixels + 1) - np.maximum(cuts[:-1, None], pixels), 0, 1)
    return np.float32(share * SIDE / edge)


def alike(ours: np.ndarray, theirs: np.ndarray | None = None) -> np.ndarray:
    """Return which pictures are nearly the same.

    Thumbnails of two that are near are near along every direction: they are looked up along a few in which all of them
    differ most, in a tree, and then compared.

    Parameters
    ----------
    ours, theirs : numpy.ndarray
        Thumbnails `(N, SIDE * SIDE)` and `(M, SIDE * SIDE)`; without the second, the first among themselves.

    Returns
    -------
    numpy.ndarray
        `(K, 2)`, indices of one and the other; each of the first, or, of one set, each but the first of its kind, once.
    """
    among = theirs is None
    theirs = ours if among else theirs
    first, second = (np.flatnonzero(each.std(-1) >= FLAT) for each in (ours, theirs))
    if not (len(first) and len(second)):
        return np.zeros((0, 2), int)
    placed, places = _along_most(ours[first], theirs[second])
    distance, found = cKDTree(places).query(
        placed, NEIGHBOURS + among, distance_upper_bound=NEAR * SIDE + 1e-3, workers=-1
    )
    rows, columns = np.nonzero(np.isfinite(distance))
    pairs = np.stack([first[rows], second[found[rows, columns]]], -1)
    if among:
        pairs = pairs[pairs[:, 1] < pairs[:, 0]]
    differences = np.float32(ours[pairs[:, 0]]) - theirs[pairs[:, 1]]
    pairs = pairs[np.sqrt(np.mean(differences**2, -1)) <= NEAR]
    pairs = np.unique(pairs, axis=0)
    return pairs[np.unique(pairs[:, 0], return_index=True)[1]]


def _along_most(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return thumbnails' places along the principal directions of theirs."""
    middle = theirs.mean(0, dtype=np.float64)
    sample = theirs[:: max(len(theirs) // 20_000, 1)] - middle
    _, directions = np.linalg.eigh(sample.T @ sample)
    most = directions[:, -DIRECTIONS:]
    return (ours - middle) @ most, (theirs - middle) @ most
