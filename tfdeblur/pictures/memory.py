"""How much memory an image may take."""

from pathlib import Path

LARGEST = 10**9
"""Pixels of the largest image that is read."""


def check_fits(width: int, height: int, bytes_per_pixel: int) -> None:
    """Raise a ValueError if an image has no pixels, or more than are read or than free memory holds twice."""
    if width < 1 or height < 1:
        raise ValueError(f"it has {width}x{height} pixels")
    if width * height > LARGEST:
        raise ValueError(f"it has {width}x{height} pixels; {LARGEST:,} at most are read")
    needed, free = 2 * width * height * bytes_per_pixel, free_memory()
    if free is not None and needed > free:
        raise ValueError(
            f"it has {width}x{height} pixels, for which {needed / 1e9:.1f} GB of memory are needed; "
            f"{free / 1e9:.1f} GB are free"
        )


def free_memory() -> int | None:
    """Return how many bytes this process may still take, or None where the system does not say (not Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            free = min(free, int(Path("/sys/fs/cgroup", limit).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return free
