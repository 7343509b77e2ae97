"""Frames between frames, along the optical flow: what a faster camera would have seen (as REDS is made)."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from tools.changes import luma_of, moved


def interpolated(frames: Sequence[np.ndarray], times: int) -> Iterator[np.ndarray]:
    """Yield frames `times` as fast: between any two of them `times - 1` more.

    Parameters
    ----------
    frames : sequence of numpy.ndarray
        `(H, W, C)`, uint8 or uint16.
    times : int
        At least 1, which changes nothing.

    Yields
    ------
    numpy.ndarray
        Of the same shape and dtype, `times * (len(frames) - 1) + 1` in all.
    """
    yield frames[0]
    for first, second in zip(frames, frames[1:], strict=False):
        if times > 1:
            flows = _flow(first, second), _flow(second, first)
        for step in range(1, times):
            yield _between(first, second, *flows, step / times)
        yield second


def ghosts(before: np.ndarray, frame: np.ndarray, after: np.ndarray) -> float:
    """Return how far a frame is from what its neighbours say of it, over how far it is from their plain average.

    Parameters
    ----------
    before, frame, after : numpy.ndarray
        Three consecutive frames, `(H, W, C)`, uint8 or uint16.

    Returns
    -------
    float
        0 where the interpolated frame is the true one, 1 where it has the same error as the average of its neighbours,
        which shows everything that moves twice. 0 too where nothing moves.
    """
    found = _between(before, after, _flow(before, after), _flow(after, before), 0.5)
    plain = cv2.addWeighted(before, 0.5, after, 0.5, 0)
    error, doubled = (cv2.norm(picture, frame) for picture in (found, plain))
    return error / doubled if doubled else 0.0


def _flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how far each pixel of the first frame goes until the second: `(H, W, 2)`, x and y, in pixels."""
    estimate = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return estimate.calc(luma_of(first), luma_of(second), None)


def _between(
    first: np.ndarray, second: np.ndarray, forward: np.ndarray, backward: np.ndarray, time: float
) -> np.ndarray:
    """Return the frame at a time from 0 to 1 (Jiang et al., Super SloMo, 2018, equations 1 and 4)."""
    to_first = time * (time * backward - (1 - time) * forward)
    to_second = (1 - time) * ((1 - time) * forward - time * backward)
    between = cv2.addWeighted(moved(first, to_first), 1 - time, moved(second, to_second), time, 0)
    return between.reshape(first.shape)
