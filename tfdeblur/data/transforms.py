"""Random transforms of pairs; the randomness is an argument, and both pictures of a pair get the same."""

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
    h, w = patch
    free = tf.shape(blur)[:2] - [h, w]
    with tf.control_dependencies(
        [tf.debugging.assert_non_negative(free, f"a picture is smaller than a patch of {h}x{w}")]
    ):
        y, x = tf.unstack(tf.cast(tf.random.stateless_uniform([2], seed) * tf.cast(free + 1, tf.float32), tf.int32))
    return tuple(tf.ensure_shape(p[y : y + h, x : x + w], (h, w, p.shape[-1])) for p in (blur, sharp))


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
    bits = tf.random.stateless_uniform([], seed, 0, 8, tf.int32)
    upside_down, mirrored, turned = (tf.cast(tf.bitwise.bitwise_and(bits, bit), tf.bool) for bit in (1, 2, 4))
    height, width, _ = blur.shape

    def apply(picture):
        # Only what was drawn is computed; rows are gathered and pixels reversed where other ways cost many times more.
        picture = tf.cond(upside_down, lambda: tf.gather(picture, tf.range(height - 1, -1, -1)), lambda: picture)
        picture = tf.cond(mirrored, lambda: tf.reverse(picture, [1]), lambda: picture)
        if height == width:
            picture = tf.cond(turned, lambda: tf.transpose(picture, (1, 0, 2)), lambda: picture)
        return tf.ensure_shape(picture, (height, width, picture.shape[-1]))

    return apply(blur), apply(sharp)
