"""The moving average of the weights, with statistics of batch normalisation that are its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

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
    strategy : tf.distribute.Strategy
        Where it was built.
    batches : callable
        Returns batches of the training split: always the same, so that a run that was resumed ends as one that was not.
    """

    def __init__(self, model: keras.Model, strategy: tf.distribute.Strategy, batches: Callable[[], tf.data.Dataset]):
        self.model, self.strategy, self.batches = model, strategy, batches
        self.normalisations = [
            layer for layer in model.network.layers if isinstance(layer, keras.layers.BatchNormalization)
        ]
        self.seen = None

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Have the average in place of the weights; afterwards all is as it was."""
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            yield
            return
        variables = self.model.network.variables
        raw = [variable.numpy() for variable in variables]
        optimizer.finalize_variable_values(optimizer._trainable_variables)
        try:
            if self.normalisations:
                self._take_statistics()
            yield
        finally:
            for variable, value in zip(variables, raw, strict=True):
                variable.assign(value)

    def _take_statistics(self) -> None:
        if self.seen is None:
            blurred = self.batches().map(lambda *parts: tf.nest.flatten(parts)[0]).take(BATCHES).cache()
            self.seen = self.strategy.experimental_distribute_dataset(blurred)
        for blur in self.seen:
            self._see(blur)

    @tf.function
    def _see(self, blur) -> None:
        usual = [layer.momentum for layer in self.normalisations]
        for layer in self.normalisations:
            layer.momentum = MOMENTUM
        self.strategy.run(lambda pictures: self.model(pictures, training=True), args=(blur,))
        for layer, momentum in zip(self.normalisations, usual, strict=True):
            layer.momentum = momentum
