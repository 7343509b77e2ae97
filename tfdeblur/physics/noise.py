"""What a camera does to the light after the blur: noise, saturation, rounding, JPEG.

Pure functions on pictures `(N, H, W, C)` or `(H, W, C)`, floating point with white at 1. Arrays give arrays; their
randomness is a NumPy generator. Tensors give tensors; their randomness is a seed of two integers, and equal seeds give
equal noise, within `tf.data` and outside. In the order of a camera: `highlights`, before the blur; `poisson_noise`,
`gaussian_noise`, `saturate`, `round_to_bytes`, `jpeg`. None of the noise is cut off at black or white: `saturate` does
that.
"""

import io
from functools import partial

import numpy as np

WHITE = 0.8
"""Light above which a picture's may have been brighter."""


def gaussian_noise(pictures, deviation, random):
    """Add Gaussian noise, the same everywhere: that of reading the sensor out.

    Parameters
    ----------
    pictures : numpy.ndarray or tensor
        Pictures.
    deviation : float or numpy.ndarray or tensor
        Standard deviation where white is 1, >= 0: 1 / 255 is a level of 8 bit. One value, or what goes with the
        pictures' shape.
    random : numpy.random.Generator or tensor
        A generator for arrays, two integers for tensors.

    Returns
    -------
    numpy.ndarray or tensor
        Of the pictures' shape and dtype.

    Raises
    ------
    ValueError
        A known deviation is negative or not finite.
    """
    _check("deviation", deviation, 0)
    if isinstance(pictures, np.ndarray):
        return pictures + (deviation * random.standard_normal(pictures.shape)).astype(pictures.dtype)
    import tensorflow as tf

    drawn = tf.random.stateless_normal(tf.shape(pictures), random)
    return pictures + tf.cast(drawn * tf.cast(deviation, tf.float32), pictures.dtype)


def poisson_noise(pictures, photons, random):
    """Count photons: Poisson noise, whose variance grows with the brightness.

    A pixel of value v comes out with mean v and variance v / photons.

    Parameters
    ----------
    pictures : numpy.ndarray or tensor
        Pictures; negative values count as 0.
    photons : float or numpy.ndarray or tensor
        Mean number of photons of a white pixel, above 0: a few in the dark, 10^4 in the sun. The fewer, the noisier.
    random : numpy.random.Generator or tensor
        A generator for arrays, two integers for tensors.

    Returns
    -------
    numpy.ndarray or tensor
        Of the pictures' shape and dtype, whole multiples of 1 / photons.

    Raises
    ------
    ValueError
        A known number of photons is not above 0.
    """
    _check("photons", photons, np.nextafter(0, 1))
    if isinstance(pictures, np.ndarray):
        return (random.poisson(np.maximum(pictures, 0) * photons) / photons).astype(pictures.dtype)
    import tensorflow as tf

    photons = tf.cast(photons, tf.float32)
    expected = tf.maximum(tf.cast(pictures, tf.float32), 0.0) * photons
    counted = tf.random.stateless_poisson(tf.shape(expected), random, expected, tf.float32)
    return tf.cast(counted / photons, pictures.dtype)


def highlights(light, factor):
    """Make what is white in a picture brighter than white, as it is in most scenes.

    Light from four fifths of white on is raised, white itself by all of the factor: so it stays a smooth function.

    Parameters
    ----------
    light : numpy.ndarray or tensor
        In [0, 1].
    factor : float or tensor
        How many times as bright as white what is white shall be, >= 1.

    Returns
    -------
    numpy.ndarray or tensor
        Of the same shape and dtype, in [0, factor].
    """
    _check("factor", factor, 1)
    if isinstance(light, np.ndarray):
        near = np.maximum(light - WHITE, 0) / np.asarray(1 - WHITE, light.dtype)
        return light * (1 + np.asarray(factor - 1, light.dtype) * near * near)
    from keras import ops

    near = ops.maximum(light - WHITE, 0.0) / (1 - WHITE)
    return light * (1.0 + ops.cast(factor - 1.0, light.dtype) * near * near)


def saturate(pictures, gain=1.0):
    """Multiply by a gain, >= 0, and cut off what is below black or above white."""
    _check("gain", gain, 0)
    if isinstance(pictures, np.ndarray):
        return np.clip(pictures * np.asarray(gain, pictures.dtype), 0, 1)
    from keras import ops

    return ops.clip(pictures * ops.cast(gain, pictures.dtype), 0.0, 1.0)


def round_to_bytes(pictures):
    """Round to the 256 levels of 8 bit, k / 255; the result is floating point still."""
    if isinstance(pictures, np.ndarray):
        return _levels(pictures).astype(pictures.dtype) / pictures.dtype.type(255)
    from keras import ops

    return ops.cast(ops.round(ops.clip(pictures, 0.0, 1.0) * 255.0), pictures.dtype) / 255.0


def jpeg(pictures, quality):
    """Compress pictures as JPEG files, with colours at half the resolution, and decompress them.

    Parameters
    ----------
    pictures : numpy.ndarray or tensor
        Pictures of 1 or 3 channels, which are rounded to 8 bit first.
    quality : int or numpy.ndarray or tensor
        1 to 100, one or one for each picture: 30 is poor, 75 usual, above 95 much larger for little. Arrays are
        compressed by Pillow, tensors by TensorFlow, both with libjpeg-turbo, so that the results are the same.

    Returns
    -------
    numpy.ndarray or tensor
        Of the pictures' shape and dtype, in [0, 1].

    Raises
    ------
    ValueError
        A known quality is not from 1 to 100.
    """
    if isinstance(quality, (int, float, np.number, np.ndarray)) and not (
        np.all(quality >= 1) and np.all(quality <= 100)
    ):
        raise ValueError(f"quality is {quality}; it must be from 1 to 100")
    if isinstance(pictures, np.ndarray):
        if pictures.ndim == 4:
            qualities = np.broadcast_to(quality, len(pictures))
            return np.stack([jpeg(picture, int(each)) for picture, each in zip(pictures, qualities, strict=True)])
        return _pillow_jpeg(_levels(pictures), quality).astype(pictures.dtype) / pictures.dtype.type(255)
    import tensorflow as tf

    compress = partial(tf.image.adjust_jpeg_quality, dct_method="INTEGER_ACCURATE")
    levels = tf.cast(tf.round(tf.clip_by_value(pictures, 0.0, 1.0) * 255.0), tf.uint8)
    if len(pictures.shape) == 3:
        compressed = compress(levels, quality)
    else:
        qualities = tf.broadcast_to(tf.cast(quality, tf.int32), tf.shape(pictures)[:1])
        compressed = tf.map_fn(lambda one: compress(*one), (levels, qualities), tf.uint8)
    return tf.cast(tf.ensure_shape(compressed, pictures.shape), pictures.dtype) / 255.0


def _pillow_jpeg(levels: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(buffer, "jpeg", quality=int(quality))
    return np.asarray(Image.open(buffer)).reshape(levels.shape)


def _levels(pictures: np.ndarray) -> np.ndarray:
    return np.uint8(np.rint(np.clip(pictures, 0, 1) * 255))


def _check(name: str, value, least: float) -> None:
    """Refuse a known value that is out of its range; a tensor's is not known."""
    if isinstance(value, (int, float, np.number, np.ndarray)):
        if not (np.isfinite(value).all() and np.min(value) >= least):
            raise ValueError(f"{name} is {value}; it must be " + (f">= {least}" if least in (0, 1) else "above 0"))
