"""Videos, whose frames make up exposures: motion blur as Nah et al. (2017) and REDS have it."""

from tfdeblur.naming import normalised
from tools.clips import SUFFIXES, spans
from tools.items import Item, Listing
from tools.sources.folders import files_in, source_folder
from tools.sources.images import SPLIT_FOLDERS

LEAST = 64
"""Frames in a part of a clip, which is worked on by itself: no exposure goes over its end."""


def list_videos(src: str | None) -> Listing:
    """List the videos below a folder, in parts; each clip is a scene.

    Where every video lies below `train`, `val` or `test`, these are the splits. Clips that were cut from one film
    should be in one of these folders, or they may show the same in two splits.

    Parameters
    ----------
    src : str
        The folder, local or gs://.

    Raises
    ------
    ValueError, FileNotFoundError
        No folder was given, there is none, or it has no videos.
    """
    root = source_folder(src, "video")
    paths = files_in(root, lambda file: file.lower().endswith(tuple(SUFFIXES)))
    if not paths:
        raise ValueError(
            f"{root.path} has no videos in it or its sub-folders; --src takes a folder of MP4, MKV, ... files"
        )
    own_splits = all(path.parts[0] in SPLIT_FOLDERS for path in paths)
    items, problems = [], []
    for path in paths:
        split = SPLIT_FOLDERS[path.parts[0]] if own_splits else None
        clip, file = normalised(path.as_posix()), root.full(path)
        try:
            parts = spans(file, LEAST)
        except ValueError as error:
            problems.append((clip, str(error)))
            continue
        items += [Item(f"{clip}/{part.number:06d}", clip, file, split=split, span=part) for part in parts]
    return Listing(items, problems, unit="parts of clips")
