"""Which frames of a video make up an exposure: consecutive ones, without cut, fade, standstill or jump between them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tools.changes import Seen, changes, motion_between, moved, unlikeness
from tools.clips import Frame

STILL = 0.5
"""Pixels; with less motion from its first frame to its last an exposure is not blurred."""
FADE = 0.1
"""Change of the logarithm of contrast and brightness from an exposure's first frame to its last, where it fades."""
ANOTHER, STEADY = 0.025, 0.4
"""An exposure is a dissolve if its last frame is unlike its first by more than `ANOTHER`, and what is new in each half
of it correlates by more than `STEADY`: the same picture shines through more and more."""


@dataclass(frozen=True)
class Exposure:
    """Consecutive frames of a clip.

    Attributes
    ----------
    frames : list of numpy.ndarray
        Each `(H, W, C)`, uint8 or uint16.
    number : int
        Of the middle frame in the clip.
    motion : float
        The longest from one frame to the next, in pixels.
    """

    frames: list[np.ndarray]
    number: int
    motion: float

    @property
    def middle(self) -> np.ndarray:
        """The frame in the middle; of an even number the one after it."""
        return self.frames[len(self.frames) // 2]


def exposures(
    frames: Iterable[Frame], length: Callable[[], int], fastest: float, dropped: Counter
) -> Iterator[Exposure]:
    """Divide a clip's frames into exposures, one after the other.

    Parameters
    ----------
    frames : iterable of Frame
        In order.
    length : callable
        Returns of how many frames the next exposure shall be, at least 2.
    fastest : float
        Longest motion from one frame to the next, in pixels of the frames.
    dropped : collections.Counter
        Is told what is left out: how many frames are `doubled`; how many exposures `still`, `fast`, or in a `fade`; and
        how many `cut` or `gap` in time no exposure may span.
    """
    run, wanted = [], length()
    for seen in changes(frames):
        change = seen.change
        if change and (change.cut or change.gap):
            dropped["cut" if change.cut else "gap"] += 1
            run = []
        elif change and change.equal:
            dropped["doubled"] += 1
            continue
        run.append(seen)
        if len(run) == wanted:
            fault = _fault(run, fastest)
            if fault:
                dropped[fault] += 1
            else:
                pictures = [each.frame.picture for each in run]
                yield Exposure(pictures, run[len(run) // 2].frame.number, _fastest(run))
            run, wanted = [], length()


def _fastest(run: list[Seen]) -> float:
    return max(seen.change.motion for seen in run[1:])


def _fault(run: list[Seen], fastest: float) -> str | None:
    """Say why frames are no exposure, or return None."""
    first, middle, last = (run[index].thumbnail for index in (0, len(run) // 2, -1))
    if abs(sum(seen.change.fade for seen in run[1:])) > FADE or _dissolves(first, middle, last):
        return "fade"
    if sum(seen.change.motion for seen in run[1:]) < STILL:
        return "still"
    return "fast" if _fastest(run) > fastest else None


def _dissolves(first: np.ndarray, middle: np.ndarray, last: np.ndarray) -> bool:
    """Whether another picture shines through three thumbnails more and more."""
    before, after = motion_between(first, middle), motion_between(middle, last)
    first, middle, last = (np.float32(picture) for picture in (first, middle, last))
    kept = moved(first, before)
    new = moved(middle - kept, after), last - moved(middle, after)
    if unlikeness(moved(kept, after), last) < ANOTHER:
        return False
    return unlikeness(*new) < 1 - STEADY
