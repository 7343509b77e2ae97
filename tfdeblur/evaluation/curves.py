"""Curves: everything that the log of a run holds, over the steps; and one measure against another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNITS = {"psnr": "PSNR in dB", "ssim": "SSIM", "learning_rate": "learning rate", "samples_per_second": "samples/s"}
COLUMNS = 3


def draw(rows: Sequence[dict[str, str]], title: str, path: str) -> None:
    """Draw a panel for each column of a log, that of training and that of validation together, as a picture file.

    Parameters
    ----------
    rows : sequence of dict
        The log, as `run_folder.read_log` returns it.
    title : str
        What stands above.
    path : str
        File to write; its ending names the format.

    Raises
    ------
    ValueError
        The log is empty, or matplotlib is not installed.
    """
    if not rows:
        raise ValueError("the log holds no line yet; there is one after the first validation")
    names = [name for name in rows[0] if name not in ("step", "epoch") and not name.startswith("val_")]
    lines = -(-len(names) // COLUMNS)
    figure = find_matplotlib()(figsize=(4.2 * COLUMNS, 2.8 * lines), layout="constrained")
    figure.suptitle(title)
    steps = [int(row["step"]) for row in rows]
    for index, name in enumerate(names):
        panel = figure.add_subplot(lines, COLUMNS, index + 1)
        panel.set_title(UNITS.get(name, name.replace("_", " ")), fontsize="medium")
        for column, label in [(name, "training"), (f"val_{name}", "validation")]:
            values = [float(row.get(column) or "nan") for row in rows]
            if any(value == value for value in values):
                panel.plot(steps, values, marker="." if len(steps) < 50 else "", label=label)
        panel.set_xlabel("step")
        panel.grid(alpha=0.3)
        if f"val_{name}" in rows[0]:
            panel.legend(fontsize="small")
    figure.savefig(path, dpi=110)


@dataclass(frozen=True)
class Panel:
    """Some lines in one frame.

    Attributes
    ----------
    title, x, y : str
        What stands above and at the axes.
    lines : mapping of str to (sequence of float, sequence of float)
        Their points, by label.
    level : float, optional
        Where a dashed line lies.
    level_label : str
        What it is.
    logarithmic : bool
        Both axes are.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    level: float | None = None
    level_label: str = ""
    logarithmic: bool = False


def draw_panels(panels: Sequence[Panel], title: str, path: str) -> None:
    """Draw panels side by side as a picture file, whose ending names the format.

    Raises
    ------
    ValueError
        matplotlib is not installed.
    """
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    size = (6.3, 4.8) if len(panels) == 1 else (4.2 * columns, 3.2 * rows)
    figure = find_matplotlib()(figsize=size, layout="constrained")
    figure.suptitle(title, wrap=True)
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.set_title(panel.title, fontsize="medium")
        for label, (x, y) in panel.lines.items():
            axes.plot(x, y, marker=".", label=label)
        if panel.level is not None:
            axes.axhline(panel.level, color="0.4", linestyle="--", label=panel.level_label)
        if panel.logarithmic:
            axes.set_xscale("log")
            axes.set_yscale("log")
        axes.set_xlabel(panel.x)
        axes.set_ylabel(panel.y)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def find_matplotlib() -> type:
    """Return matplotlib's figure class.

    Raises
    ------
    ValueError
        It is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError("curves are drawn by matplotlib; install it with `pip install tfdeblur[plots]`") from error
    return Figure
