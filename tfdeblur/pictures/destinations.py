"""Which photographs a command line names, and under which names their results go."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SUFFIXES = {"jpeg": (".jpg", ".jpeg"), "png": (".png",), "tiff": (".tif", ".tiff"), "webp": (".webp",)}
"""How the names of each format's files end, in lower case; the first is given to new ones."""
PICTURES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)


@dataclass(frozen=True)
class Job:
    """One photograph to deblur.

    Parameters
    ----------
    source, target : str
        Paths of the photograph and of its result.
    name : str
        Path of what else is made of it, but for an ending.
    """

    source: str
    target: str
    name: str

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

    def obstacle(self, inputs: set[str], overwrite: bool, compare: bool) -> str | None:
        """Why the result may not be written, or None: it is an input (of `inputs`), or exists without `overwrite`."""
        for path in [self.target, self.sheet] if compare else [self.target]:
            if os.path.realpath(path) in inputs:
                return f"skipped: {self.source}: its result would replace an input, {path}; choose another --out"
            if os.path.exists(path) and not overwrite:
                return f"skipped: {self.source}: {path} exists (use --overwrite to replace it)"
        return None


def find_pictures(paths: Sequence[str], out: str) -> list[tuple[str, str]]:
    """List the photographs named on a command line: files, folders with all below them, patterns.

    Files that are named are taken whatever their suffix; below folders and by patterns only those of pictures. The
    folder of the results is left out where it lies inside another.

    Returns
    -------
    list of (str, str)
        Each photograph once: its path, and its path relative to the folder it was found in.

    Raises
    ------
    FileNotFoundError
        A path does not exist, or a pattern fits nothing.
    ValueError
        There is no picture at all.
    """
    found = {}
    for path in paths:
        if os.path.exists(path):
            matches, named = [path], True
        else:
            matches, named = sorted(glob.glob(path, recursive=True)), False
            if not matches:
                raise FileNotFoundError(f"there is no {path}, neither a file or folder nor a pattern that fits one")
        for match in matches:
            if os.path.isdir(match):
                entries = _walk(match, out)
            else:
                entries = [(match, os.path.basename(match))] if named or _is_picture(match) else []
            for file, relative in entries:
                found.setdefault(os.path.realpath(file), (file, relative))
    if not paths:
        raise ValueError("no photographs given; name files, folders or patterns such as 'trip/*.jpg'")
    if not found:
        raise ValueError(f"no pictures ({' '.join(PICTURES)}) in {', '.join(paths)}")
    return list(found.values())


def plan(pictures: Sequence[tuple[str, str]], out: str, format: str | None = None) -> list[Job]:
    """Choose where each result goes: its name below `out`, and more of its path where several have the same.

    Raises
    ------
    ValueError
        Two results would still have the same name.
    """
    names = [relative for _, relative in pictures]
    targets = [_renamed(name, format) for name in names]
    doubles = _doubles(targets)
    if doubles:
        clashing = [os.path.realpath(pictures[i][0]) for i, target in enumerate(targets) if target in doubles]
        common = os.path.commonpath([os.path.dirname(path) for path in clashing])
        for i, (file, _) in enumerate(pictures):
            if targets[i] in doubles:
                targets[i] = _renamed(os.path.relpath(os.path.realpath(file), common), format)
    if doubles := _doubles(targets):
        sources = [file for (file, _), target in zip(pictures, targets, strict=True) if target in doubles]
        raise ValueError(f"several photographs would be written to the same file: {', '.join(sources)}; do them apart")
    sheets = [os.path.splitext(target)[0] for target in targets]
    shared = _doubles(sheets) | {name for name in sheets if f"{name}-compare.png" in targets}
    return [
        Job(file, os.path.join(out, target), os.path.join(out, target if name in shared else name))
        for (file, _), target, name in zip(pictures, targets, sheets, strict=True)
    ]


def _walk(folder: str, out: str) -> list[tuple[str, str]]:
    inside = os.path.realpath(out) if os.path.realpath(out) != os.path.realpath(folder) else None
    entries = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if os.path.realpath(os.path.join(parent, name)) != inside)
        paths = [os.path.join(parent, name) for name in sorted(files) if _is_picture(name) and not name.startswith(".")]
        entries += [(path, os.path.relpath(path, folder)) for path in paths]
    return entries


def _is_picture(name: str) -> bool:
    return name.lower().endswith(PICTURES)


def _renamed(name: str, format: str | None) -> str:
    stem, suffix = os.path.splitext(name)
    if format is None or suffix.lower() in SUFFIXES[format]:
        return name
    return (stem if _is_picture(name) else name) + SUFFIXES[format][0]


def _doubles(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}
