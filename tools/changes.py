"""What happens from one frame of a video to the next: motion, brightness, and where a scene ends.

Every frame is compared with the one before, both reduced to thumbnails: the motion is estimated by optical flow and
taken back, and what then is unlike is new. At a cut far more is new than between the frames around. That threshold
adapts to the clip; a fixed one, as Hellerstein & Hong say of theirs, takes fast motion for cuts.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np

from tools.clips import Frame

SIDE = 160
"""Pixels along the longer side of a thumbnail."""
AROUND = 8
"""Changes before and after, with which each is compared."""
CUT, LEAST = 2.0, 0.08
"""At a cut it is unlike by more than `CUT` times what it is around, with `LEAST` added."""
GAP = 1.5
"""Times what is usual around, above which the time between two frames has room for one more."""
EQUAL = 0.02
"""Mean difference of thumbnails, in levels of 8 bit, below which frames are equal."""
FLAT = 4.0
"""Variance of thumbnails, in levels of 8 bit, that says nothing: flat pictures are alike."""


@dataclass(frozen=True)
class Change:
    """What happens from the frame before to a frame.

    Attributes
    ----------
    seconds : float
        Between them.
    motion : float
        95th percentile of its length, in pixels of the frames.
    unlike : float
        1 less the correlation of their luma after the motion is taken back.
    fade : float
        Change of the logarithm of contrast and of brightness, the smaller of both and 0 where they contradict each
        other: below 0 towards black or white, above 0 from there.
    equal : bool
        Whether they are the same picture.
    cut, gap : bool
        Whether another scene begins, or frames are missing in between.
    """

    seconds: float
    motion: float
    unlike: float
    fade: float
    equal: bool
    cut: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Seen:
    """A frame, its thumbnail `(h, w)`, uint8, and what changed since the frame before: None at the first one."""

    frame: Frame
    thumbnail: np.ndarray
    change: Change | None = None


def changes(frames: Iterable[Frame]) -> Iterator[Seen]:
    """Yield a clip's frames, in order, with what changed; `AROUND` frames are read ahead."""
    compared = _compared(frames)
    before, ahead = deque(maxlen=AROUND), deque(islice(compared, AROUND + 1))
    while ahead:
        seen = ahead.popleft()
        ahead.extend(islice(compared, 1))
        if seen.change:
            around = [*before, *(each.change for each in ahead)]
            before.append(seen.change)
            seen = replace(seen, change=_judged(seen.change, around))
        yield seen


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """Return the luma of a frame `(H, W, C)`, uint8 or uint16, reduced to `SIDE` pixels, `(h, w)`, uint8."""
    height, width = picture.shape[:2]
    scale = min(SIDE / max(height, width), 1)
    size = [max(round(side * scale), 16) for side in (width, height)]
    return luma_of(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def luma_of(picture: np.ndarray) -> np.ndarray:
    """Return the luma of a frame, `(H, W)`, `(H, W, 1)` or `(H, W, 3)`, uint8 or uint16, as `(H, W)`, uint8."""
    colour = picture.ndim == 3 and picture.shape[-1] == 3
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if colour else picture.reshape(picture.shape[:2])
    return grey if grey.dtype == np.uint8 else np.uint8(grey >> 8)


def motion_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return for each pixel of the second luma, uint8, where it was in the first: `(h, w, 2)`, x and y, in pixels."""
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(second, first, None)


def moved(first: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return a picture as it looks after a motion that `motion_between` found."""
    height, width = motion.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(first, x + motion[..., 0], y + motion[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def unlikeness(first: np.ndarray, second: np.ndarray) -> float:
    """Return 1 less the correlation of two pictures; two flat ones are alike."""
    first, second = (picture - picture.mean(dtype=np.float64) for picture in (first, second))
    variances = [FLAT + np.mean(np.square(picture)) for picture in (first, second)]
    return float(1 - (FLAT + np.mean(first * second)) / np.sqrt(np.prod(variances)))


def _compared(frames: Iterable[Frame]) -> Iterator[Seen]:
    before = None
    for frame in frames:
        seen = Seen(frame, thumbnail(frame.picture))
        if before:
            seen = replace(seen, change=_change(before, seen))
        yield seen
        before = seen


def _change(before: Seen, seen: Seen) -> Change:
    motion = motion_between(before.thumbnail, seen.thumbnail)
    kept = moved(before.thumbnail, motion)
    scale = max(seen.frame.picture.shape) / max(seen.thumbnail.shape)
    return Change(
        seconds=seen.frame.seconds - before.frame.seconds,
        motion=scale * float(np.quantile(np.hypot(motion[..., 0], motion[..., 1]), 0.95)),
        unlike=unlikeness(kept, seen.thumbnail),
        fade=_fade(kept, seen.thumbnail),
        equal=bool(cv2.absdiff(before.thumbnail, seen.thumbnail).mean() < EQUAL),
    )


def _fade(first: np.ndarray, second: np.ndarray) -> float:
    contrast = _log_ratio(first.std(), second.std())
    (black, white) = (_log_ratio(*(abs(end - picture.mean()) for picture in (first, second))) for end in (0, 255))
    agreeing = [min(contrast, end, key=abs) if contrast * end > 0 else 0.0 for end in (black, white)]
    return max(agreeing, key=abs)


def _log_ratio(first: float, second: float) -> float:
    return float(np.log((second + 1) / (first + 1)))


def _judged(change: Change, around: list[Change]) -> Change:
    usual = np.median([each.unlike for each in around] or [0.0])
    pace = np.median([each.seconds for each in around] or [np.inf])
    cut = change.unlike > CUT * (usual + LEAST)
    return replace(change, cut=bool(cut), gap=bool(change.seconds > GAP * pace))
