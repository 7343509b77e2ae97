"""From a TensorFlow function to what the TPU's compiler makes of it, without a TPU.

TensorFlow writes the function as XLA's HLO, JAX' own bindings turn that into StableHLO, and libtpu's compiler takes it
for a topology: the same compiler as on a TPU. JAX has no public door for this road; all it needs of the inside is here.
"""

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import tensorflow as tf

ROOT = Path(__file__).parents[2]
COPY = re.compile(r'"?mhlo\.copy"?\(?\s*(%[\w.#]+)\)?[^:\n]* : (?:\((tensor<[^>]*>)\) -> )?(tensor<[^>]*>)')
"""An operation that only XLA's older dialect has; as a reshape to its own shape it is StableHLO."""


class OutOfMemory(ValueError):
    """The compiler cannot fit the function into the chip's memory."""


@dataclass(frozen=True)
class Compiled:
    """What the compiler made.

    Attributes
    ----------
    arguments, temporary, program : int
        Bytes of memory of the device: what the function takes (weights, optimisers, batch), what it needs besides, and
        its code.
    flops, traffic : float
        Floating-point operations, and bytes read and written, as the compiler counts them.
    module : str
        The compiled module, HLO as text.
    """

    arguments: int
    temporary: int
    program: int
    flops: float
    traffic: float
    module: str

    @property
    def memory(self) -> int:
        """Bytes that the device holds while the function runs."""
        return self.arguments + self.temporary + self.program


def topology(name: str):
    """Return a device of a topology such as `v5e:2x2`, of which there need not be one.

    Raises
    ------
    ValueError
        There is no compiler for it, or no such topology.
    """
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # or it waits for a server that only Google's machines have
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    if not (find_spec("jax") and find_spec("libtpu")):
        raise ValueError('the TPU\'s compiler comes with jax and libtpu; pip install "tfdeblur[tpu-aot]"')
    from jax.experimental import topologies

    try:
        return topologies.get_topology_desc(platform="tpu", topology_name=name).devices[0]
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the TPU's compiler knows no topology {name!r} ({reason}); v5e:2x2 is one") from error


def lower(function: tf.types.experimental.PolymorphicFunction, arguments: list[tf.TensorSpec]) -> str:
    """Return a compiled TensorFlow function as StableHLO.

    Raises
    ------
    ValueError
        An operation in it does not compile; the message names it, and the line of this project that it comes from.
    """
    from jax._src.lib import _jax, xla_client

    try:
        serialized = function.experimental_get_compiler_ir(*arguments)(stage="hlo_serialized")
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError(_explained(str(error))) from error
    module = _jax.mlir.xla_computation_to_mlir_module(xla_client.XlaComputation(serialized))
    return COPY.sub(lambda copy: f"stablehlo.reshape {copy[1]} : ({copy[2] or copy[3]}) -> {copy[3]}", module)


def compile_for(device, module: str) -> Compiled:
    """Return what the TPU's compiler makes of StableHLO for a device of a topology.

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

    options = compiler.get_compile_options(num_replicas=1, num_partitions=1, device_assignment=np.array([[device.id]]))
    with mlir.make_ir_context():
        parsed = ir.Module.parse(module)
        try:
            made = device.client.compile(parsed, xla_client.DeviceList((device,)), options)
        except RuntimeError as error:
            if "RESOURCE_EXHAUSTED" in str(error):
                raise OutOfMemory(_first_line(error)) from error
            raise ValueError(f"the TPU's compiler refuses it: {_first_line(error)}") from error
    memory, cost = made.get_compiled_memory_stats(), made.cost_analysis()
    return Compiled(
        arguments=memory.argument_size_in_bytes,
        temporary=memory.temp_size_in_bytes,
        program=memory.generated_code_size_in_bytes,
        flops=cost["flops"],
        traffic=cost["bytes accessed"],
        module=made.hlo_modules()[0].to_string(),
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _explained(error: str) -> str:
    """Return which operation TensorFlow cannot compile, and the line of this project that it was made by."""
    operation = re.search(r"(\w+) \(No registered '", error)
    lines = re.findall(r'File "([^"]+)", line (\d+)', error)
    ours = [(Path(file), line) for file, line in lines if Path(file).is_relative_to(ROOT)]
    ours = [(file, line) for file, line in ours if not {"site-packages", "tpu"} & set(file.parts)]
    place = f", made by {ours[-1][0].relative_to(ROOT)}, line {ours[-1][1]}" if ours else ""
    first = error.strip().splitlines()[0]
    return f"{operation[1] if operation else 'an operation'} does not compile for XLA{place} ({first})"
