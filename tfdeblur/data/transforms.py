"""Random transforms of pairs; the randomness is an argument, and both pictures of a pair get the same."""

import numpy as np
import tensorflow as tf


def random_crop(
    blur: tf.Tensor, sharp: tf.Tensor, patch: tuple[int, int], seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Crop both pictures of a pair at the same random place.

    Parameters
    ----------
    blur, sharp : tensor
        `(H, W, C)`, at least as large as the patch.
    patch : tuple of int
        Height and width.
    seed : tensor
        Two integers; equal seeds crop at equal places.
    """
    y, x = random_corner(tf.shape(blur)[:2], patch, seed)
    h, w = patch
    return tuple(tf.ensure_shape(p[y : y + h, x : x + w], (h, w, p.shape[-1])) for p in (blur, sharp))


def random_corner(size: tf.Tensor, patch: tuple[int, int], seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw the top and left of a patch in a picture of some height and width; all places are equally likely."""
    h, w = patch
    free = tf.convert_to_tensor(size) - [h, w]
    with tf.control_dependencies(
        [tf.debugging.assert_non_negative(free, f"a picture is smaller than a patch of {h}x{w}")]
    ):
        return tf.unstack(tf.cast(tf.random.stateless_uniform([2], seed) * tf.cast(free + 1, tf.float32), tf.int32))


def flip_and_turn(blur: tf.Tensor, sharp: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Flip and turn both pictures of a pair alike, at random.

    Square pictures take any of the eight symmetries of the square, others the four that keep their shape.

    Parameters
    ----------
    blur, sharp : tensor
        `(H, W, C)`, of known height and width.
    seed : tensor
        Two integers; equal seeds make equal choices.
    """
    height, width, _ = blur.shape
    drawn = tf.random.stateless_uniform([], seed, 0, 8, tf.int32)
    turned = np.arange(height * width, dtype=np.int32).reshape(height, width).T  # tf.transpose is no faster on bytes

    def apply(picture):
        # Each symmetry in one pass over the pixels, by the fastest operator there is for it.
        shape, flat = picture.shape, (1, height * width, picture.shape[-1])
        flipped = [
            lambda: picture,
            lambda: tf.gather(picture, tf.range(height - 1, -1, -1)),
            lambda: tf.reverse(picture, [1]),
            lambda: tf.reshape(tf.reverse(tf.reshape(picture, flat), [1]), picture.shape),
        ]
        picture = tf.switch_case(drawn % 4, flipped)
        if height == width:
            picture = tf.cond(drawn < 4, lambda: picture, lambda: tf.gather(tf.reshape(picture, flat[1:]), turned))
            picture = tf.reshape(picture, shape)
        return tf.ensure_shape(picture, shape)

    return apply(blur), apply(sharp)


def flip_and_turn_batch(blur: tf.Tensor, sharp: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Flip and turn every pair of a batch by a choice of its own, as `flip_and_turn` does one.

    All pixels are gathered at once. For small pictures that is faster than a call for each, for large ones slower.

    Parameters
    ----------
    blur, sharp : tensor
        `(B, H, W, C)`, of known shape.
    seed : tensor
        Two integers; equal seeds make equal choices.
    """
    count, height, width, _ = blur.shape
    order = np.arange(height * width).reshape(height, width)
    orders = [order, order[::-1], order[:, ::-1], order[::-1, ::-1]]
    if height == width:
        orders += [turned.T for turned in orders]
    drawn = tf.random.stateless_uniform([count], seed, 0, len(orders), tf.int32)
    pixels = tf.gather(tf.constant(np.stack([o.ravel() for o in orders]), tf.int32), drawn)
    pixels += tf.range(count)[:, None] * (height * width)
    return tuple(tf.reshape(tf.gather(tf.reshape(p, (-1, p.shape[-1])), pixels), p.shape) for p in (blur, sharp))
