"""Patro's test of sigma maps: pictures whose blur rises along a ramp, or comes and goes with a sine.

**Pictures.** Each picture of a folder in grey, blurred by Gaussians whose sigma varies along x between 0.3 and 3 pixels
(the report's range): once evenly (*ramp*), once over two periods of a sine (*sin*); rounded to 8 bit.

**Measures.** The root of the mean squared error of the estimated sigma, in pixels, over all pixels of a picture. The
report has one picture of each kind and gives no more than these numbers.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from tfdeblur.estimation.reblurring import reblurring_map
from tfdeblur.evaluation import protocol
from tfdeblur.evaluation.methods import Method, Table, evenly_spread
from tfdeblur.physics.blur import space_variant_blur

LOW, HIGH = 0.3, 3.0
"""Range of sigma in pixels."""

PERIODS = 2
SHOWN = 3
SUFFIXES = (".gif", ".png", ".jpg", ".jpeg", ".tif", ".tiff")

REPORT_RAMP, REPORT_SIN = (0.2350, 0.1645), 0.1991
"""The report's errors before smoothing, with 10 and 30 classes, and with 30."""


def ramp(height: int, width: int) -> np.ndarray:
    """Return a map of sigma that rises evenly along x, `(H, W)`."""
    return np.tile(np.linspace(LOW, HIGH, width, dtype=np.float32), (height, 1))


def sine(height: int, width: int) -> np.ndarray:
    """Return a map of sigma that comes and goes along x, `(H, W)`."""
    phase = 2 * np.pi * PERIODS * np.arange(width) / width
    return np.tile(np.float32((LOW + HIGH) / 2 + (HIGH - LOW) / 2 * np.sin(phase)), (height, 1))


MAPS: dict[str, Callable[[int, int], np.ndarray]] = {"ramp_rmse": ramp, "sin_rmse": sine}


def constant(picture: np.ndarray) -> np.ndarray:
    """Say the middle of the range everywhere: what who sees nothing would say."""
    return np.full(picture.shape, (LOW + HIGH) / 2, np.float32)


def reblurring(picture: np.ndarray) -> np.ndarray:
    """Compare the picture with itself blurred again, and stay in the range."""
    return np.clip(reblurring_map(picture), LOW, HIGH)


ESTIMATORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"constant": constant, "reblurring": reblurring}
"""From a grey picture `(H, W)` in [0, 1] to sigma in pixels, `(H, W)`."""


@dataclass
class Found:
    """What an estimator has made of the pictures so far."""

    errors: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MAPS})
    shown: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0


def patro(data_dir: str | None = None, limit: int | None = None) -> Table:
    """Blur textures unevenly, estimate sigma maps and measure them.

    Parameters
    ----------
    data_dir : str
        Folder of sharp pictures, such as Brodatz' textures, that no estimator was trained on.
    limit : int, optional
        Only so many pictures, evenly spread.

    Raises
    ------
    ValueError
        No folder is given.
    FileNotFoundError
        There is no picture in it.
    """
    paths = find(data_dir, limit)
    shown = {int(i) for i in np.linspace(0, len(paths) - 1, SHOWN)}
    found, truth = {name: Found() for name in ESTIMATORS}, []
    for index, path in enumerate(tqdm(paths, unit="picture", disable=None)):
        sharp = np.asarray(Image.open(path).convert("L"), np.float32) / 255
        for kind, make in MAPS.items():
            sigma = make(*sharp.shape)
            blur = np.float32(protocol.to_bytes(space_variant_blur(sharp[..., None], sigma)[..., 0])) / 255
            for name, estimator in ESTIMATORS.items():
                begin = time.perf_counter()
                estimate = estimator(blur)
                found[name].seconds += time.perf_counter() - begin
                found[name].errors[kind].append(float(np.sqrt(np.mean((estimate - sigma) ** 2))))
                if index in shown and kind == "ramp_rmse":
                    found[name].shown.append(_drawn(estimate))
            if index in shown and kind == "ramp_rmse":
                truth.append(_drawn(sigma))
    return Table(
        title=f"Patro: maps of sigma from {LOW:g} to {HIGH:g} pixels",
        methods=[_method(name, results) for name, results in found.items()],
        shown={index: f"{paths[index].name}, ramp" for index in sorted(shown)},
        sharp=truth,
        truth="true sigma",
        caption="ramp_rmse",
        notes=(
            f"RMSE in pixels of sigma. The report's, on one texture each: ramp {REPORT_RAMP[0]} with 10 classes, "
            f"{REPORT_RAMP[1]} with 30; sin {REPORT_SIN} with 30."
        ),
    )


def find(data_dir: str | None, limit: int | None) -> list[Path]:
    """Return the pictures in a folder, or some of them, evenly spread."""
    if data_dir is None:
        raise ValueError("the table needs sharp pictures: --data-dir FOLDER, such as Brodatz' textures")
    paths = sorted(path for path in Path(data_dir).rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise FileNotFoundError(f"there is no picture ({', '.join(SUFFIXES)}) in {data_dir}")
    return [paths[index] for index in evenly_spread(len(paths), limit)]


def _method(name: str, found: Found) -> Method:
    values = {kind: np.array(errors) for kind, errors in found.errors.items()}
    return Method(name, values, found.shown, {"seconds": found.seconds})


def _drawn(sigma: np.ndarray) -> np.ndarray:
    """Return a map of sigma as a picture, dark where it is sharp."""
    return np.clip(sigma / HIGH, 0, 1)[..., None]
