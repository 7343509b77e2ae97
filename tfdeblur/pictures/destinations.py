"""Which photographs a command line names, under which names their results go, and what speaks against that."""

import glob
import os
import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tfdeblur import locking, storage
from tfdeblur.pictures.folders import IMAGES, Folder, Found, is_image, special_kind
from tfdeblur.pictures.formats import SUFFIXES

LONGEST_NAME = 255
"""Bytes in a file's name where the file system does not say."""


@dataclass(frozen=True)
class Job:
    """One photograph to work on.

    Parameters
    ----------
    source, target : str
        Paths of the photograph and of its result.
    name : str
        Path of what else is made of it, but for an ending.
    problem : str, optional
        Why it has no place for its result.
    """

    source: str
    target: str
    name: str
    problem: str | None = None

    def beside(self, what: str) -> str:
        """Return where something else that is made of the photograph goes, without its suffix.

        >>> Job("a/one.jpg", "out/one.jpg", "out/one").beside("sigma")
        'out/one-sigma'
        """
        return f"{self.name}-{what}"

    @property
    def sheet(self) -> str:
        """The path of the sheet that compares photograph and result."""
        return f"{self.beside('compare')}.png"

    @property
    def real_source(self) -> str:
        """The photograph's path without symbolic links."""
        return os.path.realpath(self.source)

    def obstacle(self, files: Sequence[str], inputs: set[str], overwrite: bool) -> str | None:
        """Return why the `files` that are made of the photograph cannot be written, or None.

        Parameters
        ----------
        files : sequence of str
            Their paths.
        inputs : set of str
            All photographs, without symbolic links; none of them is replaced.
        overwrite : bool
            Whether files may be replaced.
        """
        if self.problem:
            return f"skipped: {self.source}: {self.problem}"
        for path in files:
            if reason := _obstacle(path, inputs, overwrite):
                return f"skipped: {self.source}: {reason}"
        return None


@dataclass(frozen=True)
class Pictures:
    """The photographs that a command line names.

    Parameters
    ----------
    found : tuple of (str, str)
        Each once: its path, and its path relative to the folder it was found in.
    notes : tuple of str
        Lines on what was passed over.
    unreadable : tuple of str
        Lines on folders that cannot be read, so that photographs may be missing.
    """

    found: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


def find_pictures(paths: Sequence[str], out: str) -> Pictures:
    """List the photographs named on a command line: files, folders with all below them, patterns.

    Files that are named are taken whatever they are; below folders and by patterns only images (`folders.is_image`).
    The folder of the results is left out where it lies inside another.

    Raises
    ------
    FileNotFoundError
        A path does not exist, or a pattern fits nothing.
    ValueError
        There is no picture at all, a path is neither a file nor a folder, or a folder is that of the results.
    """
    if not paths:
        raise ValueError("no photographs given; name files, folders or patterns such as 'trip/*.jpg'")
    found, notes, unreadable, among_patterns = {}, [], [], Found()
    for path in paths:
        named = os.path.lexists(path)
        matches = [path] if named else sorted(glob.glob(path, recursive=True))
        if not matches:
            raise FileNotFoundError(f"there is no {path}, neither a file or folder nor a pattern that fits one")
        for match in matches:
            kind = special_kind(match)
            if named and kind:
                raise ValueError(f"{path} is a {kind}; a file, a folder or a pattern is expected")
            if os.path.isdir(match):
                folder = Folder(match)
                listed = _inside(folder, out)
                entries = [(folder.full(relative), str(relative)) for relative in listed.paths]
                notes += [note] if (note := listed.note(match)) else []
                unreadable += listed.unreadable
            elif named or (not kind and is_image(match)):
                entries = [(match, os.path.basename(match))]
            else:
                entries = []
                among_patterns.pass_over(match, kind)
            for file, relative in entries:
                found.setdefault(os.path.realpath(file), (file, relative))
    if note := among_patterns.note("what the patterns fit"):
        notes.append(note)
    if not found:
        empty = "" if notes or unreadable else "; there is nothing in it" if len(paths) == 1 else "; they are empty"
        reasons = [*unreadable, *(note.removeprefix("note: ") for note in notes)]
        said = f" ({'; '.join(reasons)})" if reasons else ""
        raise ValueError(f"no pictures ({' '.join(sorted(IMAGES))}) in {', '.join(paths)}{empty}{said}")
    return Pictures(tuple(found.values()), tuple(notes), tuple(unreadable))


def _inside(folder: Folder, out: str) -> Found:
    """Find the images in a folder, those of the results left out."""
    if folder.place == os.path.realpath(out):
        raise ValueError(
            f"{folder.path} is the folder of the results, too, which would be taken for photographs the next time; "
            f"choose another --out, such as {os.path.join(folder.path, 'sharp')}"
        )
    return folder.find(is_image, os.path.realpath(out))


def plan(pictures: Sequence[tuple[str, str]], out: str, format: str | None = None) -> list[Job]:
    """Choose where each result goes: its name below `out`, and more of its path where several have the same.

    Names that differ in Unicode's normal form count as the same, and so do those that differ in case where `out` is on
    a file system that ignores it. Of photographs whose results would still have one name, the first is worked on; the
    others have a `problem`.
    """
    same = _names_compared(out)
    targets = [_renamed(relative, format) for _, relative in pictures]
    doubles = _doubles(map(same, targets))
    if doubles:
        clashing = [os.path.realpath(pictures[i][0]) for i, target in enumerate(targets) if same(target) in doubles]
        common = os.path.commonpath([os.path.dirname(path) for path in clashing])
        for i, (file, _) in enumerate(pictures):
            if same(targets[i]) in doubles:
                targets[i] = _renamed(os.path.relpath(os.path.realpath(file), common), format)
    stems = [os.path.splitext(target)[0] for target in targets]
    all_targets = set(map(same, targets))
    shared = _doubles(map(same, stems)) | {same(stem) for stem in stems if same(f"{stem}-compare.png") in all_targets}
    jobs, taken = [], {}
    for (file, _), target, stem in zip(pictures, targets, stems, strict=True):
        base = target if same(stem) in shared else stem
        job = Job(file, os.path.join(out, target), os.path.join(out, base))
        first = taken.setdefault(same(target), job)
        if first is not job:
            problem = f"its result would have the name of that of {first.source}, {first.target}; give it another --out"
            job = replace(job, problem=problem)
        jobs.append(job)
    return jobs


def report_found(pictures: Pictures) -> None:
    """Print what was passed over, and which folders cannot be read."""
    for line in (*pictures.notes, *(f"error: {line}" for line in pictures.unreadable)):
        print(line, file=sys.stderr)


def clean(jobs: Iterable[Job]) -> None:
    """Remove what killed runs left beside the results; the caller holds the lock of their common folder."""
    for folder in {os.path.dirname(job.target) for job in jobs}:
        locking.clean(folder)


def check_room(jobs: Sequence[Job], out: str) -> None:
    """Raise an OSError if the file system of `out` certainly lacks room for the results.

    A result is taken to have at least half the bytes of a compressed photograph, and a sixteenth of others.
    """
    needed = 0
    for job in jobs:
        plain = os.path.splitext(job.source)[1].lower() in (*SUFFIXES["tiff"], *SUFFIXES["bmp"], *SUFFIXES["ppm"])
        kept = os.path.splitext(job.source)[1].lower() == os.path.splitext(job.target)[1].lower()
        needed += os.path.getsize(job.source) // (2 if kept and not plain else 16)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise OSError(
            f"{out} has {free / 1e6:.1f} MB of room, and the results need at least {needed / 1e6:.1f} MB; make room or "
            "choose another --out"
        )


def _obstacle(path: str, inputs: set[str], overwrite: bool) -> str | None:
    folder = os.path.dirname(path)
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder) or "."
    longest = _longest_name(folder)
    if too_long := [part for part in PurePosixPath(path).parts if len(os.fsencode(part)) > longest]:
        found = len(os.fsencode(too_long[0]))
        return f"the name {too_long[0]} has {found} bytes, {longest} are the most there; rename the photograph"
    if not os.path.isdir(folder):
        return f"{folder} is a file, and {path} needs a folder of that name; choose another --out"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} cannot be written to; choose another --out"
    if os.path.realpath(path) in inputs:
        return f"its result would replace an input, {path}; choose another --out"
    if os.path.isdir(path) or special_kind(path) not in (None, "broken link"):
        return f"{path} is there and no file; choose another --out"
    if os.path.lexists(path) and not overwrite:
        return f"{path} exists (use --overwrite to replace it)"
    if os.path.exists(path) and not os.access(path, os.W_OK):
        return f"{path} is write-protected; choose another --out"
    return None


def _longest_name(folder: str) -> int:
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):
        return LONGEST_NAME


def _names_compared(out: str):
    """Return a function on names that makes those equal which name one file in `out`."""
    lock = os.path.join(out, storage.LOCK)
    ignores_case = os.path.exists(lock) and os.path.exists(os.path.join(out, storage.LOCK.upper()))

    def same(name: str) -> str:
        composed = unicodedata.normalize("NFC", name)
        return composed.casefold() if ignores_case else composed

    return same


def _renamed(name: str, format: str | None) -> str:
    stem, suffix = os.path.splitext(name)
    if format is None or suffix.lower() in SUFFIXES[format]:
        return name
    return (stem if suffix.lower() in IMAGES else name) + SUFFIXES[format][0]


def _doubles(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}
