"""Tables and curves, made from what runs and evaluations have written, or computed here, and never typed in."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from tfdeblur import provenance, storage
from tfdeblur.commandline import import_tensorflow, run

DEPTH = 2
"""Folders below the ones given in which evaluations are looked for: runs, RUN, RUN/evaluation-DATA-SPLIT."""


@dataclass(frozen=True)
class Results:
    """Collect evaluations into one Markdown table, with the blurred input of every data set as its first row."""

    folders: tyro.conf.Positional[tuple[str, ...]]
    """Run folders, folders of run folders, or results of evaluations; local or gs://."""
    out: str | None = None
    """Markdown file to write. Without it and --readme the table is printed."""
    readme: str | None = None
    """Markdown file in which the lines between <!-- results --> and <!-- /results --> are replaced."""


def results(options: Results, command: str) -> None:
    """Write or print the table that the command line, given for the record, asks for."""
    text = f"{table(collect(options.folders))}\nMade by `{command}`.\n"
    if options.out:
        storage.write_text(options.out, text)
    if options.readme:
        storage.write_text(options.readme, replaced(storage.read_text(options.readme), text, options.readme, "results"))
    if not options.out and not options.readme:
        print(text, end="")


@dataclass(frozen=True)
class Curves:
    """Draw the log of each run as curves: losses, metrics and speed over the steps, in RUN/curves.png."""

    runs: tyro.conf.Positional[tuple[str, ...]]
    """Run folders, local or gs://."""


def curves(options: Curves, command: str) -> None:
    """Draw the curves of some runs and say where they are."""
    from tfdeblur.evaluation.curves import draw
    from tfdeblur.training.run_folder import read_log

    if not options.runs:
        raise ValueError("name the run folders whose logs are to be drawn, such as runs/sample")
    for folder in options.runs:
        if not storage.exists(storage.join(folder, "log.csv")):
            raise FileNotFoundError(f"{folder} has no log.csv, so it is not the folder of a run that has begun")
        path = storage.join(folder, "curves.png")
        with storage.publish(path) as temporary:
            draw(read_log(folder), Path(folder).name, temporary)
        print(f"wrote {path}")


@dataclass(frozen=True)
class ReportTable:
    """Compute the table of a report: NAME.json, NAME.md, NAME.csv and figures."""

    name: tyro.conf.Positional[str]
    """Whose table: kendall, kendall_defocus, kendall_phase2, king, levin, orlandi or patro."""
    out: str
    """Folder to write to, local or gs://."""
    data_dir: str | None = None
    """Where its data are; kendall, kendall_defocus: a folder of sharp photographs; kendall_phase2: a data set of pairs,
    whose test split is taken; king: tensorflow-datasets' data_dir with MNIST, which is downloaded without it; levin:
    the photographs of Levin et al. (2009); patro: a folder of textures, or a data set whose test split is taken."""
    limit: int | None = None
    """For a quick look, only so many pictures."""
    runs: str = "runs"
    """Folder of run folders: orlandi collects their evaluations, the others use their networks."""
    readme: str | None = None
    """Markdown file in which the lines between <!-- NAME --> and <!-- /NAME --> are replaced."""


def report_table(options: ReportTable, command: str) -> None:
    """Compute and write a table, and print it."""
    import_tensorflow()
    from tfdeblur.evaluation import tables
    from tfdeblur.evaluation.methods import Sources

    if options.readme:  # before the work: has it the markers?
        replaced(storage.read_text(options.readme), "", options.readme, options.name)
    text = tables.make(options.name, Sources(options.data_dir, options.limit, options.runs), options.out, command)
    if options.readme:
        document = replaced(storage.read_text(options.readme), text, options.readme, options.name)
        storage.write_text(options.readme, document)
    print(f"{text}\nwrote {storage.join(options.out, options.name)}.json, .md, .csv and .png")


COMMANDS = {"results": (Results, results), "curves": (Curves, curves), "table": (ReportTable, report_table)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    choices = {name: options for name, (options, _) in COMMANDS.items()}
    options = tyro.extras.subcommand_cli_from_dict(
        choices, args=arguments, prog="python -m tfdeblur.report", description=__doc__
    )
    action = next(action for kind, action in COMMANDS.values() if isinstance(options, kind))
    action(options, provenance.command("tfdeblur.report", arguments))


def collect(folders: Sequence[str]) -> list[dict]:
    """Return the summaries of all evaluations in and below some folders.

    Raises
    ------
    FileNotFoundError
        There is no such folder, or no evaluation in or below any of them.
    ValueError
        A summary cannot be read.
    """
    paths: dict[str, None] = {}
    for folder in folders:
        if not storage.is_folder(folder):
            raise FileNotFoundError(f"there is no folder {folder}; give run folders or results of tfdeblur.evaluate")
        paths |= dict.fromkeys(_summaries(folder.rstrip("/"), DEPTH))
    if not paths:
        where = ", ".join(folders) or "no folder"
        raise FileNotFoundError(
            f"no evaluation found in {where}; `python -m tfdeblur.evaluate RUN --data DIR` makes one"
        )
    return [_read(path) for path in paths]


def table(summaries: Sequence[dict]) -> str:
    """Return a Markdown table of evaluations, best last within each data set, and their commands below it."""
    lines = [
        "| data, split (pictures) | experiment | steps | PSNR, finite (pictures) | PSNR, capped | PSNR of the mean MSE "
        "| SSIM | MSE | training time | device | date | commit | command |",
        "|" + "---|" * 13,
    ]
    groups: dict[tuple, list[dict]] = {}
    for summary in summaries:
        groups.setdefault(_data(summary), []).append(summary)
    commands: list[str] = []
    for key in sorted(groups, key=str):
        found = sorted(groups[key], key=lambda summary: summary["output"]["psnr_capped"]["mean"])
        title = f"{key[0]}, {key[1]} ({key[2]:,})"
        lines.append(_row(title, "blurred input", "", found[0]["blurred"], *[""] * 5))
        for summary in found:
            commands.append(_commands(summary))
            lines.append(_row(title, *_row_cells(summary), f"({len(commands)})"))
    caps = sorted({summary["psnr_cap"] for summary in summaries})
    notes = [
        "PSNR in dB: mean over the pictures where it is finite, with their number; mean with every picture counting "
        f"{' or '.join(f'{cap:g}' for cap in caps)} dB at most; and of the mean squared error of all pictures.",
        *(f"({i}) {command}" for i, command in enumerate(commands, 1)),
    ]
    return "\n".join(lines) + "\n\n" + "  \n".join(notes) + "\n"


def replaced(document: str, text: str, name: str, section: str) -> str:
    """Return a document with the lines between a section's two markers replaced.

    Raises
    ------
    ValueError
        The markers are not there, once each and in order.
    """
    begin, end = f"<!-- {section} -->", f"<!-- /{section} -->"
    before, found, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end or begin in rest or end in after:
        raise ValueError(f"{name} needs the lines {begin} and {end}, once each and in this order, around the table")
    return f"{before}{begin}\n{text}{end}{after}"


def duration(seconds: float) -> str:
    """Return a time as text.

    >>> duration(42), duration(750), duration(7500)
    ('42 s', '12.5 min', '2 h 05 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


def _summaries(folder: str, depth: int) -> list[str]:
    names = storage.list_names(folder)
    found = [storage.join(folder, "summary.json")] if "summary.json" in names else []
    for name in names if depth else []:
        found += _summaries(storage.join(folder, name), depth - 1)
    return found


def _read(path: str) -> dict:
    try:
        summary = json.loads(storage.read_text(path))
        _data(summary), summary["output"]["psnr_capped"]["mean"], summary["psnr_cap"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the summary of an evaluation ({error!r}); evaluate again") from error
    return summary


def _data(summary: dict) -> tuple:
    """Return what evaluations share that were made on the same pictures, by the blurred input's own figures too."""
    return summary["data"], summary["split"], summary["pictures"], f"{summary['blurred']['mse']['mean']:.5g}"


def _row(title: str, experiment: str, steps: str, measures: dict, *cells: str) -> str:
    psnr, forms = measures["psnr"], {"psnr_capped": ".2f", "psnr_of_mean_mse": ".2f", "ssim": ".4f", "mse": ".3e"}
    values = [f"{_number(psnr['mean'], '.2f')} ({psnr['count']:,})"]
    values += [_number(measures[key]["mean"], form) for key, form in forms.items()]
    return "| " + " | ".join([title, experiment, steps, *values, *cells]) + " |"


def _row_cells(summary: dict) -> list:
    made = summary["run"] or {}
    name = Path(summary["model"]).name
    experiment = made.get("experiment", name)
    experiment += f" ({name})" if name != experiment else ""
    steps, best = made.get("step"), (made.get("best") or {}).get("step")
    shown = "" if steps is None else f"{steps:,}" + (f" (best: {best:,})" if best not in (None, steps) else "")
    seconds = made.get("seconds")
    time = "" if seconds is None else duration(seconds)
    device, commit = made.get("device") or summary["device"], made.get("commit") or summary["commit"] or ""
    return [experiment, shown, summary["output"], time, device, summary["date"][:10], commit]


def _commands(summary: dict) -> str:
    made = summary["run"] or {}
    parts = [f"`{part['command']}` up to step {part['until_step']:,}" for part in made.get("earlier", [])]
    return ", ".join([*parts, *(f"`{command}`" for command in (made.get("command"), summary["command"]) if command)])


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


if __name__ == "__main__":
    run(main)
