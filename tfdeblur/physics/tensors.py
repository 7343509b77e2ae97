"""The three steps of every blur and every adjoint, on tensors `(N, H, W, C)` of known H and W; see `arrays.py`."""

from keras import ops

from tfdeblur.physics.boundaries import indices


def pad(pictures, reach: tuple[int, int], boundary: str):
    """Extend pictures by some pixels above and below, left and right, as the boundary says."""
    if boundary == "zero":
        return ops.pad(pictures, ((0, 0), (reach[0],) * 2, (reach[1],) * 2, (0, 0)))
    if boundary != "valid":
        for axis in (1, 2):
            if reach[axis - 1]:
                pictures = ops.take(pictures, indices(pictures.shape[axis], reach[axis - 1], boundary), axis)
    return pictures


def fold(padded, reach: tuple[int, int], boundary: str):
    """Add what `pad` has spread back to the pixels that it came from: its adjoint."""
    for axis in (1, 2):
        around = reach[axis - 1]
        if boundary == "valid" or not around:
            continue
        rows = ops.moveaxis(padded, axis, 0)
        length = rows.shape[0] - 2 * around
        folded = rows[around : around + length]
        if boundary != "zero":
            sources = indices(length, around, boundary)
            for part in (slice(0, around), slice(around + length, None)):
                folded = folded + ops.segment_sum(rows[part], sources[part], length)
        padded = ops.moveaxis(folded, 0, axis)
    return padded


def valid(pictures, kernels):
    """Convolve pictures with kernels `(1 or N, h, w)`, as far as the kernel lies within the picture.

    With a kernel for each picture the batch becomes channels of one picture, and its size has to be known.
    """
    channels = pictures.shape[-1]
    weights = ops.cast(ops.transpose(ops.flip(kernels, (1, 2)), (1, 2, 0)), pictures.dtype)  # (h, w, 1 or N)
    weights = ops.repeat(weights, channels, axis=-1)[..., None]
    if kernels.shape[0] == 1:
        return ops.depthwise_conv(pictures, weights)
    count, height, width = pictures.shape[:3]
    side_by_side = ops.reshape(ops.transpose(pictures, (1, 2, 0, 3)), (1, height, width, count * channels))
    blurred = ops.depthwise_conv(side_by_side, weights)
    return ops.transpose(ops.reshape(blurred, (*blurred.shape[1:3], count, channels)), (2, 0, 1, 3))
