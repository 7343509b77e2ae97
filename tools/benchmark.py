"""`python -m tools.benchmark records|pipeline|train`: what each hot path costs, against what it cannot go below."""

import json
from collections.abc import Sequence

import tyro

from tfdeblur.commandline import run


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a benchmark and print what it found as JSON."""
    from tools.benchmarks import pipeline, records, train

    benchmarks = {"records": records.main, "pipeline": pipeline.main, "train": train.main}
    results = tyro.extras.subcommand_cli_from_dict(
        benchmarks, args=arguments, prog="python -m tools.benchmark", description=__doc__
    )
    print(json.dumps({key: round(value, 3) for key, value in results.items()}, indent=2))


if __name__ == "__main__":
    run(main)
