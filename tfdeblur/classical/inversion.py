"""Blur as a matrix, its inversion, and the estimation of its kernel from pairs of pictures.

For small pictures: the matrix has a row and a column for each pixel.
"""

import numpy as np
from scipy import sparse

from tfdeblur.classical.regression import NormalEquations, decomposed

STACK = 20
"""Pictures whose shifted copies are in memory at a time."""


def convolution_matrix(kernel: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """Return the matrix of a convolution with zeros beyond the border.

    Parameters
    ----------
    kernel : numpy.ndarray, shape (h, w)
        Odd sides, centred at `(h // 2, w // 2)`, no larger than the picture.
    shape : tuple of int
        Height and width of the picture.

    Returns
    -------
    scipy.sparse.csr_array, shape (H * W, H * W), float64
        ``matrix @ picture.ravel()`` is the true convolution, of the picture's own size.

    Raises
    ------
    ValueError
        The kernel has an even side, or is larger than the picture.

    Examples
    --------
    >>> convolution_matrix(np.array([[0.25, 0.5, 0.25]]), (1, 3)).toarray()
    array([[0.5 , 0.25, 0.  ],
           [0.25, 0.5 , 0.25],
           [0.  , 0.25, 0.5 ]])
    """
    _check(kernel.shape, shape)
    (h, w), (height, width) = kernel.shape, shape
    matrix = sparse.csr_array((height * width, height * width))
    for (i, j), weight in np.ndenumerate(np.asarray(kernel, np.float64)):
        down, right = sparse.eye_array(height, k=h // 2 - i), sparse.eye_array(width, k=w // 2 - j)
        matrix = matrix + weight * sparse.kron(down, right, format="csr")
    return matrix


def known_kernel(kernel: np.ndarray, shape: tuple[int, int]) -> NormalEquations:
    """Return the normal equations of deblurring with a known kernel, for `ridge` and `ridge_path`.

    The Tikhonov solution ``argmin_x |A x - b|^2 + lambda |x|^2`` (equations 2 and 3 of King's report) is linear in the
    blurred picture, and its weights are those of a ridge regression from the blurred pictures of all single bright
    pixels to these pixels. One decomposition serves all pictures and every lambda.

    Parameters
    ----------
    kernel : numpy.ndarray, shape (h, w)
        As `convolution_matrix` takes it.
    shape : tuple of int
        Height and width of the pictures.
    """
    matrix = convolution_matrix(kernel, shape)
    return decomposed((matrix @ matrix.T).toarray(), matrix.toarray(), np.ones(matrix.shape[0]))


def estimate_kernel(blur: np.ndarray, sharp: np.ndarray, size: int) -> np.ndarray:
    """Return the kernel that blurs the sharp pictures best, in the sense of least squares.

    Each blurred pixel is a sum of sharp pixels around it, with the same `size * size` weights everywhere. These are all
    the unknowns, so a few pictures are enough, and nothing has to be cut into patches.

    Parameters
    ----------
    blur, sharp : numpy.ndarray, shape (N, H, W)
        Pairs of pictures, blurred by one kernel with zeros beyond the border.
    size : int
        Odd side length of the kernel, in pixels. One that is too large costs time; one that is too small misses part
        of the blur.

    Returns
    -------
    numpy.ndarray, shape (size, size), float64
        For a true convolution, centred; its sum is what the pictures say.

    Raises
    ------
    ValueError
        The pictures are no pairs, the size is even or larger than a picture, or the pictures hold too little detail
        to tell the kernel's weights from one another.
    """
    if blur.shape != sharp.shape or sharp.ndim != 3:
        raise ValueError(f"blur has shape {blur.shape} and sharp {sharp.shape}; both must be (N, H, W) and equal")
    _check((size, size), sharp.shape[1:])
    gram, correlation = np.zeros((size**2, size**2)), np.zeros(size**2)
    for first in range(0, len(sharp), STACK):
        copies = _shifted(np.asarray(sharp[first : first + STACK], np.float64), size)
        gram += copies @ copies.T
        correlation += copies @ np.asarray(blur[first : first + STACK], np.float64).ravel()
    if np.linalg.matrix_rank(gram, hermitian=True) < len(gram):
        raise ValueError(
            f"{len(sharp)} pictures hold too little detail for a kernel of {size}x{size} pixels; give more of them"
        )
    return np.linalg.solve(gram, correlation).reshape(size, size)


def _shifted(pictures: np.ndarray, size: int) -> np.ndarray:
    """Return the pictures as each weight of a kernel sees them, `(size * size, N * H * W)`."""
    edge = size // 2
    padded = np.pad(pictures, ((0, 0), (edge, edge), (edge, edge)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, pictures.shape[1:], axis=(1, 2))
    return np.moveaxis(windows[:, ::-1, ::-1], 0, 2).reshape(size**2, -1)


def _check(kernel: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if len(kernel) != 2 or any(side % 2 == 0 for side in kernel):
        raise ValueError(f"the kernel's shape is {kernel}; both sides must be odd, so that it has a centre")
    if any(side > edge for side, edge in zip(kernel, shape, strict=True)):
        raise ValueError(f"the kernel has {kernel[0]}x{kernel[1]} pixels and the picture only {shape[0]}x{shape[1]}")
