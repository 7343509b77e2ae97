"""Shards written by Apache Beam: in processes of this machine, or on a cluster.

Each shard is written by one worker, by the function that writes it without Beam, so that the files are the same. What a
worker finds goes into a note beside the shard, which is read when all is over: an engine that loses elements, as Beam's
own `multi_threading` mode does, is found out.
"""

import argparse
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tfdeblur import storage
from tools.items import Recipe
from tools.plan import Shard
from tools.sharding import note_path, write_shard


def write(shards: list[Shard], out: str, recipe: Recipe, skip: bool, runner: str, flags: Sequence[str]) -> None:
    """Write shards.

    Parameters
    ----------
    shards, out, recipe, skip
        As `tools.sharding.write_shards` takes them.
    runner : str
        One of `tools.options.RUNNERS`.
    flags : sequence of str
        Beam's own options, as on a command line.

    Raises
    ------
    ValueError
        An item cannot be used, and `skip` is False; there is no Beam; or an option is none of Beam's.
    OSError
        A worker on this machine died.
    """
    try:
        import apache_beam
    except ImportError as error:
        raise ValueError('--runner needs Apache Beam; pip install "tfdeblur[beam]"') from error
    with _watched(), apache_beam.Pipeline(_runner(runner), options=_options(runner, flags)) as pipeline:
        created = pipeline | "shards" >> apache_beam.Create(shards) | apache_beam.Reshuffle()
        created | "write" >> apache_beam.Map(_write, out, recipe, skip)
    for shard in shards:
        note = note_path(out, shard)
        found = json.loads(storage.read_text(note)) if storage.exists(note) else {"error": f"{note} is missing"}
        if "error" in found:
            storage.remove(note)
            raise ValueError(found["error"])


def _write(shard: Shard, out: str, recipe: Recipe, skip: bool) -> None:
    """Write a shard on a worker; what is wrong with an item is not mended by trying again, so it is noted down."""
    try:
        write_shard(shard, out, recipe, skip)
    except ValueError as error:
        storage.write_text(note_path(out, shard), json.dumps({"error": str(error)}))


@contextmanager
def _watched() -> Iterator[None]:
    """Have the death of a worker end the run: Beam's direct runner would wait for what it had to do for ever."""
    died, ended, otherwise = [], threading.Event(), threading.excepthook

    def insist():
        main = threading.main_thread()
        while not ended.wait(5):  # a single interruption may be lost in what Beam does when it ends
            signal.pthread_kill(main.ident, signal.SIGINT)
        main.join()
        time.sleep(10)  # for threads of Beam's that wait for the worker, as Python then waits for them
        os._exit(1)

    def note(failed):
        otherwise(failed)
        by_ctrl_c = str(failed.exc_value).endswith((" -2", " 130"))  # which ends this process by itself
        if failed.thread and failed.thread.name == "run_worker" and not by_ctrl_c:
            died.append(failed.exc_value)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            threading.Thread(target=insist, daemon=True).start()

    threading.excepthook = note
    try:
        yield
    except KeyboardInterrupt:
        ended.set()
        if not died:
            raise
        raise OSError(f"a worker died ({died[0]}); run the same command again, finished shards are kept") from died[0]
    finally:
        ended.set()
        threading.excepthook = otherwise


def _runner(name: str):
    """Return a runner; the direct one without its detour over Prism, a program that it would download."""
    if name != "DirectRunner":
        return name
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

    return FnApiRunner()


def _options(runner: str, flags: Sequence[str]):
    from apache_beam.options import pipeline_options

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for group in pipeline_options.PipelineOptions.__subclasses__():
        group._add_argparse_args(parser)
    known, unknown = parser.parse_known_args(list(flags))
    if unknown:
        raise ValueError(f"{unknown[0]} is neither an option of make_tfrecords nor of Beam's {runner}")
    if known.direct_running_mode == "multi_threading":
        raise ValueError("--direct_running_mode multi_threading loses elements; use in_memory or multi_processing")
    return pipeline_options.PipelineOptions(list(flags))
