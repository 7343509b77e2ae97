"""What networks say of blur, in numbers: what their outputs mean, and what it costs them to be wrong.

An output of two values is sigma in pixels and the logarithm of the variance of its error, for a picture `(N, 2)` or at
every pixel `(N, H, W, 2)`. An output of three, `(N, 3)`, is a motion, the two numbers of
`physics.trajectories.streak`, and the logarithm of the variance of their errors. An output `(N, K)` with more of them
is the logits of K classes.
"""

import numpy as np
from keras import ops

LOW, HIGH = 0.3, 3.0
"""The first and the last class's sigma in pixels (Patro 2017, section 3.1); the others are evenly spaced between."""

LEAST, MOST = -12.0, 6.0
"""Limits of the logarithm of a variance."""

MOTION = 3
"""Values of an output that is a motion."""

TRUST = 0.5
"""The power of the variance by which errors are weighted, 0 as by the likelihood, 1 as by the squared error."""


def class_sigmas(count: int) -> np.ndarray:
    """Return the sigmas of some classes, in pixels, float32.

    >>> class_sigmas(10)
    array([0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4, 2.7, 3. ], dtype=float32)
    """
    return np.linspace(LOW, HIGH, count, dtype=np.float32)


def are_classes(output) -> bool:
    """Whether an output, or its shape, is the logits of classes."""
    shape = getattr(output, "shape", output)
    return len(shape) == 2 and shape[-1] > MOTION


def estimate_of(output):
    """Return what an output says, and the standard deviation of its error: sigma, each `(..., 1)`, or motions `(N, 2)`.

    Of classes these are the mean and the deviation of their sigmas by their probabilities, which errs least in the mean
    square.
    """
    if are_classes(output):
        sigmas, probabilities = class_sigmas(output.shape[-1]), ops.softmax(output)
        sigma = ops.sum(probabilities * sigmas, -1, keepdims=True)
        return sigma, ops.sqrt(ops.sum(probabilities * (sigma - sigmas) ** 2, -1, keepdims=True))
    return output[..., :-1], ops.exp(ops.clip(output[..., -1:], LEAST, MOST) / 2)


def target_of(truth, output):
    """Return what an output should have said: motions `(N, 2)` and maps of sigma `(N, H, W, 1)` as they are.

    If it speaks of sigma of whole pictures it is the maps' mean, `(N, 1)`; of classes, within their range.
    """
    target = ops.mean(truth, (1, 2)) if len(truth.shape) > len(output.shape) else truth
    return ops.clip(target, LOW, HIGH) if are_classes(output) else target


def loss(truth, output):
    """Return what an output costs, for each picture, `(N,)`: truth is a map of sigma, or motions `(N, 2)`.

    Of classes it is the cross-entropy with the class nearest to the picture's mean sigma. Otherwise it is the negative
    logarithm of a Gaussian's likelihood, weighted by a power of the variance it says (Seitzer et al. 2022, equation 5):
    without, errors that are said to be large would hardly be mended.
    """
    target = target_of(truth, output)
    if are_classes(output):
        nearest = ops.argmin(ops.abs(target - class_sigmas(output.shape[-1])), -1)
        return ops.sparse_categorical_crossentropy(nearest, output, from_logits=True)
    logarithm = ops.clip(output[..., -1:], LEAST, MOST)
    cost = (ops.square(target - output[..., :-1]) * ops.exp(-logarithm) + logarithm) / 2
    cost = cost * ops.stop_gradient(ops.exp(TRUST * logarithm))
    return ops.mean(cost, tuple(range(1, len(cost.shape))))
