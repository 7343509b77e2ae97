"""The protocol of an evaluation: what is measured of each picture, and how the pictures are summed up.

Measured is what the user gets: outputs are rounded to 8 bit first. The blurred input is measured as the record holds
it.
"""

import csv
import functools
import io
from collections.abc import Callable, Sequence

import keras
import numpy as np

from tfdeblur.evaluation import metrics
from tfdeblur.evaluation.statistics import mean_interval, paired_tests

MEASURES = ("psnr", "ssim", "mse", "mae")
COLUMNS = ("name", "scene", *MEASURES, *(f"blur_{measure}" for measure in MEASURES))

STRIP = 1 << 18
"""Pixels that are measured at a time."""


def to_bytes(pictures: np.ndarray) -> np.ndarray:
    """Round pictures to 8 bit: floats in [0, 1] are clipped, uint8 passes, what is not finite is a ValueError."""
    if pictures.dtype == np.uint8:
        return pictures
    if not np.isfinite(pictures).all():
        raise ValueError("the output holds values that are not finite, so the model is broken; use an earlier one")
    return np.round(np.clip(pictures, 0, 1) * 255).astype(np.uint8)


def measure(blur: np.ndarray, sharp: np.ndarray, output: np.ndarray) -> list[dict[str, float]]:
    """Measure output and blurred input against the sharp pictures.

    Parameters
    ----------
    blur, sharp, output : numpy.ndarray, shape (N, H, W, C)
        uint8, or float32 in [0, 1]; outputs are rounded to 8 bit.

    Returns
    -------
    list of dict
        One for each picture, with the measures of `COLUMNS`: PSNR in dB (inf for equal pictures), SSIM (NaN for
        pictures below 11 pixels), MSE and MAE relative to the data range.
    """
    columns = {}
    for prefix, pictures in (("", to_bytes(output)), ("blur_", blur)):
        columns |= {prefix + key: values for key, values in _measures(pictures, sharp).items()}
    return [{key: float(values[i]) for key, values in columns.items()} for i in range(len(sharp))]


def _measures(pictures: np.ndarray, sharp: np.ndarray) -> dict[str, np.ndarray]:
    """Return the measures of `MEASURES`, `(N,)`, float64; in strips of rows, so that memory stays bounded.

    A strip's SSIM is that of the windows which begin in it, so nothing is lost between strips.
    """
    mse, mae, ssim = _compiled_metrics()
    count, height, width, _ = sharp.shape
    places = height - metrics.SSIM_WINDOW + 1 if width >= metrics.SSIM_WINDOW else 0
    rows = max(1, STRIP // (count * width))
    error, absolute, similarity = np.zeros((3, count))
    for top in range(0, height, rows):
        end = min(top + rows, height)
        a, b = _unit_range(pictures[:, top:end]), _unit_range(sharp[:, top:end])
        error += (end - top) / height * np.float64(mse(a, b))
        absolute += (end - top) / height * np.float64(mae(a, b))
        last = min(end, places)
        if last > top:
            part = np.s_[:, top : last + metrics.SSIM_WINDOW - 1]
            similar = ssim(_unit_range(pictures[part]), _unit_range(sharp[part]))
            similarity += (last - top) / places * np.float64(similar)
    with np.errstate(divide="ignore"):
        decibels = -10 * np.log10(error)
    similarity = similarity if places > 0 else np.full(count, np.nan)
    return {"psnr": decibels, "ssim": similarity, "mse": error, "mae": absolute}


@functools.cache
def _compiled_metrics() -> tuple[Callable, Callable, Callable]:
    """Return the metrics as graphs for pictures of every size: three times as fast as call by call."""
    functions = (metrics.mse, metrics.mae, metrics.ssim)
    if keras.backend.backend() != "tensorflow":
        return functions
    import tensorflow as tf

    free = tf.TensorSpec((None, None, None, None), tf.float32)
    return tuple(tf.function(function, input_signature=[free, free]) for function in functions)


def table_text(rows: Sequence[dict]) -> str:
    """Return the per-image table as CSV: six digits, `inf` for equal pictures, empty where there is no SSIM."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = ["" if np.isnan(row[key]) else f"{row[key]:.6g}" for key in COLUMNS[2:]]
        writer.writerow([row["name"], row["scene"], *values])
    return file.getvalue()


def summarize(rows: Sequence[dict]) -> dict:
    """Sum up the per-image table.

    Parameters
    ----------
    rows : sequence of dict
        What `measure` returned, at least one.

    Returns
    -------
    dict
        `pictures` and `ssim_left_out`, counts; `psnr_cap` in dB; `blurred`, `output` and `gain`, each with `mean`,
        `low` and `high` (95 % bootstrap interval, None where there is none) of its measures; `tests`, the paired
        tests of output against input. The gain is that of the pictures in which both are finite, or both capped.

    Raises
    ------
    ValueError
        There are no rows.
    """
    if not rows:
        raise ValueError("there is nothing to sum up: no picture was measured")
    columns = {key: np.array([row[key] for row in rows], np.float64) for key in COLUMNS[2:]}
    output = _capped({key: columns[key] for key in MEASURES})
    blurred = _capped({key: columns[f"blur_{key}"] for key in MEASURES})
    with np.errstate(invalid="ignore"):  # inf - inf, which is left out
        gain = {key: output[key] - blurred[key] for key in output}
    parts = {"blurred": _with_mean_mse(blurred), "output": _with_mean_mse(output), "gain": _intervals(gain)}
    ends = [parts[key]["psnr_of_mean_mse"]["mean"] for key in ("output", "blurred")]
    parts["gain"]["psnr_of_mean_mse"] = {"mean": None if None in ends else ends[0] - ends[1], "low": None, "high": None}
    return {
        "pictures": len(rows),
        "ssim_left_out": int(np.isnan(columns["ssim"]).sum()),
        "psnr_cap": metrics.PSNR_CAP,
        **parts,
        "tests": {key: paired_tests(output[key], blurred[key]) for key in ("psnr", "psnr_capped", "ssim")},
    }


def markdown(summary: dict, name: str) -> str:
    """Return the summary's measures as a Markdown table, the blurred input first, with 95 % intervals."""
    cap = f"{summary['psnr_cap']:g}"
    lines = [
        f"| | PSNR, finite (pictures) | PSNR, capped at {cap} dB | PSNR of the mean MSE | SSIM | MSE | MAE |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, key in (("blurred input", "blurred"), (name, "output"), ("gain", "gain")):
        part, sign = summary[key], "+" if key == "gain" else ""
        cells = [
            f"{interval_text(part['psnr'], sign + '.2f')} ({part['psnr']['count']})",
            interval_text(part["psnr_capped"], sign + ".2f"),
            interval_text(part["psnr_of_mean_mse"], sign + ".2f"),
            interval_text(part["ssim"], sign + ".4f"),
            interval_text(part["mse"], sign + ".3e"),
            interval_text(part["mae"], sign + ".4f"),
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def tests_text(summary: dict) -> str:
    """Return the paired tests as Markdown lines."""
    titles = {"psnr": "PSNR, finite in both", "psnr_capped": "PSNR, capped", "ssim": "SSIM"}
    lines = []
    for key, title in titles.items():
        test = summary["tests"][key]
        found = []
        if test["t_p"] is not None:
            found.append(f"t = {test['t']:.2f}, p {p_text(test['t_p'])} (paired t-test)")
        if test["wilcoxon_p"] is not None:
            found.append(f"p {p_text(test['wilcoxon_p'])} (Wilcoxon)")
        if test["reason"]:
            found.append(test["reason"])
        lines.append(f"- {title} (n = {test['count']}): {'; '.join(found)}")
    return "\n".join(lines) + "\n"


def interval_text(interval: dict, form: str) -> str:
    """Return a mean and its interval as text; an upper end that JSON has no number for is infinite.

    >>> interval_text({"mean": 24.66, "low": 24.5, "high": 24.8}, ".1f")
    '24.7 [24.5, 24.8]'
    """
    if interval["mean"] is None:
        return "-"
    text = format(interval["mean"], form)
    if interval["low"] is None:
        return text
    high = "inf" if interval["high"] is None else format(interval["high"], form)
    return f"{text} [{format(interval['low'], form)}, {high}]"


def p_text(p: float) -> str:
    """Return a p-value as text, with its sign of relation.

    >>> p_text(0.0123), p_text(0.0)
    ('= 0.012', '< 1e-300')
    """
    return f"= {p:.2g}" if p > 1e-300 else "< 1e-300"


def _unit_range(pictures: np.ndarray) -> np.ndarray:
    return np.float32(pictures) / 255 if pictures.dtype == np.uint8 else np.float32(pictures)


def _capped(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return columns | {"psnr_capped": np.minimum(columns["psnr"], metrics.PSNR_CAP)}


def _intervals(columns: dict[str, np.ndarray]) -> dict:
    finite = {key: values[np.isfinite(values)] for key, values in columns.items()}
    return {key: mean_interval(values) | {"count": len(values)} for key, values in finite.items()}


def _with_mean_mse(columns: dict[str, np.ndarray]) -> dict:
    result = _intervals(columns)
    error = result["mse"]
    ends = {"mean": error["mean"], "low": error["high"], "high": error["low"]}
    return result | {"psnr_of_mean_mse": {key: _decibels(value) for key, value in ends.items()}}


def _decibels(error: float | None) -> float | None:
    """Return the PSNR of a mean squared error; None, as JSON has no infinity, where there is no error."""
    return -10 * float(np.log10(error)) if error else None
