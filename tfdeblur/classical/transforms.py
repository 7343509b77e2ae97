"""Fast Fourier transforms of many planes or blocks at a time, in place and in threads.

OpenCV's are in place and two to three times as fast as SciPy's. They are of complex arrays here: where what follows is
multiplication with the transfer function of a real filter, two real planes go through one transform, as its real and
its imaginary part.
"""

import functools
import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np


def transform(block: np.ndarray) -> None:
    """Replace a complex array `(H, W)` by its discrete Fourier transform."""
    values = _components(block)
    cv2.dft(values, values)


def transform_back(block: np.ndarray) -> None:
    """Replace a spectrum `(H, W)` by the array of which it is the discrete Fourier transform."""
    values = _components(block)
    cv2.dft(values, values, cv2.DFT_INVERSE | cv2.DFT_SCALE)


def _components(block: np.ndarray) -> np.ndarray:
    return block.view(block.real.dtype).reshape(*block.shape, 2)


def filtered(
    values: np.ndarray, spectra: np.ndarray, extend: Callable | None = None, take: Callable | None = None
) -> np.ndarray:
    """Multiply the spectra of planes by the transfer functions of real filters.

    Parameters
    ----------
    values : numpy.ndarray
        `(N, C, ...)`: planes, or what `extend` makes planes of.
    spectra : numpy.ndarray
        For each image or for all, from `whole_spectra`: `(N or 1, rows, columns)`.
    extend : callable, optional
        Takes a plane and an array of so many rows and columns, and fills it with the plane and what goes on around it.
        By default planes are of this size.
    take : callable, optional
        Takes a filtered array and returns the values; by default its upper left part, as large as a plane.

    Returns
    -------
    numpy.ndarray
        As `values`.
    """
    result = np.empty_like(values)

    def of_some(places: Sequence[tuple[int, int]]) -> None:
        block = kept("block", spectra.shape[1:], np.result_type(spectra.dtype, np.complex64))
        load(block, values, places, extend)
        transform(block)
        block *= of_image(spectra, places[0][0])
        transform_back(block)
        for part, place in zip((block.real, block.imag), places, strict=False):
            result[place] = take(part) if take else part[: values.shape[2], : values.shape[3]]

    in_threads(of_some, paired(*values.shape[:2]))
    return result


def load(block: np.ndarray, values: np.ndarray, places: Sequence[tuple[int, int]], extend: Callable | None) -> None:
    """Put one or two planes into the real and the imaginary part of a complex array, as `filtered` says."""
    if len(places) == 1:
        block.imag[...] = 0
    for part, place in zip((block.real, block.imag), places, strict=False):
        if extend is None:
            part[...] = values[place]
        else:
            extend(values[place], part)


def spectra_of(values: np.ndarray, size: tuple[int, int], kind: np.dtype, extend: Callable | None = None) -> list:
    """Return the spectra of planes: a complex array of a size for each of `paired`, of the precision of a dtype.

    Parameters `values` and `extend` are those of `filtered`.
    """
    pairs_of = paired(*values.shape[:2])
    blocks = [np.empty(size, np.result_type(kind, np.complex64)) for _ in pairs_of]

    def of_some(task: tuple[np.ndarray, Sequence[tuple[int, int]]]) -> None:
        load(task[0], values, task[1], extend)
        transform(task[0])

    in_threads(of_some, list(zip(blocks, pairs_of, strict=True)))
    return blocks


def paired(count: int, channels: int) -> list[Sequence[tuple[int, int]]]:
    """Return the places of planes `(N, C)` in pairs of the same image; the last one of an image may be alone."""
    return [pair for n in range(count) for pair in pairs([(n, c) for c in range(channels)])]


def of_image(spectra: np.ndarray, n: int) -> np.ndarray:
    """Return the spectrum for an image where there is one for each, or one for all."""
    return spectra[n if len(spectra) > 1 else 0]


def whole_spectra(gains: np.ndarray, width: int) -> np.ndarray:
    """Return all columns of transfer functions of real filters, `(N, rows, width)`, from those of `rfft2`.

    Parameters
    ----------
    gains : numpy.ndarray
        `(N, 1, rows, width // 2 + 1)`, real or complex.
    width : int
        Columns of the planes.
    """
    return np.stack([whole_spectrum(gain, width) for gain in gains[:, 0]])


def whole_spectrum(half: np.ndarray, width: int) -> np.ndarray:
    """Return all columns of the spectrum of a real array so wide from those of `rfft2`, `(H, W // 2 + 1)`."""
    rest = width - half.shape[1]
    spectrum = np.empty((half.shape[0], width), half.dtype)
    spectrum[:, : half.shape[1]] = half
    mirrored = half[:, rest:0:-1]
    np.conj(mirrored[:1], out=spectrum[:1, half.shape[1] :])
    np.conj(mirrored[:0:-1], out=spectrum[1:, half.shape[1] :])
    return spectrum


def pairs(items: Sequence) -> list[Sequence]:
    """Return items two by two; the last one may be alone."""
    return [items[first : first + 2] for first in range(0, len(items), 2)]


def in_threads(function: Callable, tasks: Sequence) -> None:
    """Call a function that releases the interpreter's lock with each of some arguments, on all cores."""
    if len(tasks) == 1:
        function(tasks[0])
    else:
        for _ in _pool(os.getpid()).map(function, tasks):  # raises what the function raised
            pass


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process: those of one that it was forked from do not run in it."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="tfdeblur")


_threads_own = threading.local()


def kept(name: str, shape: tuple[int, ...], kind: np.dtype) -> np.ndarray:
    """Return an array of any content, from the same memory each time: the system's takes as long as the work on it."""
    size, array = math.prod(shape), getattr(_threads_own, name, None)
    if array is None or array.size < size or array.dtype != kind:
        array = np.empty(size, kind)
        setattr(_threads_own, name, array)
    return array[:size].reshape(shape)
