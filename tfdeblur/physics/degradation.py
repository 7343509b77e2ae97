"""What is done to sharp pictures: one description, for made data sets and while training alike."""

import math
from dataclasses import asdict, dataclass, fields

from tfdeblur.physics.response import GAMMA, response_of

BLURS = ("gaussian", "gaussian5x5", "space_variant", "two_depths", "disk", "motion", "shake", "measured", "none")
"""The kinds of blur, which `tools.degrade` makes of arrays and `data.degrade` of tensors."""

USED = {
    "gaussian": ("sigma", "deviation"),
    "space_variant": ("sigma",),
    "two_depths": ("sigma",),
    "disk": ("radius",),
    "motion": ("length",),
    "shake": ("length",),
    "measured": ("kernels",),
}
"""Which fields say how strong each is; the others have one strength."""

DRAWN = ("highlights", "gain", "photons", "noise", "jpeg")
"""What is drawn of the camera, whatever the kind of blur."""
CAMERA = ("response", *DRAWN)
"""What does not depend on the kind of blur."""

LIMITS = {
    "sigma": (0, math.inf, "in pixels"),
    "radius": (0, math.inf, "in pixels"),
    "length": (0, math.inf, "in pixels"),
    "highlights": (1, math.inf, "of a factor"),
    "gain": (0, math.inf, "of a factor"),
    "photons": (1, math.inf, "in photons"),
    "noise": (0, math.inf, "where white is 1"),
    "jpeg": (1, 100, "of JPEG's quality"),
}
"""Least and largest value of each range, and what its error message says of it."""


@dataclass(frozen=True)
class Degradation:
    """A kind of blur, a camera, and the ranges, lowest and highest, from which each picture's own is drawn uniformly.

    In this order: the picture's light; highlights; blur; gain; noise; what is above white cut off; the camera's
    response; 8 bit; JPEG.

    Attributes
    ----------
    blur : str
        One of `BLURS`. Angles of motion and turns of shake are drawn from all there are.
    sigma : tuple of two float
        gaussian, space_variant, two_depths: standard deviation in pixels.
    deviation : float, optional
        gaussian: sigma is not uniform in its range, but the absolute value of a normal variable of this deviation.
    radius : tuple of two float
        disk: in pixels.
    length : tuple of two float
        motion, shake: of the path in pixels.
    kernels : str, optional
        measured: file of the kernels that are drawn from.
    response : str
        Of the camera, as `physics.response` names it. `"linear"` blurs the values as if they were light.
    highlights : tuple of two float, optional
        How many times as bright as white what is white in the picture may be: blurred, it stays white over a larger
        area, and draws streaks and disks.
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
    deviation: float | None = None
    radius: tuple[float, float] = (0.5, 5.0)
    length: tuple[float, float] = (3.0, 20.0)
    kernels: str | None = None
    response: str = "linear"
    highlights: tuple[float, float] | None = None
    gain: tuple[float, float] | None = None
    photons: tuple[float, float] | None = None
    noise: tuple[float, float] | None = None
    jpeg: tuple[int, int] | None = None

    def __post_init__(self):
        """Raise a ValueError for a range that is none, or is of something that the kind of blur does not have."""
        for name, limits in LIMITS.items():
            if getattr(self, name) is not None:
                _check_range(name, *getattr(self, name), *limits)
        for name in ("sigma", "deviation", "radius", "length", "kernels"):
            if getattr(self, name) != getattr(Degradation, name) and name not in USED.get(self.blur, ()):
                raise ValueError(f"--{name} has no part in --blur {self.blur}; leave it out")
        if self.highlights and self.blur == "recorded":
            raise ValueError("--highlights has no part in --blur recorded, whose pictures are blurred; leave it out")
        if self.deviation is not None and not 0 < self.deviation < math.inf:
            raise ValueError(f"--deviation is {self.deviation}; it must be above 0 pixels")
        if self.blur == "measured" and not self.kernels:
            raise ValueError("--blur measured needs --kernels, a file of the kernels to blur with")
        response_of(self.response)

    @property
    def exposes(self) -> bool:
        """Whether the camera does more than to see and to store what it sees."""
        return any(getattr(self, name) for name in DRAWN)

    @property
    def says(self) -> dict:
        """What has a part in it, by the fields' names."""
        names = ("blur", *USED.get(self.blur, ()), *CAMERA)
        return {name: value for name, value in asdict(self).items() if name in names and value is not None}


def _check_range(name: str, low: float, high: float, least: float, most: float, of_what: str) -> None:
    if not least <= low <= high <= most or math.isinf(high):
        most_too = f" <= {most}" if most < math.inf else ""
        raise ValueError(
            f"--{name} is {low} {high}; it takes the lowest and the highest value {of_what}, "
            f"{least} <= LOW <= HIGH{most_too}"
        )


PRESETS = {
    "orlandi-cifar": Degradation("gaussian", sigma=(0.0, 3.0)),
    "king-5x5": Degradation("gaussian5x5"),
    "kendall-phase1": Degradation("gaussian", sigma=(0.0, 15.0), deviation=5.0),
    "defocus": Degradation("disk", radius=(0.5, 8.0), response=GAMMA, highlights=(1.0, 8.0), noise=(0.0, 0.01)),
    "camera-shake": Degradation("shake", length=(10.0, 60.0), response=GAMMA, highlights=(1.0, 8.0), noise=(0.0, 0.01)),
    "phone-photo": Degradation(
        "shake",
        length=(3.0, 30.0),
        response="srgb",
        highlights=(1.0, 4.0),
        photons=(300.0, 5000.0),
        noise=(0.001, 0.01),
        jpeg=(70, 95),
    ),
}
"""Degradations by name: those of the reports' pictures, and of what happens to photographs."""


def degradation_of(described, **defaults) -> Degradation:
    """Return the degradation that options or an experiment name among other things.

    Parameters
    ----------
    described : dataclass
        With the fields of `Degradation`, and `degrade`: a key of `PRESETS`, in which what else is said takes the place
        of its own, or None.
    **defaults
        What holds where it says nothing.

    Raises
    ------
    ValueError
        A range is none, or is of something that the kind of blur does not have.
    """
    ours = {field.name: getattr(described, field.name) for field in fields(Degradation)}
    ours = {name: value for name, value in ours.items() if value is not None}
    usual = {field.name: field.default for field in fields(described)}
    said = {name: value for name, value in ours.items() if value != usual[name]}
    preset = PRESETS[described.degrade].says if described.degrade else {}
    blur = said.get("blur", preset.get("blur"))
    preset = {name: value for name, value in preset.items() if name in ("blur", *USED.get(blur, ()), *CAMERA)}
    return Degradation(**{**ours, **defaults, **preset, **said})
