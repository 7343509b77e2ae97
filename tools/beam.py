"""Shards written by Apache Beam: in processes of this machine, or on a cluster.

Each shard is written by one worker, by the function that writes it without Beam, so that the files are the same. What a
worker finds goes into a note beside the shard, which is read when all is over: an engine that loses elements, as Beam's
own `multi_threading` mode does, is found out.

Beam waits for ever for a worker process that has died. So where workers are processes of this machine, Beam runs in a
process of its own, the driver. The driver waits for the end of each worker; this process waits for the driver, and
kills the driver's whole process group when it ends.
"""

import argparse
import contextlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfdeblur import storage

if TYPE_CHECKING:  # importing TensorFlow costs seconds, and the driver does not need it
    from tools.items import Recipe
    from tools.plan import Shard

DONE = "done"
"""What the driver says when all shards are written."""

ENDING = 15
"""Seconds that the pipeline may take to end after it began to close its workers."""


def write(shards: list["Shard"], out: str, recipe: "Recipe", skip: bool, runner: str, flags: Sequence[str]) -> None:
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
        An image cannot be used, and `skip` is False; there is no Beam; or an option is none of Beam's.
    OSError
        A worker on this machine died, or could not write.
    """
    from tools.sharding import note_path

    tasks = [pickle.dumps((shard, out, recipe, skip)) for shard in shards]
    run = _run_driver if _has_processes(runner, flags) else _run_pipeline
    run(tasks, runner, flags)
    for shard in shards:
        note = note_path(out, shard)
        found = json.loads(storage.read_text(note)) if storage.exists(note) else {"error": f"{note} is missing"}
        if "error" in found:
            storage.remove(note)
            raise ValueError(found["error"])


def _run_pipeline(tasks: list[bytes], runner: str, flags: Sequence[str]) -> None:
    import apache_beam

    with apache_beam.Pipeline(_runner(runner), options=_options(runner, flags)) as pipeline:
        created = pipeline | "shards" >> apache_beam.Create(tasks) | apache_beam.Reshuffle()
        created | "write" >> apache_beam.Map(_write)


def _write(task: bytes) -> None:
    """Write a shard on a worker. An unusable image is noted down, because trying again would not help."""
    from tools.sharding import note_path, write_shard

    shard, out, recipe, skip = pickle.loads(task)
    try:
        write_shard(shard, out, recipe, skip)
    except ValueError as error:
        storage.write_text(note_path(out, shard), json.dumps({"error": str(error)}))


def _run_driver(*arguments) -> None:
    """Call `_run_pipeline` in a process group of its own, no process of which outlives this call.

    Raises
    ------
    OSError
        The pipeline failed, or one of the processes died. The message names the log of all processes.
    """
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")]
    with tempfile.NamedTemporaryFile(prefix="tfdeblur-beam-", suffix=".log", delete=False) as log:
        driver = subprocess.Popen(
            [sys.executable, "-c", "from tools import beam; beam.drive()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            start_new_session=True,
        )
        try:
            with contextlib.suppress(BrokenPipeError), driver.stdin:
                pickle.dump((os.getpid(), arguments), driver.stdin)
            said = driver.stdout.read().decode()  # until the driver ends
        except KeyboardInterrupt:
            storage.remove(log.name)
            raise
        finally:
            _kill_group(driver)
    if said == DONE:
        storage.remove(log.name)
        return
    said = said or f"the process that runs Apache Beam died (exit status {driver.returncode})"
    raise OSError(f"{said}; run the same command again, finished shards are kept (log: {log.name})")


def _kill_group(driver: subprocess.Popen) -> None:
    """Kill what is left of the driver's process group, before the driver's number can become another's."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(driver.pid, signal.SIGKILL)
    else:  # Windows
        driver.kill()
    driver.stdout.close()
    driver.wait()


def drive() -> None:
    """Run a pipeline as the driver process: arguments on stdin; on stdout `DONE`, or what went wrong."""
    answer = os.dup(1)  # workers do not inherit it, so it closes with this process
    os.dup2(2, 1)
    lock = threading.Lock()

    def end(said: str) -> None:
        """Answer once and exit, without waiting for threads of Beam's that wait for a dead worker."""
        with lock:
            os.write(answer, said.encode())
            os._exit(0)

    parent, arguments = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with, args=[parent], daemon=True).start()
    _watch_workers(end)
    try:
        _run_pipeline(*arguments)
    except Exception as error:  # Beam puts a worker's traceback into the text of its own error
        lines = str(error).strip().splitlines()
        end(f"Apache Beam failed ({lines[-1] if lines else type(error).__name__})")
    end(DONE)


def _end_with(parent: int) -> None:
    """Kill this process and its workers when the parent has ended, however that ended."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _watch_workers(end: Callable[[str], None]) -> None:
    """Have Beam start workers whose end, before the pipeline's, calls `end`."""
    from apache_beam.portability import python_urns
    from apache_beam.runners.portability import local_job_service
    from apache_beam.runners.portability.fn_api_runner import worker_handlers

    @worker_handlers.WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)
    class Watched(worker_handlers.SubprocessSdkWorkerHandler):
        closing = False

        def start_worker(self):
            self.worker = local_job_service.SubprocessSdkWorker(
                self._worker_command_line, self.control_address, self.provision_info, self.worker_id
            )
            self.worker_thread = threading.Thread(target=self._run, daemon=True)
            self.worker_thread.start()

        def close(self):
            self.closing = True
            super().close()

        def _run(self):
            try:
                self.worker.run()  # waits for the process
                said = "a worker died (it ended before its work)"
            except Exception as error:  # it could not be started, or its exit status is not 0
                said = f"a worker died ({error})"
            if self.closing:
                late = threading.Timer(ENDING, end, [said])
                late.daemon = True
                late.start()
            else:
                end(said)


def _has_processes(runner: str, flags: Sequence[str]) -> bool:
    """Whether the workers are processes of this machine; errors as of `write`."""
    logging.disable(logging.WARNING)  # Beam warns of optional packages
    try:
        from apache_beam.options.pipeline_options import DirectOptions
    except ImportError as error:
        raise ValueError('--runner needs Apache Beam; pip install "tfdeblur[beam]"') from error
    finally:
        logging.disable(logging.NOTSET)
    options = _options(runner, flags).view_as(DirectOptions)
    return runner == "DirectRunner" and options.direct_running_mode == "multi_processing"


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
