"""What to compute on: the one place that knows of TPUs, several GPUs, several machines, and Keras' two backends."""

from tfdeblur.devices.interface import Devices
from tfdeblur.devices.memory import keep_freed_memory

__all__ = ["Devices", "choose", "describe", "keep_freed_memory"]


def choose(tpu: str | None = None) -> Devices:
    """Return the devices to train on; to be called before TensorFlow computes anything.

    Parameters
    ----------
    tpu : str, optional
        A TPU's name or address, `"local"` for one attached to this machine, or `""` to have it found; `"pod"`, under
        Keras' JAX backend, on every machine of a pod. None takes all GPUs, or else the CPU, of the machines that the
        variable TF_CONFIG names; under the JAX backend whatever JAX finds first.

    Raises
    ------
    ValueError
        A TPU is asked for and cannot be reached; there is no silent way back to the CPU. Or the other machines cannot,
        or TF_CONFIG does not describe them.
    """
    if _backend() == "jax":
        from tfdeblur.devices.on_jax import choose_on_jax

        return choose_on_jax(tpu)
    from tfdeblur.devices.on_tensorflow import choose_on_tensorflow

    return choose_on_tensorflow(tpu)


def describe() -> str:
    """Return the name and number of the devices that this process computes on when it is not told otherwise."""
    if _backend() == "jax":
        from tfdeblur.devices.on_jax import OnJax

        return OnJax.default().describe()
    from tfdeblur.devices.on_tensorflow import OnTensorFlow

    return OnTensorFlow.default().describe()


def _backend() -> str:
    import keras

    return keras.backend.backend()
