"""The table of King's report (ECE 901): five ways to deblur handwritten digits, on the report's pictures.

**Pictures.** The first 4,000 of MNIST's training pictures: 1,000 to test on, 2,000 to train on, 1,000 to choose lambda
by, in this order. "First" is in the order of tensorflow-datasets, that of a hash and not of the original files, so
these are not the report's very pictures. Pixels in [0, 1]; blur by the 5x5 Gaussian kernel with sigma 1 and zeros
beyond the border, not rounded, and no noise.

**Measures.** MSPE is the report's equation 4, the mean over pixels and pictures (its equation 6 leaves the 1/N out, but
its numbers are of the size of equation 4's). A restored picture is clipped to [0, 1] first, as any picture here is.
`mspe_unclipped` is without that: in a handful of test pictures pixels are lit that are dark in all training pictures,
weights to them mean nothing, and what these few pictures then hold is most of the mean. PSNR, in dB, is of each
picture's own MSPE; nothing is rounded to 8 bit.

**Lambda** is the one with the lowest MSPE on the validation pictures. Seconds of training contain all lambdas and their
validation; NumPy computes on one thread. CPU seconds are those of all threads together, whatever else the machine does.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from tfdeblur.classical.inversion import convolution_matrix, estimate_kernel, known_kernel
from tfdeblur.classical.pixel_network import train_pixel_network
from tfdeblur.classical.regression import NormalEquations, lasso, normal_equations, ridge, ridge_path
from tfdeblur.data.prepared import first_pictures
from tfdeblur.evaluation import metrics
from tfdeblur.evaluation.curves import Panel
from tfdeblur.evaluation.methods import Method, Sources, Table
from tfdeblur.physics.kernels import gaussian_kernel

TEST, TRAIN, VALIDATION = 1000, 2000, 1000
SIDE = 28
KERNEL_SIZE, SIGMA = 5, 1.0
EPOCHS = 200
SHOWN = 6

INVERSION_LAMBDAS = tuple(10.0**power for power in range(-15, 2, 2))
RIDGE_LAMBDAS = tuple(10.0**power for power in range(-9, 1))
LASSO_LAMBDAS = tuple(10.0**power for power in range(1, -6, -1))
"""From large to small, so that each fit starts from the one before."""

LASSO_ITERATIONS = 600


@dataclass(frozen=True)
class Part:
    """Pairs of pictures, one a row, float64 in [0, 1]: `blur` and `sharp`, `(n, 784)`."""

    blur: np.ndarray
    sharp: np.ndarray


@dataclass(frozen=True)
class Digits:
    """The pictures of the protocol, and the kernel that only the first method is told."""

    test: Part
    train: Part
    validation: Part
    kernel: np.ndarray


@dataclass(frozen=True)
class Fit:
    """A method that is ready to deblur.

    Attributes
    ----------
    restore : callable
        Takes and returns pictures `(n, 784)`.
    curve : list of dict
        `lambda`, `mspe` on the validation pictures, `seconds` and what else is known of each lambda.
    facts : dict
        Further facts of the row.
    """

    restore: Callable[[np.ndarray], np.ndarray]
    curve: list[dict] = field(default_factory=list)
    facts: dict = field(default_factory=dict)


def king(sources: Sources) -> Table:
    """Train, choose, deblur and measure.

    Parameters
    ----------
    sources : Sources
        MNIST as tensorflow-datasets' `data_dir`, downloaded without it; the limit holds for the pictures to test on and
        to validate with, and twice as many are trained on.

    Raises
    ------
    FileNotFoundError
        The folder holds no MNIST.
    """
    digits = load(sources.data_dir, sources.limit)
    # One thread: for matrices of this size, threads that wait for one another take longer on a busy machine.
    with threadpool_limits(1, "blas"):
        fits = {name: _timed(fit, digits) for name, fit in tqdm(FITS.items(), unit="method", disable=None)}
        methods = [_measured(name, fit, digits.test) for name, fit in fits.items()]
    shown = range(min(SHOWN, len(digits.test.sharp)))
    return Table(
        title="King: 5x5 Gaussian blur of handwritten digits",
        methods=methods,
        shown={index: f"test picture {index}" for index in shown},
        sharp=list(_pictures(digits.test.sharp[: len(shown)])),
        notes=(
            "MSPE: mean squared error over pixels and pictures, in [0, 1], to which restored ones are clipped; PSNR of "
            "each picture's own. Run time: all test pictures together. Training: all lambdas with their validation. "
            "lambda: the best on the validation pictures. Linear algebra on one core."
        ),
        panels={"lambda": [_panel(name, fit) for name, fit in fits.items() if fit.curve]},
    )


def load(data_dir: str | None, limit: int | None = None) -> Digits:
    """Read the pictures, blur and divide them; arguments and errors as for `king`."""
    test, train, validation = (TEST, TRAIN, VALIDATION) if limit is None else (limit, 2 * limit, limit)
    count = test + train + validation
    sharp = first_pictures("mnist", data_dir, count)[..., 0].reshape(count, -1) / 255
    kernel = gaussian_kernel(KERNEL_SIZE, SIGMA).astype(np.float64)
    blur = (convolution_matrix(kernel, (SIDE, SIDE)) @ sharp.T).T
    parts = (slice(0, test), slice(test, test + train), slice(test + train, count))
    return Digits(*(Part(blur[part], sharp[part]) for part in parts), kernel)


def fit_nothing(digits: Digits) -> Fit:
    """Leave the blurred pictures as they are."""
    return Fit(lambda blur: blur)


def fit_known_kernel(digits: Digits) -> Fit:
    """Invert the true kernel: the report's method 1."""
    return _chosen(known_kernel(digits.kernel, (SIDE, SIDE)), digits, INVERSION_LAMBDAS, {"report_mspe": 5e-3})


def fit_estimated_kernel(digits: Digits) -> Fit:
    """Estimate the kernel from the training pairs and invert it: what the report's discussion proposes."""
    train = digits.train
    kernel = estimate_kernel(_pictures(train.blur)[..., 0], _pictures(train.sharp)[..., 0], KERNEL_SIZE)
    facts = {"kernel_error": float(np.abs(kernel - digits.kernel).max())}
    return _chosen(known_kernel(kernel, (SIDE, SIDE)), digits, INVERSION_LAMBDAS, facts)


def fit_ridge(digits: Digits) -> Fit:
    """Regress each pixel with a squared penalty: the report's method 3."""
    problem = normal_equations(digits.train.blur, digits.train.sharp)
    return _chosen(problem, digits, RIDGE_LAMBDAS, {"report_mspe": 1.5e-4})


def fit_lasso(digits: Digits) -> Fit:
    """Regress each pixel with an absolute penalty: the report's method 2."""
    problem = normal_equations(digits.train.blur, digits.train.sharp)
    curve, best, latest = [], None, None
    for penalty in LASSO_LAMBDAS:
        begin = time.perf_counter()
        latest = lasso(problem, penalty, start=latest, most=LASSO_ITERATIONS)
        known = {"iterations": latest.iterations, "gap": latest.gap / latest.objective}
        curve.append(_point(penalty, digits.validation.blur @ latest.weights, digits.validation, begin) | known)
        if curve[-1] == _best(curve):
            best = latest
    facts = {"report_mspe": 2.38e-3, "nonzero_weights": float(np.mean(best.weights != 0))}
    return Fit(lambda blur: blur @ best.weights, curve, facts)


def fit_network(digits: Digits) -> Fit:
    """Train the network with one hidden layer: the report's method 4."""
    network = train_pixel_network(digits.train.blur, digits.train.sharp, epochs=EPOCHS)
    return Fit(lambda blur: np.float64(network.predict(np.float32(blur), verbose=0)), facts={"report_mspe": 5.82e-3})


FITS: dict[str, Callable[[Digits], Fit]] = {
    "blurred": fit_nothing,
    "known kernel": fit_known_kernel,
    "estimated kernel": fit_estimated_kernel,
    "ridge": fit_ridge,
    "LASSO": fit_lasso,
    "network": fit_network,
}


def _chosen(problem: NormalEquations, digits: Digits, penalties: Sequence[float], facts: dict) -> Fit:
    curve = _curve(penalties, ridge_path(problem, digits.validation.blur, penalties), digits.validation)
    weights = ridge(problem, _best(curve)["lambda"])
    return Fit(lambda blur: blur @ weights, curve, facts)


def _curve(penalties: Sequence[float], outputs: Iterable[np.ndarray], part: Part) -> list[dict]:
    curve, begin = [], time.perf_counter()
    for penalty, output in zip(penalties, outputs, strict=True):
        curve.append(_point(penalty, output, part, begin))
        begin = time.perf_counter()
    return curve


def _point(penalty: float, output: np.ndarray, part: Part, begin: float) -> dict:
    errors = {"mspe": float(_mspe(output, part).mean()), "mspe_unclipped": float(np.mean((output - part.sharp) ** 2))}
    return {"lambda": penalty, **errors, "seconds": time.perf_counter() - begin}


def _best(curve: list[dict]) -> dict:
    return min(curve, key=lambda point: point["mspe"])


def _mspe(output: np.ndarray, part: Part) -> np.ndarray:
    """Return equation 4 of each picture, `(n,)`, float64."""
    return np.mean((np.clip(output, 0, 1) - part.sharp) ** 2, axis=1)


def _timed(fit: Callable[[Digits], Fit], digits: Digits) -> Fit:
    begin, cpu_begin = time.perf_counter(), time.process_time()
    result = fit(digits)
    seconds = {"training_seconds": time.perf_counter() - begin, "training_cpu_seconds": time.process_time() - cpu_begin}
    return replace(result, facts=seconds | result.facts)


def _measured(name: str, fit: Fit, test: Part) -> Method:
    begin = time.perf_counter()
    output = fit.restore(test.blur)
    seconds = time.perf_counter() - begin
    error = _mspe(output, test)
    pictures = np.float32(_pictures(np.clip(output, 0, 1)))
    with np.errstate(divide="ignore"):  # a picture that equals the sharp one
        decibels = -10 * np.log10(error)
    similarity = np.float64(metrics.ssim(pictures, np.float32(_pictures(test.sharp))))
    facts = {"mspe_unclipped": float(np.mean((output - test.sharp) ** 2)), "seconds": seconds}
    facts |= {"lambda": None, "validation": fit.curve}
    if fit.curve:
        best = _best(fit.curve)
        facts |= {"lambda": best["lambda"], "lambdas": len(fit.curve), "validation_mspe": best["mspe"]}
        facts["seconds_per_lambda"] = max(point["seconds"] for point in fit.curve)
    values = {"mspe": error, "psnr": decibels, "ssim": similarity}
    return Method(name, values, list(pictures[:SHOWN]), facts | fit.facts)


def _panel(name: str, fit: Fit) -> Panel:
    x = [point["lambda"] for point in fit.curve]
    lines = {
        label: (x, [point[key] for point in fit.curve])
        for label, key in (("clipped to [0, 1]", "mspe"), ("as it is", "mspe_unclipped"))
    }
    report = fit.facts.get("report_mspe")
    return Panel(name, "lambda", "MSPE, validation", lines, report, "the report, test", logarithmic=True)


def _pictures(rows: np.ndarray) -> np.ndarray:
    return rows.reshape(-1, SIDE, SIDE, 1)
