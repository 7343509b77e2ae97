"""What a degradation is drawn from, in made data sets and while training alike."""

import math
from dataclasses import dataclass, fields

BLURS = ("gaussian", "gaussian5x5", "space_variant", "two_depths", "disk", "motion", "shake", "measured", "none")
"""The kinds of blur, which `tools.degrade` makes of arrays and `data.degrade` of tensors."""

USED = {
    "gaussian": "sigma",
    "space_variant": "sigma",
    "two_depths": "sigma",
    "disk": "radius",
    "motion": "length",
    "shake": "length",
    "measured": "kernels",
}
"""Which field says how strong each is; the others have one strength."""

CAMERA = ("gain", "photons", "noise", "jpeg")
"""What is done after the blur, in this order."""

LIMITS = {
    "sigma": (0, math.inf, "in pixels"),
    "radius": (0, math.inf, "in pixels"),
    "length": (0, math.inf, "in pixels"),
    "gain": (0, math.inf, "of a factor"),
    "photons": (1, math.inf, "in photons"),
    "noise": (0, math.inf, "where white is 1"),
    "jpeg": (1, 100, "of JPEG's quality"),
}
"""Least and largest value of each range, and what its error message says of it."""


@dataclass(frozen=True)
class Ranges:
    """A kind of blur and the ranges, lowest and highest, from which each picture's own is drawn uniformly.

    Attributes
    ----------
    blur : str
        One of `BLURS`. Angles of motion and turns of shake are drawn from all there are.
    sigma : tuple of two float
        gaussian, space_variant, two_depths: standard deviation in pixels.
    radius : tuple of two float
        disk: in pixels.
    length : tuple of two float
        motion, shake: of the path in pixels.
    kernels : str, optional
        measured: file of the kernels that are drawn from.
    gain : tuple of two float, optional
        What the light is multiplied by; what is then above white is cut off, in the sharp picture too.
    photons : tuple of two float, optional
        Photons of a white pixel, for Poisson noise.
    noise : tuple of two float, optional
        Standard deviation of Gaussian noise, where white is 1.
    jpeg : tuple of two int, optional
        Quality.
    """

    blur: str = "gaussian"
    sigma: tuple[float, float] = (0.0, 3.0)
    radius: tuple[float, float] = (0.5, 5.0)
    length: tuple[float, float] = (3.0, 20.0)
    kernels: str | None = None
    gain: tuple[float, float] | None = None
    photons: tuple[float, float] | None = None
    noise: tuple[float, float] | None = None
    jpeg: tuple[int, int] | None = None


def ranges_of(described) -> Ranges:
    """Return the ranges that options, a recipe or an experiment name among other things.

    Raises
    ------
    ValueError
        A range is none, or is of something that the kind of blur does not have.
    """
    ranges = Ranges(**{field.name: getattr(described, field.name) for field in fields(Ranges)})
    for name, (least, most, of_what) in LIMITS.items():
        value = getattr(ranges, name)
        if value is None:
            continue
        low, high = value
        if not least <= low <= high <= most or math.isinf(high):
            most_too = f" <= {most}" if most < math.inf else ""
            raise ValueError(
                f"--{name} is {low} {high}; it takes the lowest and the highest value {of_what}, "
                f"{least} <= LOW <= HIGH{most_too}"
            )
    for name in ("sigma", "radius", "length", "kernels"):
        if getattr(ranges, name) != getattr(Ranges, name) and USED.get(ranges.blur) != name:
            raise ValueError(f"--{name} has no part in --blur {ranges.blur}; leave it out")
    if ranges.blur == "measured" and not ranges.kernels:
        raise ValueError("--blur measured needs --kernels, a file of the kernels to blur with")
    return ranges
