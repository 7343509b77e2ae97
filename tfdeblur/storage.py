"""Files on a local disk or in a bucket (`gs://`), written so that a name appears only when its content is complete."""

import ctypes
import errno
import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LOCK = ".tfdeblur.lock"
"""Name of the file by which `locking.lock` holds a folder; listings leave it out."""


def is_remote(path: str) -> bool:
    """Whether `path` names an object in a bucket rather than a local file."""
    return "://" in str(path)


def join(folder: str, *names: str) -> str:
    """Join a folder and names with the separator that the folder's kind of path uses."""
    if is_remote(folder):
        return "/".join([str(folder).rstrip("/"), *names])
    return os.path.join(folder, *names)


def exists(path: str) -> bool:
    """Whether a file or a folder has this name."""
    return _gfile().exists(path) if is_remote(path) else os.path.exists(path)


def is_folder(path: str) -> bool:
    """Whether `path` is a folder."""
    return _gfile().isdir(path) if is_remote(path) else os.path.isdir(path)


def list_names(folder: str) -> list[str]:
    """Return the sorted names in a folder, and an empty list where there is no such folder."""
    return sorted(sum(list_folder(folder), [])) if is_folder(folder) else []


def list_folder(folder: str) -> tuple[list[str], list[str]]:
    """Return the sorted names of the folders in a folder, and of the files.

    A bucket's come in a few requests, however many there are: it marks folders by a slash.
    """
    if is_remote(folder):
        names = [name for name in _gfile().listdir(folder) if name.strip("/")]
        folders = sorted(name.rstrip("/") for name in names if name.endswith("/"))
        return folders, sorted(name for name in names if not name.endswith("/"))
    with os.scandir(folder) as entries:
        found = sorted((entry.name, os.path.isdir(entry.path)) for entry in entries if entry.name != LOCK)
    return [name for name, inner in found if inner], [name for name, inner in found if not inner]


def make_folder(path: str) -> None:
    """Make a folder with its parents; nothing happens where it exists.

    Raises
    ------
    OSError
        It cannot be made there.
    """
    if is_remote(path):
        _gfile().makedirs(path)
        return
    try:
        os.makedirs(path, exist_ok=True)
    except FileExistsError as error:
        raise FileExistsError(f"{path} is a file; a folder is needed") from error


def remove(path: str) -> None:
    """Remove a file; nothing happens where there is none."""
    if is_remote(path):
        if exists(path):
            _gfile().remove(path)
    else:
        Path(path).unlink(missing_ok=True)


def read_bytes(path: str) -> bytes:
    """Return the content of a file.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with opened(path) as file:
        return file.read()


def read_text(path: str) -> str:
    """Return the content of a UTF-8 file."""
    return read_bytes(path).decode()


def write_text(path: str, text: str) -> None:
    """Write a UTF-8 file whole or not at all."""
    with publish(path) as temporary:
        Path(temporary).write_bytes(text.encode())


def write_json(path: str, content: dict) -> None:
    """Write a dict as JSON, whole or not at all, with a checksum by which `read_json` finds damage."""
    write_text(path, json.dumps(content | {"checksum": _checksum(content)}, indent=2) + "\n")


def read_json(path: str) -> dict:
    """Return the dict that a JSON file holds, without its checksum. A file without a checksum is read as it is.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is damaged: not a JSON object, or one that does not fit its checksum.
    """
    try:
        content = json.loads(read_text(path))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged: it is not a JSON object")
    checksum = content.pop("checksum", None)
    if checksum is not None and checksum != _checksum(content):
        raise ValueError(f"{path} is damaged or was edited: its content does not fit its checksum")
    return content


def _checksum(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sha256(path: str) -> str:
    """Return the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with opened(path) as file:
        while part := file.read(2**20):
            digest.update(part)
    return digest.hexdigest()


def set_aside(path: str) -> str:
    """Give a damaged file another name in its folder, ending in `.damaged`, and return that name."""
    aside, count = f"{path}.damaged", 1
    while exists(aside):
        count += 1
        aside = f"{path}.damaged-{count}"
    if is_remote(path):
        _gfile().rename(path, aside)
    else:
        os.rename(path, aside)
    return aside


@contextmanager
def publish(path: str) -> Iterator[str]:
    """Yield a local name to write to; on success its file appears under `path`, on failure nothing does.

    A local file is synced and renamed within its folder, which is atomic. An object in a bucket is uploaded
    in one piece, and a bucket shows an object only when its upload is complete.

    Raises
    ------
    OSError
        It cannot be written there; on a full disk the message names the folder.
    """
    folder = tempfile.gettempdir() if is_remote(path) else os.path.dirname(os.path.abspath(path))
    make_folder(folder)
    temporary = os.path.join(folder, temporary_name(path))
    try:
        yield temporary
        if is_remote(path):
            _gfile().copy(temporary, path, overwrite=True)
        else:
            _sync(temporary)
            os.replace(temporary, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(f"{folder} has no room left for {os.path.basename(path)}; make room and repeat") from error
        raise
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def publish_folder(path: str) -> Iterator[str]:
    """Yield the name of a local folder that does not exist yet; on success it takes the place of the folder `path`.

    On Linux the exchange is atomic. Only the process that holds the lock of `path` may call it: what a killed one left
    beside it is removed first.
    """
    path = os.path.abspath(path)
    name = hashlib.sha256(os.fsencode(os.path.basename(path))).hexdigest()[:32]
    temporary = os.path.join(os.path.dirname(path), f".partial-folder-{name}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        yield temporary
        if not os.path.exists(path):
            os.replace(temporary, path)
        elif not _exchanged(temporary, path):
            former = f"{temporary}-former"
            os.replace(path, former)
            os.replace(temporary, path)
            shutil.rmtree(former)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _exchanged(one: str, other: str) -> bool:
    """Exchange two names at once, by Linux' renameat2; return whether the system could."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def temporary_name(path: str) -> str:
    """Return a new name for a file that is not yet complete, which `locking.clean` recognises.

    It keeps the suffix, by which Keras and Pillow choose a format, and is short: names are limited in length. Keras
    asks for `.weights.h5`, so two suffixes are kept where they are short.
    """
    suffixes = Path(path).suffixes
    kept = [found for found in ("".join(suffixes[-2:]), "".join(suffixes[-1:])) if len(found) <= 16]
    return f".partial-{uuid.uuid4().hex}{kept[0] if kept else ''}"


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a file to be read, in any order; what goes wrong with a bucket is an OSError, as with a disk."""
    if not is_remote(path):
        with open(path, "rb") as file:
            yield file
        return
    import tensorflow as tf

    try:
        with _gfile().GFile(path, "rb") as file:
            yield file
    except tf.errors.OpError as error:
        raise OSError(f"{path}: {' '.join(error.message.split())}") from error


@contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Yield a local name under which the content of `path` can be read by libraries that know no buckets."""
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, path.rsplit("/", 1)[-1])
        _gfile().copy(path, copy)
        yield copy


def _sync(path: str) -> None:
    """Have the disk hold the content before the name does, so that a power cut leaves no empty file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _gfile():
    """TensorFlow's file layer, imported only where a bucket is spoken to."""
    import tensorflow as tf

    return tf.io.gfile
