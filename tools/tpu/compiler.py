"""The TPU's compiler, and what it says of a function."""

import os
from dataclasses import dataclass
from importlib.util import find_spec


class OutOfMemory(ValueError):
    """The compiler cannot fit the function into the chip's memory."""


@dataclass(frozen=True)
class Compiled:
    """What the compiler made for each device.

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

    @classmethod
    def of(cls, memory, cost: dict, module: str) -> "Compiled":
        """Read the statistics of XLA's executables."""
        sizes = (memory.argument_size_in_bytes, memory.temp_size_in_bytes, memory.generated_code_size_in_bytes)
        return cls(*sizes, cost["flops"], cost["bytes accessed"], module)

    @property
    def memory(self) -> int:
        """Bytes that the device holds while the function runs."""
        return self.arguments + self.temporary + self.program


def topology(name: str) -> list:
    """Return the devices of a topology such as `v5e:2x2`, of which there need not be one.

    Raises
    ------
    ValueError
        There is no compiler for it, or no such topology.
    """
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # or it waits for a server that only Google's machines have
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")  # or another compilation keeps it from beginning
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # or JAX looks for a TPU to run on
    if not (find_spec("jax") and find_spec("libtpu")):
        raise ValueError('the TPU\'s compiler comes with jax and libtpu; pip install "tfdeblur[tpu-aot]"')
    from jax.experimental import topologies

    try:
        return topologies.get_topology_desc(platform="tpu", topology_name=name).devices
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the TPU's compiler knows no topology {name!r} ({reason}); v5e:2x2 is one") from error


def refusal(error: Exception) -> ValueError:
    """Return what to raise for an error of the compiler."""
    first = str(error).strip().splitlines()[0]
    if "RESOURCE_EXHAUSTED" in first:
        return OutOfMemory(first)
    return ValueError(f"the TPU's compiler refuses it: {first}")
