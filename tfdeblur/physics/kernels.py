"""Point spread functions: NumPy float32, odd-sized, centred at `(h // 2, w // 2)`, summing to 1."""

import os
from collections.abc import Callable

import numpy as np

from tfdeblur import numpy_files
from tfdeblur.physics.trajectories import camera_shake, check_number, linear_motion, to_psf, trimmed

TRUNCATE = 4.0
"""Where a Gaussian kernel ends, in standard deviations: SciPy's default, and OpenCV's for float pictures."""

SUBSAMPLES = 512
"""Parts into which a pixel's width is divided where an area is integrated; the height is integrated exactly."""


def gaussian_kernel(size: int, sigma: float) -> np.ndarray:
    """Return a Gaussian kernel sampled at whole pixels.

    Parameters
    ----------
    size : int
        Odd side length in pixels.
    sigma : float
        Standard deviation in pixels, above 0. King's kernel is `gaussian_kernel(5, 1.0)`.

    Returns
    -------
    numpy.ndarray
        `(size, size)`, float32, centred at `(size // 2, size // 2)`, summing to 1.

    Raises
    ------
    ValueError
        `size` is even or not positive, or `sigma` is not a number above 0.
    """
    if not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma is {sigma}; it must be a number of pixels above 0")
    if size < 1 or size % 2 == 0:
        raise ValueError(f"kernel size is {size}; it must be odd and positive, so that the kernel has a centre")
    offsets = np.arange(size) - size // 2
    profile = np.exp(-0.5 * (offsets / sigma) ** 2)
    profile /= profile.sum()
    return np.outer(profile, profile).astype(np.float32)


def gaussian(sigma: float) -> np.ndarray:
    """Return the kernel of `blur.gaussian_blur`, which ends at `round(4 sigma)` pixels; sigma 0 is the identity."""
    check_number("sigma", sigma, least=0)
    return gaussian_kernel(2 * gaussian_reach(sigma) + 1, sigma) if sigma else np.ones((1, 1), np.float32)


def gaussian_reach(sigma: float) -> int:
    """Return how many pixels a Gaussian kernel reaches to each side."""
    return int(TRUNCATE * sigma + 0.5)


def gaussian_profiles(sigma, reach: int, ops):
    """Return one-dimensional Gaussian kernels `(N, 2 reach + 1)`, each as long as its own sigma needs.

    Parameters
    ----------
    sigma : numpy.ndarray or tensor
        `(N,)`, in pixels, >= 0; 0 gives the identity.
    reach : int
        `gaussian_reach` of the largest.
    ops : module
        `numpy` or `keras.ops`, whichever sigma is of.
    """
    sigma = sigma[:, None]
    offsets = np.arange(-reach, reach + 1, dtype=np.float32)
    inside = np.abs(offsets) <= ops.floor(TRUNCATE * sigma + 0.5)
    weights = ops.where(inside, ops.exp(-0.5 * (offsets / ops.maximum(sigma, 1e-6)) ** 2), 0.0)
    return weights / ops.sum(weights, axis=1, keepdims=True)


def disk(radius: float) -> np.ndarray:
    """Return the PSF of a lens out of focus: a disk with an anti-aliased edge.

    The value of a pixel is the part of its area that the disk covers.

    Parameters
    ----------
    radius : float
        In pixels, >= 0. Up to 0.5, where one pixel holds all of it, the kernel is the identity.

    Returns
    -------
    numpy.ndarray
        `(s, s)`, float32, s = 2 ceil(radius - 1/2) + 1.

    Raises
    ------
    ValueError
        `radius` is negative or not finite.

    Examples
    --------
    >>> disk(1.0).round(2)
    array([[0.03, 0.15, 0.03],
           [0.15, 0.32, 0.15],
           [0.03, 0.15, 0.03]], dtype=float32)
    """
    check_number("radius", radius, least=0)
    if radius <= 0.5:
        return np.ones((1, 1), np.float32)
    half = int(np.ceil(radius - 0.5))
    pixels = np.arange(-half, half + 1)
    x = (pixels[:, None] + (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5).ravel()
    edge = np.sqrt(np.maximum(radius**2 - x**2, 0))  # the disk covers [-edge, edge] of each column
    covered = np.minimum(edge, pixels[:, None] + 0.5) - np.maximum(-edge, pixels[:, None] - 0.5)
    covered = np.maximum(covered, 0).reshape(len(pixels), len(pixels), SUBSAMPLES).mean(-1)
    return to_psf(covered + covered.T)  # as exact along x as along y


def measured(kernel: np.ndarray, centred: bool = True) -> np.ndarray:
    """Return a measured kernel as a PSF: negative values cut off, odd sides, summing to 1.

    Parameters
    ----------
    kernel : numpy.ndarray
        `(h, w)`, any scale.
    centred : bool
        Whether to move the centre of mass to the middle, to the nearest pixel, and to cut off frames of zeros. A
        picture blurred with the result is not shifted against the sharp one. Otherwise `(h // 2, w // 2)` stays the
        centre.

    Returns
    -------
    numpy.ndarray
        `(h, w)`, float32.

    Raises
    ------
    ValueError
        It is not two-dimensional, has values that are not finite, or nothing in it is positive.
    """
    kernel = np.asarray(kernel, np.float64)
    if kernel.ndim != 2 or not np.isfinite(kernel).all() or not (kernel > 0).any():
        raise ValueError(
            f"an array of shape {kernel.shape} is no kernel; it must be two-dimensional and finite with a positive sum"
        )
    kernel = np.maximum(kernel, 0)
    padding = []
    for axis in (0, 1):
        count = kernel.shape[axis]
        centre = count // 2
        if centred:
            centre = int(np.rint(np.average(np.arange(count), weights=kernel.sum(1 - axis))))
        half = max(centre, count - 1 - centre)
        padding.append((half - centre, half - (count - 1 - centre)))
    kernel = np.pad(kernel, padding)
    return to_psf(trimmed(kernel) if centred else kernel)


def parse_psf(text: str) -> np.ndarray:
    """Return the kernel that a word on the command line describes.

    Parameters
    ----------
    text : str
        `gaussian:SIGMA`, `disk:RADIUS`, `motion:LENGTH,ANGLE`, `shake:LENGTH,SEED`, or a file as
        `read_kernel` takes it.

    Returns
    -------
    numpy.ndarray
        `(h, w)`, float32.

    Raises
    ------
    ValueError
        The text is none of these, or its numbers make no kernel.
    FileNotFoundError
        There is no such file.

    Examples
    --------
    >>> parse_psf("disk:3").shape, parse_psf("motion:15,30").shape
    ((7, 7), (9, 15))
    """
    name, _, numbers = text.partition(":")
    if name not in PSFS:
        return read_kernel(text)
    make, parameters = PSFS[name]
    expected = f"{name}:{','.join(parameters).upper()}"
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    if len(values) != len(parameters):
        raise ValueError(f"the PSF {text!r} is not understood; expected {expected} in numbers")
    try:
        return make(*values)
    except ValueError as error:
        raise ValueError(f"the PSF {text!r} is not possible ({error}); expected {expected}") from error


def _shake(length: float, seed: float) -> np.ndarray:
    if seed < 0 or not seed.is_integer():
        raise ValueError(f"seed is {seed:g}; it must be a whole number >= 0")
    return camera_shake(np.random.default_rng(int(seed)), length)


PSFS: dict[str, tuple[Callable[..., np.ndarray], tuple[str, ...]]] = {
    "gaussian": (gaussian, ("sigma",)),
    "disk": (disk, ("radius",)),
    "motion": (linear_motion, ("length", "angle")),
    "shake": (_shake, ("length", "seed")),
}
"""What `parse_psf` knows by name, with the names of the numbers that follow."""


def read_kernel(path: str, centred: bool = False) -> np.ndarray:
    """Read a kernel from a file.

    Parameters
    ----------
    path : str
        `FILE.npy`; `FILE.npz:NAME`, one array of several, or `FILE.npz`, which has one array; or a picture (PNG, TIFF
        and what else Pillow reads), whose values count as they are stored and whose colours are averaged.
    centred : bool
        See `measured`. Without it the middle of the file's array, `(h // 2, w // 2)`, is the centre.

    Returns
    -------
    numpy.ndarray
        `(h, w)`, float32, odd sides, summing to 1.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file holds no kernel, or no array of that name; the message lists the names there are.
    """
    file, name = path, None
    if ".npz:" in path:
        file, _, name = path.rpartition(":")
    if not os.path.isfile(file):
        raise FileNotFoundError(
            f"there is no kernel file {file}; expected FILE.npy, FILE.npz:NAME, a picture, or one of {', '.join(PSFS)} "
            "with its numbers, as in disk:3"
        )
    if file.lower().endswith(".npz"):
        array = _array_of(file, name)
    else:
        array = numpy_files.read_array(file) if file.lower().endswith(".npy") else _picture(file)
    try:
        return measured(array, centred)
    except ValueError as error:
        raise ValueError(f"{path} holds no kernel: {error}") from error


def kernel_names(file: str) -> list[str]:
    """Return the names of the arrays of an .npz file."""
    return list(numpy_files.read(file))


def _array_of(file: str, name: str | None) -> np.ndarray:
    arrays = numpy_files.read(file)
    if name is None and len(arrays) == 1:
        (name,) = arrays
    if name not in arrays:
        found = f"no array {name!r}" if name else f"{len(arrays)} arrays"
        raise ValueError(f"{file} has {found}; write {file}:NAME with one of {', '.join(arrays)}")
    return arrays[name]


def _picture(file: str) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(file) as image:
            values = np.asarray(image.convert("RGB") if image.mode in ("P", "CMYK", "YCbCr") else image, np.float64)
            alpha = image.mode in ("LA", "RGBA")
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{file} cannot be read as .npy, .npz or a picture ({error})") from error
    return values if values.ndim == 2 else values[..., : -1 if alpha else None].mean(-1)
