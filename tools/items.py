"""What a source lists (`Item`), and what shall be made of it (`Recipe`)."""

import hashlib
from dataclasses import asdict, dataclass, field

import numpy as np

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
class Recipe:
    """What records are made of an item; together with the item, all that their bytes depend on.

    Attributes
    ----------
    blur : str, optional
        A key of `tools.degrade.BLURS`; None where the source has blurred pictures.
    sigma : tuple of two float
        Range of the standard deviation of the Gaussian in pixels.
    levels : int, optional
        Evenly spaced sigmas, from the lowest to the highest, at each of which a picture is blurred: as many as draws.
    blank : float, optional
        Standard deviation, where white is 1, below which a sharp patch is left out.
    radius, length, kernels, gain, photons, noise, jpeg
        As in `tfdeblur.physics.ranges.Ranges`; None where they have no part.
    frames : tuple of two int, optional
        How many frames of a video make an exposure: from the lowest to the highest number, in steps of 2.
    response : str, optional
        Of the camera, as `tfdeblur.physics.response` names it.
    max_motion : float, optional
        Longest motion from one frame to the next, in pixels of the records.
    interpolate : bool, optional
        Where the motion is longer, make frames in between.
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

    blur: str | None = "gaussian"
    sigma: tuple[float, float] = (0.0, 3.0)
    as_float: bool = False
    draws: int = 1
    encoding: str = "png"
    resize: tuple[int, int] | None = None
    patch: tuple[int, int] | None = None
    channels: int = 3
    seed: int = 0
    radius: tuple[float, float] | None = None
    length: tuple[float, float] | None = None
    kernels: str | None = None
    gain: tuple[float, float] | None = None
    photons: tuple[float, float] | None = None
    noise: tuple[float, float] | None = None
    jpeg: tuple[int, int] | None = None
    levels: int | None = None
    blank: float | None = None
    frames: tuple[int, int] | None = None
    response: str | None = None
    max_motion: float | None = None
    interpolate: bool | None = None

    def settings(self) -> dict:
        """Return the fields; those that came later only where they say something, so that older sets are known."""
        first = {"blur", "sigma", "as_float", "draws", "encoding", "resize", "patch", "channels", "seed"}
        return {key: value for key, value in asdict(self).items() if key in first or value is not None}

    @property
    def sigmas(self) -> list[float]:
        """The sigmas of the levels, in pixels."""
        return [float(sigma) for sigma in np.linspace(*self.sigma, self.levels)]

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
