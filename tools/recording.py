"""From one item to its records: a pure function, the same in a thread here and on a Beam worker."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tfdeblur.data.records import Record, serialize
from tools import pictures
from tools.degrade import BLURS
from tools.items import Item, Recipe, random_numbers


@dataclass(frozen=True)
class Recorded:
    """The records of one item: serialized, with the one size of all of them and whether a grey file was expanded."""

    records: list[bytes]
    size: tuple[int, int]
    grey: bool


@dataclass(frozen=True)
class _Side:
    """One picture of a pair: `stored` is the PNG file it came from, while the picture is still that file's."""

    picture: np.ndarray | None
    stored: bytes | None
    size: tuple[int, int]
    grey: bool = False


def record_item(item: Item, recipe: Recipe) -> Recorded:
    """Make an item's records.

    Parameters
    ----------
    item : Item
        The sharp picture or pair.
    recipe : Recipe
        What to make of it.

    Returns
    -------
    Recorded
        `draws` times the number of patches (1 without `patch`) serialized records.

    Raises
    ------
    ValueError
        A picture cannot be read, the two sizes differ, or a patch does not fit.
    """
    made = item.blur is None
    needs_pixels = recipe.encoding != "png" or recipe.resize is not None or recipe.patch is not None
    sharp = _read(item.sharp, recipe, needs_pixels or made)
    _check_patch(item, sharp.size, recipe)
    if made:
        pairs = _blurred_versions(item, sharp, recipe)
    else:
        blur = _read(item.blur, recipe, needs_pixels)
        _check_sizes(item, blur.size, sharp.size)
        pairs = [(item.name, blur, sharp, {})]
    records = [
        _record(item, name, *parts, known, recipe) for name, *sides, known in pairs for name, *parts in _cut(name, *sides, recipe)
    ]
    return Recorded([serialize(record) for record in records], recipe.patch or sharp.size, sharp.grey)


def _read(source: str | bytes, recipe: Recipe, needs_pixels: bool) -> _Side:
    stored = pictures.png_as_stored(source, recipe.channels) if recipe.encoding == "png" and not recipe.resize else None
    if stored and not needs_pixels:
        return _Side(None, stored[0], stored[1:])
    picture, was_grey = pictures.read(source, recipe.channels)
    if recipe.resize:
        picture = pictures.resize(picture, recipe.resize)
    content = stored[0] if stored and not recipe.patch else None
    return _Side(picture, content, picture.shape[:2], was_grey and recipe.channels == 3)


def _check_sizes(item: Item, blur: tuple[int, int], sharp: tuple[int, int]) -> None:
    if blur != sharp:
        raise ValueError(
            f"{pictures.title(item.blur)} is {blur[1]}x{blur[0]} but {pictures.title(item.sharp)} is {sharp[1]}x{sharp[0]}; "
            "pairs must have equal sizes (use --on-error skip to leave such pairs out)"
        )


def _check_patch(item: Item, size: tuple[int, int], recipe: Recipe) -> None:
    if recipe.patch and (size[0] < recipe.patch[0] or size[1] < recipe.patch[1]):
        raise ValueError(
            f"{pictures.title(item.sharp)} is {size[0]}x{size[1]} (height x width), smaller than the patch of "
            f"{recipe.patch[0]}x{recipe.patch[1]}; choose a smaller --patch (or use --on-error skip to leave such pictures out)"
        )


def _blurred_versions(item: Item, sharp: _Side, recipe: Recipe) -> Iterator[tuple[str, _Side, _Side, dict]]:
    scaled = np.float32(sharp.picture) / np.float32(255)
    for draw in range(recipe.draws):
        blurred = BLURS[recipe.blur](scaled, random_numbers(recipe, item, draw), recipe)
        picture = blurred.picture if recipe.as_float else to_eight_bit(blurred.picture)
        name = item.name if recipe.draws == 1 else f"{item.name}/draw{draw:02d}"
        yield name, replace(sharp, picture=picture, stored=None), sharp, {"sigma": blurred.sigma, "kernel": blurred.kernel}


def to_eight_bit(picture: np.ndarray) -> np.ndarray:
    """Round a float picture in [0, 1] to uint8."""
    return np.uint8(np.clip(np.rint(picture * 255), 0, 255))


def _cut(name: str, blur: _Side, sharp: _Side, recipe: Recipe) -> Iterator[tuple[str, _Side, _Side]]:
    """Cut a pair into the grid of patches that fit whole, from the top left."""
    if recipe.patch is None:
        yield name, blur, sharp
        return
    height, width = recipe.patch
    for top in range(0, sharp.size[0] - height + 1, height):
        for left in range(0, sharp.size[1] - width + 1, width):
            window = np.s_[top : top + height, left : left + width]
            parts = (replace(side, picture=side.picture[window], size=recipe.patch) for side in (blur, sharp))
            yield f"{name}/y{top:04d}x{left:04d}", *parts


def _record(item: Item, name: str, blur: _Side, sharp: _Side, known: dict, recipe: Recipe) -> Record:
    encodings = blur_encoding(recipe, item.blur is None), recipe.encoding
    contents = [
        side.stored if side.stored else pictures.encode(side.picture, encoding)
        for side, encoding in zip((blur, sharp), encodings, strict=True)
    ]
    return Record(*contents, *encodings, *sharp.size, recipe.channels, name, item.scene, **known)


def blur_encoding(recipe: Recipe, made: bool) -> str:
    """Return how the blurred picture is encoded: `--float` concerns a blur made here only."""
    return "float32" if made and recipe.as_float else recipe.encoding
