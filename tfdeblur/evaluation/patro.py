"""Patro's test of sigma maps: pictures whose blur rises along a ramp, or comes and goes with a sine.

**Pictures.** Each picture of a folder, or of a data set's test split, in grey, blurred by Gaussians whose sigma varies
between 0.3 and 3 pixels (the report's range): once evenly along x (*ramp*), once over two periods of a sine along x
(*sin*) and once along y (*sin y*); and evenly by each of the report's ten sigmas. All are rounded to 8 bit.

**Methods.** The middle of the range everywhere; reblurring, which is not trained; and the networks that have learned to
estimate sigma in the runs that are found, but for those that say one number for a whole picture; their maps also
smoothed by a moving average. Whoever trains them sees to it that the pictures are new to them.

**Measures.** The root of the mean squared error of the estimated sigma, in pixels, over all pixels of a picture. The
report has one picture of each kind and gives no more than these numbers. *Accuracy* is how often, of ten, the class
nearest to the estimate is the right one, in the middles of those 64 patches of 32x32 about the picture's middle that
are not blank.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.data.reading import pictures as pictures_of
from tfdeblur.data.records import MANIFEST
from tfdeblur.estimation.estimators import find_estimators, load_estimator
from tfdeblur.estimation.outputs import HIGH, LOW, class_sigmas
from tfdeblur.estimation.reblurring import reblurring_map
from tfdeblur.estimation.sigma_map import grey, sigma_map, smoothed
from tfdeblur.evaluation import protocol
from tfdeblur.evaluation.methods import Method, Sources, Table, evenly_spread
from tfdeblur.physics.blur import gaussian_blur, space_variant_blur
from tfdeblur.physics.sigma_maps import ramp, sine

SMOOTHED = 32
"""Pixels along the edge of the squares of the moving average."""

SHOWN = 3
SUFFIXES = (".gif", ".png", ".jpg", ".jpeg", ".tif", ".tiff")

REPORT_RAMP, REPORT_SIN, REPORT_ACCURACY = (0.2350, 0.1645), 0.1991, 0.5
"""The report's errors before smoothing, with 10 and 30 classes, and with 30; and its test accuracy."""

MAPS: dict[str, Callable[[tuple[int, int]], np.ndarray]] = {
    "ramp_rmse": lambda size: ramp(size, LOW, HIGH),
    "sin_rmse": lambda size: sine(size, LOW, HIGH),
    "sin_y_rmse": lambda size: sine(size, LOW, HIGH, axis=0),
}
"""The maps of sigma, by what the errors on them are called."""

CLASSES, MIDDLE, SIDE, BLANK = 10, 256, 32, 0.02
"""Of the accuracy: the report's first network's classes; the edges of the part of a picture that it is measured on and
of the patches there; and the standard deviation below which a patch is blank, as in the network's training data."""


def constant(picture: np.ndarray) -> np.ndarray:
    """Say the middle of the range everywhere: what who sees nothing would say."""
    return np.full(picture.shape, (LOW + HIGH) / 2, np.float32)


def reblurring(picture: np.ndarray) -> np.ndarray:
    """Compare the picture with itself blurred again, and stay in the range."""
    return np.clip(reblurring_map(picture), LOW, HIGH)


def estimators(runs: str) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return what is compared: from a grey picture `(H, W)` in [0, 1] to sigma in pixels, `(H, W)`."""
    found = {"constant": constant, "reblurring": reblurring}
    for name, folder in find_estimators(runs).items():
        estimator = load_estimator(folder)
        if np.ptp(sigma_map(estimator, np.eye(64, dtype=np.float32)[:, ::-1])[0]):
            found[name] = partial(trained, estimator)
    return found


def trained(estimator: Callable, picture: np.ndarray) -> np.ndarray:
    """Say what a network says, and stay in the range."""
    return np.clip(sigma_map(estimator, picture)[0], LOW, HIGH)


@dataclass
class Found:
    """What an estimator has made of the pictures so far."""

    measures: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    shown: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0


def patro(sources: Sources) -> Table:
    """Blur textures unevenly, estimate sigma maps and measure them.

    Parameters
    ----------
    sources : Sources
        A folder of sharp pictures, such as Brodatz' textures, or of a data set, whose test split is taken; how many of
        them, evenly spread; and the runs of the networks.

    Raises
    ------
    ValueError
        No folder is given.
    FileNotFoundError
        There is no picture in it.
    """
    pictures = find(sources.folder("sharp pictures, such as Brodatz' textures"), sources.limit)
    compared = estimators(sources.runs)
    shown = {int(i) for i in np.linspace(0, len(pictures) - 1, SHOWN)}
    found, truth = defaultdict(Found), []
    for index, (_, read) in enumerate(tqdm(pictures, unit="picture", disable=None)):
        sharp = read()
        for kind, make in MAPS.items():
            sigma = make(sharp.shape)
            show = index in shown and kind == "ramp_rmse"
            for name, estimate, seconds in _estimates(_rounded(space_variant_blur(sharp[..., None], sigma)), compared):
                found[name].seconds += seconds
                found[name].measures[kind].append(float(np.sqrt(np.mean((estimate - sigma) ** 2))))
                if show:
                    found[name].shown.append(_drawn(estimate))
            if show:
                truth.append(_drawn(sigma))
        for name, share in _accuracies(_middle(sharp), compared).items():
            found[name].measures["accuracy"].append(share)
    return Table(
        title=f"Patro: maps of sigma from {LOW:g} to {HIGH:g} pixels",
        methods=[_method(name, results) for name, results in found.items()],
        shown={index: f"{pictures[index][0]}, ramp" for index in sorted(shown)},
        sharp=truth,
        truth="true sigma",
        caption="ramp_rmse",
        notes=(
            f"RMSE in pixels of sigma. The report's, on one texture each: ramp {REPORT_RAMP[0]} with 10 classes, "
            f"{REPORT_RAMP[1]} with 30; sin {REPORT_SIN} with 30; test accuracy of 10 classes {REPORT_ACCURACY}."
        ),
    )


def _estimates(blur: np.ndarray, compared: dict[str, Callable]) -> Iterator[tuple[str, np.ndarray, float]]:
    """Yield the map that each estimator makes, and that of a network smoothed; with the seconds that they took."""
    for name, estimator in compared.items():
        begin = time.perf_counter()
        sigma = estimator(blur)
        seconds = time.perf_counter() - begin
        yield name, sigma, seconds
        if estimator not in (constant, reblurring):
            begin = time.perf_counter()
            sigma = smoothed(sigma, SMOOTHED)
            yield f"{name}, smoothed", sigma, seconds + time.perf_counter() - begin


def _middle(picture: np.ndarray) -> np.ndarray:
    rows, columns = (slice(start, start + MIDDLE) for start in (max(edge - MIDDLE, 0) // 2 for edge in picture.shape))
    return picture[rows, columns]


def _accuracies(sharp: np.ndarray, compared: dict[str, Callable]) -> dict[str, float]:
    """Return how often each estimator is nearest to the right class; NaN of a picture that is blank everywhere."""
    sigmas = class_sigmas(CLASSES)
    rows, columns = (edge // SIDE for edge in sharp.shape)
    patches = sharp[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)
    seen = np.argwhere(patches.std((1, 3)) >= BLANK) * SIDE + SIDE // 2
    right = defaultdict(int)
    for right_class, sigma in enumerate(sigmas):
        for name, estimate, _ in _estimates(_rounded(gaussian_blur(sharp[..., None], float(sigma))), compared):
            said = estimate[tuple(seen.T)]
            right[name] += np.sum(np.abs(said[:, None] - sigmas).argmin(-1) == right_class)
    count = len(sigmas) * len(seen)
    return {name: float(hits / count) if count else float("nan") for name, hits in right.items()}


def _rounded(blur: np.ndarray) -> np.ndarray:
    """Return a picture `(H, W, 1)` as 8 bit hold it, `(H, W)` in [0, 1]."""
    return np.float32(protocol.to_bytes(blur[..., 0])) / 255


def find(data_dir: str, limit: int | None) -> list[tuple[str, Callable[[], np.ndarray]]]:
    """Return pictures, or some of them, evenly spread: the name of each, and what reads it, `(H, W)` in [0, 1]."""
    if storage.exists(storage.join(data_dir, MANIFEST)):
        found = [(row["name"], partial(_luma, row["sharp"])) for row in pictures_of(data_dir, "test")]
    else:
        paths = sorted(path for path in Path(data_dir).rglob("*") if path.suffix.lower() in SUFFIXES)
        found = [(path.name, partial(_read, path)) for path in paths]
    if not found:
        raise FileNotFoundError(f"there is no picture ({', '.join(SUFFIXES)}) in {data_dir}")
    return [found[index] for index in evenly_spread(len(found), limit)]


def _read(path: Path) -> np.ndarray:
    return _luma(np.asarray(Image.open(path).convert("L")))


def _luma(pixels: np.ndarray) -> np.ndarray:
    return grey(pixels)[..., 0]


def _method(name: str, found: Found) -> Method:
    values = {kind: np.array(measured) for kind, measured in found.measures.items()}
    return Method(name, values, found.shown, {"seconds": found.seconds})


def _drawn(sigma: np.ndarray) -> np.ndarray:
    """Return a map of sigma as a picture, dark where it is sharp."""
    return np.clip(sigma / HIGH, 0, 1)[..., None]
