"""What the commands share: errors a user can mend end in one line, not in a traceback."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


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


def import_tensorflow() -> None:
    """Import TensorFlow without the remarks on itself that it makes before it can be asked not to.

    Raises
    ------
    ValueError
        There is no TensorFlow; the message says how to install one.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        # A TPU's library that does not fit TensorFlow ends the process here, and must be able to say so.
        if "tensorflow" in sys.modules or importlib.util.find_spec("libtpu"):
            import tensorflow  # noqa: F401
        else:
            with _without_stderr():
                import tensorflow  # noqa: F401
    except ModuleNotFoundError as error:
        raise ValueError(
            f'{error}; install one build of TensorFlow: pip install -e ".[cpu]", ".[gpu]" or ".[tpu]"'
        ) from error


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Let nothing through to stderr, not from C++ either."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
