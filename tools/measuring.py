"""What is measured of the pairs of a data set, batch by batch: blur, sharpness, misalignment, thumbnails."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy import fft

from tfdeblur.physics.colour import BT601
from tools.likeness import thumbnails

ALIGNED = 1000
"""Pairs of a split, spread evenly, whose alignment is measured."""


@dataclass
class Measured:
    """Of a split: a value for each record, in order, but for the misalignment, of some.

    Attributes
    ----------
    names, scenes : list of bytes
    sizes : set of tuple of two int
        Heights and widths.
    sigma, mse, sharpness, blurred_sharpness : list of numpy.ndarray
        Sigma in pixels, NaN where unknown; mean squared error of the blurred picture, where white is 1; variance of the
        Laplacian of the sharp and of the blurred one's luma, in levels of 8 bit (Orlandi & Pinardi's measure of blur).
    thumbnails : list of numpy.ndarray
        Of the sharp pictures.
    shift : list of tuple of two int
        From the sharp to the blurred picture, down and to the right, in pixels.
    """

    names: list[bytes] = field(default_factory=list)
    scenes: set[bytes] = field(default_factory=set)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    sigma: list[np.ndarray] = field(default_factory=list)
    mse: list[np.ndarray] = field(default_factory=list)
    sharpness: list[np.ndarray] = field(default_factory=list)
    blurred_sharpness: list[np.ndarray] = field(default_factory=list)
    thumbnails: list[np.ndarray] = field(default_factory=list)
    shift: list[tuple[int, int]] = field(default_factory=list)

    def take_in(self, batch: dict[str, np.ndarray], every: int) -> None:
        """Measure a batch of decoded records; of every so many pairs the misalignment."""
        blur, sharp = (_levels(batch[side]) for side in ("blur", "sharp"))
        grey_blur, grey_sharp = (_grey(side) for side in (blur, sharp))
        error = (blur - sharp).reshape(len(sharp), -1)
        aligned = np.arange(-len(self.names) % every, len(sharp), every)
        self.shift += [misalignment(grey_blur[index], grey_sharp[index]) for index in aligned]
        self.names += batch["name"].tolist()
        self.scenes.update(batch["scene"].tolist())
        self.sizes.add(sharp.shape[1:3])
        self.sigma.append(batch["sigma"])
        self.mse.append(np.einsum("nk,nk->n", error, error) / (error.shape[1] * 255**2))
        self.sharpness.append(laplacian_variance(grey_sharp))
        self.blurred_sharpness.append(laplacian_variance(grey_blur))
        self.thumbnails.append(thumbnails(grey_sharp))


def laplacian_variance(grey: np.ndarray) -> np.ndarray:
    """Return the variance of the Laplacian of pictures `(N, H, W)`, for each."""
    laplacian = cv2.Laplacian(grey.reshape(-1, grey.shape[-1]), cv2.CV_32F).reshape(grey.shape)
    return laplacian[:, 1:-1, 1:-1].var((1, 2))


def misalignment(blur: np.ndarray, sharp: np.ndarray) -> tuple[int, int]:
    """Return how far a blurred picture is shifted against its sharp one, down and to the right, in whole pixels.

    By phase correlation, weighted by the power that is left in both: a symmetric blur keeps phases, or turns them
    about, where it leaves next to no power.

    Parameters
    ----------
    blur, sharp : numpy.ndarray
        Luma `(H, W)`.
    """
    window = np.multiply.outer(*(np.hanning(side + 2)[1:-1] for side in sharp.shape))
    spectra = [fft.rfft2(window * (picture - picture.mean())) for picture in (blur, sharp)]
    cross = spectra[0] * np.conj(spectra[1])
    correlation = fft.irfft2(cross / np.sqrt(np.abs(cross) + 1e-9), sharp.shape)
    peak = np.unravel_index(correlation.argmax(), correlation.shape)
    return tuple(
        int(place - side if place > side // 2 else place) for place, side in zip(peak, sharp.shape, strict=True)
    )


def _grey(pictures: np.ndarray) -> np.ndarray:
    """Return the luma `(N, H, W)` of pictures `(N, H, W, C)`."""
    return pictures[..., 0] if pictures.shape[-1] == 1 else pictures @ np.float32(BT601)


def _levels(pictures: np.ndarray) -> np.ndarray:
    """Return pictures, uint8 or float in [0, 1], as float32 in [0, 255]."""
    return np.float32(pictures) if pictures.dtype == np.uint8 else np.float32(255) * pictures
