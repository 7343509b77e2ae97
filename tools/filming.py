"""From a part of a video to pairs: a longer exposure of its frames, and the sharp frame in the middle of it."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tfdeblur.physics.frames import averaged
from tools import clips, pictures
from tools.exposures import Exposure, exposures
from tools.interpolation import ghosts, interpolated
from tools.items import Item, Recipe, random_numbers

FASTER = 16
"""At most so many times as fast do interpolated frames come, as REDS' 1920 a second of 120."""
GHOSTS = 0.6
"""Exposures whose middle frame is not found better than this from the two beside it are left out (see `ghosts`)."""


@dataclass(frozen=True)
class Filmed:
    """A blurred and a sharp picture, `(H, W, C)`, uint8; the number of the sharp one's frame in the clip."""

    blur: np.ndarray
    sharp: np.ndarray
    number: int


def filmed(item: Item, recipe: Recipe, dropped: Counter, scores: list[float]) -> Iterator[Filmed]:
    """Yield the pairs of a part of a clip.

    Parameters
    ----------
    item : Item
        With a span.
    recipe : Recipe
        How many frames make an exposure, in which response their light is averaged, how fast anything may move.
    dropped : collections.Counter
        Is told what is left out, as `tools.exposures` counts it; and exposures where interpolation left `ghosts`.
    scores : list of float
        To which those of interpolated exposures are appended.

    Raises
    ------
    ValueError
        The clip is damaged.
    """
    random = random_numbers(recipe, item, 0)
    film = recipe.film
    numbers = range(film.frames[0], film.frames[1] + 1, 2)
    frames = clips.frames(item.sharp, item.span, recipe.channels)
    first = next(frames)
    fastest = film.max_motion * _scale(first.picture, recipe)
    limit = fastest * (FASTER if film.interpolate else 1)
    for exposure in exposures(chain([first], frames), lambda: int(random.choice(numbers)), limit, dropped):
        times = max(math.ceil(exposure.motion / fastest), 1)
        if times > 1:
            score = _ghosts(exposure)
            if score > GHOSTS:
                dropped["ghosts"] += 1
                continue
            scores.append(score)
        blur = averaged(interpolated(exposure.frames, times), recipe.degradation.response)
        yield Filmed(*(_sized(picture, recipe) for picture in (blur, exposure.middle)), exposure.number)


def _scale(picture: np.ndarray, recipe: Recipe) -> float:
    """Return how many pixels of a frame are one of the records."""
    return max(picture.shape[:2]) / max(recipe.resize) if recipe.resize else 1.0


def _ghosts(exposure: Exposure) -> float:
    middle = len(exposure.frames) // 2
    return ghosts(*exposure.frames[middle - 1 : middle + 2])


def _sized(picture: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return a picture, uint8, uint16 or float32 in [0, 1], as uint8 of the records' size."""
    if picture.dtype != np.uint8:
        picture = pictures.to_eight_bit(picture / np.float32(65535) if picture.dtype == np.uint16 else picture)
    return pictures.resize(picture, recipe.resize) if recipe.resize else picture
