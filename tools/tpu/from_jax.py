"""From a training step under Keras' JAX backend to what the TPU's compiler makes of it for all devices of a topology.

The variables are on every device and the batch is divided among them, as `tfdeblur.devices.on_jax` does it: the sums
over the devices are in the compiled program.
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from tools.tpu.compiler import Compiled, refusal


@dataclass(frozen=True)
class Traceable:
    """What JAX traces anew for every topology."""

    function: Callable
    state: list
    batch: tuple


def compile_for(devices: list, step: Traceable) -> Compiled:
    """Return what the TPU's compiler makes of a step for a topology's devices.

    Raises
    ------
    OutOfMemory
        It does not fit.
    ValueError
        It does not compile.
    """
    import jax
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    from tfdeblur.devices.on_jax import pure

    mesh = Mesh(np.array(devices), ("batch",))
    everywhere, divided = NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("batch"))

    def argument(shape, dtype, sharding):
        return jax.ShapeDtypeStruct(tuple(shape), dtype, sharding=sharding)

    state = [argument(variable.shape, variable.dtype, everywhere) for variable in step.state]

    def of_all(spec: tf.TensorSpec):
        return argument((len(devices) * spec.shape[0], *spec.shape[1:]), spec.dtype.as_numpy_dtype, divided)

    batch = tf.nest.map_structure(of_all, step.batch)
    compiled = jax.jit(pure(step.function, step.state), donate_argnums=0)
    try:
        made = compiled.lower(state, batch).compile()
    except RuntimeError as error:
        raise refusal(error) from error
    cost = made.cost_analysis()
    return Compiled.of(made.memory_analysis(), cost[0] if isinstance(cost, list) else cost, made.as_text())
