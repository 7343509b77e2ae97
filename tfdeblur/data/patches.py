"""Cutting pictures into patches and putting them together again."""

import re

import tensorflow as tf


def parse_size(text: str) -> tuple[int, int]:
    """Return the height and width that `HxW` names.

    Raises
    ------
    ValueError
        The text is not of this form, or a number is 0.

    Examples
    --------
    >>> parse_size("96x128")
    (96, 128)
    """
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or 0 in map(int, match.groups()):
        raise ValueError(f"a size is written HEIGHTxWIDTH in pixels, such as 96x128, not {text!r}")
    return int(match[1]), int(match[2])


def grid_shape(size: tuple[int, int], patch: tuple[int, int]) -> tuple[int, int]:
    """Return how many rows and columns of patches a picture holds; what is left over at the right and bottom is lost.

    Raises
    ------
    ValueError
        The picture is smaller than one patch.

    Examples
    --------
    >>> grid_shape((288, 512), (96, 128))
    (3, 4)
    """
    if size[0] < patch[0] or size[1] < patch[1]:
        raise ValueError(
            f"a picture of {size[0]}x{size[1]} is smaller than a patch of {patch[0]}x{patch[1]} (height x width); "
            "choose a smaller patch"
        )
    return size[0] // patch[0], size[1] // patch[1]


def extract(picture: tf.Tensor, patch: tuple[int, int]) -> tf.Tensor:
    """Cut a picture into a grid of patches, row by row.

    Parameters
    ----------
    picture : tensor
        `(H, W, C)` of any type.
    patch : tuple of int
        Height and width of a patch.

    Returns
    -------
    tensor
        `(rows * columns, h, w, C)`, Orlandi & Pinardi section 2.2.1: 12 patches of 96x128 from 288x512.
    """
    h, w = patch
    channels = picture.shape[-1]
    rows, columns = tf.shape(picture)[0] // h, tf.shape(picture)[1] // w
    with tf.control_dependencies(
        [tf.debugging.assert_positive(rows * columns, f"a picture is smaller than a patch of {h}x{w}")]
    ):
        picture = picture[: rows * h, : columns * w]
    pieces = tf.reshape(picture, (rows * h * columns, w * channels))  # each one line of one patch
    row, column, line = tf.meshgrid(tf.range(rows), tf.range(columns), tf.range(h), indexing="ij")
    order = (row * h + line) * columns + column
    return tf.reshape(tf.gather(pieces, tf.reshape(order, [-1])), (-1, h, w, channels))


def stitch(patches: tf.Tensor, grid: tuple[int, int]) -> tf.Tensor:
    """Put a grid of patches together: the inverse of `extract`.

    Parameters
    ----------
    patches : tensor
        `(rows * columns, h, w, C)`.
    grid : tuple of int
        Rows and columns.

    Returns
    -------
    tensor
        `(rows * h, columns * w, C)`.
    """
    rows, columns = grid
    _, h, w, channels = patches.shape
    blocks = tf.reshape(patches, (rows, columns, h, w, channels))
    blocks = tf.transpose(blocks, (0, 2, 1, 3, 4))
    return tf.reshape(blocks, (rows * h, columns * w, channels))
