"""Estimate the noise level of an image from its smoothest blocks."""

import numpy as np
from scipy import fft, stats

ROUNDING = 1 / 255 / np.sqrt(12)
"""Standard deviation of the error of rounding to 8 bit."""

BLOCK, STEP = 8, 4
"""Side of a block, and distance between blocks, in pixels."""

LOW, HIGH = 6, 12
"""Coefficient (u, v) of a block shows structure where 0 < u + v <= LOW, noise where u + v >= HIGH."""

SMOOTH = 0.02
"""Share of the blocks that is taken for smooth."""

FEWEST, FEW = 300, 4
"""At least so many smooth blocks are used, but at most one block in so many, unless that is none."""

FAR, NEAR = 3.0, 0.25
"""Distance of a block's mean from black and white, in standard deviations of the noise. Beyond FAR hardly any noise is
clipped. At 0.4 half of it is, at NEAR two thirds."""

ENOUGH, ENOUGH_OF = 500, 10
"""At least so many blocks are used, and one in so many, before those between NEAR and FAR are left out."""

MOST_CLIPPED, START = 0.6, 0.1
"""Blocks with a larger share of clipped pixels show no noise. The tenth of the others that is clipped least gives the
first estimate."""

SMALLEST = 1e-9
"""Standard deviation below which one is taken for this, as a denominator."""

ROUNDS = 8
"""Estimates in turn of the noise and of the blocks that it leaves unclipped."""


def noise_level(images: np.ndarray, floor: float = ROUNDING) -> np.ndarray:
    """Estimate the standard deviation of the noise in images.

    The noise is read off the high frequencies of the blocks of 8x8 pixels that have the least power in the low ones
    (Ponomarenko et al. 2007, "An automatic approach to lossy compression of AVIRIS images"). White noise is independent
    between frequencies, so selecting by one band does not bias the other. Each channel has its own blocks.

    Noise is clipped where an image is near black or white. Blocks whose mean is within three standard deviations of
    either end are left out, and so are blocks of which more is clipped than even brightness with noise explains. Where
    fewer than 500 blocks or a tenth remain, the next ones are used too, down to two thirds clipped. Their noise is
    corrected by the variance of a clipped normal distribution. Where all blocks are clipped, the result is the floor.

    The result includes the rounding to the file's depth, because it is noise like any other: noise of .002 in 8 bit
    reads as .0023. Fine texture in every block reads as noise: about one sharp photograph in forty reads as more than
    twice a noise of .005. Noise is underestimated after JPEG compression, which removes its high frequencies.

    Parameters
    ----------
    images : numpy.ndarray
        `(N, H, W, C)` in [0, 1].
    floor : float
        Least result: by default the error of rounding to 8 bit. It is also the result for images with a side below
        8 pixels.

    Returns
    -------
    numpy.ndarray
        `(N,)`, in the unit of the images.
    """
    return np.array([noise_of_parts(image[None], floor) for image in np.asarray(images)])


def noise_of_parts(parts: np.ndarray, floor: float = ROUNDING, visible: np.ndarray | None = None) -> float:
    """Estimate the noise of one image, as `noise_level` does, from some parts of it, `(K, h, w, C)`.

    Blocks with pixels that are not `visible`, `(K, h, w)`, are left out.
    """
    if min(parts.shape[1:3]) < BLOCK:
        return floor
    means, structure, detail, clipped = _blocks(parts)
    if visible is not None:
        shown = np.repeat(_windows(visible).all((-2, -1)), parts.shape[-1])
        means, structure, detail, clipped = means[shown], structure[shown], detail[shown], clipped[shown]
    distance = np.minimum(means, 1 - means)
    seen = clipped <= MOST_CLIPPED
    if not seen.any():
        return floor
    least = clipped <= np.quantile(clipped[seen], START)
    level = _smoothest(structure[least], detail[least])
    for _ in range(ROUNDS):
        kept, expected = _clipping(distance / max(level, SMALLEST))
        flat = clipped <= expected + 3 * np.sqrt(expected * (1 - expected)) / BLOCK + 1 / BLOCK**2
        used = flat & (distance >= NEAR * level)
        if not used.any():
            break
        farthest = np.sort(distance[used])[-max(ENOUGH, used.sum() // ENOUGH_OF) :]
        used &= distance >= min(farthest[0], FAR * level)
        level = _smoothest(structure[used] / kept[used], detail[used] / kept[used])
    return max(floor, level)


def _blocks(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each block's mean, its power in low and in high frequencies, and the share of its pixels at 0 or 1."""
    windows = _windows(parts).reshape(-1, BLOCK, BLOCK).astype(np.float64)
    basis = fft.dct(np.eye(BLOCK), axis=0, norm="ortho")
    power = np.square(basis @ windows @ basis.T)
    order = np.add.outer(np.arange(BLOCK), np.arange(BLOCK))
    clipped = ((windows <= 0) | (windows >= 1)).mean((1, 2))
    low, high = (order > 0) & (order <= LOW), order >= HIGH
    return windows.mean((1, 2)), power[:, low].mean(-1), power[:, high].mean(-1), clipped


def _windows(parts: np.ndarray) -> np.ndarray:
    """View `(K, h, w, ...)` as its blocks, `(K, rows, columns, ..., BLOCK, BLOCK)`."""
    return np.lib.stride_tricks.sliding_window_view(parts, (BLOCK, BLOCK), axis=(1, 2))[:, ::STEP, ::STEP]


def _smoothest(structure: np.ndarray, detail: np.ndarray) -> float:
    """Return the standard deviation of the noise in the blocks with the least structure.

    It is the lower one of the estimates by mean and by median: some textured blocks among them raise the mean.
    """
    count = max(round(SMOOTH * len(detail)), min(FEWEST, len(detail) // FEW), 1)
    chosen = detail[np.argpartition(structure, count - 1)[:count]]
    values = sum(2 * BLOCK - 1 - order for order in range(HIGH, 2 * BLOCK - 1))
    return float(np.sqrt(min(chosen.mean(), np.median(chosen) * values / stats.chi2.median(values))))


def _clipping(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what clipping at 0 does to a normal distribution: the share of the variance left, and of values clipped.

    Parameters
    ----------
    distance : numpy.ndarray
        Mean of the clipped distribution, over the standard deviation of the one before.
    """
    centre = np.linspace(-1, 5, 601)
    below, density = stats.norm.cdf(centre), stats.norm.pdf(centre)
    mean = centre * below + density
    variance = (centre**2 + 1) * below + centre * density - mean**2
    return np.interp(distance, mean, variance), np.interp(distance, mean, 1 - below)
