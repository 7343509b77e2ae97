"""PSFs of a camera that moves during the exposure."""

import math

import numpy as np

INERTIA, STEPS = 0.7, 64
"""Of a camera's shake: share of the velocity that a step keeps, and straight pieces of the path."""


def linear_motion(length: float, angle: float) -> np.ndarray:
    """Return the PSF of a straight, even motion during the exposure.

    The path is a segment centred on the middle pixel. The mass of each of its points is shared among the four pixels
    around it (bilinear), so that length and angle need not be whole numbers.

    Parameters
    ----------
    length : float
        Of the path in pixels, >= 0; 0 gives the identity.
    angle : float
        In degrees, counter-clockwise from the x axis as the picture is looked at.

    Returns
    -------
    numpy.ndarray
        `(h, w)`, float32, as small as holds the path.

    Raises
    ------
    ValueError
        A parameter is not finite, or the length negative.

    Examples
    --------
    >>> linear_motion(2, 0).round(2)
    array([[0.25, 0.5 , 0.25]], dtype=float32)
    """
    check_number("length", length, least=0)
    check_number("angle", angle)
    count = max(128, int(16 * length))  # points on the path
    along = ((np.arange(count) + 0.5) / count - 0.5) * length
    turn = np.deg2rad(angle)
    return _splat(-along * np.sin(turn), along * np.cos(turn))


def motion_sides(length: float, angle: float) -> tuple[int, int]:
    """Return the sides of `linear_motion`, before its kernel is made; errors as there."""
    check_number("length", length, least=0)
    check_number("angle", angle)
    turn = np.deg2rad(angle)
    return tuple(2 * math.ceil(round(abs(length / 2 * along), 6)) + 1 for along in (np.sin(turn), np.cos(turn)))


def streak(kernel: np.ndarray) -> np.ndarray:
    """Return how long a kernel is and in which direction: as a vector of its length at twice its angle.

    A path and the same path backwards blur alike, and twice the angle is the same for both. The length is that of the
    straight motion whose kernel is as much longer than wide, by its second moments: of any kernel, such as a camera
    shake's, the straight part.

    Parameters
    ----------
    kernel : numpy.ndarray
        `(h, w)`, summing to 1.

    Returns
    -------
    numpy.ndarray
        `(2,)`, in pixels.

    Examples
    --------
    >>> motion_of(streak(linear_motion(20, 30))), motion_of(streak(np.ones((3, 3)) / 9))
    ((20.0, 30.0), (0.0, 0.0))
    """
    up, right = (np.arange(side) - (side - 1) / 2 for side in kernel.shape)
    weights, up = np.float64(kernel), -up[:, None]
    x, y = (float((weights * axis).sum()) for axis in (right, up))
    spread = float((weights * ((right - x) ** 2 - (up - y) ** 2)).sum())
    twist = 2 * float((weights * (right - x) * (up - y)).sum())
    size = np.hypot(spread, twist)
    return np.zeros(2) if size < 1e-9 else np.array([spread, twist]) / size * np.sqrt(12 * size)


def motion_of(vector: np.ndarray) -> tuple[float, float]:
    """Return length in pixels and angle in degrees, in [0, 180), each to a tenth, of what `streak` returns."""
    angle = np.rad2deg(np.arctan2(vector[1], vector[0])) / 2 % 180
    return round(float(np.hypot(*vector)), 1), round(float(angle), 1) % 180


def camera_shake(
    random: np.random.Generator, length: float = 30.0, inertia: float = INERTIA, steps: int = STEPS
) -> np.ndarray:
    """Return the PSF of a shaking hand: a random walk with inertia (after Boracchi & Foi 2012, section III).

    The centre of mass of the path is in the middle of the kernel, so that a picture blurred with it is not shifted.

    Parameters
    ----------
    random : numpy.random.Generator
        What the walk is drawn from.
    length : float
        Of the path in pixels, >= 0; 0 gives the identity. The kernel is several times smaller: paths turn.
    inertia : float
        Share of the velocity that a step keeps, in [0, 1): 0 is a drunkard's walk, near 1 an almost straight line.
    steps : int
        Straight pieces of the path, at least 1.

    Returns
    -------
    numpy.ndarray
        `(h, w)`, float32.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """
    return _splat(*_walk(random, length, inertia, steps))


def shake_sides(random: np.random.Generator, length: float = 30.0) -> tuple[int, int]:
    """Return the sides that `camera_shake` does not exceed, before its kernel is made; errors as there."""
    y, x = _walk(random, length, INERTIA, STEPS)
    return tuple(2 * math.ceil(np.abs(axis).max()) + 1 for axis in (y, x))


def _walk(random: np.random.Generator, length: float, inertia: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points on the path of `camera_shake`, centred at the origin."""
    check_number("length", length, least=0)
    check_number("steps", steps, least=1)
    if not 0 <= inertia < 1:
        raise ValueError(f"inertia is {inertia}; it must be in [0, 1)")
    velocity, velocities = random.normal(size=2), []
    for _ in range(steps):
        velocity = inertia * velocity + np.sqrt(1 - inertia**2) * random.normal(size=2)
        velocities.append(velocity)
    corners = np.concatenate([np.zeros((1, 2)), np.cumsum(velocities, axis=0)])
    corners *= length / np.linalg.norm(velocities, axis=1).sum()
    between = np.linspace(0, steps, steps * 32 + 1)
    y, x = (np.interp(between, np.arange(steps + 1), corners[:, axis]) for axis in (0, 1))
    return y - y.mean(), x - x.mean()


def _splat(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Share equal masses at some points around the middle among the four pixels around each."""
    half = int(np.ceil(max(np.abs(y).max(), np.abs(x).max()))) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dy - (y - top)) * np.abs(1 - dx - (x - left))
            np.add.at(kernel, (top + dy + half, left + dx + half), weight)
    return to_psf(trimmed(kernel))


def trimmed(kernel: np.ndarray) -> np.ndarray:
    """Cut off rows and columns of (nearly) nothing, as many at one end as at the other."""
    for axis in (0, 1):
        there = np.flatnonzero(kernel.sum(1 - axis) > 1e-9 * kernel.sum())
        cut = min(there[0], kernel.shape[axis] - 1 - there[-1])
        kernel = np.take(kernel, range(cut, kernel.shape[axis] - cut), axis)
    return kernel


def to_psf(kernel: np.ndarray) -> np.ndarray:
    """Return the kernel in float32, summing to 1."""
    return (kernel / kernel.sum()).astype(np.float32)


def check_number(name: str, value: float, least: float = -np.inf) -> float:
    """Return a parameter; refuse one that is not finite, or below its least value."""
    if not (np.isfinite(value) and value >= least):
        raise ValueError(f"{name} is {value}; it must be a number" + (f" >= {least:g}" if np.isfinite(least) else ""))
    return value
