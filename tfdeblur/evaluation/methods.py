"""Methods compared on the same pictures: a row for each, with intervals, and tests between every two."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tfdeblur.evaluation.curves import Panel
from tfdeblur.evaluation.figures import decibels
from tfdeblur.evaluation.protocol import interval_text, p_text
from tfdeblur.evaluation.statistics import compare_all, mean_interval

FORMS = {
    "psnr": ".2f",
    "psnr_capped": ".2f",
    "ssim": ".4f",
    "mspe": ".3e",
    "mse": ".3e",
    "mae": ".4f",
    "ramp_rmse": ".3f",
    "sin_rmse": ".3f",
    "sin_y_rmse": ".3f",
    "accuracy": ".3f",
}
"""How measures are written in tables."""

TITLES = {
    "psnr": "PSNR, dB",
    "psnr_capped": "PSNR, capped, dB",
    "ssim": "SSIM",
    "mspe": "MSPE",
    "mse": "MSE",
    "mae": "MAE",
    "ramp_rmse": "RMSE, ramp",
    "sin_rmse": "RMSE, sin",
    "sin_y_rmse": "RMSE, sin y",
    "seconds": "run time, s",
    "training_seconds": "training, s",
    "training_cpu_seconds": "training, CPU s",
    "seconds_per_lambda": "training per lambda, s",
    "mspe_unclipped": "MSPE, unclipped",
    "validation_mspe": "MSPE, validation",
    "report_mspe": "MSPE in the report",
    "kernel_mse": "kernel error",
    "sigma_error": "sigma error",
    "least_gain_strong": "least gain, strong blur, dB",
    "least_gain_weak": "least gain, weak blur, dB",
    "report_psnr": "PSNR in the report, dB",
    "report_ssim": "SSIM in the report",
}
"""What columns are called in tables, where it is not their key."""


@dataclass(frozen=True)
class Sources:
    """Where a table's pictures and networks are.

    Attributes
    ----------
    data_dir : str, optional
        Folder of its pictures.
    limit : int, optional
        For a quick look, only so many of them.
    runs : str
        Folder of the run folders in which trained networks are looked for.
    """

    data_dir: str | None = None
    limit: int | None = None
    runs: str = "runs"

    def folder(self, of_what: str) -> str:
        """Return `data_dir`, or raise a ValueError that says what a folder is needed of."""
        if self.data_dir is None:
            raise ValueError(f"the table needs {of_what}: --data-dir FOLDER")
        return self.data_dir


@dataclass(frozen=True)
class Method:
    """What one method made of the pictures of a table.

    Attributes
    ----------
    name : str
        Its name in the table.
    values : mapping of str to numpy.ndarray, shape (n,)
        Measures of each picture, the same ones for every method; infinite where they are, NaN where there is none.
    shown : sequence of numpy.ndarray
        Its results for the pictures of the figure, `(H, W, C)`, uint8 or floats in [0, 1].
    facts : mapping
        The rest of its row. `seconds`, the run time over all pictures, is in every row; numbers and texts become
        columns of the table, lists are in the JSON file only.
    """

    name: str
    values: Mapping[str, np.ndarray]
    shown: Sequence[np.ndarray]
    facts: Mapping[str, object]


@dataclass(frozen=True)
class Table:
    """The methods of a table and what goes with them.

    Attributes
    ----------
    title : str
        What stands above the table and its figures.
    methods : sequence of Method
        In the order of the rows.
    shown : mapping of int to str
        Indices and names of the pictures of the figure.
    sharp : sequence of numpy.ndarray
        The sharp ones of these, or whatever is to be found: the last column of the figure.
    notes : str
        How the numbers are to be read, as Markdown.
    panels : mapping of str to sequence of Panel
        Further figures, by the end of their file's name.
    truth : str
        What stands below the last column.
    caption : str
        The measure that stands below each picture of the others.
    """

    title: str
    methods: Sequence[Method]
    shown: Mapping[int, str]
    sharp: Sequence[np.ndarray]
    notes: str
    panels: Mapping[str, Sequence[Panel]] = field(default_factory=dict)
    truth: str = "sharp"
    caption: str = "psnr"


def evenly_spread(count: int, limit: int | None) -> list[int]:
    """Return the indices of some of `count` things, from the first to the last, or of all.

    >>> evenly_spread(5, 3), evenly_spread(2, 3), evenly_spread(2, None)
    ([0, 2, 4], [0, 1], [0, 1])
    """
    chosen = count if limit is None else min(limit, count)
    return [int(index) for index in np.linspace(0, count - 1, chosen).round()]


def rows(table: Table) -> list[dict]:
    """Return the rows of a table.

    Parameters
    ----------
    table : Table
        Its methods, at least one.

    Returns
    -------
    list of dict
        One for each method: `method`; the mean of each measure over the pictures where it is finite, None where there
        is no such picture; the method's facts; `pictures`, their number; `intervals`, for each measure `low` and `high`
        (95 % bootstrap) and `count`, the finite ones; `tests`, for each method above this one and each measure what
        `compare_all` returns, this method minus that one, so that every two methods stand there once.
    """
    measures = list(table.methods[0].values)
    pairs = {key: compare_all({method.name: method.values[key] for method in table.methods}) for key in measures}
    return [_row(method, pairs) for method in table.methods]


def _row(method: Method, pairs: dict[str, list[dict]]) -> dict:
    intervals, tests = {}, {}
    for key, comparisons in pairs.items():
        values = np.asarray(method.values[key], np.float64)
        finite = values[np.isfinite(values)]
        intervals[key] = mean_interval(finite) | {"count": len(finite)}
        for pair in comparisons:
            if pair["method"] == method.name:
                test = {name: value for name, value in pair.items() if name not in ("method", "other")}
                tests.setdefault(pair["other"], {})[key] = test
    means = {key: interval["mean"] for key, interval in intervals.items()}
    facts = {"pictures": len(values), "intervals": intervals, "tests": tests}
    return {"method": method.name, **means, **method.facts, **facts}


def rows_markdown(rows: Sequence[dict]) -> str:
    """Return the rows as a Markdown table, with 95 % intervals."""
    measures, facts = list(rows[0]["intervals"]), _facts(rows)
    titles = ["method", *(TITLES.get(key, key.replace("_", " ")) for key in [*measures, *facts])]
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for row in rows:
        cells = [interval_text(row["intervals"][key], FORMS.get(key, ".4g")) for key in measures]
        cells += [_text(row.get(key)) for key in facts]
        lines.append(f"| {' | '.join([row['method'], *cells])} |")
    return "\n".join(lines) + "\n"


def measure_text(key: str, value: float) -> str:
    """Return a measure of one picture as text.

    >>> measure_text("psnr", 27.416), measure_text("ramp_rmse", 0.1234)
    ('27.42 dB', 'RMSE, ramp 0.123')
    """
    return decibels(value) if key == "psnr" else f"{TITLES.get(key, key)} {value:{FORMS.get(key, '.4g')}}"


def tests_markdown(rows: Sequence[dict]) -> str:
    """Return the comparisons of every two methods as a Markdown table."""
    lines = [
        "| measure | method | minus | difference | Cohen's d | n | t-test, p | p, Holm | Wilcoxon, p | p, Holm |",
        "|" + "---|" * 10,
    ]
    for key in rows[0]["intervals"]:
        for row in rows:
            for other, tests in row["tests"].items():
                test = tests[key]
                cells = [TITLES.get(key, key), row["method"], other]
                cells.append(interval_text(test["difference"], "+" + FORMS.get(key, ".4g")))
                cells += ["-" if test["cohen_d"] is None else f"{test['cohen_d']:+.2f}", str(test["count"])]
                names = ("t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm")
                cells += ["-" if test[name] is None else p_text(test[name]).removeprefix("= ") for name in names]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def rows_csv(rows: Sequence[dict]) -> str:
    """Return the rows as CSV: measures with their intervals, and the facts that are numbers or texts."""
    measures, facts = list(rows[0]["intervals"]), _facts(rows)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    ends = ("mean", "low", "high")
    columns = [key if end == "mean" else f"{key}_{end}" for key in measures for end in ends]
    writer.writerow(["method", "pictures", *columns, *facts])
    for row in rows:
        cells = [row["intervals"][key][end] for key in measures for end in ends]
        writer.writerow([row["method"], row["pictures"], *cells, *(row.get(key) for key in facts)])
    return file.getvalue()


def _facts(rows: Sequence[dict]) -> list[str]:
    """Return the keys, of any row, that are columns beside the measures."""
    other = {"method", "pictures", *rows[0]["intervals"]}
    keys = dict.fromkeys(key for row in rows for key, value in row.items() if not isinstance(value, (list, dict)))
    return [key for key in keys if key not in other]


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
