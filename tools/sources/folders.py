"""The folder that a source's files are in."""

import os
import sys
from collections.abc import Callable
from pathlib import PurePosixPath

from tfdeblur import storage
from tfdeblur.pictures.folders import Folder, special_kind


def source_folder(src: str | None, source: str) -> Folder:
    """Return the folder of a source, or say that there is none."""
    if src is None:
        raise ValueError(f"the source {source} needs --src, the folder of its pictures")
    if not storage.is_folder(src):
        kind = special_kind(src) if os.path.lexists(src) and not storage.is_remote(src) else None
        found = f"is a {kind or 'file'}" if kind or storage.exists(src) else "does not exist"
        raise FileNotFoundError(f"the folder of pictures {src} {found}; give an existing folder")
    return Folder(src)


def files_in(folder: Folder, accepts: Callable[[str], bool]) -> list[PurePosixPath]:
    """Return the paths within a folder of the files that a source takes, sorted, and say what is passed over.

    Raises
    ------
    PermissionError
        A folder in it cannot be read: the data set would lack what is in it.
    """
    found = folder.find(accepts)
    if found.unreadable:
        raise PermissionError(f"{found.unreadable[0]}; make it readable, or move it out of {folder.path}")
    if note := found.note(folder.path):
        print(note, file=sys.stderr)
    return found.paths
