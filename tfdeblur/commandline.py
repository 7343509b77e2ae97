"""What the commands share: errors a user can mend end in one line, not in a traceback."""

import sys
from collections.abc import Callable, Sequence


def run(main: Callable[[Sequence[str] | None], int | None], arguments: Sequence[str] | None = None) -> None:
    """Call a command's `main` and exit: 0 when done, 1 after an error it explains, 130 after Ctrl-C.

    Parameters
    ----------
    main : callable
        Takes the arguments (None: those of the process) and returns an exit status or None.
    arguments : sequence of str, optional
        Arguments in place of the process' own.
    """
    try:
        status = main(arguments) or 0
    except (ValueError, OSError, *_tensorflow_errors()) as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        status = 130
    sys.exit(status)


def _tensorflow_errors() -> tuple[type[Exception], ...]:
    """Return what TensorFlow raises for files and buckets, where it has been imported at all."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return ()
    errors = tensorflow.errors
    return errors.NotFoundError, errors.PermissionDeniedError, errors.UnavailableError, errors.DataLossError
