"""The precision that layers compute in."""

from contextlib import contextmanager

import keras


@contextmanager
def computing_in(policy: str):
    """Have the layers that are made meanwhile compute in a Keras dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
