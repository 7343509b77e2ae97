"""The moving average of the weights, with statistics of batch normalisation that are its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import keras
import numpy as np
import tensorflow as tf

from tfdeblur.devices import Devices

BATCHES, MOMENTUM = 32, 0.9
"""Of the training split, from which statistics are taken; and of their moving mean, which the last ten or so make."""


class Averaging:
    """Puts the moving average of a network's weights in their place for a while, where the optimiser keeps one.

    What batch normalisation keeps for later are statistics of the weights as they are; while the learning rate is high
    those of their average are far from them. They are taken anew, as by Izmailov et al. (2018, section 3.2).

    Parameters
    ----------
    model : keras.Model
        With `network` and `optimizer`.
    devices : Devices
        Where it was built.
    state : list of keras.Variable
        As `Devices.compiled` takes it.
    batches : callable
        From the number of a host and of all hosts to batches of the training split: always the same, so that a run that
        was resumed ends as one that was not.
    """

    def __init__(self, model: keras.Model, devices: Devices, state: list, batches: Callable):
        self.model, self.devices = model, devices
        self.blurred = cache(lambda *host: batches(*host).map(_blurred).take(BATCHES).cache())
        self.normalisations = [
            layer for layer in model.network.layers if isinstance(layer, keras.layers.BatchNormalization)
        ]
        self.see = devices.compiled(self._see, state)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Have the average in place of the weights; afterwards all is as it was."""
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            yield
            return
        variables = self.model.network.variables
        self.devices.settle()
        raw = [_copy(variable) for variable in variables]
        optimizer.finalize_variable_values(self.model.network.trainable_variables)
        for variable in self.model.network.trainable_variables:
            variable.assign(_copy(variable))  # under JAX it would share its memory with the optimiser's
        try:
            if self.normalisations:
                self._take_statistics()
            yield
        finally:
            for variable, value in zip(variables, raw, strict=True):
                variable.assign(value)

    def _take_statistics(self) -> None:
        iterator = self.devices.batches(self.blurred)
        for _ in range(BATCHES):
            self.see(iterator)
        self.devices.settle()

    def _see(self, batch) -> dict:
        usual = [layer.momentum for layer in self.normalisations]
        for layer in self.normalisations:
            layer.momentum = MOMENTUM
        self.model(batch[0], training=True)
        for layer, momentum in zip(self.normalisations, usual, strict=True):
            layer.momentum = momentum
        return {}


def _copy(variable: keras.Variable) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(variable))


def _blurred(*parts):
    """Return the blurred pictures of a step's first batch, as a batch of one part."""
    return (tf.nest.flatten(parts)[0],)
