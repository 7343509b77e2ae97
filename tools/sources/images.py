"""Any folder of sharp pictures."""

from collections import Counter

from tfdeblur.naming import normalised
from tfdeblur.pictures.folders import is_image
from tools.items import Item, Listing
from tools.sources.folders import files_in, source_folder

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
        The folder, local or gs://.

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
    paths = files_in(root, is_image)
    if not paths:
        raise ValueError(
            f"{root.path} has no pictures in it or its sub-folders; --src takes a folder of PNG, JPEG, ... files"
        )
    own_splits = all(path.parts[0] in SPLIT_FOLDERS for path in paths)
    stems = [normalised(path.with_suffix("").as_posix()) for path in paths]
    shared = Counter(stems)
    items = {}
    for path, stem in zip(paths, stems, strict=True):
        name = stem if shared[stem] == 1 else normalised(path.as_posix())
        if name in items:
            raise ValueError(f"{items[name].sharp} and {root.full(path)} have one name; remove or rename one of them")
        flat = len(path.parts) == (2 if own_splits else 1)
        scene = name if flat else normalised(path.parent.as_posix())
        split = SPLIT_FOLDERS[path.parts[0]] if own_splits else None
        items[name] = Item(name, scene, root.full(path), split=split)
    return Listing(list(items.values()))
