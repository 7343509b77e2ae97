"""Blur that differs from place to place: the Phase II tables of Kendall & Rios, and the row that they left empty.

**Pictures.** `kendall_phase2`: the test pairs of a data set: real blur, of which nobody knows a map, and which need not
be Gaussian. `kendall_defocus`: scenes of two depths, made of sharp photographs: what a random mask covers stays sharp,
and lies before the same photograph blurred by a Gaussian of 1 to 4 pixels; rounded to 8 bit.

**Methods.** The blurred picture; classical methods, level by level, stitched by a map of sigma: the true one where it
is known, that of reblurring, and that of the network of the run `sigma_dense_photographs`, the report's *CNN + RL +
stitching*; RL with the median of that map everywhere; and the networks that restore pictures by themselves, if their
runs are found.

**Measures** are those of `evaluate`, of outputs rounded to 8 bit. *Map error* is the root of the mean squared error of
sigma, in pixels, over the scenes' pixels.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy import ndimage
from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.classical import METHODS
from tfdeblur.classical.photographs import method_on
from tfdeblur.data.reading import pictures as pictures_of
from tfdeblur.data.records import load_manifest
from tfdeblur.estimation.estimators import REBLURRING, find_estimators, load_estimator
from tfdeblur.estimation.kernels import gaussian_of
from tfdeblur.estimation.sigma_map import cautious, sigma_map
from tfdeblur.estimation.stitching import ROUGHNESS, stitch
from tfdeblur.evaluation import protocol
from tfdeblur.evaluation.kendall import sharp_photographs
from tfdeblur.evaluation.methods import Method, Sources, Table, evenly_spread
from tfdeblur.inference import load_deblur
from tfdeblur.physics.blur import gaussian_blur

SIGMAS = (1.0, 4.0)
"""Range of the background's blur in pixels."""

FOREGROUND, COARSE, EDGE = 0.4, 0.1, 1.0
"""Of the masks: the share they cover; the size of their blobs, as a share of the shorter side; and the softness of
their edge in pixels."""

SEED, SHOWN = 0, 3

ITERATIONS = 100
"""Of RL: on scenes made of other photographs 0.1 dB more than 30, and 0.03 dB more than 60."""

STITCHED = {"RL": ("rl", ITERATIONS), "Wiener": ("wiener", None), "hyper-Laplacian": ("hyper-laplacian", None)}
"""Methods whose results are stitched, as they are named in the table, and their iterations."""

ESTIMATOR = "sigma_dense_photographs"
NETWORKS = {"U-Net": "kendall_unet_phase2", "GAN": "pairs_unet_gan", "MSDeblurWGAN": "reds_msdeblurwgan"}
"""The runs of the network that makes maps, and of those that restore pictures."""

REPORTED = (
    " The report's, on GoPro shrunk five times: blurred 31.92 dB, .9574; U-Net 29.07, .9531; GAN 24.75, .8800; "
    "CNN + RL + stitching: left empty."
)


@dataclass(frozen=True)
class Scene:
    """A blurred picture and a sharp one, `(H, W, C)`, float32 in [0, 1], and the map of sigma if it is known."""

    name: str
    blur: np.ndarray
    sharp: np.ndarray
    sigma: np.ndarray | None = None


@dataclass
class Found:
    """What a method has made of the pictures so far."""

    measures: list[dict] = field(default_factory=list)
    shown: list[np.ndarray] = field(default_factory=list)
    map_errors: list[float] = field(default_factory=list)
    seconds: float = 0.0


Restore = Callable[[Scene, np.ndarray | None], np.ndarray]
"""From a scene, and a map of its sigma, to a picture `(H, W, C)`."""


def kendall_phase2(sources: Sources) -> Table:
    """Deblur real pairs, and measure.

    Parameters
    ----------
    sources : Sources
        A data set of pairs, whose test split is taken; how many of them, evenly spread; and the runs of the networks.

    Raises
    ------
    ValueError
        No folder is given.
    FileNotFoundError
        There is no data set in it.
    """
    folder = sources.folder("a data set of pairs, as tools.make_tfrecords makes it")
    return _table("real pairs", *_pairs(folder, sources.limit), sources.runs, _maps(sources.runs), REPORTED)


def kendall_defocus(sources: Sources) -> Table:
    """Deblur scenes of two depths, whose maps are known, and measure.

    Parameters
    ----------
    sources : Sources
        A folder of sharp photographs; how many of them, evenly spread; and the runs of the networks.

    Raises
    ------
    ValueError
        No folder is given.
    FileNotFoundError
        There is no picture in it.
    """
    folder = sources.folder("a folder of sharp photographs, such as BSDS500's test set")
    maps = {"true map": lambda scene: scene.sigma} | _maps(sources.runs)
    return _table("scenes of two depths", *_scenes(folder, sources.limit), sources.runs, maps, "")


def _table(title: str, count: int, scenes: Iterator[Scene], runs: str, maps: dict, note: str) -> Table:
    candidates = _candidates(runs, maps)
    found, kept, sharp = {name: Found() for name in candidates}, {}, []
    shown = set(evenly_spread(count, SHOWN))
    for index, scene in enumerate(tqdm(scenes, total=count, unit="picture", disable=None)):
        if index in shown:
            kept[index] = scene.name
            sharp.append(scene.sharp)
        sigmas = {source: _timed(map_of, scene) for source, map_of in maps.items()} | {None: (None, 0.0)}
        for name, (source, restore) in candidates.items():
            sigma, seconds = sigmas[source]
            restored, more = _timed(restore, scene, sigma)
            found[name].seconds += seconds + more
            _note(found[name], scene, restored, sigma, index in shown)
    return Table(
        title=f"Kendall & Rios, Phase II: {title}",
        methods=[_method(name, results) for name, results in found.items()],
        shown=kept,
        sharp=sharp,
        notes=f"Run time: all pictures, one after the other.{note}",
    )


def _pairs(folder: str, limit: int | None) -> tuple[int, Iterator[Scene]]:
    chosen = evenly_spread(load_manifest(folder)["splits"]["test"]["records"], limit)
    rows = (row for index, row in enumerate(pictures_of(folder, "test")) if index in set(chosen))
    return len(chosen), (Scene(row["name"], *(np.float32(row[key]) / 255 for key in ("blur", "sharp"))) for row in rows)


def _scenes(folder: str, limit: int | None) -> tuple[int, Iterator[Scene]]:
    photographs = sharp_photographs(folder, limit)
    return len(photographs), (
        scene(name, read(), np.random.default_rng([SEED, index])) for index, name, read in photographs
    )


def scene(name: str, sharp: np.ndarray, random: np.random.Generator) -> Scene:
    """Make a scene of two depths of a photograph `(H, W, C)`: a sharp foreground before a blurred background."""
    height, width = sharp.shape[:2]
    sigma = float(random.uniform(*SIGMAS))
    blobs = ndimage.gaussian_filter(random.normal(size=(height, width)), COARSE * min(height, width), mode="mirror")
    covered = blobs >= np.quantile(blobs, 1 - FOREGROUND)
    mask = np.float32(ndimage.gaussian_filter(np.float32(covered), EDGE, mode="mirror"))[..., None]
    blur = protocol.to_bytes(mask * sharp + (1 - mask) * gaussian_blur(sharp, sigma))
    return Scene(f"{name}, sigma {sigma:.1f}", np.float32(blur) / 255, sharp, np.float32(np.where(covered, 0, sigma)))


def _maps(runs: str) -> dict[str, Callable[[Scene], np.ndarray]]:
    """Return what makes maps of sigma of scenes that are not known."""
    found = {REBLURRING: REBLURRING}
    if folder := find_estimators(runs).get(ESTIMATOR):
        found["CNN"] = folder
    return {name: partial(_estimated, load_estimator(model)) for name, model in found.items()}


def _estimated(estimator: Callable, scene: Scene) -> np.ndarray:
    return cautious(*sigma_map(estimator, scene.blur))


def _candidates(runs: str, maps: Iterable[str]) -> dict[str, tuple[str | None, Restore]]:
    """Return what is compared: by the map of which name, if by one, and how."""
    candidates = {"blurred": (None, lambda scene, sigma: scene.blur)}
    if "CNN" in maps:
        candidates["CNN + RL, one sigma"] = "CNN", _evenly
    for source in maps:
        for name, (method, iterations) in STITCHED.items():
            restore = partial(_stitched, method_on(method, None, iterations, ROUGHNESS))
            candidates[f"{source} + {name} + stitching"] = source, restore
    for name, run in NETWORKS.items():
        folder = storage.join(runs, run)
        if storage.exists(storage.join(folder, "best.keras")):
            candidates[name] = None, partial(_by_network, load_deblur(folder))
    return candidates


def _stitched(method_for: Callable, scene: Scene, sigma: np.ndarray) -> np.ndarray:
    return stitch(scene.blur[None], sigma, method_for(scene.blur))[0]


def _evenly(scene: Scene, sigma: np.ndarray) -> np.ndarray:
    kernel = gaussian_of(float(np.median(sigma)), scene.blur.shape[:2])
    return METHODS["rl"](scene.blur[None], kernel, iterations=ITERATIONS)[0]


def _by_network(deblur: Callable, scene: Scene, sigma: None) -> np.ndarray:
    return deblur(scene.blur[None])[0]


def _timed(function: Callable, *arguments) -> tuple[np.ndarray, float]:
    begin = time.perf_counter()
    return function(*arguments), time.perf_counter() - begin


def _note(found: Found, scene: Scene, restored: np.ndarray, sigma: np.ndarray | None, show: bool) -> None:
    output = protocol.to_bytes(restored[None])
    blur, sharp = (protocol.to_bytes(each[None]) for each in (scene.blur, scene.sharp))
    found.measures.append(protocol.measure(blur, sharp, output)[0])
    if sigma is not None and scene.sigma is not None:
        found.map_errors.append(float(np.sqrt(np.mean((sigma - scene.sigma) ** 2))))
    if show:
        found.shown.append(output[0])


def _method(name: str, found: Found) -> Method:
    values = {key: np.array([row[key] for row in found.measures]) for key in ("psnr", "ssim", "mse")}
    error = float(np.mean(found.map_errors)) if found.map_errors else None
    return Method(name, values, found.shown, {"seconds": found.seconds, "map_error": error})
