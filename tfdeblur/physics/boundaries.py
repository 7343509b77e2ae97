"""What lies beyond the border of a picture, as indices of pixels within it."""

import numpy as np

BOUNDARIES = ("reflect", "replicate", "circular", "zero", "valid")
"""`reflect`: `dcb|abcd|cba`; `replicate`: `aaa|abcd|ddd`; `circular`: `bcd|abcd|abc`; `zero`: `000|abcd|000`;
`valid`: nothing, so that the result is smaller.

The names elsewhere, in this order: SciPy's `ndimage` has mirror, nearest, wrap, constant; NumPy's `pad` reflect, edge,
wrap, constant; OpenCV REFLECT_101, REPLICATE, WRAP, CONSTANT. SciPy's `reflect` is none of them.
"""


def indices(length: int, reach: int, boundary: str) -> np.ndarray:
    """Return which pixel stands at each place of a row that is extended at both ends.

    Parameters
    ----------
    length : int
        Of the row.
    reach : int
        Pixels added at each end; may be more than the row has, which is then repeated.
    boundary : str
        `"reflect"`, `"replicate"` or `"circular"`.

    Returns
    -------
    numpy.ndarray
        `(length + 2 reach,)`, int32, from 0 to length - 1.

    Examples
    --------
    >>> print(indices(4, 3, "reflect"), indices(4, 3, "circular"))
    [3 2 1 0 1 2 3 2 1 0] [1 2 3 0 1 2 3 0 1 2]
    """
    places = np.arange(-reach, length + reach, dtype=np.int32)
    if boundary == "replicate":
        return np.clip(places, 0, length - 1)
    if boundary == "circular":
        return places % length
    period = max(2 * (length - 1), 1)
    return np.minimum(places % period, -places % period)


def check(size: tuple[int, int], kernel: tuple[int, int], boundary: str) -> None:
    """Refuse what cannot be convolved, or what a mistake must have made.

    A kernel must not be larger than the picture, except along a side of one pixel (a line has itself beside it) and
    with zeros beyond the border.

    Raises
    ------
    ValueError
        The boundary is unknown, a side of the kernel is even, or the kernel too large.
    """
    if boundary not in BOUNDARIES:
        raise ValueError(f"boundary is {boundary!r}; it must be one of {', '.join(BOUNDARIES)}")
    if not all(side % 2 for side in kernel):
        raise ValueError(f"the kernel is {kernel[0]}x{kernel[1]}; its sides must be odd, so that it has a centre")
    larger = any(k > n and (n > 1 or boundary == "valid") for k, n in zip(kernel, size, strict=True))
    if larger and boundary != "zero":
        raise ValueError(
            f"the kernel is {kernel[0]}x{kernel[1]} (height x width), larger than the picture of {size[0]}x{size[1]}; "
            "use a smaller kernel or a larger picture"
        )
