"""Short videos, written by PyAV: a photograph that the camera pans over, and what else happens in clips."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data


def pan(count: int, step: float = 1.0, height: int = 96, width: int = 128, which: str = "coffee") -> list[np.ndarray]:
    """Return frames `(height, width, 3)`, uint8, of a photograph that moves to the left by `step` pixels each."""
    picture = getattr(skimage.data, which)()[100 : 100 + height]
    shifts = [np.float32([[1, 0, -60 - step * index], [0, 1, 0]]) for index in range(count)]
    return [cv2.warpAffine(picture, shift, (width, height), flags=cv2.INTER_LANCZOS4) for shift in shifts]


def write(
    path: Path, frames: list[np.ndarray], codec: str = "ffv1", pixels: str = "bgr0", times=None, rate: int = 120, **more
) -> Path:
    """Write a clip, by default without loss; frame `i` is shown at `times[i] / rate` seconds, or at `i / rate`."""
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
