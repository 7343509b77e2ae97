"""How fast videos become pairs, against decoding and encoding alone."""

import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import av
import cv2
import skimage.data

from tfdeblur.physics.degradation import Degradation
from tfdeblur.physics.response import GAMMA
from tools import clips, pictures
from tools.filming import Filmed, filmed
from tools.items import Film, Item, Recipe
from tools.recording import record_item
from tools.sharding import ordered_map
from tools.sources.video import LEAST, list_videos

SIZE = (720, 1280)
FRAMES = 8


def main(clip: str | None = None, rounds: int = 5, workers: int = 2) -> dict[str, float]:
    """Time making pairs of a clip, eight frames each, in turn with decoding its frames and encoding the same pictures.

    Parameters
    ----------
    clip : str, optional
        A folder of clips; by default one of 1280x720 is made of a pan over a photograph.
    rounds : int
        How often both are timed, in turn; the median of their ratios counts.
    workers : int
        Threads, for both.

    Returns
    -------
    dict
        Time of all over that of decoding and encoding as PNG; pairs a second, of all threads; what one costs, if every
        thread has a core; and its size.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed = list_videos(clip or _panned(folder)).items
        film = Film((FRAMES, FRAMES), max_motion=1e6)
        recipe = Recipe(Degradation("none", response=GAMMA), film)
        made = [list(filmed(item, recipe, Counter(), [])) for item in listed]
        rows = [
            (
                _seconds(lambda item: record_item(item, recipe), listed, workers),
                _seconds(_bare, list(zip(listed, made, strict=True)), workers),
            )
            for _ in range(rounds)
        ]
    pairs = [(pair.blur, pair.sharp) for part in made for pair in part]
    return {
        "pairs from frames / decoding and encoding alone": statistics.median(ours / bare for ours, bare in rows),
        "pairs a second": len(pairs) / statistics.median(ours for ours, _ in rows),
        "core-seconds a pair": workers * statistics.median(ours for ours, _ in rows) / len(pairs),
        "MB a pair": sum(len(pictures.encode(side, "png")) for pair in pairs for side in pair) / len(pairs) / 1e6,
    }


def _bare(part: tuple[Item, list[Filmed]]) -> None:
    """Decode a part of a clip, and encode the pictures of its pairs."""
    item, pairs = part
    for _ in clips.frames(item.sharp, item.span, 3):
        pass
    for pair in pairs:
        pictures.encode(pair.blur, "png")
        pictures.encode(pair.sharp, "png")


def _seconds(function, arguments: list, workers: int) -> float:
    begin = time.perf_counter()
    for _ in ordered_map(function, arguments, workers, workers + 1):
        pass
    return time.perf_counter() - begin


def _panned(folder: str) -> str:
    """Write a clip of 1280x720 that pans over a photograph; return its folder."""
    picture = cv2.resize(skimage.data.coffee(), (1440, 960), interpolation=cv2.INTER_CUBIC)[: SIZE[0]]
    with av.open(str(Path(folder, "pan.mp4")), "w") as container:
        stream = container.add_stream("libx264", 60, options={"crf": "18", "g": str(LEAST)})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for step in range(4 * LEAST):
            part = picture[:, step // 2 : step // 2 + SIZE[1]]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(part.copy(), format="rgb24")))
        container.mux(stream.encode())
    return folder
