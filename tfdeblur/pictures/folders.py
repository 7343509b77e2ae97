"""Folders of files, local or in a bucket, and the images in them: the one walk of every command.

Hidden files and folders are left out. Links to folders are followed, and a link back to where it comes from ends there.
Named pipes, sockets and devices are never opened.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from tfdeblur import storage
from tfdeblur.commandline import printable
from tfdeblur.pictures.formats import HEAD, SUFFIXES, recognise

IMAGES = frozenset(sum(SUFFIXES.values(), ()))
"""Files with these suffixes, in either case, are taken for images."""
CERTAIN = ("jpeg", "png", "tiff", "webp", "gif")
"""Formats whose first bytes suffice to take a file of any other name for an image."""
SPECIAL = {stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}


@dataclass
class Found:
    """What was found in a folder and the folders in it.

    Attributes
    ----------
    paths : list of PurePosixPath
        Paths of the accepted files within the folder.
    passed_over : Counter
        How many other files there are of each kind.
    unreadable : list of str
        Lines on folders that cannot be read.
    """

    paths: list[PurePosixPath] = field(default_factory=list)
    passed_over: Counter = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)

    def pass_over(self, file: str, kind: str | None) -> None:
        """Count a file that is not accepted, by the kind of special file that it is or else by its suffix."""
        self.passed_over[kind or os.path.splitext(file)[1].lower() or "without a suffix"] += 1

    def note(self, folder: str) -> str | None:
        """Return a line on what was passed over, None if nothing was."""
        if not self.passed_over:
            return None
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.passed_over.items()))
        return printable(f"note: passed over in {folder}: {kinds}")


class Folder:
    """A folder and what is in it, without hidden files and folders; listed once and only when it is asked for.

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
        return os.path.basename(self.place.rstrip("/"))

    @property
    def place(self) -> str:
        """Its path, of a local one without links."""
        return self.path if storage.is_remote(self.path) else os.path.realpath(self.path)

    def holds(self, path: PurePosixPath) -> bool:
        """Whether there is a file of this path within."""
        if len(path.parts) == 1:
            return path.name in self.files
        first = self.folders.get(path.parts[0])
        return first is not None and first.holds(PurePosixPath(*path.parts[1:]))

    def full(self, path: PurePosixPath) -> str:
        """Return the full path of what has this path within."""
        return storage.join(self.path, *path.parts)

    def find(self, accepts: Callable[[str], bool], without: str | None = None) -> Found:
        """Find files in it and its folders.

        Parameters
        ----------
        accepts : callable
            Takes the full path of a regular file; whether to list it.
        without : str, optional
            Full path, without links, of a folder to leave out.

        Returns
        -------
        Found
            Its paths are sorted.
        """
        found = Found()
        for path in self._walk(found, frozenset([without])):
            file = self.full(path)
            kind = special_kind(file)
            if kind is None and accepts(file):
                found.paths.append(path)
            else:
                found.pass_over(file, kind)
        found.paths.sort(key=lambda path: path.parts)
        return found

    def _walk(self, found: Found, above: frozenset[str]) -> Iterator[PurePosixPath]:
        if self.place in above:
            return
        try:
            folders = self.folders
        except OSError as error:
            found.unreadable.append(f"{self.path} cannot be read ({error.strerror or error})")
            return
        yield from map(PurePosixPath, self.files)
        for name, folder in folders.items():
            for path in folder._walk(found, above | {self.place}):
                yield name / path


def special_kind(file: str) -> str | None:
    """Return what a local file is if it is neither a regular file nor a folder, such as "named pipe"."""
    if storage.is_remote(file):
        return None
    try:
        return SPECIAL.get(stat.S_IFMT(os.stat(file).st_mode))
    except OSError:
        return "broken link"


def is_image(file: str) -> bool:
    """Return whether a file is taken for an image: by its suffix, or a local one of another name by its content."""
    if os.path.splitext(file)[1].lower() in IMAGES:
        return True
    if storage.is_remote(file):
        return False
    try:
        with open(file, "rb") as opened:
            return recognise(opened.read(HEAD), file) in CERTAIN
    except (OSError, ValueError):
        return False
