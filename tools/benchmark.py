"""What each hot path costs, against its floor: `python -m tools.benchmark records|pipeline|train|...`."""

import argparse
import datetime
import sys
from collections.abc import Sequence

import tyro

from tfdeblur import provenance, storage
from tfdeblur.commandline import import_tensorflow, run
from tfdeblur.report import replaced


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a benchmark; print what it found as a table, or put it into a document between markers of its name."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--readme")
    ours, rest = parser.parse_known_args(arguments)
    if ours.readme and rest:  # a document that has no place for the table is found before minutes of work
        replaced(storage.read_text(ours.readme), "", ours.readme, rest[0])
    import_tensorflow()
    from tools.benchmarks import (
        chips,
        classical,
        estimation,
        feeding,
        inspection,
        pipeline,
        records,
        solver,
        train,
        video,
    )

    results = tyro.extras.subcommand_cli_from_dict(
        {
            "records": records.main,
            "pipeline": pipeline.main,
            "train": train.main,
            "classical": classical.main,
            "solver": solver.main,
            "estimation": estimation.main,
            "video": video.main,
            "inspection": inspection.main,
            "chips": chips.main,
            "feeding": feeding.main,
        },
        args=rest,
        prog="python -m tools.benchmark",
        description=f"{__doc__} --readme FILE: put the table between the lines <!-- NAME --> and <!-- /NAME -->.",
    )
    text = table(results, provenance.command("tools.benchmark", rest))
    if ours.readme:
        text = replaced(storage.read_text(ours.readme), text, ours.readme, rest[0])
        storage.write_text(ours.readme, text)
    else:
        print(text, end="")


def table(results: dict[str, float] | dict[str, dict[str, str]], command: str) -> str:
    """Return the figures as Markdown, with where they come from: a row each, or a row of figures each."""
    cells = {name: value.values() if isinstance(value, dict) else [f"{value:.3g}"] for name, value in results.items()}
    first = next(iter(results.values()))
    header = list(first) if isinstance(first, dict) else [""]
    rows = [f"| {' | '.join([name, *values])} |" for name, values in cells.items()]
    origin = f"{provenance.processor()}; {datetime.date.today()}; commit {provenance.commit()}"
    return "\n".join(
        [f"| {' | '.join([f'`{command}`', *header])} |", "|---" * (1 + len(header)) + "|", *rows, "", f"{origin}.", ""]
    )


if __name__ == "__main__":
    run(main)
