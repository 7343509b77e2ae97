"""Write pictures of a data set as PNG files: `python -m tools.extract_pictures DIR --split test --out PICTURES`."""

import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from tfdeblur import locking, storage
from tfdeblur.commandline import import_tensorflow, run

SIDES = ("blur", "sharp")


@dataclass(frozen=True)
class Extract:
    """What `python -m tools.extract_pictures` takes."""

    folder: tyro.conf.Positional[str]
    """Folder of the data set, local or gs://."""
    out: str
    """Folder for the pictures; they come into its folders blur and sharp."""
    split: str = "test"
    """Part of the data set."""
    limit: int | None = None
    """Only the first pairs, this many."""
    every: int = 1
    """Only one pair in so many."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pairs that are asked for; files that are there already are left as they are."""
    options = tyro.cli(Extract, args=arguments, prog="python -m tools.extract_pictures", description=__doc__)
    if options.every < 1 or (options.limit is not None and options.limit < 1):
        raise ValueError(f"--every is {options.every} and --limit {options.limit}; both must be above 0")
    import_tensorflow()
    with locking.lock(options.out):
        for side in SIDES:
            locking.clean(storage.join(options.out, side))
        count = _extract(options)
    print(f"{count} pairs of {options.folder}, split {options.split}, in {options.out}/blur and {options.out}/sharp")


def file_name(name: str) -> str:
    """Return the file name of a record's images, another one for each record.

    Folders become parts of the name, joined by `-`; a `-` within a part, and whatever file systems do not take, is
    written as `%` and its code.

    >>> file_name("cats/0"), file_name("cats-0")
    ('cats-0.png', 'cats%2D0.png')
    """
    parts = (
        re.sub(r'[%\-\x00-\x1f\\:*?"<>|]', lambda found: f"%{ord(found[0]):02X}", part) for part in name.split("/")
    )
    return f"{'-'.join(parts)}.png"


def _extract(options: Extract) -> int:
    from tfdeblur.data import reading

    chosen = itertools.islice(reading.pictures(options.folder, options.split), 0, None, options.every)
    seen = set()
    for pair in itertools.islice(chosen, options.limit):
        name = file_name(pair["name"])
        if name in seen:
            raise ValueError(f"{options.folder} has two records named {pair['name']!r}; only the first was written")
        seen.add(name)
        for side in SIDES:
            _write(storage.join(options.out, side, name), pair[side])
    return len(seen)


def _write(path: str, picture: np.ndarray) -> None:
    """Write an image, unless it is there.

    Raises
    ------
    ValueError
        The file holds another image.
    """
    from tools import pictures

    if picture.dtype != np.uint8:
        picture = pictures.to_eight_bit(picture)
    if not storage.exists(path):
        with storage.publish(path) as temporary:
            Path(temporary).write_bytes(pictures.encode(picture, "png"))
    elif not _holds(path, picture):
        raise ValueError(f"{path} is there already and holds another image; choose another --out, or remove it")


def _holds(path: str, picture: np.ndarray) -> bool:
    """Whether a file can be read and has these pixels."""
    try:
        with Image.open(io.BytesIO(storage.read_bytes(path))) as image:
            return np.array_equal(np.asarray(image).reshape(picture.shape), picture)
    except (OSError, ValueError, SyntaxError):
        return False


if __name__ == "__main__":
    run(main)
