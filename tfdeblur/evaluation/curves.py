"""Curves of a run: everything its log holds, over the steps."""

from collections.abc import Sequence

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
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError("curves are drawn by matplotlib; install it with `pip install tfdeblur[plots]`") from error
    if not rows:
        raise ValueError("the log holds no line yet; there is one after the first validation")
    names = [name for name in rows[0] if name not in ("step", "epoch") and not name.startswith("val_")]
    lines = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(4.2 * COLUMNS, 2.8 * lines), layout="constrained")
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
