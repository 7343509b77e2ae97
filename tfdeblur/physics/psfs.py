"""Kernels as users describe them: by a word with numbers, or in a file."""

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from tfdeblur import numpy_files
from tfdeblur.physics.kernels import disk, disk_reach, gaussian, gaussian_reach, measured
from tfdeblur.physics.trajectories import camera_shake, check_number, linear_motion, motion_sides, shake_sides

LARGEST_SIDE = 4001
"""Pixels along a side of the largest kernel that is made from a description."""

SHIFTED = 0.5
"""Distance of a kernel's centre of mass from its middle, in pixels, from which a shift is reported."""


def parse_psf(text: str, centred: bool = False) -> np.ndarray:
    """Return the kernel that a word on the command line describes.

    Parameters
    ----------
    text, centred
        As `describe_psf` takes them.

    Returns
    -------
    numpy.ndarray
        `(h, w)`, float32.

    Raises
    ------
    ValueError
        The text is none of these, its numbers make no kernel, or one with a side above `LARGEST_SIDE`.
    FileNotFoundError
        There is no such file.

    Examples
    --------
    >>> parse_psf("disk:3").shape, parse_psf("motion:15,30").shape
    ((7, 7), (9, 15))
    """
    psf = describe_psf(text, centred)
    if max(psf.sides) > LARGEST_SIDE:
        raise ValueError(f"the PSF {text} has {psf.size} pixels; {LARGEST_SIDE}x{LARGEST_SIDE} at most are made")
    return psf.make()


@dataclass(frozen=True)
class Psf:
    """A kernel that is made when it is needed.

    Parameters
    ----------
    text : str
        What describes it.
    sides : tuple of int
        Its height and width, or somewhat more.
    make : callable
        Returns it, `(h, w)`, float32.
    remarks : tuple of str
        What was changed in a file's kernel, or may not be meant so.
    """

    text: str
    sides: tuple[int, int]
    make: Callable[[], np.ndarray]
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """Width and height as text."""
        return f"{self.sides[1]:.7g}x{self.sides[0]:.7g}"


def describe_psf(text: str, centred: bool = False) -> Psf:
    """Return what a word on the command line describes, without making large kernels.

    Parameters
    ----------
    text : str
        `gaussian:SIGMA`, `disk:RADIUS`, `motion:LENGTH,ANGLE`, `shake:LENGTH,SEED`, or a file as
        `read_kernel` takes it.
    centred : bool
        Whether a file's kernel is centred, as `measured` says. The others are centred anyway.

    Raises
    ------
    ValueError
        The text is none of these, or its numbers make no kernel.
    FileNotFoundError
        There is no such file.
    """
    text = os.fspath(text)
    name, _, numbers = text.partition(":")
    if name not in PSFS:
        kernel, remarks = _read(text, centred)
        return Psf(text, kernel.shape, lambda: kernel, remarks)
    make, sides, parameters = PSFS[name]
    expected = _expected(name)
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    if len(values) != len(parameters):
        raise ValueError(f"the PSF {text!r} is not understood; expected {expected} in numbers")
    try:
        return Psf(text, sides(*values), partial(make, *values))
    except ValueError as error:
        raise ValueError(f"the PSF {text!r} is not possible ({error}); expected {expected}") from error


def _expected(name: str) -> str:
    return f"{name}:{','.join(PSFS[name][-1] if name in PSFS else OTHER_PSFS[name]).upper()}"


def _shake_random(seed: float) -> np.random.Generator:
    if not (seed >= 0 and seed.is_integer()):
        raise ValueError(f"seed is {seed:g}; it must be a whole number >= 0")
    return np.random.default_rng(int(seed))


PSFS: dict[str, tuple[Callable[..., np.ndarray], Callable[..., tuple[int, int]], tuple[str, ...]]] = {
    "gaussian": (gaussian, lambda sigma: 2 * (2 * gaussian_reach(check_number("sigma", sigma, 0)) + 1,), ("sigma",)),
    "disk": (disk, lambda radius: 2 * (2 * disk_reach(radius) + 1,), ("radius",)),
    "motion": (linear_motion, motion_sides, ("length", "angle")),
    "shake": (
        lambda length, seed: camera_shake(_shake_random(seed), length),
        lambda length, seed: shake_sides(_shake_random(seed), length),
        ("length", "seed"),
    ),
}
"""What `parse_psf` knows by name: what makes it, its sides, and the names of the numbers that follow."""

OTHER_PSFS = {"blind": ("size",), "estimate": ("model",), "map": ("model",)}
"""What `tfdeblur.deblur --psf` takes besides, for suggestions."""


def read_kernel(path: str | os.PathLike, centred: bool = False) -> np.ndarray:
    """Read a kernel from a file.

    Parameters
    ----------
    path : str or pathlib.Path
        `FILE.npy`; `FILE.npz:NAME`, one array of several, or `FILE.npz`, which has one array; or an image (PNG, TIFF
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
    return _read(os.fspath(path), centred)[0]


def _read(path: str, centred: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the kernel of a file, and remarks on it."""
    file, name = path, None
    if ".npz:" in path:
        file, _, name = path.rpartition(":")
    if not os.path.isfile(file):
        raise FileNotFoundError(_no_file(file))
    remarks = []
    if file.lower().endswith(".npz"):
        array = _array_of(file, name)
    else:
        array = numpy_files.read_array(file) if file.lower().endswith(".npy") else _image(file, remarks)
    try:
        kernel = measured(array, centred)
    except ValueError as error:
        raise ValueError(f"{path} holds no kernel: {error}") from error
    return kernel, tuple(f"the PSF {path} {remark}" for remark in (*remarks, *_remarks(array, kernel, file, centred)))


def _no_file(file: str) -> str:
    near = difflib.get_close_matches(file.partition(":")[0].lower(), [*PSFS, *OTHER_PSFS], 1)
    hint = f"did you mean {_expected(near[0])}? E" if near else "e"
    return (
        f"there is no kernel file {file}; {hint}xpected FILE.npy, FILE.npz:NAME, an image, or one of "
        f"{', '.join(PSFS)} with its numbers, as in disk:3"
    )


def _remarks(array: np.ndarray, kernel: np.ndarray, file: str, centred: bool) -> list[str]:
    """Say what `measured` changed in an array and where that has its centre."""
    found = []
    array = np.float64(array)
    negative = -array[array < 0].sum() / array[array > 0].sum()
    if negative:
        found.append(f"has negative values, {negative:.2g} times the positive ones; they are taken for 0")
    elif file.lower().endswith((".npy", ".npz")) and abs(array.sum() - 1) > 0.01:
        found.append(f"sums to {array.sum():.4g}, not to 1; it is divided by that")
    if not centred and any(side % 2 == 0 for side in array.shape):
        place = " and ".join(f"{name} {side // 2}" for name, side in zip(("row", "column"), array.shape, strict=True))
        found.append(f"has an even side, {array.shape[1]}x{array.shape[0]} pixels; {place}, from 0, is its centre")
    down, right = (
        float(np.average(np.arange(side) - side // 2, weights=kernel.sum(1 - axis)))
        for axis, side in enumerate(kernel.shape)
    )
    if not centred and np.hypot(down, right) >= SHIFTED:
        found.append(
            f"has its centre of mass {abs(right):.1f} pixels {'right' if right > 0 else 'left'} of its centre and "
            f"{abs(down):.1f} {'below' if down > 0 else 'above'}; results are shifted by as much the other way, unless "
            "the blur has moved the photograph so; --centre-psf prevents that"
        )
    return found


def kernel_names(file: str | os.PathLike) -> list[str]:
    """Return the names of the arrays of an .npz file."""
    return list(numpy_files.read(os.fspath(file)))


def _array_of(file: str, name: str | None) -> np.ndarray:
    arrays = numpy_files.read(file)
    if name is None and len(arrays) == 1:
        (name,) = arrays
    if name not in arrays:
        found = f"no array {name!r}" if name else f"{len(arrays)} arrays"
        raise ValueError(f"{file} has {found}; write {file}:NAME with one of {', '.join(arrays)}")
    return arrays[name]


def _image(file: str, remarks: list[str]) -> np.ndarray:
    """Return the values of an image, colours averaged; say so if they differ."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            values = np.asarray(image.convert("RGB") if image.mode in ("P", "CMYK", "YCbCr") else image, np.float64)
            alpha = image.mode in ("LA", "RGBA")
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{file} cannot be read as .npy, .npz or an image ({error})") from error
    if values.ndim == 2:
        return values
    values = values[..., : -1 if alpha else None]
    if np.ptp(values, axis=-1).any():
        remarks.append("is in colour; its colours are averaged")
    return values.mean(-1)
