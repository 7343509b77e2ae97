"""Networks: functions that return a functional `keras.Model` over `(None, None, C)` and know no loss, data or file."""

import inspect

import keras

from tfdeblur.models.critics import discriminator, patchgan
from tfdeblur.models.deblurgan import deblurgan
from tfdeblur.models.msdeblur import every_scale, msdeblur
from tfdeblur.models.rednet30 import rednet30
from tfdeblur.models.resnet16 import resnet16
from tfdeblur.models.unet3 import unet3
from tfdeblur.models.unet16 import unet16
from tfdeblur.naming import look_up

__all__ = ["MODELS", "build_model", "discriminator", "every_scale", "patchgan"]

MODELS = {
    "resnet16": resnet16,
    "unet16": unet16,
    "rednet30": rednet30,
    "msdeblur": msdeblur,
    "deblurgan": deblurgan,
    "unet3": unet3,
}


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
    model = look_up(MODELS, name, "model")
    arguments = {key: value for key, value in arguments.items() if value is not None}
    known = inspect.signature(model).parameters
    for key in arguments:
        if key not in known:
            raise ValueError(f"{name} has no option {key!r}; it has {', '.join(known)}")
    return model(**arguments)
