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

MOST_CLIPPED, START = 0.9, 0.1
"""Blocks with a larger share of clipped pixels show no noise. The tenth of the others that is clipped least gives one
first estimate, all of them another."""

STEPS = 0.02, 2.4
"""Least and largest step of rounding that the noise of clipped blocks is corrected for, in standard deviations."""

TEXTURE, FALLING = 0.02, 1.5
"""Low frequencies of the smoothest blocks with at least this standard deviation are texture if it is FALLING times the
one of the high frequencies."""

SHARED = 1.5 * ROUNDING
"""Largest noise between channels that is taken for mere rounding."""

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
    corrected by the variance of a clipped and rounded normal distribution. Where all blocks are clipped, the result is
    the floor.

    Where even the smoothest blocks are strongly textured, as grass or plaster, only what differs between the channels
    of colour is noise. Such texture still reads as noise in grey images, and where the channels share their noise.

    The result includes the rounding to the file's depth, because it is noise like any other: noise of .002 in 8 bit
    reads as .0023. Noise is underestimated after JPEG compression, which removes its high frequencies.

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
    means, structure, high, clipped = _blocks(parts)
    if visible is not None:
        shown = np.repeat(_windows(visible).all((-2, -1)), parts.shape[-1])
        means, structure, high, clipped = means[shown], structure[shown], high[shown], clipped[shown]
    distance, detail = np.minimum(means, 1 - means), np.square(high).mean(1)
    seen = clipped <= MOST_CLIPPED
    if not seen.any():
        return floor
    step = _step(parts)
    least = clipped <= np.quantile(clipped[seen], START)
    starts = [_smoothest(structure[group], detail[group]) for group in (least, seen)]
    _, level = max(_explained(start, step, distance, structure, detail, clipped) for start in starts)
    return max(floor, min(level, _between_channels(structure, high, clipped, parts.shape[-1])))


def _explained(
    level: float, step: float, distance: np.ndarray, structure: np.ndarray, detail: np.ndarray, clipped: np.ndarray
) -> tuple[int, float]:
    """Refine a first estimate of the noise; return how many blocks' clipping the noise explains, and the noise."""
    count = 0
    for _ in range(ROUNDS):
        kept, expected = _clipping(distance / max(level, SMALLEST), step / max(level, SMALLEST))
        flat = clipped <= expected + 3 * np.sqrt(expected * (1 - expected)) / BLOCK + 1 / BLOCK**2
        used = flat & (distance >= NEAR * level)
        count = int(used.sum())
        if not count:
            break
        farthest = np.sort(distance[used])[-max(ENOUGH, count // ENOUGH_OF) :]
        used &= distance >= min(farthest[0], FAR * level)
        level = _smoothest(structure[used] / kept[used], detail[used] / kept[used])
    return count, level


def _step(parts: np.ndarray) -> float:
    """Return the least distance of a pixel's value from 0 and 1 that is not zero: the step of the file's depth."""
    distance = np.minimum(parts, 1 - parts)
    return float(distance.min(initial=1, where=distance > 0))


def _blocks(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each block's mean, its power in low frequencies, its high ones, and the share of its pixels at 0 or 1."""
    windows = _windows(parts).reshape(-1, BLOCK, BLOCK).astype(np.float64)
    basis = fft.dct(np.eye(BLOCK), axis=0, norm="ortho")
    spectrum = basis @ windows @ basis.T
    order = np.add.outer(np.arange(BLOCK), np.arange(BLOCK))
    structure = np.square(spectrum[:, (order > 0) & (order <= LOW)]).mean(-1)
    clipped = ((windows <= 0) | (windows >= 1)).mean((1, 2))
    return windows.mean((1, 2)), structure, spectrum[:, order >= HIGH], clipped


def _windows(parts: np.ndarray) -> np.ndarray:
    """View `(K, h, w, ...)` as its blocks, `(K, rows, columns, ..., BLOCK, BLOCK)`."""
    return np.lib.stride_tricks.sliding_window_view(parts, (BLOCK, BLOCK), axis=(1, 2))[:, ::STEP, ::STEP]


def _smoothest(structure: np.ndarray, detail: np.ndarray) -> float:
    """Return the standard deviation of the noise in the blocks with the least structure.

    It is the lower one of the estimates by mean and by median: some textured blocks among them raise the mean.
    """
    chosen = detail[_least(structure)]
    values = sum(2 * BLOCK - 1 - order for order in range(HIGH, 2 * BLOCK - 1))
    return float(np.sqrt(min(chosen.mean(), np.median(chosen) * values / stats.chi2.median(values))))


def _least(structure: np.ndarray) -> np.ndarray:
    """Return the indices of the blocks with the least structure."""
    count = max(round(SMOOTH * len(structure)), min(FEWEST, len(structure) // FEW), 1)
    return np.argpartition(structure, count - 1)[:count]


def _between_channels(structure: np.ndarray, high: np.ndarray, clipped: np.ndarray, channels: int) -> float:
    """Return the noise that channels of colour do not share, where even the smoothest blocks are textured.

    Texture is nearly the same in all channels: the principal axis of their covariance. The noise is the mean power on
    the other axes. The result is infinite where some blocks are smooth, and where channels differ by rounding alone:
    they share their noise too, as in grey and after JPEG with reduced colours.
    """
    structure, high = structure.reshape(-1, channels), high.reshape(-1, channels, high.shape[-1])
    free = (clipped.reshape(-1, channels) == 0).all(1)
    if channels < 3 or free.sum() < FEWEST:
        return np.inf
    chosen = _least(structure[free].mean(1))
    texture, detail = structure[free][chosen].mean(), high[free][chosen]
    if texture < max(TEXTURE**2, FALLING**2 * np.square(detail).mean()):
        return np.inf
    powers = np.linalg.eigvalsh(np.einsum("nci,ndi->cd", detail, detail) / detail[:, 0].size)
    level = float(np.sqrt(powers[:-1].mean()))
    return level if level > SHARED else np.inf


def _clipping(distance: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what clipping at 0 and rounding do to a normal distribution: the variance left, and the share at 0.

    Parameters
    ----------
    distance : numpy.ndarray
        Mean of the values after clipping, over the standard deviation of the noise with its rounding.
    step : float
        Distance of the rounded values, in the same unit. It is taken within `STEPS`.
    """
    step = np.clip(step, *STEPS)
    noise = np.sqrt(1 - step**2 / 12)
    centre = np.linspace(-2, 4, 241)[:, None]
    values = np.arange(1, np.ceil(8 / step)) * step
    above = stats.norm.sf((values - step / 2) / noise - centre)
    mean = step * above.sum(1)
    variance = 2 * step * (above * values).sum(1) - step * mean - mean**2
    free = distance >= FAR
    kept = np.where(free, 1, np.interp(distance, mean, variance))
    return kept, np.where(free, 0, np.interp(distance, mean, 1 - above[:, 0]))
