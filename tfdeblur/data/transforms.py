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
    """Flip and turn each pair of a batch at random, blurred and sharp alike.

    Square pictures take any of the eight symmetries of the square, others the four that keep their shape. Working on a
    whole batch costs a fraction of working on one picture at a time.

    Parameters
    ----------
    blur, sharp : tensor
        `(N, H, W, C)`.
    seed : tensor
        Two integers; equal seeds make equal choices.
    """
    count, height, width, _ = blur.shape
    choices = tf.random.stateless_uniform([3, count, 1, 1, 1], seed) < 0.5
    pictures = [blur, sharp]
    pictures = [tf.where(choices[0], p[:, ::-1], p) for p in pictures]
    pictures = [tf.where(choices[1], p[:, :, ::-1], p) for p in pictures]
    if height == width:
        pictures = [tf.where(choices[2], tf.transpose(p, (0, 2, 1, 3)), p) for p in pictures]
    return tuple(pictures)
