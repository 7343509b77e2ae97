"""Models in `.keras` files, which may come from anywhere: damage and code are found before anything is loaded.

Keras runs no code of such a file by itself as long as its `safe_mode` is on, as it is here. These checks say in a line
what is wrong, and refuse what would unpack to far more than the file.
"""

import json
import zipfile
from collections.abc import Iterator

from tfdeblur import storage

MODEL_KINDS = "a run folder, a .keras file or an exported SavedModel folder"

UNPACKED = 100
"""How many times larger than the file its content may be; weights hardly shrink at all."""

OWN = "tfdeblur>"
"""What the registered names of this package's layers begin with."""

RUNS_CODE = {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
"""Keras' classes that run code of the file, or of another file that it names."""


def check(path: str, name: str | None = None) -> None:
    """Check a `.keras` file before it is loaded.

    Parameters
    ----------
    path : str
        The file, local or in a bucket.
    name : str, optional
        What it is called in messages, if not by its path.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is damaged, unpacks to far more than its size, or holds code.
    """
    name = name or path
    with storage.opened(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                damaged = _too_large(archive, file) or _damaged_part(archive)
                config = None if damaged else json.loads(archive.read("config.json"))
        except Exception as error:  # zipfile and zlib raise nearly anything
            raise ValueError(
                f"{name} is not a model but something else, or damaged ({str(error)[:200]}); a model is {MODEL_KINDS}"
            ) from error
    if damaged:
        raise ValueError(f"{name} is damaged: {damaged}")
    for part in _parts(config):
        kind, module = part.get("class_name"), part.get("module")
        if kind in RUNS_CODE:
            raise ValueError(f"{name} holds code ({kind}), which loading it would run; it is refused")
        ours = str(part.get("registered_name")).startswith(OWN)
        if isinstance(module, str) and module.split(".")[0] not in ("keras", "builtins") and not ours:
            raise ValueError(f"{name} needs {module}.{kind}, which is not part of Keras or tfdeblur; it is refused")


def _too_large(archive: zipfile.ZipFile, file) -> str | None:
    """Return what is wrong if the content is far larger than the file."""
    unpacked, packed = sum(part.file_size for part in archive.infolist()), file.seek(0, 2) or file.tell()
    if unpacked > UNPACKED * packed + 2**20:
        return f"its {packed:,} bytes would unpack to {unpacked:,}"
    return None


def _damaged_part(archive: zipfile.ZipFile) -> str | None:
    """Return what is wrong if a part does not fit its checksum, or has a name outside of the archive."""
    outside = [part for part in archive.namelist() if part.startswith(("/", "\\")) or ".." in part]
    if outside:
        return f"it holds a file named {outside[0]!r}"
    damaged = archive.testzip()
    return f"its {damaged} does not fit its checksum" if damaged else None


def _parts(config) -> Iterator[dict]:
    """Yield all dicts in a configuration, from outside to inside."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
