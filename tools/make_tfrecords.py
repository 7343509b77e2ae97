"""Make a data set of TFRecord shards: `python -m tools.make_tfrecords SOURCE --out DIR`."""

import sys
from collections.abc import Sequence

import tyro

from tfdeblur.commandline import import_tensorflow, run

DESCRIPTION = """Make pairs of blurred and sharp pictures into TFRecord shards with a manifest. The same command again
goes on where it was stopped; the same options and pictures give the same bytes, whatever --workers is."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a data set as the arguments say."""
    from tools.options import Options

    given = list(sys.argv[1:] if arguments is None else arguments)
    named = {"prog": "python -m tools.make_tfrecords", "description": DESCRIPTION}
    flags = []
    if any(argument.partition("=")[0] == "--runner" for argument in given):
        options, flags = tyro.cli(Options, args=given, return_unknown_args=True, **named)
    else:
        options = tyro.cli(Options, args=given, **named)
    command = ["python", "-m", "tools.make_tfrecords", *given]
    import_tensorflow()
    from tools.dataset import make

    print(make(options, command, flags))


if __name__ == "__main__":
    run(main)
