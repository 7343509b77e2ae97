"""Folders of a source, local or in a bucket, each listed once and only when it is asked for."""

import os
from collections.abc import Iterator, Set
from functools import cached_property
from pathlib import PurePosixPath

from tfdeblur import storage


class Folder:
    """A folder and what is in it, without hidden files and folders.

    Parameters
    ----------
    path : str
        Local, or gs://.
    """

    def __init__(self, path: str):
        self.path = path if storage.is_remote(path) else os.path.normpath(path)

    @cached_property
    def _listed(self) -> tuple[list[str], list[str]]:
        folders, files = storage.list_folder(self.path)
        return tuple([name for name in names if not name.startswith(".")] for names in (folders, files))

    @cached_property
    def folders(self) -> dict[str, "Folder"]:
        """The folders in it, by name, sorted."""
        return {name: Folder(storage.join(self.path, name)) for name in self._listed[0]}

    @property
    def files(self) -> list[str]:
        """The names of the files in it, sorted."""
        return self._listed[1]

    @property
    def name(self) -> str:
        """Its own name, of a local one that behind links."""
        return os.path.basename(self._place.rstrip("/"))

    def holds(self, path: PurePosixPath) -> bool:
        """Whether there is a file of this path within."""
        if len(path.parts) == 1:
            return path.name in self.files
        first = self.folders.get(path.parts[0])
        return first is not None and first.holds(PurePosixPath(*path.parts[1:]))

    def find(self, suffixes: Set[str]) -> list[PurePosixPath]:
        """Return the paths within of the files with such suffixes, in either case, in it and its folders, sorted."""
        found = (path for path in self._walk(frozenset()) if path.suffix.lower() in suffixes)
        return sorted(found, key=lambda path: path.parts)

    def full(self, path: PurePosixPath) -> str:
        """Return the full path of what has this path within."""
        return storage.join(self.path, *path.parts)

    def _walk(self, above: frozenset[str]) -> Iterator[PurePosixPath]:
        if self._place in above:  # a link back to where we come from
            return
        yield from map(PurePosixPath, self.files)
        for name, folder in self.folders.items():
            for path in folder._walk(above | {self._place}):
                yield name / path

    @property
    def _place(self) -> str:
        return self.path if storage.is_remote(self.path) else os.path.realpath(self.path)


def source_folder(src: str | None, source: str) -> Folder:
    """Return the folder of a source, or say that there is none."""
    if src is None:
        raise ValueError(f"the source {source} needs --src, the folder of its pictures")
    if not storage.is_folder(src):
        found = "is a file" if storage.exists(src) else "does not exist"
        raise FileNotFoundError(f"the folder of pictures {src} {found}; give an existing folder")
    return Folder(src)
