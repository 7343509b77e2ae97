"""Colour, for NumPy arrays and tensors alike."""

BT601 = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma, ITU-R BT.601: as in Pillow's conversion to grey."""


def luma(pictures):
    """Return the luma of pictures in float32, `(..., 3)` to `(..., 1)`; grey ones, `(..., 1)`, as they are.

    It is a weighted sum and not a product of matrices, whose factors GPUs and TPUs round.
    """
    if pictures.shape[-1] == 1:
        return pictures
    return sum(weight * pictures[..., i : i + 1] for i, weight in enumerate(BT601))
