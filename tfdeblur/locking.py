"""One run at a time in a folder: a lock that ends with its process, and the removal of what a killed run left."""

import contextlib
import functools
import json
import os
import re
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Iterator

from tfdeblur import storage

_HELD: set[int] = set()
"""Descriptors of the lock files that this process has open."""

_LEFT_OVER = re.compile(r"\.partial-[0-9a-f]{32}-?")
"""Names under which `storage.publish` writes a file that is not yet complete."""


@contextlib.contextmanager
def lock(folder: str, option: str = "--out") -> Iterator[None]:
    """Hold a folder for this process; another run that asks for it ends with an error.

    The folder is made if it does not exist, and removed again if nothing was written to it. The lock is a `flock` on a
    hidden file, which `storage.list_folder` leaves out. The system releases it when the process ends, however it ends;
    child processes do not keep it. Where folders cannot be locked the run goes on without: in buckets (TensorFlow's
    file layer has no atomic "create if absent") and on Windows silently, on file systems without `flock` with a line on
    stderr.

    Parameters
    ----------
    folder : str
        The folder, local or `gs://`.
    option : str
        The command's option that names the folder, for the error message.

    Raises
    ------
    ValueError
        Another run, or this one, holds the folder. The message says which process, and what to do.
    OSError
        The folder cannot be made or written to.
    """
    try:
        import fcntl
    except ImportError:
        fcntl = None
    if fcntl is None or storage.is_remote(folder):
        storage.make_folder(folder)
        yield
        return
    new = not os.path.exists(folder)
    path = os.path.join(folder, storage.LOCK)
    descriptor = _acquired(fcntl, folder, path, option)
    try:
        _write(descriptor)
        yield
    finally:
        _release(descriptor, path)
        if new:
            with contextlib.suppress(OSError):  # it is not empty
                os.rmdir(folder)


def clean(folder: str) -> None:
    """Remove the incomplete files of a run that was killed from a folder, not from the folders in it.

    To be called by the process that holds the folder's lock: the incomplete files of a running process look the same.
    """
    if storage.is_remote(folder) or not os.path.isdir(folder):  # a bucket shows complete objects only
        return
    with os.scandir(folder) as entries:
        left_over = [entry for entry in entries if _LEFT_OVER.match(entry.name)]
    for entry in left_over:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            storage.remove(entry.path)


def _acquired(fcntl, folder: str, path: str, option: str) -> int:
    """Return the descriptor of the lock file, locked."""
    while True:
        descriptor = _opened(folder, path)
        _HELD.add(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            _close(descriptor)
            raise ValueError(
                f"{folder} is in use by another run ({holder}); wait until it has ended, or choose another {option}"
            ) from None
        except OSError as error:
            print(
                f"note: {folder} cannot be locked ({error.strerror}); let no other run write to it meanwhile",
                file=sys.stderr,
            )
        except BaseException:
            _close(descriptor)
            raise
        if _is_at(descriptor, path):
            return descriptor
        _close(descriptor)  # the run before removed the file between opening and locking


def _opened(folder: str, path: str) -> int:
    """Open the lock file, making it and its folder as needed."""
    _forget_after_fork()
    while True:
        try:
            storage.make_folder(folder)
        except OSError as error:
            raise OSError(
                f"{folder} cannot be written to ({error.strerror or error}); choose another folder"
            ) from error
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except FileNotFoundError:  # the run that made the folder has just removed it
            continue
        except OSError as error:
            raise OSError(f"{folder} cannot be written to ({error.strerror}); choose another folder") from error


def _is_at(descriptor: int, path: str) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _write(descriptor: int) -> None:
    """Say in the lock file who holds it."""
    holder = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join(shlex.join([os.path.basename(sys.executable), *sys.orig_argv[1:]]).split()),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(descriptor: int) -> str:
    """Return who holds a lock file that this process has open, or that it does not say so."""
    try:
        said = json.loads(os.pread(descriptor, 65536, 0))
        command = said["command"] if len(said["command"]) <= 200 else said["command"][:200] + "..."
        return f"process {said['process']} on {said['host']} since {said['since']}: {command}"
    except (OSError, ValueError, KeyError, TypeError):
        return "which has just begun"


def _release(descriptor: int, path: str) -> None:
    """Remove the lock file and let go of it, unless a fork of this process comes here, which does not hold it."""
    if descriptor not in _HELD:
        return
    with contextlib.suppress(OSError):
        if _is_at(descriptor, path):
            os.unlink(path)
    _close(descriptor)


def _close(descriptor: int) -> None:
    _HELD.discard(descriptor)
    os.close(descriptor)


@functools.cache
def _forget_after_fork() -> None:
    """Have forks of this process close its lock files: a `flock` lasts until all copies of a descriptor are closed."""
    os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    while _HELD:
        os.close(_HELD.pop())
