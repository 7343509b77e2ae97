"""Pairs of blurred and sharp pictures, in the layouts that public data sets have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.items import Item, Listing
from tools.pictures import find_pictures
from tools.sources.images import SPLIT_FOLDERS, source_folder

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

    blur: Path
    sharp: Path
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
        Folder of the data set, or one of the folders within that hold its parts.
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
    raise ValueError(
        f"{root} is not laid out as {' or '.join(LAYOUTS) if layout == 'auto' else layout} with {blur_folder!r} as the "
        f"blurred version; expected train/train_{blur_folder} + train/train_sharp (reds), train/SCENE/{blur_folder} + "
        f"train/SCENE/sharp (gopro), RealBlur_{realblur}_train_list.txt (realblur) or {blur_folder} + sharp (folders); "
        "else give two folders as --blur-dir and --sharp-dir"
    )


Found = tuple[list[Item], list[tuple[str, str]]]


def _listing(found: list[Found], description: dict) -> Listing:
    items = [item for part, _ in found for item in part]
    problems = [problem for _, part in found for problem in part]
    return Listing(items, problems, description=description)


def _reds(root: Path, version: str) -> Iterator[Found]:
    """REDS: `train/train_blur/000/00000000.png` and `train/train_sharp/...`, also from within `train`."""
    for split in ("train", "val", "test"):
        for base in (root / split, root):
            if (base / f"{split}_sharp").is_dir() and (base / f"{split}_{version}").is_dir():
                yield _match(Folders(base / f"{split}_{version}", base / f"{split}_sharp", split, f"{split}/"))
                break


def _gopro(root: Path, version: str) -> Iterator[Found]:
    """GoPro: `train/SCENE/blur/000001.png` and `train/SCENE/sharp/...`, also from within `train`."""
    bases = [root / split for split in ("train", "test") if (root / split).is_dir()] or [root]
    for base in bases:
        split = base.resolve().name if base.resolve().name in ("train", "test") else None
        for folder in sorted(base.iterdir()):
            if (folder / "sharp").is_dir() and (folder / version).is_dir():
                scene = f"{split}/{folder.name}" if split else folder.name
                yield _match(Folders(folder / version, folder / "sharp", split, f"{scene}/", scene))


def _folders(root: Path, version: str) -> Iterator[Found]:
    """Two parallel folders, `blur` and `sharp` or `input` and `target`, also one pair of them for each split."""
    splits = {folder: root / folder for folder in SPLIT_FOLDERS if (root / folder).is_dir()}
    for folder, base in (splits or {"": root}).items():
        for blur in PARTNERS if version == "blur" else [version]:
            sharp = next((base / name for name in PARTNERS.get(blur, ()) if (base / name).is_dir()), None)
            if sharp and (base / blur).is_dir():
                yield _match(Folders(base / blur, sharp, SPLIT_FOLDERS.get(folder), f"{folder}/" if folder else ""))
                break


def _realblur(root: Path, version: str) -> Iterator[Found]:
    """RealBlur: list files beside the folders, in each line the sharp and the blurred picture's path."""
    for file in sorted(root.glob(f"RealBlur_{version}_*_list.txt")):
        split = file.stem.split("_")[2]
        items, problems = [], []
        for number, line in enumerate(file.read_text().splitlines(), 1):
            paths = [root / path for path in line.split()]
            if not paths:
                continue
            if len(paths) != 2:
                raise ValueError(
                    f"{file}, line {number}: found {line!r}, expected the sharp and the blurred picture's path"
                )
            sharp, blur = paths
            scene = f"{split}/{blur.parent.parent.name}"
            name = f"{scene}/{blur.stem}"
            missing = [path for path in paths if not path.is_file()]
            if missing:
                problems.append((name, f"{file.name}, line {number}, names {missing[0]}, which does not exist"))
            else:
                items.append(Item(name, scene, str(sharp), str(blur), split))
        yield items, problems


LAYOUTS: dict[str, Callable[[Path, str], Iterator[Found]]] = {
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
            problems.append((name, f"{sharp[key]} has no blurred partner in {folders.blur}"))
        elif key not in sharp:
            problems.append((name, f"{blurred[key]} has no sharp partner in {folders.sharp}"))
        else:
            parent = key.rpartition("/")[0]
            scene = folders.scene or folders.prefix + (parent or key)
            items.append(Item(name, scene, str(sharp[key]), str(blurred[key]), folders.split))
    return items, problems


def _by_name(folder: Path) -> dict[str, Path]:
    """Return the pictures below a folder by their paths within it, without suffix."""
    pictures: dict[str, Path] = {}
    for path in find_pictures(folder):
        key = path.relative_to(folder).with_suffix("").as_posix()
        if key in pictures:
            raise ValueError(
                f"{pictures[key]} and {path} have one name, so their partners cannot be told; remove one of them"
            )
        pictures[key] = path
    return pictures
