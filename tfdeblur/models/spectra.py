"""The energy of pictures in bands of frequency about every few pixels.

What a blur leaves of a spectrum falls with the square of the frequency, by `4 pi^2 sigma^2` in the logarithm of the
energy; contrast shifts the logarithms all alike. So nearly straight lines are what estimators of sigma look for
here, where in the pixels themselves the finest and most telling detail is a thousand times fainter than the rest.
"""

import keras
import numpy as np
from keras import layers, ops

FAINTEST = 1e-7
"""Added to energies; the rounding to 8 bit has 1.3e-6."""

OF_SQUARES = "of_squares"
"""Name of the last layer, if it is a later one than `spectra`, in which a network sees each square by itself."""

USUAL, SPREAD = -9.0, 4.0
"""About where the logarithms of energies lie, and how far from it."""


@keras.saving.register_keras_serializable("tfdeblur")
class LogSpectra(layers.Layer):
    """Logarithms of the energy in bands of frequency, in windows about the centres of squares of `stride` pixels.

    From pictures `(N, H, W, 1)` with H and W multiples of `stride`, mirrored at their border (they must be larger than
    half a window), to float32 `(N, H / stride, W / stride, bands)`. Energies are those of windowed Fourier transforms,
    averaged over a part of a ring; of white noise they are its variance. Nothing is learned. Blackman's window keeps
    the coarse structure, with its million times higher energy, out of the bands of the finest. The transforms are two
    products of matrices, one for each axis, which are faster than convolutions of one channel, under XLA twice: 1,200
    multiplications to a pixel with windows of 32 at a stride of 8.

    Parameters
    ----------
    window : int
        Pixels along a window's edge, even, a multiple of `stride`.
    stride : int
        Pixels from one window to the next.
    orientations : int
        Bands to a ring of frequencies.
    """

    def __init__(self, window: int = 32, stride: int = 8, orientations: int = 4, **options):
        super().__init__(**options | {"trainable": False, "dtype": "float32"})
        self.window, self.stride, self.orientations = window, stride, orientations
        self.filters, self.bands = _fourier(window), _bands(window, orientations)

    def call(self, pictures):
        """Transform along x, then along y; add up the energies of bands: `(N, rows, y, columns, x)` on the way."""
        n, stride, half = self.window, self.stride, self.window // 2
        margin = (n - stride) // 2
        if any(edge is not None and edge <= margin for edge in pictures.shape[1:3]):
            raise ValueError(
                f"pictures of {pictures.shape[1]}x{pictures.shape[2]}, at one of the sizes they are seen at, are too "
                f"small for windows of {n} pixels; they must be larger than {margin}: use larger patches (--patch)"
            )
        x = ops.pad(pictures[..., 0], [[0, 0], [margin] * 2, [margin] * 2], mode="reflect")
        count, height, width = ops.shape(x)
        x = ops.matmul(_windows(ops.reshape(x, (count, height, width // stride, stride)), 2, n), self.filters)
        x = ops.reshape(x, (count, height // stride, stride, -1))
        x = ops.matmul(self.filters.T, _windows(x, 1, n))
        x = ops.reshape(x, (count, -1, 2, half, (width - n) // stride + 1, 2, half))
        cc, cs, sc, ss = (x[:, :, i, :, :, j] for i in (0, 1) for j in (0, 1))  # cosine and sine along y and along x
        energies = (cc - ss) ** 2 + (cs + sc) ** 2, (cc + ss) ** 2 + (cs - sc) ** 2
        parts = (ops.transpose(energy, (0, 1, 3, 4, 2)) for energy in energies)
        parts = (ops.reshape(part, (count, *ops.shape(part)[1:3], half * half)) for part in parts)
        bands = self.bands.reshape(half * half, 2, -1)
        return ops.log(sum(ops.matmul(part, bands[:, sign]) for sign, part in enumerate(parts)) + FAINTEST)

    def compute_output_shape(self, shape):
        """Return the shape that comes of a shape."""
        count, height, width, _ = shape
        rows, columns = (side and side // self.stride for side in (height, width))
        return count, rows, columns, self.bands.shape[1]

    def get_config(self):
        """Return what the layer is made of."""
        return super().get_config() | {"window": self.window, "stride": self.stride, "orientations": self.orientations}


def pyramid(pictures, levels: int, window: int = 32, stride: int = 8, orientations: int = 4):
    """Return log spectra of pictures at several sizes, each half of the one before, side by side, about 0.

    Of colours it is the mean whose spectra are taken. The layer that holds them all is named `spectra`, as
    `tfdeblur.estimation` computes those of large pictures in pieces.
    """
    if pictures.shape[-1] > 1:
        pictures = ops.mean(pictures, -1, keepdims=True)
    spectra = []
    for level in range(levels):
        spectra.append(LogSpectra(window, stride // 2**level, orientations)(pictures))
        pictures = layers.AveragePooling2D(2, dtype="float32")(pictures)
    joined = layers.Concatenate(dtype="float32")(spectra) if levels > 1 else spectra[0]
    return layers.Rescaling(1 / SPREAD, -USUAL / SPREAD, dtype="float32", name="spectra")(joined)


def least_side(network: keras.Model) -> int:
    """Return the height and width in pixels that pictures must have at least for a network's spectra of them."""
    found = [layer for layer in network.layers if isinstance(layer, LogSpectra)]
    full_size = max((layer.stride for layer in found), default=1)
    return max((((layer.window - layer.stride) // 2 + 1) * full_size // layer.stride for layer in found), default=1)


def _windows(x, axis: int, n: int):
    """Put windows of `n` pixels, each some parts long, where there were parts on `axis`, of pixels on the next axis."""
    length = n // x.shape[axis + 1]
    count = ops.shape(x)[axis] - length + 1
    before = (slice(None),) * axis
    return ops.concatenate([x[(*before, slice(i, i + count))] for i in range(length)], axis + 1)


def _fourier(n: int) -> np.ndarray:
    """Return the filters `(n, n)` along one axis: windowed cosines of 0, 1 ... periods a window, then sines.

    All but the first are without brightness.
    """
    window = np.blackman(n + 2)[1:-1]
    phases = 2 * np.pi / n * np.outer(np.arange(n) - (n - 1) / 2, np.arange(n // 2))
    filters = window[:, None] * np.concatenate([np.cos(phases), np.sin(phases)], 1)
    filters[:, 1:] -= window[:, None] * filters[:, 1:].sum(0) / window.sum()
    return np.float32(filters / np.sqrt(np.square(window).sum()))


def _bands(n: int, orientations: int) -> np.ndarray:
    """Return the weights `(n^2 / 2, bands)` of the energies of waves along x, y and both signs of y in the bands.

    Rings are one period a window wide, the first from 1.5 to 2.5; two wider ones take the corners.
    """
    half = n // 2
    along_x, along_y = np.meshgrid(np.arange(half), np.arange(half), indexing="ij")
    radius, angle = np.hypot(along_x, along_y), np.arctan2(along_y, along_x)
    edges = [*np.arange(1.5, half), 1.1 * half, 2 * half]
    ring = np.searchsorted(edges, radius, "right") - 1
    bands = []
    for sign in (1, -1):
        nearest = np.rint(sign * angle * orientations / np.pi).astype(int) % orientations
        bands.append(np.where(ring < 0, -1, ring * orientations + nearest))
    chosen = np.stack(bands, -1).reshape(-1, 1)
    members = chosen == np.unique(chosen[chosen >= 0])
    return np.float32(members / members.sum(0))
