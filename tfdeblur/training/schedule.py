"""Learning rate and optimiser of an experiment."""

import keras

from tfdeblur.config import Experiment


def learning_rate(experiment: Experiment, steps: int, steps_per_epoch: float):
    """Return the learning rate over `steps` steps, as a number or one of Keras' schedules.

    The schedule `decay` is Orlandi & Pinardi's (section 3.2.1): constant until `decay_epochs` before the end, then from
    `decay_start` by `decay_factor` every `decay_every` epochs.

    Raises
    ------
    ValueError
        The decay is longer than the run.
    """
    rate = experiment.learning_rate
    if experiment.schedule == "constant":
        return rate
    if experiment.schedule == "cosine":
        warmup = min(experiment.warmup_steps, steps - 1)
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate, steps - warmup, warmup_target=rate if warmup else None, warmup_steps=warmup
        )
    begin = steps - round(experiment.decay_epochs * steps_per_epoch)
    if begin < 0:
        raise ValueError(
            f"the learning rate is to decay over the last {experiment.decay_epochs:g} epochs, but the run has only "
            f"{steps / steps_per_epoch:.3g}; set --decay-epochs (and --decay-every) to match, or --schedule cosine"
        )
    every = max(round(experiment.decay_every * steps_per_epoch), 1)
    boundaries = list(range(begin, steps, every))
    values = [rate] + [experiment.decay_start * experiment.decay_factor**i for i in range(len(boundaries))]
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, values)


def optimizer(experiment: Experiment, steps: int, steps_per_epoch: float, ema: bool = True):
    """Return the optimiser of an experiment, with a moving average of the weights if `ema` and if it has one."""
    kind = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[experiment.optimizer]
    return kind(
        learning_rate(experiment, steps, steps_per_epoch),
        beta_1=experiment.beta_1,
        beta_2=experiment.beta_2,
        use_ema=ema and experiment.ema is not None,
        ema_momentum=0.99 if experiment.ema is None else experiment.ema,
    )
