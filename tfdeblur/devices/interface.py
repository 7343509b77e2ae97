"""What training asks of the devices it runs on, whichever library drives them."""

import atexit
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tfdeblur.devices import hosts


class Devices(ABC):
    """Devices that compute as one, each on its part of a global batch.

    Attributes
    ----------
    kind : str
        `"tpu"`, `"gpu"` or `"cpu"`.
    replicas : int
        How many devices take part; the global batch is divided among them.
    hosts : int
        How many machines make batches.
    chief : bool
        Whether this process is the one that writes the run folder.
    failures : tuple of type
        What the library raises on hosts whose partner is gone.
    """

    kind: str
    replicas: int
    hosts: int = 1
    chief: bool = True
    failures: tuple[type[Exception], ...] = ()

    @abstractmethod
    def scope(self) -> AbstractContextManager:
        """Return the context in which models are built."""

    @abstractmethod
    def batches(self, make: Callable) -> Iterator:
        """Return an iterator over batches on the devices.

        Parameters
        ----------
        make : callable
            From the number of a host and of all hosts to its `tf.data.Dataset`, whose batches are its part of the
            global ones: any nest of tensors with the pairs first.
        """

    @abstractmethod
    def compiled(self, function: Callable, state: list, *, at_once: int = 1, xla: bool = False) -> Callable:
        """Return a function compiled to run on all devices, each with its part of the batch.

        Parameters
        ----------
        function : callable
            From a batch to a dict of scalars. It may change variables.
        state : list of keras.Variable
            All variables that it reads or changes; the same list for all functions of a run.
        at_once : int
            Batches taken in one call.
        xla : bool
            Compile for a single CPU or GPU by XLA, as TPUs and JAX always do.

        Returns
        -------
        callable
            From an iterator of `batches` to the dict of floats, means over the devices and over the batches taken.
        """

    @abstractmethod
    def settle(self) -> None:
        """Bring all variables up to date; to be called before they are read other than by compiled functions."""

    def mean(self, number: float) -> float:
        """Return the mean of what the processes of all hosts give; all of them have to ask."""
        return float(number)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Raise a ValueError where another host was lost; the process does not wait for that one when it ends."""
        try:
            yield
        except self.failures as error:
            if self.hosts == 1:
                raise
            atexit.register(hosts.leave_at_once)
            raise hosts.lost(error) from error

    @abstractmethod
    def describe(self) -> str:
        """Return their name and number."""

    @abstractmethod
    def native_bfloat16(self) -> bool:
        """Whether they compute faster in bfloat16 than in float32."""

    def policy(self, precision: str) -> str:
        """Return the Keras dtype policy for float32, bfloat16, or auto: bfloat16 where it is computed natively."""
        if precision == "auto":
            precision = "bfloat16" if self.native_bfloat16() else "float32"
        return {"bfloat16": "mixed_bfloat16", "float32": "float32"}[precision]
