"""Any folder of sharp pictures."""

from collections import Counter
from pathlib import Path

from tools.items import Item, Listing
from tools.pictures import find_pictures

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""Folders of these names directly below the source are its own splits."""


def list_images(src: str | None) -> Listing:
    """List the pictures below a folder.

    Pictures in one sub-folder are one scene (frames of a video, shots of a place), a picture directly in the folder is
    a scene of its own. Where every picture lies below `train`, `val` or `test`, these are the splits, and the same
    holds within each.

    Parameters
    ----------
    src : str
        The folder.

    Returns
    -------
    Listing
        Items named by their path without suffix.

    Raises
    ------
    ValueError, FileNotFoundError
        No folder was given, there is none, or it has no pictures.
    """
    root = source_folder(src, "images")
    paths = find_pictures(root)
    if not paths:
        raise ValueError(
            f"{root} has no pictures in it or its sub-folders; --src takes a folder of PNG, JPEG, ... files"
        )
    own_splits = all(path.relative_to(root).parts[0] in SPLIT_FOLDERS for path in paths)
    names = Counter(path.relative_to(root).with_suffix("") for path in paths)
    items = []
    for path in paths:
        inside = path.relative_to(root)
        name = inside.with_suffix("") if names[inside.with_suffix("")] == 1 else inside
        flat = len(inside.parts) == (2 if own_splits else 1)
        scene = (name if flat else inside.parent).as_posix()
        split = SPLIT_FOLDERS[inside.parts[0]] if own_splits else None
        items.append(Item(name.as_posix(), scene, str(path), split=split))
    return Listing(items)


def source_folder(src: str | None, source: str) -> Path:
    """Return the folder of a source, or say that there is none."""
    if src is None:
        raise ValueError(f"the source {source} needs --src, the folder of its pictures")
    root = Path(src)
    if not root.is_dir():
        found = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(f"the folder of pictures {src} {found}; give an existing folder")
    return root
