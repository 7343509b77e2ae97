"""Make a data set of TFRecord shards: `python -m tools.make_tfrecords SOURCE --out DIR`."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from tfdeblur.commandline import run

DESCRIPTION = """Make pairs of blurred and sharp pictures into TFRecord shards with a manifest. The same command again goes on where it was
stopped; the same options and pictures give the same bytes, whatever --workers is."""


@dataclass(frozen=True)
class Options:
    """Arguments of the command."""

    source: Annotated[Literal["sample", "cifar10", "mnist", "images", "pairs"], tyro.conf.Positional]
    """sample: photographs bundled with scikit-image and scikit-learn; cifar10, mnist: through tensorflow-datasets; images: any
    folder of sharp pictures; pairs: blurred and sharp pictures as REDS, GoPro, RealBlur or two parallel folders have them."""
    out: str
    """Folder of the data set, local or gs://."""
    src: str | None = None
    """Folder of the source; for cifar10 and mnist the data_dir of tensorflow-datasets (left out, they are downloaded)."""
    name: str | None = None
    """Name of the data set, which begins its files' names; by default that of the folder."""
    blur: Literal["gaussian", "gaussian5x5", "none"] | None = None
    """Blur given to sharp pictures: gaussian, of a strength drawn for each picture (default); gaussian5x5, a 5x5 kernel of sigma 1."""
    sigma: tuple[float, float] = (0.0, 3.0)
    """Lowest and highest standard deviation of the Gaussian, in pixels."""
    as_float: Annotated[bool, tyro.conf.arg(name="float"), tyro.conf.FlagCreatePairsOff] = False
    """Keep the blurred pictures as float32 rather than rounding them to 8 bit."""
    draws: int = 1
    """Blurred versions of each sharp picture, each with a blur of its own."""
    splits: tuple[str, ...] = ()
    """Weights of the splits, as in train=8 val=1 test=1, by whole scenes; by default the source's own splits, with a tenth
    of the training scenes as val where it has none."""
    shards: int | None = None
    """Shards per split."""
    shard_mb: float | None = None
    """Otherwise: size of a shard in MB (64)."""
    encoding: Literal["png", "raw"] = "png"
    """How pictures are stored: png is small, raw is fast to read."""
    resize: str | None = None
    """Resize every picture to HxW pixels, antialiased; this comes before blur and patches."""
    patch: str | None = None
    """Cut every picture into the grid of HxW patches that fit whole."""
    channels: Literal[1, 3] | None = None
    """1 for grey, 3 for RGB; other pictures are converted. By default 1 for mnist, else 3."""
    limit: int | None = None
    """At most so many pictures of each split, for trials."""
    layout: Literal["auto", "reds", "gopro", "realblur", "folders"] = "auto"
    """pairs: how --src is laid out."""
    blur_folder: Literal["blur", "blur_gamma"] = "blur"
    """pairs, GoPro: which of its two blurred versions to take."""
    blur_dir: str | None = None
    """pairs: folder of blurred pictures, in place of --src."""
    sharp_dir: str | None = None
    """pairs: folder of sharp pictures of the same names."""
    workers: int = os.cpu_count() or 1
    """Threads that read, blur and encode."""
    seed: int = 0
    """Seed of blurs, splits and order."""
    on_error: Literal["fail", "skip"] = "fail"
    """At a picture that cannot be used: stop, or leave it out and list it in the manifest."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a data set as the arguments say."""
    options = tyro.cli(Options, args=arguments, prog="python -m tools.make_tfrecords", description=DESCRIPTION)
    command = ["python", "-m", "tools.make_tfrecords", *(sys.argv[1:] if arguments is None else arguments)]

    from tools.dataset import make

    print(make(options, command))


if __name__ == "__main__":
    run(main)
