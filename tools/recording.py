"""From one item to its records: a pure function, the same in a thread here and on a Beam worker."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from tfdeblur.data.records import Record, serialize
from tfdeblur.physics.response import light_of
from tools import pictures
from tools.degrade import Degraded, degrade, photograph
from tools.filming import filmed
from tools.items import Item, Recipe, random_numbers


@dataclass(frozen=True)
class Recorded:
    """The serialized records of one item.

    Attributes
    ----------
    records : list of bytes
        Serialized.
    size : tuple of two int
        Height and width of all of them; None where there are none.
    grey : bool
        Whether a grey file became RGB.
    dropped : dict of int
        How often something of a video was left out, by reason.
    ghosts : list of float
        Of each exposure with interpolated frames.
    """

    records: list[bytes]
    size: tuple[int, int] | None
    grey: bool = False
    dropped: dict[str, int] = field(default_factory=dict)
    ghosts: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Side:
    """One picture of a pair.

    `kept` is the PNG file it came from, as long as the picture is still that file's; `picture` is None where nobody
    needs its pixels; `sigma_map` says how it was blurred where that varies.
    """

    title: str
    size: tuple[int, int]
    picture: np.ndarray | None = None
    kept: bytes | None = None
    grey: bool = False
    sigma_map: np.ndarray | None = None


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
        `draws` times the number of patches (1 without `patch`) records, without blank patches.

    Raises
    ------
    ValueError
        A picture cannot be read, the two sizes differ, or a patch does not fit.
    """
    if item.span:
        return _record_exposures(item, recipe)
    if item.blur is None:
        sharp = _read(item.sharp, item, recipe)
        pairs = _blurred_versions(item, sharp, recipe)
    else:
        sharp, blur = _read(item.sharp, item, recipe), _read(item.blur, item, recipe)
        _check_equal(blur, sharp)
        pairs = [(_empty(item.name, item, recipe), blur, sharp)]
    _check_patch(sharp, recipe)
    records = [serialize(record) for pair in pairs for record in _cut(*pair, recipe)]
    return Recorded(records, recipe.patch or sharp.size, sharp.grey)


def estimated_bytes(item: Item, recipe: Recipe) -> float:
    """Return about how many bytes an item's records take; errors as of `record_item`."""
    part, span = 1.0, item.span
    if span:
        few = replace(span, count=min(2 * recipe.film.frames[1], span.count))
        item, part = replace(item, span=few), few.count / span.count
    return sum(map(len, record_item(item, recipe).records)) / part


def _record_exposures(item: Item, recipe: Recipe) -> Recorded:
    """Make the records of a part of a clip, one or its patches for each exposure."""
    dropped, ghosts, records, size = Counter(), [], [], None
    camera = recipe.degradation
    for pair in filmed(item, recipe, dropped, ghosts):
        name = f"{item.scene}/{pair.number:06d}"
        blur, sharp = (Side(name, picture.shape[:2], picture) for picture in (pair.blur, pair.sharp))
        _check_patch(sharp, recipe)
        drawn = {}
        if camera.exposes:
            light, random = light_of(_unit(blur), camera.response), random_numbers(recipe, item, pair.number)
            taken = photograph(light, _unit(sharp), random, camera, drawn)
            drawn, (blur, sharp) = taken.drawn, _sides(sharp, taken, recipe)
        record = _empty(name, item, recipe, **drawn)
        records += [serialize(each) for each in _cut(record, blur, sharp, recipe)]
        size = recipe.patch or sharp.size
    return Recorded(records, size, dropped=dict(dropped), ghosts=ghosts)


def _read(source: str | bytes, item: Item, recipe: Recipe) -> Side:
    title = source if isinstance(source, str) else item.name
    content = pictures.content_of(source)
    picture, was_grey = pictures.decode(content, title, recipe.channels)
    keeps = recipe.encoding == "png" and recipe.resize in (None, picture.shape[:2])
    kept = content if keeps and pictures.is_png_to_keep(content, recipe.channels) else None
    if recipe.resize:
        picture = pictures.resize(picture, recipe.resize)
    return Side(title, picture.shape[:2], picture, kept, was_grey and recipe.channels == 3)


def _check_equal(blur: Side, sharp: Side) -> None:
    if blur.size != sharp.size:
        raise ValueError(
            f"{blur.title} is {blur.size[1]}x{blur.size[0]} but {sharp.title} is {sharp.size[1]}x{sharp.size[0]}; "
            "pairs must have equal sizes (use --on-error skip to leave such pairs out)"
        )


def _check_patch(side: Side, recipe: Recipe) -> None:
    if recipe.patch and (side.size[0] < recipe.patch[0] or side.size[1] < recipe.patch[1]):
        raise ValueError(
            f"{side.title} is {side.size[0]}x{side.size[1]} (height x width), smaller than the patch of "
            f"{recipe.patch[0]}x{recipe.patch[1]}; choose a smaller --patch "
            "(or use --on-error skip to leave such pictures out)"
        )


def _blurred_versions(item: Item, sharp: Side, recipe: Recipe) -> Iterator[tuple[Record, Side, Side]]:
    """Yield every draw as a record without pictures, and the two pictures."""
    scaled = _unit(sharp)
    for draw in range(recipe.draws):
        try:
            degraded = degrade(scaled, random_numbers(recipe, item, draw), recipe.at_level(draw))
        except ValueError as error:
            raise ValueError(f"{sharp.title} cannot be blurred: {error}") from error
        name = item.name if recipe.draws == 1 else f"{item.name}/draw{draw:02d}"
        yield _empty(name, item, recipe, **degraded.drawn), *_sides(sharp, degraded, recipe)


def _sides(sharp: Side, degraded: Degraded, recipe: Recipe) -> tuple[Side, Side]:
    """Return the degraded picture, and the sharp one of the same exposure, as they are stored."""
    picture = degraded.picture if recipe.as_float else pictures.to_eight_bit(degraded.picture)
    blur = replace(sharp, picture=picture, kept=None, sigma_map=degraded.sigma_map)
    if degraded.sharp is None:
        return blur, sharp
    return blur, replace(sharp, picture=pictures.to_eight_bit(degraded.sharp), kept=None)


def _empty(name: str, item: Item, recipe: Recipe, **known) -> Record:
    """Return a record without pictures."""
    return Record(b"", b"", *recipe.encodings, 0, 0, recipe.channels, name, item.scene, **known)


def _unit(side: Side) -> np.ndarray:
    return np.float32(side.picture) / np.float32(255)


def _cut(record: Record, blur: Side, sharp: Side, recipe: Recipe) -> Iterator[Record]:
    """Fill the record with the pair, or with each patch of the grid of those that fit whole, from the top left."""
    if recipe.patch is None:
        yield _fill(record, blur, sharp)
        return
    height, width = recipe.patch
    for top in range(0, sharp.size[0] - height + 1, height):
        for left in range(0, sharp.size[1] - width + 1, width):
            window = np.s_[top : top + height, left : left + width]
            if recipe.blank and sharp.picture[window].std() < 255 * recipe.blank:
                continue
            parts = (
                replace(side, picture=side.picture[window], size=(height, width), kept=None) for side in (blur, sharp)
            )
            sigma = record.sigma if blur.sigma_map is None else float(blur.sigma_map[window].mean())
            yield _fill(replace(record, name=f"{record.name}/y{top:04d}x{left:04d}", sigma=sigma), *parts)


def _fill(record: Record, blur: Side, sharp: Side) -> Record:
    return replace(
        record,
        blur=blur.kept or pictures.encode(blur.picture, record.blur_encoding),
        sharp=sharp.kept or pictures.encode(sharp.picture, record.sharp_encoding),
        height=sharp.size[0],
        width=sharp.size[1],
    )
