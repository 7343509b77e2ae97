"""Video files in: where their frames are, and the frames themselves, upright, as arrays."""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np

from tfdeblur import storage

SUFFIXES = frozenset(".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .mts .m2ts .y4m .wmv .flv .3gp".split())
"""Files with these suffixes, in either case, are taken for videos."""

LONGEST = 128
"""Frames after which a span ends even where no key frame follows; the next is then decoded from the one before."""

PIXELS = {(1, False): "gray", (1, True): "gray16le", (3, False): "rgb24", (3, True): "rgb48le"}
"""FFmpeg's name of arrays of so many channels, of 8 bit or more."""


@dataclass(frozen=True)
class Span:
    """Consecutive frames of a clip.

    Attributes
    ----------
    key : int
        When the frame is shown from which they have to be decoded, in units of the stream's time base.
    first : int
        When the first of them is.
    number : int
        Of the first, counted from the clip's beginning.
    count : int
        How many they are.
    """

    key: int
    first: int
    number: int
    count: int


@dataclass(frozen=True)
class Frame:
    """A frame `(H, W, C)`, uint8 or, of more than 8 bit, uint16; its number in the clip and its time in seconds."""

    picture: np.ndarray
    number: int
    seconds: float


def spans(path: str, least: int) -> list[Span]:
    """Divide a clip into spans of at least so many frames, but for the last one, at key frames where there are any.

    Only the container is read for it, nothing is decoded.

    Raises
    ------
    ValueError
        The file is no video, is damaged, or has no frames.
    """
    with _opened(path) as (container, stream):
        packets = [packet for packet in container.demux(stream) if packet.pts is not None and not packet.is_discard]
        times = sorted(packet.pts for packet in packets)
        keys = sorted(packet.pts for packet in packets if packet.is_keyframe) or times[:1]
    if not times:
        raise ValueError(f"{path} has no frames; {_ADVICE}")
    starts, can_begin = [0], set(keys)
    for number, time in enumerate(times):
        since = number - starts[-1]
        if since >= max(LONGEST, least) or (since >= least and time in can_begin):
            starts.append(number)
    keys = [keys[max(bisect_right(keys, times[number]) - 1, 0)] for number in starts]
    ends = [*starts[1:], len(times)]
    return [Span(key, times[start], start, end - start) for key, start, end in zip(keys, starts, ends, strict=True)]


def frames(path: str, span: Span, channels: int) -> Iterator[Frame]:
    """Yield the frames of a span, one after the other.

    Parameters
    ----------
    path : str
        The clip.
    span : Span
        One of its `spans`.
    channels : int
        1 for grey, 3 for RGB.

    Raises
    ------
    ValueError
        The file is damaged, or interlaced.
    """
    import av

    with _opened(path) as (container, stream):
        stream.thread_type = "SLICE"  # spans are decoded side by side
        number = span.number
        try:
            if span.number:  # the first frame says who encoded the stream, which some are not decoded rightly without
                next(container.decode(stream), None)
                container.seek(span.key, stream=stream)
            for frame in container.decode(stream):
                if frame.pts is None or frame.pts < span.first:
                    continue
                if frame.is_corrupt:
                    raise ValueError(f"{path} is damaged at frame {number}; {_ADVICE}")
                if frame.interlaced_frame:
                    raise ValueError(f"{path} is interlaced; deinterlace it first, for example by ffmpeg -vf bwdif=1")
                yield Frame(_upright(frame, channels), number, float(frame.pts * stream.time_base))
                number += 1
                if number == span.number + span.count:
                    return
        except av.FFmpegError as error:
            raise ValueError(f"{path} is damaged at frame {number} ({error.strerror}); {_ADVICE}") from error
    raise ValueError(f"{path} ends at frame {number}, but has {span.number + span.count} in its index; {_ADVICE}")


_ADVICE = "replace the file, or use --on-error skip to leave such clips out"


@contextmanager
def _opened(path: str):
    try:
        import av
    except ImportError as error:
        raise ValueError('videos are read by PyAV; pip install "tfdeblur[video]"') from error
    try:
        with _source(path) as source, av.open(source) as container:
            if not container.streams.video:
                raise ValueError(f"{path} has no video in it; {_ADVICE}")
            yield container, container.streams.video[0]
    except (av.FFmpegError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a video ({error.strerror or error}); {_ADVICE}") from error


def _source(path: str):
    """Return what FFmpeg opens: a local file by itself, which is the fastest, and one in a bucket through Python."""
    return storage.opened(path) if storage.is_remote(path) else nullcontext(path)


def _upright(frame, channels: int) -> np.ndarray:
    """Return a frame as an array, turned as its display matrix says."""
    deep = max(component.bits for component in frame.format.components) > 8
    picture = frame.to_ndarray(format=PIXELS[channels, deep])
    turned = np.rot90(picture, round(frame.rotation / 90) % 4)
    return np.ascontiguousarray(turned).reshape(*turned.shape[:2], channels)
