"""Short videos, written by PyAV: a photograph that the camera pans over, and what else happens in clips."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import skimage.data
from scipy import ndimage

LOSSLESS = ("ffv1", "bgr0")
"""Codec and pixel format that keep RGB as it is."""


def pan(count: int, step: float = 1.0, height: int = 96, width: int = 128, which: str = "coffee") -> list[np.ndarray]:
    """Return frames `(height, width, 3)`, uint8, of a photograph that moves to the left by `step` pixels each."""
    picture = np.float32(getattr(skimage.data, which)())
    rows = np.s_[100 : 100 + height]
    offsets = [60 + step * index for index in range(count)]
    moved = [ndimage.shift(picture[rows], (0, -(offset % 1), 0), order=3, mode="nearest") for offset in offsets]
    cut = [each[:, int(offset) : int(offset) + width] for each, offset in zip(moved, offsets, strict=True)]
    return [np.uint8(np.clip(np.rint(each), 0, 255)) for each in cut]


def write(
    path: Path, frames: list[np.ndarray], codec: str = "ffv1", pixels: str = "bgr0", times=None, rate: int = 120, **more
) -> Path:
    """Write a clip; frame `i` is shown at `times[i] / rate` seconds, by default at `i / rate`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate, options={key: str(value) for key, value in more.items()})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], pixels
        stream.time_base = Fraction(1, rate)
        for index, picture in enumerate(frames):
            deep = picture.dtype == np.uint16
            frame = av.VideoFrame.from_ndarray(picture, format="rgb48le" if deep else "rgb24")
            frame.pts, frame.time_base = index if times is None else times[index], Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
