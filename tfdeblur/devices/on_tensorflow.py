"""Devices driven by TensorFlow: a TPU, several GPUs, several machines, or one device."""

import os
from collections.abc import Callable
from functools import partial

import tensorflow as tf

from tfdeblur import provenance
from tfdeblur.devices import hosts, processors
from tfdeblur.devices.interface import Devices


class OnTensorFlow(Devices):
    """The devices of a strategy.

    Parameters
    ----------
    strategy : tf.distribute.Strategy
        One replica, MirroredStrategy, MultiWorkerMirroredStrategy or TPUStrategy.
    """

    failures = (
        tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError,
        tf.errors.InternalError, tf.errors.FailedPreconditionError,
    )  # fmt: skip

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy, self.replicas = strategy, strategy.num_replicas_in_sync
        self.gpus = tf.config.list_physical_devices("GPU")
        self.kind = "tpu" if isinstance(strategy, tf.distribute.TPUStrategy) else "gpu" if self.gpus else "cpu"
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            together = hosts.named()
            self.hosts, self.chief = len(together.addresses), together.index == 0

    @classmethod
    def default(cls) -> "OnTensorFlow":
        """Return the one device that TensorFlow computes on when it is not told otherwise."""
        return cls(tf.distribute.get_strategy())

    def scope(self):
        """Return the strategy's scope."""
        return self.strategy.scope()

    def batches(self, make: Callable):
        """Return an iterator over batches on the devices; each host's is divided among its replicas, in order."""

        def of_host(context: tf.distribute.InputContext) -> tf.data.Dataset:
            batches = make(context.input_pipeline_id, context.num_input_pipelines)
            replicas = self.replicas // context.num_input_pipelines
            if replicas == 1:
                return batches
            return batches.map(tf.autograph.experimental.do_not_convert(partial(_divided, replicas))).unbatch()

        return iter(self.strategy.distribute_datasets_from_function(of_host))

    def compiled(self, function: Callable, state: list, *, at_once: int = 1, xla: bool = False) -> Callable:
        """Return the function compiled; several batches are taken in a loop of the graph where that is possible."""
        names = []
        if xla and self.replicas == 1:
            function = tf.function(function, jit_compile=True, autograph=False)

        @tf.autograph.experimental.do_not_convert
        def of_replica(batch):
            found = function(batch)
            names[:] = found
            return tf.stack([tf.cast(value, tf.float32) for value in found.values()]) if found else tf.zeros(0)

        @tf.autograph.experimental.do_not_convert
        def once(iterator):
            return self.strategy.reduce("MEAN", self.strategy.run(of_replica, args=(next(iterator),)), axis=None)

        # Mirrored variables cannot be changed within a loop of the graph.
        looped = self.replicas == 1 or self.kind == "tpu"

        @tf.function
        def several(iterator):
            total = once(iterator)
            if at_once > 1:  # a loop that is never run would still be traced
                for _ in tf.range(at_once - 1) if looped else range(at_once - 1):
                    total += once(iterator)
            return total / at_once

        return lambda iterator: dict(zip(names, several(iterator).numpy().tolist(), strict=True))

    def settle(self) -> None:
        """Do nothing: TensorFlow changes variables in place."""

    def mean(self, number: float) -> float:
        """Ask the other hosts."""
        return float(number if self.hosts == 1 else self._mean(tf.constant(number, tf.float32)))

    @tf.function
    def _mean(self, number):
        return self.strategy.reduce("MEAN", self.strategy.run(lambda value: value, args=(number,)), axis=None)

    def describe(self) -> str:
        """Return the devices' name and number."""
        if self.kind == "tpu":
            return f"TPU, {self.replicas} replicas"
        several = f" on {self.hosts} hosts" if self.hosts > 1 else ""
        if self.gpus:
            name = tf.config.experimental.get_device_details(self.gpus[0]).get("device_name", "GPU")
            return f"{self.replicas} x {name}{several}"
        return provenance.processor() + (f", {self.replicas} replicas{several}" if self.replicas > 1 else "")

    def native_bfloat16(self) -> bool:
        """Whether TPU, all GPUs or the CPU compute natively in bfloat16."""
        details = [tf.config.experimental.get_device_details(gpu) for gpu in self.gpus]
        if self.kind == "gpu":
            return all(detail.get("compute_capability", (0, 0)) >= (8, 0) for detail in details)
        return self.kind == "tpu" or processors.computes_bfloat16()


def choose_on_tensorflow(tpu: str | None) -> OnTensorFlow:
    """Return the devices as `devices.choose` says."""
    if tpu is not None:
        return OnTensorFlow(_tpu_strategy(tpu))
    together = hosts.named()
    if together:
        return OnTensorFlow(_several_machines(together))
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) > 1:
        return OnTensorFlow(tf.distribute.MirroredStrategy([gpu.name for gpu in gpus]))
    return OnTensorFlow.default()


def _tpu_strategy(name: str) -> tf.distribute.Strategy:
    processors.do_not_ask_for_metadata()
    try:
        # Colab's TPUs and those of TPU VMs are local ones today.
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name or os.environ.get("TPU_NAME", "local"))
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, OSError, IndexError, RuntimeError, tf.errors.OpError) as error:
        raise processors.no_tpu(error) from error


def _several_machines(together: hosts.Hosts) -> tf.distribute.Strategy:
    hosts.await_all(together)
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=hosts.TOGETHER)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except (ValueError, KeyError, RuntimeError, tf.errors.OpError) as error:
        raise hosts.apart(error) from error


def _divided(count: int, *parts):
    """Return the batches of all replicas, one after the other, along a new first axis."""
    return tf.nest.map_structure(lambda part: tf.reshape(part, (count, part.shape[0] // count, *part.shape[1:])), parts)
