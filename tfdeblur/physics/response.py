"""The response of a camera: from the light of a scene to the values of a picture, and back.

On arrays and tensors. Responses go by a name: `"linear"`, whose values are the light; `"srgb"`; `"gamma:2.2"`, or of
another exponent; or a file, `.npy` or text, of the light that belongs to evenly spaced values, rising from that of
value 0 to that of value 1, in any unit (the inverse response, as methods of calibration give it).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tfdeblur import numpy_files

GAMMA = "gamma:2.2"
"""What Nah et al. (2017, section 2) take for the response of unknown cameras."""

Curve = Callable
"""From arrays or tensors in [0, 1], and the module that computes on them, to the same shape, in [0, 1]."""


@dataclass(frozen=True)
class Response:
    """A response and its inverse, both rising from 0 at 0 to 1 at 1."""

    to_values: Curve
    to_light: Curve


def light_of(pictures, response: str = GAMMA):
    """Return the light that a picture shows, as a share of that of white.

    Parameters
    ----------
    pictures : numpy.ndarray or tensor
        Floating point in [0, 1], any shape.
    response : str
        Its name.

    Returns
    -------
    numpy.ndarray or tensor
        Same shape and dtype.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such response, or a file holds none.
    """
    return response_of(response).to_light(pictures, _engine(pictures))


def values_of(light, response: str = GAMMA):
    """Return the picture that a camera makes of light: the inverse of `light_of`; above white it is white."""
    ops = _engine(light)
    return response_of(response).to_values(ops.clip(light, 0, 1), ops)


@lru_cache(maxsize=8)
def response_of(name: str) -> Response:
    """Return a response by its name; errors as in `light_of`."""
    if name == "linear":
        return Response(*(lambda x, ops: x,) * 2)
    if name == "srgb":
        return Response(_to_srgb, _from_srgb)
    kind, _, exponent = name.partition(":")
    if kind == "gamma":
        gamma = _exponent(name, exponent)
        return Response(lambda light, ops: light ** (1 / gamma), lambda values, ops: values**gamma)
    light = _read(name)
    values = np.linspace(0, 1, len(light), dtype=np.float32)
    return Response(
        lambda x, ops: _interpolated(x, light, values, ops), lambda x, ops: _interpolated(x, values, light, ops)
    )


def _engine(pictures):
    if isinstance(pictures, np.ndarray):
        return np
    from keras import ops

    return ops


def _to_srgb(light, ops):
    """IEC 61966-2-1."""
    return ops.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _from_srgb(values, ops):
    return ops.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _exponent(name: str, text: str) -> float:
    try:
        gamma = float(text)
    except ValueError:
        gamma = float("nan")
    if not 0 < gamma < float("inf"):
        raise ValueError(f"the response is {name!r}; gamma takes an exponent above 0, as in {GAMMA}")
    return gamma


def _read(file: str) -> np.ndarray:
    """Read a curve from a file; return it from 0 to 1."""
    if not os.path.isfile(file):
        raise FileNotFoundError(
            f"there is no response {file!r}; expected linear, srgb, gamma:EXPONENT as in {GAMMA}, or a file of a curve"
        )
    try:
        light = (
            numpy_files.read_array(file)
            if file.lower().endswith(".npy")
            else np.loadtxt(file, delimiter=_delimiter(file))
        )
        light = np.asarray(light, np.float64).squeeze()
    except (ValueError, OSError) as error:
        raise ValueError(f"{file} holds no numbers ({str(error).splitlines()[0]}); expected .npy or text") from error
    if light.ndim != 1 or len(light) < 2 or not (np.isfinite(light).all() and (np.diff(light) > 0).all()):
        raise ValueError(
            f"{file} holds an array of shape {light.shape}, which is no response: it takes at least two numbers, the "
            "light of evenly spaced values, each more than the one before"
        )
    return np.float32((light - light[0]) / (light[-1] - light[0]))


def _delimiter(file: str) -> str | None:
    with open(file) as text:
        return "," if "," in text.read() else None


def _interpolated(x, places: np.ndarray, found: np.ndarray, ops):
    """Interpolate linearly between `found` at `places`."""
    after = ops.clip(ops.searchsorted(places, ops.reshape(x, (-1,))), 1, len(places) - 1)
    (low, high), (first, last) = (
        [ops.reshape(ops.take(table, at), ops.shape(x)) for at in (after - 1, after)] for table in (places, found)
    )
    return first + (x - low) * ((last - first) / (high - low))
