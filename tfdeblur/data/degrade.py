"""Blur made anew for every sample while training, by the functions that make it for records (`tools.degrade`)."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from keras import ops

from tfdeblur.physics import noise
from tfdeblur.physics.blur import convolve, gaussian_blur, space_variant_blur
from tfdeblur.physics.degradation import Degradation
from tfdeblur.physics.draws import DRAWS, half_normal, kernel_bank
from tfdeblur.physics.response import light_of, values_of
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


def degrading(described: Degradation, seed: int, target: str = "sharp") -> Degrade | None:
    """Return the function that degrades a sample, or None where the records' own pairs are wanted as they are.

    Sigmas, maps of sigmas, noise, gain and quality are drawn for each sample; kernels from a bank of 512. A sample is
    blurred after it is cut out, mirrored at its own border, where a photograph would bring in what lies beyond: a patch
    should be several times as large as the blur.

    Measured on a CPU core, for a sample of 96x128: Gaussian up to sigma 3 and disks up to radius 4, 1.7 ms; kernels of
    25x25 6 ms; space_variant up to sigma 3 6 ms; Poisson noise 4 ms, Gaussian noise 1 ms, JPEG 0.5 ms. Samples of 32x32
    take 0.5 ms, space_variant 2 ms. It works under Keras' TensorFlow backend only.

    Parameters
    ----------
    described : Degradation
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
    if target != "sharp" and described.blur not in LEARNED_OF[target]:
        raise ValueError(
            f"--blur {described.blur} has no {target} to be estimated; {', '.join(LEARNED_OF[target])} may have"
        )
    if described.blur == "recorded" and not described.exposes:
        return None
    if described.blur in DRAWS:
        bank = kernel_bank(described.blur, described, BANK, np.random.default_rng([seed, BANK]))
        streaks = np.float32([streak(kernel) for kernel in bank])

    def degrade(blur, sharp, seed):
        blur_seed, gain_seed, strength_seed, noise_seed, jpeg_seed = tf.unstack(_split(seed, 5))
        learned = sharp
        if described.blur == "recorded":
            light = light_of(_unit(blur), described.response)
        else:
            light = light_of(_unit(sharp), described.response)
            if described.highlights:
                highlights_seed, blur_seed = tf.unstack(_split(blur_seed, 2))
                light = noise.highlights(light, _drawn(described.highlights, highlights_seed))
        if described.blur in DRAWS:
            which = tf.random.stateless_uniform([], blur_seed, 0, len(bank), tf.int32)
            boundary = "zero" if described.blur == "gaussian5x5" else "reflect"
            light, learned = convolve(light, tf.gather(bank, which), boundary), tf.gather(streaks, which)
        elif described.blur != "recorded":
            light, learned = _blurred(light, described, blur_seed)
        if described.gain:
            gain = _drawn(described.gain, gain_seed)
            light = light * gain
            if target == "sharp":
                seen = noise.saturate(light_of(_unit(sharp), described.response), gain)
                sharp = _as(values_of(seen, described.response), sharp.dtype)
        strength_seeds, noise_seeds = (tf.unstack(_split(each, 2)) for each in (strength_seed, noise_seed))
        if described.photons:
            light = noise.poisson_noise(light, _drawn(described.photons, strength_seeds[0]), noise_seeds[0])
        if described.noise:
            light = noise.gaussian_noise(light, _drawn(described.noise, strength_seeds[1]), noise_seeds[1])
        picture = values_of(noise.saturate(light), described.response)
        if described.jpeg:
            low, high = described.jpeg
            picture = noise.jpeg(picture, tf.random.stateless_uniform([], jpeg_seed, low, high + 1, tf.int32))
        return _as(picture, blur.dtype), sharp if target == "sharp" else learned

    return degrade


def _drawn(interval: tuple[float, float], seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform([], seed, *interval)


def _blurred(light: tf.Tensor, described: Degradation, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Blur a picture as `tools.degrade.BLURS` does it of the same kind; return its map of sigma too."""
    size = light.shape[:2]
    if described.blur == "gaussian":
        if described.deviation:
            sigma = half_normal(_drawn((0.0, 1.0), seed), *described.sigma, described.deviation)
        else:
            sigma = _drawn(described.sigma, seed)
        return gaussian_blur(light, sigma, described.sigma[1]), tf.fill((*size, 1), sigma)
    if described.blur in SMOOTH_MAPS:
        uniform = tf.random.stateless_uniform([drawn_for(described.blur, size)], seed)
        sigma = map_of(described.blur, uniform, size, *described.sigma, ops)
        return space_variant_blur(light, sigma, described.sigma[1]), sigma[..., None]
    return light, tf.zeros((*size, 1))


def _split(seed: tf.Tensor, count: int) -> tf.Tensor:
    return tf.random.experimental.stateless_split(seed, count)


def _unit(picture: tf.Tensor) -> tf.Tensor:
    return tf.cast(picture, tf.float32) / 255.0 if picture.dtype == tf.uint8 else picture


def _as(picture: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(tf.round(picture * 255.0), tf.uint8) if dtype == tf.uint8 else picture
