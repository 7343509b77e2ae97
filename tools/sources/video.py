"""Videos, whose frames make up exposures: motion blur as Nah et al. (2017) and REDS have it."""

from tools.clips import SUFFIXES, spans
from tools.items import Item, Listing
from tools.pictures import find_files
from tools.sources.images import SPLIT_FOLDERS, source_folder

LEAST = 64
"""Frames in a part of a clip, which is worked on by itself: no exposure goes over its end."""


def list_videos(src: str | None) -> Listing:
    """List the videos below a folder, in parts; each clip is a scene.

    Where every video lies below `train`, `val` or `test`, these are the splits. Clips that were cut from one film
    should be in one of these folders, or they may show the same in two splits.

    Parameters
    ----------
    src : str
        The folder.

    Raises
    ------
    ValueError, FileNotFoundError
        No folder was given, there is none, or it has no videos.
    """
    root = source_folder(src, "video")
    paths = find_files(root, SUFFIXES)
    if not paths:
        raise ValueError(f"{root} has no videos in it or its sub-folders; --src takes a folder of MP4, MKV, ... files")
    own_splits = all(path.relative_to(root).parts[0] in SPLIT_FOLDERS for path in paths)
    items, problems = [], []
    for path in paths:
        inside = path.relative_to(root)
        split = SPLIT_FOLDERS[inside.parts[0]] if own_splits else None
        clip = inside.as_posix()
        try:
            parts = spans(str(path), LEAST)
        except ValueError as error:
            problems.append((clip, str(error)))
            continue
        items += [Item(f"{clip}/{part.number:06d}", clip, str(path), split=split, span=part) for part in parts]
    return Listing(items, problems, unit="parts of clips")
