"""Inverses of Hermitian Toeplitz matrices, many at a time."""

import numpy as np
from scipy import fft

from tfdeblur.classical.planes import WORKERS

SMALLEST_SHARE = 1e-14
"""Share of the diagonal below which rounding hides the error of a prediction."""


class ToeplitzInverse:
    """Inverses of positive definite matrices `T[i, j] = t[i - j]`, where `t[-k]` is the conjugate of `t[k]`.

    The first column of an inverse, found by the Levinson-Durbin recursion, holds all of it (Gohberg & Semencul 1972):
    memory grows with the side of the matrix, not with its square, and it is applied by Fourier transforms.

    Parameters
    ----------
    columns : numpy.ndarray
        First columns of the matrices, `(..., n, F)`: one matrix for each index but the last but one.
    kind : numpy.dtype
        In which the inverses are applied; the recursion is done in complex128.

    Examples
    --------
    >>> inverse = ToeplitzInverse(np.array([[2.0], [1.0]]))
    >>> inverse(np.array([[3.0], [3.0]])).real.round(6).ravel()
    array([1., 1.])
    """

    def __init__(self, columns: np.ndarray, kind: np.dtype = np.complex128):
        self.side = columns.shape[-2]
        self.length = fft.next_fast_len(2 * self.side - 1)
        prediction, error = _predictions(np.moveaxis(columns, -2, 0).astype(np.complex128))
        prediction, error = np.moveaxis(prediction, 0, -2), error[..., None, :]
        backward = np.zeros_like(prediction)
        backward[..., 1:, :] = np.conj(prediction[..., :0:-1, :])
        scale = 1 / np.sqrt(error)
        self.forward, self.backward = (self._waves(part * scale).astype(kind) for part in (prediction, backward))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the inverses times vectors, `(..., n, F)` in shapes that broadcast."""
        waves = self._waves(values)
        result, subtracted = (
            factor * self._waves(self._planes(np.conj(factor) * waves)) for factor in (self.forward, self.backward)
        )
        result -= subtracted
        return self._planes(result)

    def _waves(self, values: np.ndarray) -> np.ndarray:
        return fft.fft(values, self.length, axis=-2, workers=WORKERS)

    def _planes(self, waves: np.ndarray) -> np.ndarray:
        return fft.ifft(waves, axis=-2, overwrite_x=True, workers=WORKERS)[..., : self.side, :]


def _predictions(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `a`, whose first entry is 1, and `e` such that `T a = (e, 0, ..., 0)`, for columns `(n, ...)`."""
    prediction = np.zeros_like(columns)
    prediction[0] = 1
    error = columns[0].real.copy()
    least = SMALLEST_SHARE * error
    for order in range(1, len(columns)):
        known = prediction[:order]
        reflection = -(known * columns[order:0:-1]).sum(0) / error
        mirrored = np.conj(known[::-1])
        prediction[1 : order + 1] += reflection * mirrored
        error = np.maximum(error * (1 - np.abs(reflection) ** 2), least)
    return prediction, error
