"""The kernel of a camera's shake, estimated from one picture, coarse to fine.

Latent pictures whose gradients are nearly all zero (Xu, Zheng & Jia 2013; Pan et al. 2014) show the strong edges as
they were; the kernel is what blurs those edges into the picture's. Both are estimated in turn, from small copies of the
picture to the whole.
"""

import numpy as np
from scipy import fft, ndimage
from skimage.transform import resize

from tfdeblur.classical.least_squares import extend, periodic_size, squared_gradient
from tfdeblur.classical.planes import adjoint_gradient, checked_images, from_waves, gradient, to_waves, transfer
from tfdeblur.physics.colour import luma

SMALLEST_SIZE = 5
"""Pixels along an edge of the coarsest kernel."""

RATIO = np.sqrt(0.5)
"""Size of a level over that of the next finer one."""

ROUNDS = 5
"""Estimates of latent picture and kernel on each level."""

GRADIENT_WEIGHT, LEAST_GRADIENT_WEIGHT, DECAY = 4e-3, 1e-3, 1.1
"""Price of a gradient that is not zero: at the beginning, at last, and over that of the next round."""

KERNEL_WEIGHT = 8.0
"""Weight of the kernel's squared norm."""

FAINT = 0.05
"""Share of its largest value below which a kernel's value is taken for noise."""

SMALLEST_PART = 0.1
"""Share of the light below which a part of the kernel apart from others is taken for noise."""


def estimate_kernel(blur: np.ndarray, size: int) -> np.ndarray:
    """Estimate the kernel with which each picture has been blurred evenly.

    Parameters
    ----------
    blur : numpy.ndarray
        `(N, H, W, C)` in [0, 1], with C 1 or 3.
    size : int
        Odd side of the kernel in pixels, at least 5: somewhat more than the blur reaches.

    Returns
    -------
    numpy.ndarray
        `(N, size, size)`, float32, not negative, summing to 1, its centre of mass in the middle to half a pixel.

    Raises
    ------
    ValueError
        The size is even, too small, or larger than the image, or `checked_images` refuses the images.
    """
    blur = checked_images(blur)
    if size < SMALLEST_SIZE or size % 2 == 0:
        raise ValueError(f"kernel size is {size}; it must be odd and at least {SMALLEST_SIZE}")
    if size > min(blur.shape[1:3]):
        raise ValueError(f"kernel size is {size}, the image {blur.shape[2]}x{blur.shape[1]}; it must not be larger")
    return np.stack([_of_one(grey, size) for grey in luma(np.asarray(blur, np.float32))[..., 0]])


def _of_one(grey: np.ndarray, size: int) -> np.ndarray:
    levels = int(np.floor(np.log(SMALLEST_SIZE / size) / np.log(RATIO))) + 1
    middle = SMALLEST_SIZE // 2
    kernel = np.zeros((SMALLEST_SIZE, SMALLEST_SIZE), np.float32)
    kernel[middle, middle : middle + 2] = 0.5  # a blur by nothing is a solution too, and no beginning
    weight = GRADIENT_WEIGHT
    for level in reversed(range(levels)):
        scale = RATIO**level
        side = max(SMALLEST_SIZE, 2 * int(size * scale / 2) + 1) if level else size
        shape = [max(side, round(edge * scale)) for edge in grey.shape]
        small = resize(grey, shape, order=1, anti_aliasing=True) if level else grey
        kernel = _normalised(resize(kernel, (side, side), order=1, anti_aliasing=False), faint=0)
        kernel, weight = _refined(small, kernel, weight)
    return _without_islands(kernel)


def _refined(grey: np.ndarray, kernel: np.ndarray, weight: float) -> tuple[np.ndarray, float]:
    """Return the kernel after some rounds on one level, and the weight of gradients for the next."""
    planes = np.empty(periodic_size(grey.shape, tuple(side - 1 for side in kernel.shape)), grey.dtype)
    extend(grey, planes)
    inside = tuple(slice(edge) for edge in grey.shape)
    blurred = [part[inside] for part in gradient(planes)]
    for _ in range(ROUNDS):
        latent = sparse_latent(planes, kernel, weight)
        edges = [part[inside] for part in gradient(latent)]
        kernel = _centred(_kernel_between(edges, blurred, kernel.shape))
        weight = max(weight / DECAY, LEAST_GRADIENT_WEIGHT)
    return kernel, weight


def sparse_latent(planes: np.ndarray, kernel: np.ndarray, weight: float) -> np.ndarray:
    """Return the picture that minimises `|k * x - b|^2 + weight * (number of pixels with a gradient)`.

    By half-quadratic splitting (Xu, Lu, Xu & Jia 2011, algorithm 1).

    Parameters
    ----------
    planes : numpy.ndarray
        b, `(H, W)`, as one that repeats.
    kernel : numpy.ndarray
        `(h, w)`.
    weight : float
        Price of a pixel whose gradient is not zero.
    """
    spectrum = transfer(kernel[None], planes.shape, planes.dtype)[0, 0]
    power, cost = np.abs(spectrum) ** 2, squared_gradient(planes.shape, planes.dtype)
    seen = np.conj(spectrum) * to_waves(planes, planes.shape)
    latent, penalty = planes, 2 * weight
    while penalty < 1e5:
        down, across = gradient(latent)
        kept = down**2 + across**2 >= weight / penalty
        pull = to_waves(adjoint_gradient([down * kept, across * kept]), planes.shape)
        waves = (seen + penalty * pull) / (power + penalty * cost)
        latent = from_waves(waves, planes.shape[1], spent=True)
        penalty *= 2
    return latent


def _kernel_between(edges: list[np.ndarray], blurred: list[np.ndarray], sides: tuple[int, int]) -> np.ndarray:
    """Return the kernel that takes some gradients to others, by least squares."""
    size = tuple(fft.next_fast_len(edge, real=True) for edge in edges[0].shape)
    sharp_waves = [to_waves(edge, size) for edge in edges]
    blurred_waves = [to_waves(edge, size) for edge in blurred]
    agreement = sum(np.conj(a) * b for a, b in zip(sharp_waves, blurred_waves, strict=True))
    power = sum(np.abs(a) ** 2 for a in sharp_waves)
    lags = from_waves(agreement / (power + KERNEL_WEIGHT), size[1])
    kernel = np.roll(lags, (sides[0] // 2, sides[1] // 2), (0, 1))[: sides[0], : sides[1]]
    return _normalised(kernel, FAINT)


def _normalised(kernel: np.ndarray, faint: float) -> np.ndarray:
    kernel = np.where(kernel < faint * kernel.max(), 0, np.maximum(kernel, 0))
    if not kernel.any():
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
    return (kernel / kernel.sum()).astype(np.float32)


def _centred(kernel: np.ndarray) -> np.ndarray:
    """Move the centre of mass to the middle, by whole pixels; what leaves the kernel is lost."""
    centre = ndimage.center_of_mass(kernel)
    move = [side // 2 - round(float(at)) for side, at in zip(kernel.shape, centre, strict=True)]
    return _normalised(ndimage.shift(kernel, move, order=0), 0) if any(move) else kernel


def _without_islands(kernel: np.ndarray) -> np.ndarray:
    """Leave out small parts that do not touch the others."""
    parts, count = ndimage.label(kernel > 0, np.ones((3, 3)))
    light = ndimage.sum_labels(kernel, parts, np.arange(1, count + 1))
    return _normalised(np.where(np.isin(parts, 1 + np.flatnonzero(light >= SMALLEST_PART)), kernel, 0), 0)
