"""Networks: functions that return a functional `keras.Model` over `(None, None, C)` and know no loss, data or file."""

import inspect
from collections.abc import Callable

import keras

from tfdeblur.models.critics import discriminator, patchgan
from tfdeblur.models.deblurgan import deblurgan
from tfdeblur.models.msdeblur import every_scale, msdeblur
from tfdeblur.models.patro import patro
from tfdeblur.models.rednet30 import rednet30
from tfdeblur.models.resnet16 import resnet16
from tfdeblur.models.sigma_dense import sigma_dense
from tfdeblur.models.unet3 import unet3
from tfdeblur.models.unet16 import unet16
from tfdeblur.models.whole_picture import kendall_sigma, motion
from tfdeblur.naming import look_up

__all__ = ["ESTIMATORS", "MODELS", "build_estimator", "build_model", "discriminator", "every_scale", "patchgan"]

MODELS = {
    "resnet16": resnet16,
    "unet16": unet16,
    "rednet30": rednet30,
    "msdeblur": msdeblur,
    "deblurgan": deblurgan,
    "unet3": unet3,
}
"""From pictures to pictures."""

ESTIMATORS = {"patro": patro, "kendall_sigma": kendall_sigma, "sigma_dense": sigma_dense, "motion": motion}
"""From pictures to the sigma of their blur, or to the motion that blurred them."""


def build_model(name: str, **arguments) -> keras.Model:
    """Build one of `MODELS`; an argument that is None keeps the architecture's own default.

    Returns
    -------
    keras.Model
        Takes pictures `(N, H, W, C)` in [0, 1], returns float32 of the same shape, not clipped.

    Raises
    ------
    ValueError
        There is no such model, or the model has no such argument.
    """
    return _build(MODELS, name, "model", arguments)


def build_estimator(name: str, **arguments) -> keras.Model:
    """Build one of `ESTIMATORS`; an argument that is None keeps the architecture's own default.

    Returns
    -------
    keras.Model
        Takes pictures `(N, H, W, C)` in [0, 1], returns what `tfdeblur.estimation.outputs` describes.

    Raises
    ------
    ValueError
        There is no such estimator, or it has no such argument.
    """
    return _build(ESTIMATORS, name, "estimator", arguments)


def _build(networks: dict[str, Callable], name: str, kind: str, arguments: dict) -> keras.Model:
    network = look_up(networks, name, kind)
    arguments = {key: value for key, value in arguments.items() if value is not None}
    known = inspect.signature(network).parameters
    for key in arguments:
        if key not in known:
            raise ValueError(f"{name} has no option {key!r}; it has {', '.join(known)}")
    return network(**arguments)
