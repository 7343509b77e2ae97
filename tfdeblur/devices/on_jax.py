"""Devices driven by JAX, under Keras' JAX backend: what Colab's TPU machines carry, and GPUs as well."""

from collections.abc import Callable, Iterator

import jax
import keras
import numpy as np
import tensorflow as tf
from jax import numpy as jnp
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec

from tfdeblur import provenance
from tfdeblur.devices import hosts, processors
from tfdeblur.devices.interface import Devices

POD = "pod"
"""The TPU of all machines of a pod, each of which runs the command."""


class OnJax(Devices):
    """All devices of one kind, with the model's variables on each and the batch divided among them.

    A program sees the batch as a whole, and JAX divides the work: what is a mean over the batch, as batch normalisation
    takes it, is one over the global batch.

    Parameters
    ----------
    devices : list of jax.Device
        Those of all processes.
    """

    failures = (jax.errors.JaxRuntimeError,)

    def __init__(self, devices: list):
        self.devices, self.replicas, self.kind = devices, len(devices), devices[0].platform
        self.hosts, self.chief = jax.process_count(), jax.process_index() == 0
        names = [f"{device.platform}:{device.id}" for device in devices]
        self.distribution = keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)
        mesh = self.distribution.device_mesh.backend_mesh
        self.everywhere = NamedSharding(mesh, PartitionSpec())
        self.divided = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
        self.state = self.values = None

    @classmethod
    def default(cls) -> "OnJax":
        """Return all devices of the kind that JAX prefers."""
        return cls(jax.devices())

    def scope(self):
        """Return the scope of Keras' distribution."""
        return self.distribution.scope()

    def batches(self, make: Callable) -> Iterator:
        """Return an iterator over batches on the devices, one of which is sent ahead."""
        batches = make(jax.process_index(), jax.process_count()).as_numpy_iterator()
        ahead = None
        for batch in batches:
            batch = jax.tree.map(lambda part: jax.make_array_from_process_local_data(self.divided, part), batch)
            if ahead is not None:
                yield ahead
            ahead = batch
        yield ahead

    def compiled(self, function: Callable, state: list, *, at_once: int = 1, xla: bool = False) -> Callable:
        """Return the function compiled; between calls the variables' values are kept here: see `settle`."""
        step = jax.jit(pure(function, state), donate_argnums=0, out_shardings=self.everywhere)

        def several(iterator: Iterator) -> dict[str, float]:
            if self.values is None:
                self.state, self.values = state, [variable.value for variable in state]
            totals = None
            for _ in range(at_once):
                self.values, found = step(self.values, next(iterator))
                totals = found if totals is None else jax.tree.map(jnp.add, totals, found)
            return {name: float(total) / at_once for name, total in jax.device_get(totals).items()}

        return several

    def settle(self) -> None:
        """Put the values that compiled functions have made into the variables."""
        if self.values is not None:
            for variable, value in zip(self.state, self.values, strict=True):
                variable.assign(value)
        self.state = self.values = None

    def mean(self, number: float) -> float:
        """Ask the other hosts."""
        return float(np.mean(multihost_utils.process_allgather(np.float32(number))))

    def describe(self) -> str:
        """Return the devices' name and number."""
        several = f" on {self.hosts} hosts" if self.hosts > 1 else ""
        if self.kind == "cpu":
            name = f"{provenance.processor()}, JAX"
            return f"{name}, {self.replicas} replicas{several}" if self.replicas > 1 else name
        return f"{self.replicas} x {self.devices[0].device_kind}{several}, JAX"

    def native_bfloat16(self) -> bool:
        """Whether TPU, GPU or CPU compute natively in bfloat16."""
        if self.kind == "gpu":
            return float(self.devices[0].compute_capability) >= 8
        return self.kind == "tpu" or processors.computes_bfloat16()


def pure(function: Callable, state: list) -> Callable:
    """Return a function that changes variables as one of their values and a batch, which returns their new values too.

    Parameters
    ----------
    function : callable
        From a batch to a dict.
    state : list of keras.Variable
        All variables that it reads or changes.
    """

    def step(values, batch):
        with keras.StatelessScope(list(zip(state, values, strict=True))) as scope:
            found = function(batch)
            return [scope.get_current_value(variable) for variable in state], found

    return step


def choose_on_jax(tpu: str | None) -> OnJax:
    """Return the devices as `devices.choose` says; TensorFlow, which reads the records, is left the CPU."""
    processors.do_not_ask_for_metadata()
    if tpu not in (None, "", "local", POD):
        raise ValueError(
            f"JAX drives the TPU of the machine it runs on; instead of --tpu {tpu} give --tpu local, or, on every "
            f"machine of a pod, --tpu {POD}"
        )
    if tf.config.list_physical_devices("GPU"):
        tf.config.set_visible_devices([], "GPU")
    together = hosts.named()
    if tpu is None and together:
        _join(together)
    try:
        if tpu == POD:
            jax.distributed.initialize(initialization_timeout=hosts.TOGETHER)
        return OnJax(jax.devices("tpu") if tpu is not None else jax.devices())
    except (RuntimeError, ValueError) as error:
        raise processors.no_tpu(error) from error


def _join(together: hosts.Hosts) -> None:
    """Have the processes of all machines be one program of JAX."""
    hosts.await_all(together)
    first, count = together.addresses[0], len(together.addresses)
    try:
        jax.distributed.initialize(first, count, together.index, initialization_timeout=hosts.TOGETHER)
    except (ValueError, RuntimeError) as error:
        raise hosts.apart(error) from error
