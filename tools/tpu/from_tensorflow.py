"""From a function on tensors to what the TPU's compiler makes of it for one device, through TensorFlow.

TensorFlow writes the function as XLA's HLO, JAX' own bindings turn that into StableHLO, and libtpu's compiler takes it
for a topology: the same compiler as on a TPU. JAX has no public door for this road; all it needs of the inside is here.
"""

import re
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from tools.tpu.compiler import Compiled, refusal

ROOT = Path(__file__).parents[2]
COPY = re.compile(r'"?mhlo\.copy"?\(?\s*(%[\w.#]+)\)?[^:\n]* : (?:\((tensor<[^>]*>)\) -> )?(tensor<[^>]*>)')
"""An operation that only XLA's older dialect has; as a reshape to its own shape it is StableHLO."""


def lower(function: Callable, batch: tuple) -> str:
    """Return a function as StableHLO.

    Parameters
    ----------
    function : callable
        From a batch to a nest of tensors.
    batch : tuple
        A nest of `tf.TensorSpec`.

    Raises
    ------
    ValueError
        An operation in it does not compile; the message names it, and the line of this project that it comes from.
    """
    from jax._src.lib import _jax, xla_client

    @tf.function(jit_compile=True, autograph=False)
    def compiled(*parts):
        return tf.nest.flatten(function(tf.nest.pack_sequence_as(batch, parts)))

    try:
        serialized = compiled.experimental_get_compiler_ir(*tf.nest.flatten(batch))(stage="hlo_serialized")
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError(_explained(str(error))) from error
    module = _jax.mlir.xla_computation_to_mlir_module(xla_client.XlaComputation(serialized))
    return COPY.sub(lambda copy: f"stablehlo.reshape {copy[1]} : ({copy[2] or copy[3]}) -> {copy[3]}", module)


def compile_for(devices: list, module: str) -> Compiled:
    """Return what the TPU's compiler makes of StableHLO for the first device of a topology.

    Raises
    ------
    OutOfMemory
        It does not fit.
    ValueError
        It does not compile.
    """
    import numpy as np
    from jax._src import compiler
    from jax._src.interpreters import mlir
    from jax._src.lib import xla_client
    from jax._src.lib.mlir import ir

    device = devices[0]
    options = compiler.get_compile_options(num_replicas=1, num_partitions=1, device_assignment=np.array([[device.id]]))
    with mlir.make_ir_context():
        parsed = ir.Module.parse(module)
        try:
            made = device.client.compile(parsed, xla_client.DeviceList((device,)), options)
        except RuntimeError as error:
            raise refusal(error) from error
    return Compiled.of(made.get_compiled_memory_stats(), made.cost_analysis(), made.hlo_modules()[0].to_string())


def _explained(error: str) -> str:
    """Return which operation TensorFlow cannot compile, and the line of this project that it was made by."""
    operation = re.search(r"(\w+) \(No registered '", error)
    lines = re.findall(r'File "([^"]+)", line (\d+)', error)
    # TensorFlow leaves out what all paths begin with.
    ours = [path for part in ("tfdeblur", "tools", "tests") for path in (ROOT / part).rglob("*.py")]
    places = [(path, line) for file, line in lines for path in ours if f"{path}".endswith(f"/{file.lstrip('/')}")]
    places = [(path, line) for path, line in places if path.parent != Path(__file__).parent]
    place = f", made by {places[-1][0].relative_to(ROOT)}, line {places[-1][1]}" if places else ""
    first = error.strip().splitlines()[0]
    return f"{operation[1] if operation else 'an operation'} does not compile for XLA{place} ({first})"
