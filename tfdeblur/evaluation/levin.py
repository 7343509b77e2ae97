"""Real camera shake with measured kernels: the photographs of Levin et al. (2009).

**Pictures.** `im1_kernel3_img.png` and the like, grey; `gt/im1.png`, sharp; `gt/kernel3.png`. Some of the kernel files
are turned by 180 degrees; the way is taken by which the sharp picture, blurred, is nearer to the photograph.

**Methods.** The photograph; every method of `classical` with the measured kernel and noise of 1 %, since measured
kernels are not exact; and the hyper-Laplacian with the kernel estimated from the photograph, within the measured one's
sides.

**Measures.** Photographs and sharp pictures do not lie exactly on one another. Of shifts up to 8 pixels, in quarters,
the one with the least squared error is taken, and the outermost 20 pixels are left out. The error ratio of Levin et al.
is the squared error over that of the same method with the measured kernel.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

from tfdeblur.classical import METHODS
from tfdeblur.classical.convolution import Convolution
from tfdeblur.classical.kernel_estimation import estimate_kernel
from tfdeblur.evaluation import metrics
from tfdeblur.evaluation.methods import Method, Sources, Table

NOISE = 0.01
MARGIN, SHIFT = 20, 8
FINAL = "hyper-laplacian"
"""The method that kernels are compared by."""

SUCCESS = 3.0
"""Error ratio below which a kernel counts as found, as in Levin et al. (2009), figure 6."""


@dataclass(frozen=True)
class Shaken:
    """A photograph `(1, H, W, 1)`, the sharp picture `(H, W)` and the measured kernel."""

    name: str
    blur: np.ndarray
    sharp: np.ndarray
    kernel: np.ndarray


@dataclass
class Found:
    """What a method has made of the photographs so far."""

    values: dict[str, list[float]] = field(default_factory=lambda: {"psnr": [], "ssim": [], "mse": []})
    shown: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0


def levin(sources: Sources) -> Table:
    """Deblur the photographs and measure.

    Parameters
    ----------
    sources : Sources
        The folder of the photographs, and how many of them, the first.

    Raises
    ------
    ValueError
        No folder is given.
    FileNotFoundError
        There is no such photograph in it, or its sharp picture or kernel is missing.
    """
    shaken = [load(path) for path in find(sources.folder("the photographs of Levin et al. (2009)"))[: sources.limit]]
    shown = {index: shaken[index].name for index in range(0, len(shaken), 5)}
    found = {name: _of_all(method, shaken, shown) for name, method in _candidates().items()}
    known = np.array(found[FINAL].values["mse"])
    methods = [_method(name, results, known) for name, results in found.items()]
    return Table(
        title="Levin et al. (2009): real camera shake",
        methods=methods,
        shown=shown,
        sharp=[_inside(shaken[index].sharp)[..., None] for index in shown],
        notes=(
            f"After alignment. Error ratio: squared error over that of {FINAL} with the measured kernel; found: "
            f"photographs where it is below {SUCCESS:g}. Run time: all photographs, kernels included."
        ),
    )


def find(folder: str) -> list[Path]:
    """List the photographs of a folder."""
    paths = sorted(Path(folder).glob("im*_kernel*_img.png"))
    if not paths:
        raise FileNotFoundError(f"there is no im*_kernel*_img.png in {folder}; Levin's photographs are expected there")
    return paths


def load(path: Path) -> Shaken:
    """Read a photograph with its sharp picture and its kernel."""
    picture, kernel = re.fullmatch(r"(im\d+)_(kernel\d+)_img", path.stem).groups()
    blur, sharp, measured = (_grey(p) for p in (path, *(path.parent / "gt" / f"{n}.png" for n in (picture, kernel))))
    measured = measured / measured.sum()
    ways = [measured, measured[::-1, ::-1]]
    errors = [aligned(_blurred(sharp, way), blur)[1] for way in ways]
    return Shaken(f"{picture}, {kernel}", blur[None, ..., None], sharp, ways[int(np.argmin(errors))])


def aligned(restored: np.ndarray, sharp: np.ndarray) -> tuple[np.ndarray, float]:
    """Shift a picture onto another.

    Parameters
    ----------
    restored, sharp : numpy.ndarray
        `(H, W)`.

    Returns
    -------
    shifted : numpy.ndarray
        The inside of `restored`, without the margin, at the best shift.
    error : float
        Its mean squared error.
    """
    whole = [(dy, dx) for dy in range(-SHIFT, SHIFT + 1) for dx in range(-SHIFT, SHIFT + 1)]
    nearest = min(whole, key=lambda shift: _error(_moved(restored, shift), sharp))
    quarters = [(nearest[0] + dy / 4, nearest[1] + dx / 4) for dy in range(-3, 4) for dx in range(-3, 4)]
    best = min(quarters, key=lambda shift: _error(_moved(restored, shift), sharp))
    shifted = _inside(_moved(restored, best))
    return shifted, float(np.mean((shifted - _inside(sharp)) ** 2))


def _candidates() -> dict[str, Callable[[Shaken], np.ndarray]]:
    def known(method: str, **options) -> Callable[[Shaken], np.ndarray]:
        return lambda shaken: METHODS[method](shaken.blur, shaken.kernel, **options)

    def blind(shaken: Shaken) -> np.ndarray:
        kernel = estimate_kernel(shaken.blur, max(shaken.kernel.shape))[0]
        return METHODS[FINAL](shaken.blur, kernel, noise=NOISE)

    regularised = {name: known(name, noise=NOISE) for name in METHODS if name != "rl"}
    return {
        "blurred": lambda shaken: shaken.blur,
        "rl": known("rl"),
        **regularised,
        f"{FINAL}, estimated kernel": blind,
    }


def _of_all(method: Callable[[Shaken], np.ndarray], shaken: list[Shaken], shown) -> Found:
    found = Found()
    for index, one in enumerate(tqdm(shaken, unit="picture", disable=None, leave=False)):
        begin = time.perf_counter()
        restored = method(one)
        found.seconds += time.perf_counter() - begin
        picture, error = aligned(np.clip(restored[0, ..., 0], 0, 1), one.sharp)
        found.values["mse"].append(error)
        found.values["psnr"].append(float(-10 * np.log10(error)))
        pair = [np.float32(p)[None, ..., None] for p in (picture, _inside(one.sharp))]
        found.values["ssim"].append(float(np.asarray(metrics.ssim(*pair))[0]))
        if index in shown:
            found.shown.append(np.clip(picture, 0, 1)[..., None])
    return found


def _method(name: str, found: Found, known: np.ndarray) -> Method:
    values = {key: np.array(measured) for key, measured in found.values.items()}
    ratios = values["mse"] / known
    values["error_ratio"] = ratios
    return Method(name, values, found.shown, {"seconds": found.seconds, "found": int(np.sum(ratios < SUCCESS))})


def _blurred(sharp: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    operator = Convolution(kernel[None], sharp.shape, "circular", np.float32)
    return operator.forward(np.float32(sharp)[None, None])[0, 0]


def _moved(picture: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    if all(float(part).is_integer() for part in shift):
        return np.roll(picture, [int(part) for part in shift], (0, 1))
    return ndimage.shift(picture, shift, order=1, mode="nearest")


def _inside(picture: np.ndarray) -> np.ndarray:
    return picture[MARGIN:-MARGIN, MARGIN:-MARGIN]


def _error(picture: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean((_inside(picture) - _inside(other)) ** 2))


def _grey(path: Path) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}, which belongs to the photographs beside it")
    with Image.open(path) as image:
        return np.float32(image.convert("L")) / 255
