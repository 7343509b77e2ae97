"""What the commands share: their options, and errors a user can mend, which end in one line, not in a traceback."""

import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import tyro

from tfdeblur import config
from tfdeblur.naming import look_up

Options = TypeVar("Options")


def parse(options: type[Options], module: str, arguments: Sequence[str] | None, description: str) -> Options:
    """Parse a command line into a dataclass, whose fields are the options; errors and --help end the process.

    Parameters
    ----------
    options : type
        The dataclass. Its flags are false unless given.
    module : str
        The command, as `python -m` takes it.
    arguments : sequence of str, optional
        Arguments in place of the process' own.
    description : str
        What --help says above the options.
    """
    return tyro.cli(
        options,
        args=arguments,
        prog=f"python -m {module}",
        description=description,
        config=(tyro.conf.FlagCreatePairsOff,),
    )


def parse_experiment(options: type[Options], module: str, arguments: Sequence[str]) -> Options:
    """Parse a command line that names an experiment first, or means `sample`, and may then override its fields.

    Parameters
    ----------
    options : type
        A dataclass whose first field is the experiment.
    module, arguments
        As `parse` takes them.
    """
    from tfdeblur.experiments import EXPERIMENTS

    given = list(arguments)
    name = given.pop(0) if given and not given[0].startswith("-") else "sample"
    own = look_up(EXPERIMENTS, name, "experiment")
    parsed = tyro.cli(
        options,
        prog=f"python -m {module} {name}",
        description=f"Experiments: {', '.join(EXPERIMENTS)}. Fields of the experiment may be given as options.",
        default=options(own),
        args=given,
    )
    config.check_given(own, parsed.experiment)
    return parsed


def with_tpu_name(arguments: Sequence[str] | None) -> list[str]:
    """Let --tpu stand alone, which means that the TPU is to be found; None stands for the process' own arguments."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for i, argument in enumerate(given):
        if argument == "--tpu" and (i + 1 == len(given) or given[i + 1].startswith("-")):
            return [*given[: i + 1], "", *given[i + 1 :]]
    return given


def run(main: Callable[[Sequence[str] | None], int | None], arguments: Sequence[str] | None = None) -> None:
    """Call a command's `main` and exit: 0 when done, 1 after an error it explains, 130 after Ctrl-C.

    Parameters
    ----------
    main : callable
        Takes the arguments (None: those of the process) and returns an exit status or None.
    arguments : sequence of str, optional
        Arguments in place of the process' own.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # names of files may have bytes that are no text
    try:
        status = main(arguments) or 0
    except (ValueError, OSError, *_tensorflow_errors()) as error:
        print(f"error: {_explained(error)}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        status = 130
    sys.exit(status)


def printable(line: str) -> str:
    r"""Return a line with newlines, control characters and undecodable bytes of file names escaped.

    >>> printable("a\nb\udcff")
    'a\\nb\\udcff'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line)


def _tensorflow_errors() -> tuple[type[Exception], ...]:
    """Return what TensorFlow raises for files and buckets, where it has been imported at all."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return ()
    errors = tensorflow.errors
    return (
        errors.NotFoundError, errors.PermissionDeniedError, errors.UnauthenticatedError, errors.UnavailableError,
        errors.UnimplementedError, errors.DataLossError, errors.AbortedError,
    )  # fmt: skip


def _explained(error: Exception) -> str:
    """Return what to tell the user; TensorFlow says neither which file is damaged nor what to do."""
    said = " ".join(str(error).split()) if not isinstance(error, (ValueError, OSError)) else str(error)
    if "retry attempts failed" in said:
        return f"the bucket does not answer ({said}); run the same command again when it does, what is finished is kept"
    damage = re.search(r"(truncated|corrupted) record at \d+", str(error))
    if damage and not isinstance(error, (ValueError, OSError)):
        return (
            f"a shard of the data set is damaged ({damage[0]}); `python -m tools.inspect_tfrecords DIR` says which one "
            "and what to do"
        )
    return said


def import_tensorflow() -> None:
    """Import TensorFlow without the remarks on itself that it makes before it can be asked not to.

    Raises
    ------
    ValueError
        There is no TensorFlow, or not what Keras is to compute with; the message says how to install it.
    """
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend not in ("tensorflow", "jax"):
        raise ValueError(f"the variable KERAS_BACKEND is {backend!r}; set it to tensorflow or jax")
    if backend == "jax" and not importlib.util.find_spec("jax"):
        raise ValueError(
            'Keras is to compute with JAX (KERAS_BACKEND), which is not installed; pip install -e ".[jax]"'
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        # A TPU's library that does not fit TensorFlow's build for it ends the process here, and must be able to say so.
        if "tensorflow" in sys.modules or _installed("tensorflow-tpu"):
            import tensorflow  # noqa: F401
        else:
            with _without_stderr():
                import tensorflow  # noqa: F401
        if backend == "jax" and not tpu_attached() and not os.environ.get("TF_CONFIG"):  # hosts meet before JAX starts
            _start_jax()
    except ModuleNotFoundError as error:
        raise ValueError(
            f'{error}; install one build of TensorFlow: pip install -e ".[cpu]", ".[gpu]" or ".[tpu]"'
        ) from error


def tpu_attached() -> bool:
    """Whether a TPU is attached to this machine, or its environment says so."""
    found = [path for pattern in ("accel[0-9]*", "vfio/[0-9]*") for path in Path("/dev").glob(pattern)]
    return bool(found) or "TPU_ACCELERATOR_TYPE" in os.environ


def _start_jax() -> None:
    """Have JAX look for devices without what its library for TPUs says of there being none."""
    import jax

    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # else the library asks a server that never answers
    with _without_stderr():
        jax.devices()


def _installed(distribution: str) -> bool:
    try:
        return bool(importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        return False


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
