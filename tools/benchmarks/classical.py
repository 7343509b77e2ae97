"""Classical deconvolution against scikit-image's, and a batch against its pictures one by one."""

import time
from collections.abc import Callable

import numpy as np
import skimage.data
from scipy import ndimage
from skimage import restoration

from tfdeblur.classical.richardson_lucy import richardson_lucy
from tfdeblur.classical.wiener import wiener
from tfdeblur.physics.kernels import linear_motion


def main(rounds: int = 5, iterations: int = 30) -> dict[str, float]:
    """Time deconvolution of a 1280x720 photograph with a 25x25 kernel, and of small pictures.

    Parameters
    ----------
    rounds : int
        How often everything is timed, in turn; the shortest time counts, since what else the machine does only adds.
    iterations : int
        Of Richardson-Lucy.

    Returns
    -------
    dict
        How many times as fast as scikit-image, channel by channel, the methods are; and what 32 calls with one picture
        of 128x128 cost against one with all.
    """
    photograph = np.float32(ndimage.zoom(skimage.data.chelsea(), (2.4, 2.84, 1), order=1)[:720, :1280]) / 255
    kernel = np.zeros((25, 25), np.float32)
    motion = linear_motion(20, 30)
    top, left = ((25 - side) // 2 for side in motion.shape)
    kernel[top : top + motion.shape[0], left : left + motion.shape[1]] = motion
    blur = np.stack([ndimage.convolve(photograph[..., c], kernel, mode="mirror") for c in range(3)], -1)
    small = np.stack([blur[y : y + 128, x : x + 128] for y in range(0, 512, 128) for x in range(0, 1024, 128)])
    timed: dict[str, Callable] = {
        "rl": lambda: richardson_lucy(blur[None], kernel, iterations=iterations, boundary="zero"),
        "rl unknown": lambda: richardson_lucy(blur[None], kernel, iterations=iterations),
        "rl skimage": lambda: _by_channel(lambda b: restoration.richardson_lucy(b, kernel, iterations), blur),
        "wiener": lambda: wiener(blur[None], kernel, noise=0.01, boundary="extended"),
        "wiener unknown": lambda: wiener(blur[None], kernel, noise=0.01),
        "wiener skimage": lambda: _by_channel(lambda b: restoration.wiener(b, kernel, 0.01), blur),
        "batch": lambda: richardson_lucy(small, kernel, iterations=iterations),
        "singles": lambda: [richardson_lucy(one[None], kernel, iterations=iterations) for one in small],
    }
    rows = [{name: _seconds(function) for name, function in timed.items()} for _ in range(rounds + 1)][1:]
    least = {name: min(row[name] for row in rows) for name in timed}

    def ratio(slow: str, fast: str) -> float:
        return least[slow] / least[fast]

    return {
        "Richardson-Lucy, zeros beyond the border: times scikit-image's speed": ratio("rl skimage", "rl"),
        "Richardson-Lucy, unknown border: times scikit-image's speed": ratio("rl skimage", "rl unknown"),
        "Wiener, mirrored border: times scikit-image's speed": ratio("wiener skimage", "wiener"),
        "Wiener, unknown border: times scikit-image's speed": ratio("wiener skimage", "wiener unknown"),
        "Richardson-Lucy, 32 pictures one by one / as a batch": ratio("singles", "batch"),
    }


def _by_channel(deblur: Callable, blur: np.ndarray) -> None:
    for channel in range(blur.shape[-1]):
        deblur(blur[..., channel])


def _seconds(function: Callable) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin
