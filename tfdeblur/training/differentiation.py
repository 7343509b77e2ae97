"""Derivatives, alike under Keras' TensorFlow and JAX backends, and their sum over replicas.

TensorFlow records what was computed on a tape; JAX transforms functions without side effects. So all three functions
here take a function and a model, of whose variables whatever the function leaves behind (statistics of batch
normalisation, states of dropout) is kept, as if it had merely been called. It may read no other variables, such as an
optimiser's.
"""

from collections.abc import Callable, Iterable, Sequence

import keras
from keras import ops

TENSORFLOW = keras.backend.backend() == "tensorflow"


def gradients(function: Callable, variables: Sequence, model: keras.Model):
    """Return what else a function returns beside its value, and the gradient of the value to variables.

    Parameters
    ----------
    function : callable
        Without arguments; returns a scalar and anything else.
    variables : sequence of keras.Variable
        Of the model.
    model : keras.Model
        Whose variables the function reads.
    """
    if TENSORFLOW:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value, rest = function()
        return rest, tape.gradient(value, list(variables))
    import jax

    def objective(values):
        (value, rest), after = _purely(function, zip(variables, values, strict=True), model)
        return value, (rest, after)

    found, (rest, after) = jax.grad(objective, has_aux=True)([variable.value for variable in variables])
    _leave(model, after)
    return rest, found


def pull_back(function: Callable, variables: Sequence, model: keras.Model):
    """Return what a function returns, tensors, and what takes a gradient to these on to variables, once.

    Arguments are those of `gradients`; the function returns a list of tensors.
    """
    if TENSORFLOW:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            outputs = function()
        return outputs, lambda slopes: tape.gradient(outputs, list(variables), output_gradients=slopes)
    import jax

    def outputs_of(values):
        return _purely(function, zip(variables, values, strict=True), model)

    outputs, back, after = jax.vjp(outputs_of, [variable.value for variable in variables], has_aux=True)
    _leave(model, after)
    return outputs, lambda slopes: back(slopes)[0]


def input_gradients(function: Callable, inputs, model: keras.Model):
    """Return what else a function returns beside its value, and the gradient of the value to its inputs.

    Parameters
    ----------
    function : callable
        Takes `inputs`; returns a scalar and anything else.
    inputs : tensor, or list of tensors
        Where the gradient is wanted.
    model : keras.Model
        Whose variables the function reads.
    """
    if TENSORFLOW:
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            value, rest = function(inputs)
        return rest, tape.gradient(value, inputs)
    import jax

    def objective(inputs):
        (value, rest), after = _purely(lambda: function(inputs), (), model)
        return value, (rest, after)

    found, (rest, after) = jax.grad(objective, has_aux=True)(inputs)
    _leave(model, after)
    return rest, found


def replicas() -> int:
    """Return among how many replicas a global batch is divided; JAX' programs see the batch as a whole."""
    if not TENSORFLOW:
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def scaled(loss):
    """Return this replica's part of the mean of a loss over the global batch: replicas' gradients are summed."""
    return ops.mean(loss) / replicas()


def descend(optimizer: keras.optimizers.Optimizer, gradients: list, variables: list, clip_norm: float | None) -> None:
    """Move variables one step of the optimiser against this replica's part of a gradient.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Which sums the gradients of all replicas, but would clip them before that.
    gradients, variables : list
        Equally many.
    clip_norm : float or None
        The largest global norm of the sum; not clipped without it.
    """
    if clip_norm is not None:
        gradients = [gradient / replicas() for gradient in _clipped(_summed(gradients), clip_norm)]
    optimizer.apply(gradients, variables)


def _clipped(gradients: list, clip_norm: float) -> list:
    norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
    return [gradient * clip_norm / ops.maximum(norm, clip_norm) for gradient in gradients]


def _summed(gradients: list) -> list:
    if replicas() == 1:
        return gradients
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)


def _purely(function: Callable, values: Iterable, model: keras.Model) -> tuple:
    """Return what a function returns where some variables have other values, and what it leaves in the model's."""
    # A scope within another one does not see what the outer one knows.
    with keras.StatelessScope([*((variable, variable.value) for variable in model.variables), *values]) as scope:
        result = function()
        return result, [scope.get_current_value(variable) for variable in model.non_trainable_variables]


def _leave(model: keras.Model, values: list) -> None:
    for variable, value in zip(model.non_trainable_variables, values, strict=True):
        variable.assign(value)
