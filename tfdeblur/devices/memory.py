"""How the C library treats memory that was freed."""

import ctypes
import os


def keep_freed_memory(size: tuple[int, int] | None) -> None:
    """Have glibc keep freed memory for the next picture, instead of fetching it page by page from the system again.

    Pictures of megapixels are otherwise mapped and unmapped anew, which costs as much as copying them several times.
    Beyond 512x512 all threads share one arena besides, the only one that never gives memory back; smaller pictures are
    faster without. To be called before any thread is started. Nothing happens where the C library is another one.

    Parameters
    ----------
    size : tuple of int or None
        Height and width of the pictures; None where they differ, which counts as large.
    """
    m_trim_threshold, m_top_pad, m_mmap_max, m_arena_max = -1, -2, -4, -8
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        mallopt(m_mmap_max, 0)
        mallopt(m_trim_threshold, 2**31 - 1)
        mallopt(m_top_pad, 2**26)
        if size is None or size[0] * size[1] > 2**18:
            mallopt(m_arena_max, 1)
