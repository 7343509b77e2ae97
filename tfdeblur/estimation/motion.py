"""Length and direction of a straight motion from a photograph's spectrum, near what a network has said of them."""

import numpy as np
from scipy import fft, optimize

from tfdeblur.physics.kernels import linear_motion
from tfdeblur.physics.trajectories import motion_of

SIDE = 128
"""Pixels along an edge of the squares whose spectra are averaged."""
FALL = (2.0, 2.5, 3.0)
"""With which power of the frequency that of sharp photographs falls (about 2: Field 1987); one is taken."""
NOISE = 10.0 ** np.arange(-8, 3.6, 0.5)
"""Power of white noise, over that of a sharp photograph at a frequency of 1 cycle a pixel; one is taken."""
FACTORS = (0.5, 0.65, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5)
TURNS = (-12, 0, 12)
"""Of the network's length, and degrees besides its direction: where the search begins, at the best turn for each."""


def refined_motion(luma: np.ndarray, streak: np.ndarray, deviation: float) -> tuple[float, float]:
    """Return the likeliest length and angle of a straight motion, given a photograph and a first estimate.

    What a network says errs by two pixels, with which deconvolution rings. The motion's own transform has zeros, whose
    places say the length to a tenth of a pixel, but at half and at a third of it they fit in part: the estimate says
    where to look. The likelihood is Whittle's (1953): powers of the spectrum are exponentially distributed about

        A (|f|^-b |K(f)|^2 + n)

    where K is the motion's transfer function; A is its own best, b and n are the best of a few. The first estimate is a
    normal prior.

    Parameters
    ----------
    luma : numpy.ndarray
        `(H, W)`.
    streak : numpy.ndarray
        First estimate, `(2,)`, in pixels: the length at twice the angle.
    deviation : float
        Its standard deviation, in pixels.

    Returns
    -------
    tuple of float
        Length in pixels and angle in degrees; the first estimate where the picture shows nothing, as a flat one.
    """
    power, frequency, side = _spectrum(luma)
    if not power.any() or not np.hypot(*streak):
        return motion_of(streak)
    falling = [frequency**-fall for fall in FALL]

    def cost(place: np.ndarray) -> float:
        length, angle = motion_of(place)
        if not 1 <= length <= side / 2:
            return np.inf
        passed = _inner(np.abs(fft.rfft2(linear_motion(length, angle), (side, side))) ** 2)
        best = np.inf
        for sharp in falling:
            expected = sharp * passed + NOISE[:, None]
            best = min(best, (np.log((power / expected).mean(1)) + np.log(expected).mean(1)).min())
        return power.size * best + np.square(place - streak).sum() / (2 * deviation**2)

    found = []
    for factor in FACTORS:
        begin = min((_turned(factor * streak, 2 * turn) for turn in TURNS), key=cost)
        simplex = np.array([begin, begin + (0.5, 0), begin + (0, 0.5)])
        options = {"initial_simplex": simplex, "xatol": 0.05, "fatol": 0.1, "maxiter": 60}
        found.append(optimize.minimize(cost, begin, method="Nelder-Mead", options=options))
    return motion_of(min(found, key=lambda end: end.fun).x)


def _spectrum(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the power of a picture's windowed squares, the frequencies in cycles a pixel, and the squares' edge."""
    side = min(SIDE, *luma.shape)
    window = np.multiply.outer(*2 * [np.hanning(side + 2)[1:-1]])
    rows = np.lib.stride_tricks.sliding_window_view(luma, (side, side))[:: side // 2, :: side // 2]
    power = sum(np.abs(fft.rfft2(window * (square - square.mean()))) ** 2 for row in rows for square in row)
    return _inner(power), _inner(_frequencies(side)), side


def _frequencies(side: int) -> np.ndarray:
    return np.hypot(fft.fftfreq(side)[:, None], fft.rfftfreq(side))


def _inner(spectrum: np.ndarray) -> np.ndarray:
    """Return the frequencies that neither the window covers nor only diagonals have."""
    frequencies = _frequencies(len(spectrum))
    return spectrum[(frequencies > 2.5 / len(spectrum)) & (frequencies < 0.5)]


def _turned(streak: np.ndarray, degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cos, -sin], [sin, cos]]) @ streak
