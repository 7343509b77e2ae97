"""Where the samples of an epoch are cached on a disk: one file for each content, which one process fills at a time."""

import glob
import hashlib
import json
import os

_LOCKED = set()
"""The locks that this process holds."""


def cache_file(cache: str, manifest: dict, shares: list, patch: tuple[int, int] | None) -> str:
    """Return where these samples are cached; other samples would be read back without a complaint.

    What a killed process has left there unfinished is removed.
    """
    shards = {shard["file"]: shard for split in manifest["splits"].values() for shard in split["shards"]}
    parts = [[shards[os.path.basename(path)], first, count] for path, first, count in shares]
    content = json.dumps([parts, manifest["encoding"], patch])
    path = f"{cache}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    nobody_elses = _lock(f"{path}.lock")
    if os.path.exists(f"{path}_0.lockfile"):  # TensorFlow's name; a killed process cannot remove it
        if not nobody_elses:
            raise ValueError(
                f"the cache {path} is being filled by another process or pipeline; wait for it or give another --cache"
            )
        for unfinished in glob.glob(f"{glob.escape(path)}_0*"):
            os.remove(unfinished)
    return path


def _lock(path: str) -> bool:
    """Lock a file until this process ends, however it ends; return whether it was locked by no process before."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        return False
    if path in _LOCKED:
        return False
    handle = os.open(path, os.O_CREAT | os.O_RDWR)  # and never closed
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    _LOCKED.add(path)
    return True
