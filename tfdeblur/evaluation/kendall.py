"""The Phase I table of Kendall & Rios: photographs under one Gaussian blur each, of a strength nobody knows.

**Pictures.** All photographs in a folder, in the order of their names. Each is blurred by a Gaussian whose sigma is
`|N(0, 5)|` pixels, drawn with a fixed seed, mirrored at the border, and rounded to 8 bit.

**Methods.** The blurred picture; the report's baseline, blind maximum likelihood with a Gaussian of sigma 1 as its
guess; every method of `classical` with the true kernel, which bounds from above what they can do with an estimated one;
and, where their runs are found, RL and hyper-Laplacian with the kernel of the sigma that `kendall_sigma_cnn` says, and
`kendall_unet`, which restores pictures by itself. Options are the methods' own defaults, but for RL's acceleration.

**Measures** are those of `evaluate`, of outputs rounded to 8 bit. The kernel's error is the sum of squared differences
from the true kernel, the mean of which over pictures the report calls MSE: a guess of sigma 1 for a wide blur has .08.
Sigma's error is that of the kernel's standard deviation, relative to the true one.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.classical import METHODS
from tfdeblur.classical.blind import blind_richardson_lucy
from tfdeblur.estimation.estimators import find_estimators
from tfdeblur.estimation.kernels import kernel_estimator
from tfdeblur.evaluation import protocol
from tfdeblur.evaluation.curves import Panel
from tfdeblur.evaluation.methods import Method, Sources, Table, evenly_spread
from tfdeblur.evaluation.metrics import PSNR_CAP
from tfdeblur.inference import load_deblur
from tfdeblur.physics.blur import gaussian_blur
from tfdeblur.physics.kernels import gaussian
from tfdeblur.pictures import photographs
from tfdeblur.pictures.destinations import find_pictures, report_found

STANDARD_DEVIATION = 5.0
SEED = 0
SHOWN_SIGMAS = (0.26, 1.45, 5.21)
"""Strengths near which the figure's pictures lie: three of the report's own figure."""

STRONG, WEAK = 1.0, 0.3
"""From the first sigma on a method has to gain; below the second it must not do harm."""

EDGES = (0, 0.3, 1, 2, 3, 4, 6, 8, 11, 20)
"""Of the ranges of sigma over which PSNR is drawn."""

Restored = tuple[np.ndarray, np.ndarray | None]
"""A picture `(1, H, W, C)`, and the kernel if the method estimates one."""


def blurred(blur: np.ndarray, kernel: np.ndarray) -> Restored:
    """Leave the picture as it is."""
    return blur, None


def blind(blur: np.ndarray, kernel: np.ndarray) -> Restored:
    """Begin from a Gaussian of sigma 1: the report's baseline."""
    restored, kernels = blind_richardson_lucy(blur, gaussian(1.0))
    return restored, kernels[0]


def _known(method: Callable, **options) -> Callable[[np.ndarray, np.ndarray], Restored]:
    return lambda blur, kernel: (method(blur, kernel, **options), None)


CANDIDATES: dict[str, Callable[[np.ndarray, np.ndarray], Restored]] = {
    "blurred": blurred,
    "blind maximum likelihood": blind,
    "Wiener, true kernel": _known(METHODS["wiener"]),
    "Tikhonov, true kernel": _known(METHODS["tikhonov"]),
    "RL, true kernel": _known(METHODS["rl"]),
    "RL accelerated, true kernel": _known(METHODS["rl"], accelerated=True),
    "TV, true kernel": _known(METHODS["tv"]),
    "hyper-Laplacian, true kernel": _known(METHODS["hyper-laplacian"]),
}


ESTIMATOR, U_NET = "kendall_sigma_cnn", "kendall_unet"
"""The runs of the network that estimates sigma and of the one that restores pictures."""

RELATIVE = (0.5, 6.0)
"""Range of sigma in which its relative error is measured."""


def learned(runs: str) -> dict[str, Callable[[np.ndarray, np.ndarray], Restored]]:
    """Return what the trained networks that are found make possible."""
    candidates = {}
    if folder := find_estimators(runs).get(ESTIMATOR):
        kernel_of = kernel_estimator(folder)
        candidates["CNN + RL"] = partial(_with_estimate, kernel_of, METHODS["rl"])
        candidates["CNN + hyper-Laplacian"] = partial(_with_estimate, kernel_of, METHODS["hyper-laplacian"])
    folder = storage.join(runs, U_NET)
    if storage.exists(storage.join(folder, "best.keras")):
        deblur = load_deblur(folder)
        candidates["U-Net"] = lambda blur, kernel: (deblur(blur), None)
    return candidates


def _with_estimate(kernel_of: Callable, method: Callable, blur: np.ndarray, kernel: np.ndarray) -> Restored:
    guess = kernel_of(blur[0])
    return method(blur, guess), guess


@dataclass
class Found:
    """What a method has made of the pictures so far."""

    measures: list[dict] = field(default_factory=list)
    shown: list[np.ndarray] = field(default_factory=list)
    kernel_errors: list[float] = field(default_factory=list)
    sigmas: list[float] = field(default_factory=list)
    seconds: float = 0.0


def kendall(sources: Sources) -> Table:
    """Blur, deblur and measure.

    Parameters
    ----------
    sources : Sources
        A folder of sharp photographs that no method has been tuned on, such as BSDS500's test set; how many of them,
        evenly spread; and the runs of the networks.

    Raises
    ------
    ValueError
        No folder is given.
    FileNotFoundError
        There is no photograph in it.
    """
    chosen = sharp_photographs(sources.folder("sharp photographs, such as BSDS500's test set"), sources.limit)
    places = [place for place, _, _ in chosen]
    sigmas = np.abs(np.random.default_rng(SEED).normal(0, STANDARD_DEVIATION, max(places) + 1))[places]
    shown = sorted({int(np.abs(sigmas - sigma).argmin()) for sigma in SHOWN_SIGMAS})
    candidates = CANDIDATES | learned(sources.runs)
    found, sharp_shown = {name: Found() for name in candidates}, []
    pairs = tqdm(_pairs(chosen, sigmas), total=len(chosen), unit="picture", disable=None)
    for index, (sharp, blur, kernel) in enumerate(pairs):
        if index in shown:
            sharp_shown.append(sharp[0])
        for name, candidate in candidates.items():
            _try(candidate, sharp, blur, kernel, found[name], index in shown)
    return Table(
        title="Kendall & Rios, Phase I: Gaussian blur of |N(0, 5)| pixels",
        methods=[_method(name, results, found["blurred"], sigmas) for name, results in found.items()],
        shown={index: f"sigma {sigmas[index]:.2f}" for index in shown},
        sharp=sharp_shown,
        notes=(
            f"PSNR: over the pictures where it is finite; capped: every picture counts {PSNR_CAP:g} dB at most. Kernel "
            "error: mean sum of squared differences from the true kernel. Run time: all pictures, one after the other. "
            "Sigma error: median, relative, of the kernels' standard deviations where sigma is "
            f"{RELATIVE[0]:g} to {RELATIVE[1]:g}. Least gain: of the picture whose PSNR, capped, rose least, "
            f"where the blur is strong, sigma at least {STRONG:g}, and weak, below {WEAK:g}."
        ),
        panels={"sigma": [_panel(sigmas, found)]},
    )


def sharp_photographs(folder: str, limit: int | None) -> list[tuple[int, str, Callable[[], np.ndarray]]]:
    """Return the photographs in a folder in the order of their names, or some of them, evenly spread.

    Returns
    -------
    list of tuple
        For each its place among all, its name, and a function that reads it: `(H, W, C)`, float32 in [0, 1].

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    pictures = find_pictures((folder,), os.devnull)
    report_found(pictures)
    paths = [path for path, _ in pictures.found]
    return [(i, os.path.basename(paths[i]), partial(_read, paths[i])) for i in evenly_spread(len(paths), limit)]


def _read(path: str) -> np.ndarray:
    pixels = photographs.read(path).pixels
    return np.atleast_3d(np.float32(pixels) / np.iinfo(pixels.dtype).max)


def _pairs(found: list, sigmas: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield sharp and blurred pictures, `(1, H, W, C)` float32, and kernels."""
    for (_, _, read), sigma in zip(found, sigmas, strict=True):
        sharp = read()[None]
        blur = protocol.to_bytes(gaussian_blur(sharp, float(sigma)))
        yield sharp, np.float32(blur) / 255, gaussian(float(sigma))


def _try(candidate: Callable, sharp, blur, kernel, found: Found, show: bool) -> None:
    begin = time.perf_counter()
    restored, estimated = candidate(blur, kernel)
    found.seconds += time.perf_counter() - begin
    output = protocol.to_bytes(restored)
    found.measures.append(protocol.measure(blur, sharp, output)[0])
    if estimated is not None:
        found.kernel_errors.append(squared_distance(estimated, kernel))
        found.sigmas.append(deviation(estimated))
    if show:
        found.shown.append(output[0])


def squared_distance(kernel: np.ndarray, other: np.ndarray) -> float:
    """Return the sum of squared differences of two kernels, with zeros around the smaller.

    >>> round(squared_distance(np.ones((1, 1)), np.full((3, 3), 1 / 9)), 6)
    0.888889
    """
    sides = np.maximum(kernel.shape, other.shape)
    padded = [
        np.pad(k, [((side - own) // 2,) * 2 for side, own in zip(sides, k.shape, strict=True)]) for k in (kernel, other)
    ]
    return float(np.sum((padded[0] - padded[1]) ** 2))


def deviation(kernel: np.ndarray) -> float:
    """Return the standard deviation of a kernel in pixels, the mean over both axes.

    >>> round(deviation(gaussian(2.0)), 2)
    2.0
    """
    variances = [
        float(np.sum(profile * np.arange(len(profile)) ** 2) - np.sum(profile * np.arange(len(profile))) ** 2)
        for profile in (kernel.sum(0), kernel.sum(1))
    ]
    return float(np.sqrt(max(np.mean(variances), 0)))


def _method(name: str, found: Found, blurred: Found, sigmas: np.ndarray) -> Method:
    values = {key: np.array([row[key] for row in found.measures]) for key in ("psnr", "ssim", "mse")}
    values["psnr_capped"] = _capped(found)
    gains = values["psnr_capped"] - _capped(blurred)
    facts = {
        "seconds": found.seconds,
        "kernel_mse": float(np.mean(found.kernel_errors)) if found.kernel_errors else None,
        "sigma_error": _relative_error(np.array(found.sigmas), sigmas) if found.sigmas else None,
        "least_gain_strong": _least(gains[sigmas >= STRONG]),
        "least_gain_weak": _least(gains[sigmas < WEAK]),
        "sigmas": sigmas.tolist(),
        "gains": gains.tolist(),
    }
    return Method(name, values, found.shown, facts)


def _relative_error(estimates: np.ndarray, sigmas: np.ndarray) -> float | None:
    """Return the median relative error of sigma."""
    inside = (sigmas >= RELATIVE[0]) & (sigmas <= RELATIVE[1])
    return float(np.median(np.abs(estimates / sigmas - 1)[inside])) if inside.any() else None


def _capped(found: Found) -> np.ndarray:
    return np.minimum([row["psnr"] for row in found.measures], PSNR_CAP)


def _least(gains: np.ndarray) -> float | None:
    return float(gains.min()) if len(gains) else None


def _panel(sigmas: np.ndarray, found: dict[str, Found]) -> Panel:
    """Return the mean PSNR over ranges of sigma."""
    ranges = [(sigmas >= low) & (sigmas < high) for low, high in zip(EDGES, EDGES[1:], strict=False)]
    ranges = [inside for inside in ranges if inside.any()]
    middles = [float(sigmas[inside].mean()) for inside in ranges]
    lines = {}
    for name, results in found.items():
        psnr = _capped(results)
        lines[name] = (middles, [float(psnr[inside].mean()) for inside in ranges])
    return Panel("PSNR by the strength of the blur", "sigma, pixels", "PSNR, capped, dB", lines)
