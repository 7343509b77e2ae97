"""Experiments: one file each, naming only what differs from `config.Experiment`'s defaults."""

from tfdeblur.config import Experiment
from tfdeblur.experiments import (
    cifar10_rednet30,
    cifar10_resnet16,
    cifar10_unet16,
    reds_rednet30,
    reds_resnet16,
    reds_unet16,
    sample,
)

EXPERIMENTS: dict[str, Experiment] = {
    module.experiment.name: module.experiment
    for module in (
        sample,
        cifar10_resnet16,
        cifar10_unet16,
        cifar10_rednet30,
        reds_resnet16,
        reds_unet16,
        reds_rednet30,
    )
}
