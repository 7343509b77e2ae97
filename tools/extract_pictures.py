"""Write pictures of a data set as PNG files: `python -m tools.extract_pictures DIR --split test --out PICTURES`."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from tfdeblur import storage
from tfdeblur.commandline import import_tensorflow, run


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
    from tfdeblur.data import reading

    chosen = itertools.islice(reading.pictures(options.folder, options.split), 0, None, options.every)
    count = 0
    for pair in itertools.islice(chosen, options.limit):
        for side in ("blur", "sharp"):
            path = storage.join(options.out, side, f"{pair['name'].replace('/', '-')}.png")
            if not storage.exists(path):
                _write(path, pair[side])
        count += 1
    print(f"{count} pairs of {options.folder}, split {options.split}, in {options.out}/blur and {options.out}/sharp")


def _write(path: str, picture: np.ndarray) -> None:
    from tools import pictures

    if picture.dtype != np.uint8:
        picture = pictures.to_eight_bit(picture)
    with storage.publish(path) as temporary:
        Path(temporary).write_bytes(pictures.encode(picture, "png"))


if __name__ == "__main__":
    run(main)
