"""What a source lists (`Item`), and what shall be made of it (`Recipe`)."""

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np

from tfdeblur.physics.degradation import Degradation
from tools.clips import Span


@dataclass(frozen=True)
class Item:
    """One sharp picture, one pair, or consecutive frames of a video, of a source.

    Attributes
    ----------
    name : str
        Unique in the source; it also seeds the item's random numbers.
    scene : str
        What the picture shows: a video, a burst, a single photograph. A scene never falls into two splits.
    sharp : str or bytes
        Path of the picture's or the video's file, or the content of a picture's.
    blur : str or bytes, optional
        The blurred picture likewise; None where the blur is to be made.
    split : str, optional
        The split that the source itself puts the scene in.
    span : Span, optional
        Which frames of the video.
    """

    name: str
    scene: str
    sharp: str | bytes
    blur: str | bytes | None = None
    split: str | None = None
    span: Span | None = None


@dataclass(frozen=True)
class Listing:
    """What a source found.

    Attributes
    ----------
    items : list of Item
        In an order that does not change from call to call.
    problems : list of tuple of two str
        Names of pictures that cannot be used, for example for want of a partner, each with the reason.
    channels : int
        Channels of the pictures unless the user wants others.
    patch : str, optional
        Patches that the pictures are cut into unless the user wants others, HxW.
    blank : float, optional
        What counts as a blank patch unless the user says otherwise.
    description : dict
        What the manifest shall say of blurred pictures that come with the source.
    unit : str
        What the items are.
    """

    items: list[Item]
    problems: list[tuple[str, str]] = field(default_factory=list)
    channels: int = 3
    patch: str | None = None
    blank: float | None = None
    description: dict = field(default_factory=dict)
    unit: str = "pictures"


@dataclass(frozen=True)
class Film:
    """How frames of a video make up exposures.

    Attributes
    ----------
    frames : tuple of two int
        How many: from the lowest to the highest number, at least 3, in steps of 2.
    max_motion : float
        Longest motion from one frame to the next, in pixels of the records.
    interpolate : bool
        Where the motion is longer, make frames in between.
    """

    frames: tuple[int, int] = (7, 13)
    max_motion: float = 2.0
    interpolate: bool = False


@dataclass(frozen=True)
class Recipe:
    """What records are made of an item; together with the item, all that their bytes depend on.

    Attributes
    ----------
    degradation : Degradation, optional
        What is done to sharp pictures; None where the source has blurred ones.
    film : Film, optional
        How frames of videos make up exposures, which are blurred by their own motion.
    levels : int, optional
        Evenly spaced sigmas, from the lowest to the highest, at each of which a picture is blurred: as many as draws.
    blank : float, optional
        Standard deviation, where white is 1, below which a sharp patch is left out.
    as_float : bool
        Keep the made blur as float32 rather than rounding it to 8 bit.
    draws : int
        Blurred versions of each sharp picture.
    encoding : str
        `"png"` or `"raw"`.
    resize, patch : tuple of two int, optional
        Height and width in pixels.
    channels : int
        1 or 3.
    seed : int
        Of all random numbers, >= 0.
    """

    degradation: Degradation | None = None
    film: Film | None = None
    levels: int | None = None
    blank: float | None = None
    as_float: bool = False
    draws: int = 1
    encoding: str = "png"
    resize: tuple[int, int] | None = None
    patch: tuple[int, int] | None = None
    channels: int = 3
    seed: int = 0

    def at_level(self, draw: int) -> Degradation:
        """Return what is done for one of the draws: with levels, blur of the draw's sigma."""
        if not self.levels:
            return self.degradation
        sigma = float(np.linspace(*self.degradation.sigma, self.levels)[draw])
        return replace(self.degradation, sigma=(sigma, sigma))

    @property
    def encodings(self) -> tuple[str, str]:
        """How the blurred and the sharp picture are encoded."""
        return "float32" if self.as_float else self.encoding, self.encoding


def digest(*texts: str) -> int:
    """Return a 64-bit number that depends on the texts only: the same in every process and on every machine."""
    return int.from_bytes(hashlib.blake2b("\n".join(texts).encode(), digest_size=8).digest(), "big")


def random_numbers(recipe: Recipe, item: Item, draw: int) -> np.random.Generator:
    """Return the generator for one draw of one item; no other item, draw or worker has a part in it."""
    return np.random.default_rng([recipe.seed, digest(item.name), draw])
