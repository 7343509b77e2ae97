"""Blur made anew for every sample while training, by the functions that make it for records (`tools.degrade`)."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from keras import ops

from tfdeblur.physics import noise
from tfdeblur.physics.blur import convolve, gaussian_blur, space_variant_blur
from tfdeblur.physics.draws import DRAWS, kernel_bank
from tfdeblur.physics.ranges import CAMERA, Ranges
from tfdeblur.physics.sigma_maps import SMOOTH_MAPS, drawn_for, map_of
from tfdeblur.physics.trajectories import streak

BANK = 512
"""Kernels drawn once at the start, of which each sample gets one."""

LEARNED_OF = {
    "sigma": ("recorded", "gaussian", "space_variant", "two_depths"),
    "motion": ("motion", "shake", "measured"),
}
"""What can be learned instead of the sharp picture, and the blurs that have it: sigma at every pixel, of the records'
own where they say it; or length and direction of a motion."""

Degrade = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def degrading(ranges: Ranges, seed: int, target: str = "sharp") -> Degrade | None:
    """Return the function that degrades a sample, or None where the records' own pairs are wanted as they are.

    Sigmas, maps of sigmas, noise, gain and quality are drawn for each sample; kernels from a bank of 512. A sample is
    blurred after it is cut out, mirrored at its own border, where a photograph would bring in what lies beyond: a patch
    should be several times as large as the blur.

    Measured on a CPU core, for a sample of 96x128: Gaussian up to sigma 3 and disks up to radius 4, 1.7 ms; kernels of
    25x25 6 ms; space_variant up to sigma 3 6 ms; Poisson noise 4 ms, Gaussian noise 1 ms, JPEG 0.5 ms. Samples of 32x32
    take 0.5 ms, space_variant 2 ms. It works under Keras' TensorFlow backend only.

    Parameters
    ----------
    ranges : Ranges
        What to draw from. The blur `"recorded"` is the records' own, to which the camera's part is added.
    seed : int
        Seed of the bank.
    target : {"sharp", "sigma", "motion"}
        What is to be learned: the sharp picture, or in its place the map of sigma, or the kernel's `streak`.

    Returns
    -------
    callable or None
        From the blurred and the sharp picture, `(H, W, C)` of known shape, uint8 or float32 in [0, 1], and a seed of
        two integers, to the pair as it is to be learned from, of the same dtypes; a map of sigma is `(H, W, 1)`,
        float32, in pixels, a streak `(2,)`.

    Raises
    ------
    ValueError
        What is to be learned is not known of such a blur.
    """
    if target != "sharp" and ranges.blur not in LEARNED_OF[target]:
        raise ValueError(
            f"--blur {ranges.blur} has no {target} to be estimated; {', '.join(LEARNED_OF[target])} may have"
        )
    if ranges.blur == "recorded" and not any(getattr(ranges, name) for name in CAMERA):
        return None
    if ranges.blur in DRAWS:
        bank = kernel_bank(ranges.blur, ranges, BANK, np.random.default_rng([seed, BANK]))
        streaks = np.float32([streak(kernel) for kernel in bank])

    def degrade(blur, sharp, seed):
        blur_seed, gain_seed, strength_seed, noise_seed, jpeg_seed = tf.unstack(_split(seed, 5))
        light, learned = _unit(blur), sharp
        if ranges.blur in DRAWS:
            which = tf.random.stateless_uniform([], blur_seed, 0, len(bank), tf.int32)
            boundary = "zero" if ranges.blur == "gaussian5x5" else "reflect"
            light, learned = convolve(_unit(sharp), tf.gather(bank, which), boundary), tf.gather(streaks, which)
        elif ranges.blur != "recorded":
            light, learned = _blurred(_unit(sharp), ranges, blur_seed)
        if ranges.gain:
            gain = tf.random.stateless_uniform([], gain_seed, *ranges.gain)
            light = light * gain
            sharp = sharp if target != "sharp" else _as(noise.saturate(_unit(sharp), gain), sharp.dtype)
        strength_seeds, noise_seeds = (tf.unstack(_split(each, 2)) for each in (strength_seed, noise_seed))
        if ranges.photons:
            photons = tf.random.stateless_uniform([], strength_seeds[0], *ranges.photons)
            light = noise.poisson_noise(light, photons, noise_seeds[0])
        if ranges.noise:
            deviation = tf.random.stateless_uniform([], strength_seeds[1], *ranges.noise)
            light = noise.gaussian_noise(light, deviation, noise_seeds[1])
        light = noise.saturate(light)
        if ranges.jpeg:
            quality = tf.random.stateless_uniform([], jpeg_seed, ranges.jpeg[0], ranges.jpeg[1] + 1, tf.int32)
            light = noise.jpeg(light, quality)
        return _as(light, blur.dtype), sharp if target == "sharp" else learned

    return degrade


def _blurred(sharp: tf.Tensor, ranges: Ranges, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Blur a picture as `tools.degrade.BLURS` does it of the same kind; return its map of sigma too."""
    size = sharp.shape[:2]
    if ranges.blur == "gaussian":
        sigma = tf.random.stateless_uniform([], seed, *ranges.sigma)
        return gaussian_blur(sharp, sigma, ranges.sigma[1]), tf.fill((*size, 1), sigma)
    if ranges.blur in SMOOTH_MAPS:
        uniform = tf.random.stateless_uniform([drawn_for(ranges.blur, size)], seed)
        sigma = map_of(ranges.blur, uniform, size, *ranges.sigma, ops)
        return space_variant_blur(sharp, sigma, ranges.sigma[1]), sigma[..., None]
    return sharp, tf.zeros((*size, 1))


def _split(seed: tf.Tensor, count: int) -> tf.Tensor:
    return tf.random.experimental.stateless_split(seed, count)


def _unit(picture: tf.Tensor) -> tf.Tensor:
    return tf.cast(picture, tf.float32) / 255.0 if picture.dtype == tf.uint8 else picture


def _as(picture: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(tf.round(picture * 255.0), tf.uint8) if dtype == tf.uint8 else picture
