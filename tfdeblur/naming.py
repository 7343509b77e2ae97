"""Things that users choose by name: experiments, models, losses, methods, tables."""

import difflib
import unicodedata
from collections.abc import Mapping
from typing import TypeVar

Thing = TypeVar("Thing")


def look_up(things: Mapping[str, Thing], name: str, kind: str) -> Thing:
    """Return what goes by a name.

    >>> look_up({"unet16": 1, "resnet16": 2}, "unet17", "model")
    Traceback (most recent call last):
    ...
    ValueError: there is no model 'unet17'; did you mean unet16? There are: unet16, resnet16

    Raises
    ------
    ValueError
        Nothing does; the message suggests the nearest and says what there is.
    """
    if name not in things:
        near = difflib.get_close_matches(name, things, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"there is no {kind} {name!r}; {hint}There are: {', '.join(things)}")
    return things[name]


def normalised(name: str) -> str:
    r"""Return a file's name as records hold it: in Unicode's composed form (NFC), undecodable bytes escaped.

    Copying between systems changes the form (macOS decomposes), and names that look the same are the same.

    >>> normalised("e\u0301") == "\u00e9", normalised("a\udcff")
    (True, 'a\\udcff')
    """
    return unicodedata.normalize("NFC", name).encode("utf-8", "backslashreplace").decode()
