"""Pairs of blurred and sharp pictures, in the layouts that public data sets have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import filter as matching
from pathlib import PurePosixPath

from tfdeblur import storage
from tfdeblur.naming import normalised
from tfdeblur.pictures.folders import Folder, is_image
from tools.items import Item, Listing
from tools.sources.folders import files_in, source_folder
from tools.sources.images import SPLIT_FOLDERS

PARTNERS = {
    "blur": ("sharp", "gt"),
    "blurred": ("sharp", "gt"),
    "input": ("target", "gt"),
    "lq": ("gt",),
    "blur_gamma": ("sharp",),
    "blur_comp": ("sharp",),
}
"""Names of two parallel folders: the blurred one, and what the sharp one beside it may be called."""


@dataclass(frozen=True)
class Folders:
    """Two parallel folders. Their sub-folders are scenes, unless `scene` says that all of it is one."""

    blur: Folder
    sharp: Folder
    split: str | None = None
    prefix: str = ""
    scene: str | None = None


def list_pairs(
    src: str | None,
    layout: str = "auto",
    blur_folder: str = "blur",
    realblur: str = "J",
    blur_dir: str | None = None,
    sharp_dir: str | None = None,
) -> Listing:
    """List pairs; a blurred and a sharp picture belong together by their names, never by their order.

    Parameters
    ----------
    src : str, optional
        Folder of the data set, local or gs://, or one of the folders within that hold its parts.
    layout : str
        A key of `LAYOUTS`, or `"auto"` to take the first that finds something.
    blur_folder : str
        Which of GoPro's (`blur`, `blur_gamma`) or REDS' (`blur`, `blur_comp`) blurred versions to take.
    realblur : str
        `"J"` or `"R"`.
    blur_dir, sharp_dir : str, optional
        Two parallel folders in place of `src`.

    Returns
    -------
    Listing
        Scenes carry the name of the source's own split, as in `train/000`, since numbers may start again in each.

    Raises
    ------
    ValueError, FileNotFoundError
        There is no such folder, or nothing in it has the layout.
    """
    if blur_dir or sharp_dir:
        if src or not (blur_dir and sharp_dir):
            raise ValueError(
                "--blur-dir and --sharp-dir go together and take the place of --src; give either both or --src"
            )
        folders = [Folders(source_folder(blur_dir, "pairs"), source_folder(sharp_dir, "pairs"))]
        return _listing([_match(pair) for pair in folders], {"layout": "folders"})
    root = source_folder(src, "pairs")
    for name in LAYOUTS if layout == "auto" else [layout]:
        version = realblur if name == "realblur" else blur_folder
        found = list(LAYOUTS[name](root, version))
        if found:
            return _listing(found, {"layout": name, "version": version})
    layouts = " or ".join(LAYOUTS) if layout == "auto" else layout
    raise ValueError(
        f"{root.path} is not laid out as {layouts} with {blur_folder!r} as the blurred version; expected "
        f"train/train_{blur_folder} + train/train_sharp (reds), train/SCENE/{blur_folder} + train/SCENE/sharp (gopro), "
        f"RealBlur_{realblur}_train_list.txt (realblur) or {blur_folder} + sharp (folders); "
        "else give two folders as --blur-dir and --sharp-dir"
    )


Found = tuple[list[Item], list[tuple[str, str]]]


def _listing(found: list[Found], description: dict) -> Listing:
    items = [item for part, _ in found for item in part]
    problems = [problem for _, part in found for problem in part]
    return Listing(items, problems, description=description)


def _reds(root: Folder, version: str) -> Iterator[Found]:
    """REDS: `train/train_blur/000/00000000.png` and `train/train_sharp/...`, also from within `train`."""
    for split in ("train", "val", "test"):
        for base in (root.folders.get(split), root):
            blur, sharp = _both(base, f"{split}_{version}", f"{split}_sharp")
            if blur and sharp:
                yield _match(Folders(blur, sharp, split, f"{split}/"))
                break


def _gopro(root: Folder, version: str) -> Iterator[Found]:
    """GoPro: `train/SCENE/blur/000001.png` and `train/SCENE/sharp/...`, also from within `train`."""
    splits = ("train", "test")
    for base in [root.folders[split] for split in splits if split in root.folders] or [root]:
        split = base.name if base.name in splits else None
        for name, folder in base.folders.items():
            blur, sharp = _both(folder, version, "sharp")
            if blur and sharp:
                scene = f"{split}/{name}" if split else name
                yield _match(Folders(blur, sharp, split, f"{scene}/", scene))


def _folders(root: Folder, version: str) -> Iterator[Found]:
    """Two parallel folders, `blur` and `sharp` or `input` and `target`, also one pair of them for each split."""
    splits = {name: root.folders[name] for name in SPLIT_FOLDERS if name in root.folders}
    for name, base in (splits or {"": root}).items():
        for kind in PARTNERS if version == "blur" else [version]:
            blur, sharp = _both(base, kind, *PARTNERS.get(kind, ()))
            if blur and sharp:
                yield _match(Folders(blur, sharp, SPLIT_FOLDERS.get(name), f"{name}/" if name else ""))
                break


def _realblur(root: Folder, version: str) -> Iterator[Found]:
    """RealBlur: list files beside the folders, in each line the sharp and the blurred picture's path."""
    for file in matching(root.files, f"RealBlur_{version}_*_list.txt"):
        split = file.split("_")[2]
        items, problems = [], []
        for number, line in enumerate(storage.read_text(storage.join(root.path, file)).splitlines(), 1):
            paths = [PurePosixPath(path) for path in line.split()]
            if not paths:
                continue
            if len(paths) != 2:
                raise ValueError(
                    f"{file}, line {number}: found {line!r}, expected the sharp and the blurred picture's path"
                )
            sharp, blur = paths
            scene = f"{split}/{blur.parent.parent.name}"
            name = f"{scene}/{blur.stem}"
            missing = [path for path in paths if not root.holds(path)]
            if missing:
                problems.append((name, f"{file}, line {number}, names {missing[0]}, which does not exist"))
            else:
                items.append(Item(name, scene, root.full(sharp), root.full(blur), split))
        yield items, problems


LAYOUTS: dict[str, Callable[[Folder, str], Iterator[Found]]] = {
    "realblur": _realblur,
    "reds": _reds,
    "folders": _folders,
    "gopro": _gopro,
}
"""In the order in which `auto` tries them."""


def _match(folders: Folders) -> Found:
    """Pair the files of two folders by their paths within, whatever their suffixes."""
    blurred, sharp = _by_name(folders.blur), _by_name(folders.sharp)
    items, problems = [], []
    for key in sorted(blurred.keys() | sharp.keys()):
        name = folders.prefix + key
        if key not in blurred:
            problems.append((name, f"{sharp[key]} has no blurred partner in {folders.blur.path}"))
        elif key not in sharp:
            problems.append((name, f"{blurred[key]} has no sharp partner in {folders.sharp.path}"))
        else:
            parent = key.rpartition("/")[0]
            scene = folders.scene or folders.prefix + (parent or key)
            items.append(Item(name, scene, sharp[key], blurred[key], folders.split))
    return items, problems


def _both(base: Folder | None, blur: str, *sharp: str) -> tuple[Folder | None, Folder | None]:
    """Return the blurred pictures' folder and the first there is of the sharp ones', both as far as they are there."""
    found = base.folders if base else {}
    return found.get(blur), next((found[name] for name in sharp if name in found), None)


def _by_name(folder: Folder) -> dict[str, str]:
    """Return the pictures below a folder by their paths within it, without suffix."""
    pictures: dict[str, str] = {}
    for path in files_in(folder, is_image):
        key, file = normalised(path.with_suffix("").as_posix()), folder.full(path)
        if key in pictures:
            raise ValueError(
                f"{pictures[key]} and {file} have one name, so their partners cannot be told; remove one of them"
            )
        pictures[key] = file
    return pictures
