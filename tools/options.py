"""The arguments of `python -m tools.make_tfrecords`, and which of their combinations make no sense."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Literal

import tyro

from tfdeblur import storage
from tfdeblur.physics.degradation import BLURS, CAMERA, PRESETS, Degradation, degradation_of
from tfdeblur.physics.draws import read_kernels
from tfdeblur.physics.response import GAMMA
from tools.items import Film
from tools.sources import SOURCES
from tools.sources.pairs import LAYOUTS

RUNNERS = ("DirectRunner", "FlinkRunner", "SparkRunner", "DataflowRunner")
"""Apache Beam's, on this machine and on clusters."""


@dataclass(frozen=True)
class Options:
    """What to make records of, and how."""

    # sample: photographs bundled with scikit-image and scikit-learn; cifar10, mnist: through tensorflow-datasets;
    # images: any folder of sharp pictures; textures: likewise, each a scene of its own, cut into grey patches of 32x32
    # for the estimation of sigma; pairs: blurred and sharp pictures as REDS, GoPro, RealBlur or two parallel
    # folders have them; video: clips, whose frames are averaged to blurred ones.
    source: Annotated[Literal[tuple(SOURCES)], tyro.conf.Positional]
    # Folder of the data set, local or gs://.
    out: str
    # Folder of the source; for cifar10 and mnist tensorflow-datasets' data_dir (left out: they are downloaded).
    src: str | None = None
    # Name of the data set, which begins its files' names; by default that of the folder.
    name: str | None = None
    # Blur that sharp pictures are given, each of a strength of its own. gaussian; gaussian5x5: a 5x5 kernel of sigma 1;
    # space_variant: a Gaussian whose sigma varies over the picture; two_depths: with edges, as of an object before a
    # background; disk: out of focus; motion: straight, in any direction; shake: of the camera; measured: kernels from a
    # file; none: a pair of equal pictures.
    blur: Literal[BLURS] = "gaussian"
    # gaussian, space_variant, two_depths: lowest and highest standard deviation in pixels.
    sigma: tuple[float, float] = Degradation.sigma
    # disk: lowest and highest radius in pixels.
    radius: tuple[float, float] = Degradation.radius
    # motion, shake: lowest and highest length of the path in pixels.
    length: tuple[float, float] = Degradation.length
    # measured: the kernels, each drawn as often: FILE.npz (all of it), FILE.npz:NAME, FILE.npy or a picture.
    kernels: str | None = None
    # What is done to sharp pictures, by name; other options take the place of its own. orlandi-cifar, king-5x5,
    # kendall-phase1: as in the reports; defocus, camera-shake, phone-photo: as it happens to photographs.
    degrade: Literal[tuple(PRESETS)] | None = None
    # gaussian: draw sigmas as absolute values of a normal variable of this standard deviation.
    deviation: float | None = Degradation.deviation
    # The camera's response: pictures are blurred, or frames averaged, in the light that they show. gamma:EXPONENT,
    # srgb, a file of a curve, or linear, which takes the values for light (as GoPro's `blur` was made, and its
    # `blur_gamma` with gamma:2.2). By default linear, and gamma:2.2 for video.
    response: str | None = None
    # Lowest and highest factor by which what is white is brighter than white, before the blur.
    highlights: tuple[float, float] | None = None
    # Lowest and highest gain: the light of both pictures is multiplied by it, and cut off at white after the blur.
    gain: tuple[float, float] | None = None
    # Poisson noise: lowest and highest number of photons of a white pixel (1000 is noisy).
    photons: tuple[float, float] | None = None
    # Gaussian noise: lowest and highest standard deviation, where white is 1 (0.01 is visible).
    noise: tuple[float, float] | None = None
    # Compress the blurred pictures as JPEG: lowest and highest quality, 1 to 100.
    jpeg: tuple[int, int] | None = None
    # Keep the blurred pictures as float32 rather than rounding them to 8 bit.
    as_float: Annotated[bool, tyro.conf.arg(name="float"), tyro.conf.FlagCreatePairsOff] = False
    # Blurred versions of each sharp picture, each with a blur of its own.
    draws: int = 1
    # gaussian: blur every picture at each of so many evenly spaced sigmas, from the lowest to the highest.
    levels: int | None = None
    # Weights of the splits, as in train=8 val=1 test=1, by whole scenes. By default the source's own splits, with a
    # tenth of the training scenes as val where it has none.
    splits: tuple[str, ...] = ()
    # Splits of the source to take under another name: val=test makes REDS' val pictures the test split.
    rename: tuple[str, ...] = ()
    # Shards per split.
    shards: int | None = None
    # Otherwise: size of a shard in MB (64).
    shard_mb: float | None = None
    # How pictures are stored: png is small, raw is fast to read.
    encoding: Literal["png", "raw"] = "png"
    # Resize every picture to HxW pixels, antialiased; before blur and patches.
    resize: str | None = None
    # Cut every picture into the grid of HxW patches that fit whole. By default 32x32 for textures.
    patch: str | None = None
    # With patches: leave out blank ones, whose sharp picture has a standard deviation below this, where white is 1. By
    # default 0.02 for textures, else 0: none.
    blank: float | None = None
    # 1 for grey, 3 for RGB; other pictures are converted. By default 1 for mnist and textures, else 3.
    channels: Literal[1, 3] | None = None
    # At most so many pictures, or parts of clips, of each split, for trials.
    limit: int | None = None
    # pairs: how --src is laid out.
    layout: Literal[("auto", *LAYOUTS)] = "auto"
    # pairs: which blurred version to take where there are several: GoPro has blur and blur_gamma, REDS blur and
    # blur_comp.
    blur_folder: Literal["blur", "blur_gamma", "blur_comp"] = "blur"
    # pairs: RealBlur-J (JPEG) or RealBlur-R (raw).
    realblur: Literal["J", "R"] = "J"
    # pairs: folder of blurred pictures, in place of --src.
    blur_dir: str | None = None
    # pairs: folder of sharp pictures of the same names.
    sharp_dir: str | None = None
    # Threads that read, blur and encode.
    workers: int = os.cpu_count() or 1
    # video: lowest and highest number of frames that make an exposure, in steps of 2. Of an odd number the sharp frame
    # is in the middle.
    frames: tuple[int, int] = Film.frames
    # video: leave out exposures with a longer motion from one frame to the next, in pixels of the records: their
    # average shows several pictures in place of a blurred one.
    max_motion: float = Film.max_motion
    # video: keep them, with frames in between along the optical flow, where that finds the frames that are there.
    interpolate: Annotated[bool, tyro.conf.FlagCreatePairsOff] = Film.interpolate
    # Write by Apache Beam, in place of threads; Beam's own options may follow, such as --direct_num_workers 4.
    runner: Literal[RUNNERS] | None = None
    # Compare the SHA-256 of shards of a finished data set with what was written, and make those that differ again.
    # Missing shards and ones of another size are always made again.
    checksums: bool = True
    # Seed of blurs, splits and order.
    seed: int = 0
    # At a picture that cannot be used: stop, or leave it out and list it in the manifest.
    on_error: Literal["fail", "skip"] = "fail"


def check(options: Options) -> None:
    """Refuse options that contradict each other or make no sense, before any work.

    Raises
    ------
    ValueError
        Says what was found and what to do.
    """
    if "/" in (options.name or "") or not options.out:
        raise ValueError(
            f"--out is {options.out!r} and --name {options.name!r}; they take a folder, and a name without /"
        )
    if options.seed < 0:
        raise ValueError(f"--seed is {options.seed}; it must not be negative")
    for field in ("draws", "workers", "shards", "shard_mb", "limit", "max_motion"):
        value = getattr(options, field)
        if value is not None and not value > 0:
            raise ValueError(f"--{field.replace('_', '-')} is {value}; it must be above 0")
    if options.levels is not None and (options.levels < 2 or options.blur != "gaussian" or options.draws != 1):
        raise ValueError(
            f"--levels is {options.levels}; it takes at least 2 sigmas of --blur gaussian, in place of --draws"
        )
    if options.blank is not None and not 0 <= options.blank < 1:
        raise ValueError(f"--blank is {options.blank}; it takes a standard deviation where white is 1, 0 <= BLANK < 1")
    if options.shards and options.shard_mb:
        raise ValueError("--shards and --shard-mb both say how many shards to write; give one of them")
    made = ("degrade", "draws", "levels", *(field.name for field in fields(Degradation) if field.name not in CAMERA))
    if options.source == "pairs":
        _leave_out(options, ("as_float", *made, *CAMERA), "is for sharp pictures, pairs come with blurred ones")
    else:
        degradation(options)
        if options.kernels:
            read_kernels(options.kernels)
        _leave_out(options, ("layout", "blur_folder", "realblur", "blur_dir", "sharp_dir"), "is for the source pairs")
    if options.source == "video":
        _leave_out(options, ("as_float", *made), "is for sharp pictures, videos are blurred by their own motion")
        if not 3 <= options.frames[0] <= options.frames[1]:
            low, high = options.frames
            raise ValueError(f"--frames is {low} {high}; it takes the lowest and the highest number, 3 <= LOW <= HIGH")
    else:
        _leave_out(options, [field.name for field in fields(Film)], "is for the source video")
    if options.source == "sample":
        _leave_out(options, ("src",), "has no part in the sample, whose photographs come with Python packages")
    if options.splits:
        _leave_out(options, ("rename",), "is for the source's own splits, which --splits does away with")
    if options.source not in ("cifar10", "mnist"):  # tensorflow-datasets reads its own files only
        _refuse_nested(options)


def degradation(options: Options) -> Degradation:
    """Return what the options say is done to sharp pictures, or to exposures of videos; errors as of `Degradation`."""
    return degradation_of(options, **({"blur": "none", "response": GAMMA} if options.source == "video" else {}))


def _refuse_nested(options: Options) -> None:
    """Refuse an output folder within the source, where contact sheets would be taken for images of the source."""
    for folder in filter(None, (options.src, options.blur_dir, options.sharp_dir)):
        if f"{_real(options.out)}/".startswith(f"{_real(folder)}/"):
            raise ValueError(
                f"--out {options.out} is in the source's folder {folder}, which would then hold contact sheets among "
                "its images; choose an --out elsewhere"
            )


def _real(path: str) -> str:
    return (path if storage.is_remote(path) else os.path.realpath(path)).rstrip("/")


def _leave_out(options: Options, names: Sequence[str], reason: str) -> None:
    """Refuse options that would change nothing, so that nobody waits for what they promise."""
    defaults = {field.name: field.default for field in fields(Options)}
    for name in names:
        if getattr(options, name) != defaults[name]:
            flag = "--float" if name == "as_float" else "--" + name.replace("_", "-")
            raise ValueError(f"{flag} {reason}; leave it out")


def parse_size(option: str, text: str | None) -> tuple[int, int] | None:
    """Read `"96x128"` as height and width.

    >>> parse_size("--patch", "96x128")
    (96, 128)
    """
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ValueError(f"{option} is {text!r}; it takes height x width in pixels, as in 96x128")
    return int(height), int(width)


def parse_renames(texts: tuple[str, ...]) -> dict[str, str]:
    """Read `("val=test",)` as old and new names of splits.

    >>> parse_renames(("val=test",))
    {'val': 'test'}
    """
    renames = dict(text.partition("=")[::2] for text in texts)
    if not all(old and new.isidentifier() for old, new in renames.items()):
        raise ValueError(f"--rename has {' '.join(texts)!r}; it takes OLD=NEW, as in val=test")
    return renames
