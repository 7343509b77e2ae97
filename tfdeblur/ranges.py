"""Ranges of options, written in a field's type: `batch: Annotated[int, Range(least=1)] = 32`."""

import dataclasses
import functools
import math
import re
import typing
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """The finite numbers a field may hold.

    Parameters
    ----------
    least, most : float, optional
        Smallest and largest value.
    above, below : float, optional
        Values that it has to exceed, or to stay below.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def refuses(self, value) -> str | None:
        """Return what is needed instead of a value, None where it may be held."""
        fits = (
            isinstance(value, (int, float))
            and math.isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )
        if fits:
            return None
        said = {"at least": self.least, "more than": self.above, "at most": self.most, "less than": self.below}
        return " and ".join(f"{words} {limit:,}" for words, limit in said.items() if limit is not None) + " is needed"


@dataclass(frozen=True)
class Size:
    """HEIGHTxWIDTH in pixels."""

    def refuses(self, value) -> str | None:
        """Return what is needed instead of a value, None where it may be held."""
        if isinstance(value, str) and re.fullmatch(r"0*[1-9]\d*x0*[1-9]\d*", value, re.ASCII):
            return None
        return "it is written HEIGHTxWIDTH in pixels, such as 96x128"


def check(options) -> None:
    """Check the fields of a dataclass against their types' ranges; None is left to fields that may be None.

    Raises
    ------
    ValueError
        A value is out of its range. The message names the option of the command line.
    """
    for name, limits in limits_of(type(options)).items():
        value = getattr(options, name)
        needed = limits.refuses(value) if value is not None else None
        if needed:
            found = f"{value:g}" if isinstance(value, float) else value
            raise ValueError(f"--{name.replace('_', '-')} is {found}; {needed}")


@functools.cache
def limits_of(options: type) -> dict[str, Range | Size]:
    """Return the ranges in a dataclass' types, by field."""
    types = typing.get_type_hints(options, include_extras=True)
    return {
        field.name: limits
        for field in dataclasses.fields(options)
        for limits in getattr(types[field.name], "__metadata__", ())
        if isinstance(limits, (Range, Size))
    }
