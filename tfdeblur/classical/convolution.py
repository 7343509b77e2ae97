"""Convolution of planes with known kernels, and its adjoint, block by block.

Overlapping blocks that a processor's cache holds are transformed one by one, and what follows the convolution is done
to a block while it is there (overlap-save: Stockham 1966). A block's upper half is the real part of what is
transformed, the lower half the imaginary part.
"""

import itertools
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from tfdeblur.classical.transforms import in_threads, kept, transform, transform_back

SIDE = 400
"""Pixels along a block's edge where the kernel is small."""

SIDES_OVER_REACH = 5
"""Least edge of a block over what its neighbours have of it too."""

BOUNDARIES = ("unknown", "zero", "circular")

Place = tuple[int, int, slice, slice]
"""Picture, channel, rows and columns of a block in planes."""


class Convolution:
    """A convolution from latent planes to those of a blurred picture.

    Parameters
    ----------
    kernels : numpy.ndarray
        `(N, h, w)`, or `(1, h, w)` for all pictures, with odd sides.
    picture : tuple of int
        Height and width of the blurred picture.
    boundary : {"unknown", "zero", "circular"}
        What lies beyond the border: half a kernel's width of the latent picture, nothing, or the picture again.
    kind : dtype
        Of the planes: float32 or float64.

    Attributes
    ----------
    picture, latent : tuple of int
        Height and width of the blurred picture and of the latent one.
    start : tuple of int
        Where the picture begins in the latent one.

    Raises
    ------
    ValueError
        There is no such boundary.
    """

    def __init__(self, kernels: np.ndarray, picture: tuple[int, int], boundary: str, kind: np.dtype):
        if boundary not in BOUNDARIES:
            raise ValueError(f"there is no boundary {boundary!r}; there are {', '.join(BOUNDARIES)}")
        self.picture, self.circular = picture, boundary == "circular"
        self.reach = tuple(side // 2 for side in kernels.shape[1:])
        self.start = self.reach if boundary == "unknown" else (0, 0)
        self.latent = tuple(side + 2 * before for side, before in zip(picture, self.start, strict=True))
        self.step = (_step(-(-self.latent[0] // 2), self.reach[0]), _step(self.latent[1], self.reach[1]))
        sides = [cv2.getOptimalDFTSize(step + 2 * reach) for step, reach in zip(self.step, self.reach, strict=True)]
        self.spectra = np.zeros((len(kernels), *sides), np.result_type(kind, np.complex64))
        self.spectra[:, : kernels.shape[1], : kernels.shape[2]] = kernels
        for spectrum in self.spectra:
            transform(spectrum)
        self.reversed = np.conj(self.spectra)

    def forward(self, latent: np.ndarray, finish: Callable[[np.ndarray, np.ndarray, Place], None] | None = None):
        """Convolve.

        Parameters
        ----------
        latent : numpy.ndarray
            Latent planes, `(N, C, *, *)`.
        finish : callable, optional
            Takes a block, which it may use up, and its place, and fills that place in the result, given as the second
            argument. By default the block is put there as it is.

        Returns
        -------
        numpy.ndarray
            `(N, C, H, W)`.
        """
        begin = tuple(before - reach for before, reach in zip(self.start, self.reach, strict=True))
        return self._through(latent, self.spectra, self.picture, begin, tuple(2 * r for r in self.reach), finish)

    def adjoint(self, planes: np.ndarray, finish: Callable[[np.ndarray, np.ndarray, Place], None] | None = None):
        """Apply the adjoint, from planes of the picture's size to latent ones, as `forward` does."""
        begin = tuple(-before - reach for before, reach in zip(self.start, self.reach, strict=True))
        return self._through(planes, self.reversed, self.latent, begin, (0, 0), finish)

    def inside(self, latent: np.ndarray) -> np.ndarray:
        """Return the part of latent planes that is the picture's."""
        (top, left), (height, width) = self.start, self.picture
        return latent[..., top : top + height, left : left + width]

    def _through(self, planes, spectra, size: tuple[int, int], begin, valid, finish) -> np.ndarray:
        """Multiply the blocks' spectra; `begin` is where the first block begins in `planes`, `valid` in a block."""
        result = np.empty((*planes.shape[:2], *size), planes.dtype)
        step = self.step[0]

        def of_one(place: Place) -> None:
            picture, channel, rows, columns = place
            spectrum = spectra[picture if len(spectra) > 1 else 0]
            block = kept("block", spectrum.shape, spectra.dtype)
            top, left = rows.start + begin[0], columns.start + begin[1]
            for half, corner in ((block.real, (top, left)), (block.imag, (top + step, left))):
                self._load(planes[picture, channel], corner, half)
            transform(block)
            block *= spectrum
            transform_back(block)
            height, width = (along.stop - along.start for along in (rows, columns))
            values = kept("values", (2 * step, width), planes.dtype)
            inside = (slice(valid[0], valid[0] + step), slice(valid[1], valid[1] + width))
            values[:step], values[step:] = block.real[inside], block.imag[inside]
            if finish is None:
                result[place] = values[:height]
            else:
                finish(values[:height], result[place], place)

        rows, columns = (
            [slice(first, min(first + length, side)) for first in range(0, side, length)]
            for side, length in zip(size, (2 * step, self.step[1]), strict=True)
        )
        in_threads(of_one, list(itertools.product(range(len(planes)), range(planes.shape[1]), rows, columns)))
        return result

    def _load(self, plane: np.ndarray, corner: Sequence[int], block: np.ndarray) -> None:
        """Fill a block with what lies there in a plane and beyond its border."""
        if self.circular:
            rows, columns = (
                np.arange(first, first + side) % edge
                for first, side, edge in zip(corner, block.shape, plane.shape, strict=True)
            )
            block[...] = plane[rows[:, None], columns]
            return
        source, target = [], []
        for first, side, edge in zip(corner, block.shape, plane.shape, strict=True):
            begin, end = min(max(first, 0), edge), max(min(first + side, edge), 0)
            source.append(slice(begin, end))
            target.append(slice(begin - first, end - first))
        part = plane[tuple(source)]
        if part.shape != block.shape:
            block[...] = 0
        block[tuple(target)] = part


def _step(size: int, reach: int) -> int:
    """Return the distance of blocks that cover an edge evenly."""
    longest = max(SIDE, SIDES_OVER_REACH * 2 * reach) - 2 * reach
    return -(-size // max(1, round(size / longest)))
