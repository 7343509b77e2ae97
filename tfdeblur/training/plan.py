"""The plan of a run: its batches, steps and epochs, and whether network and data set fit."""

from dataclasses import dataclass

import keras

from tfdeblur.config import Experiment
from tfdeblur.data import patches, pipeline
from tfdeblur.inference import size_multiple
from tfdeblur.models.spectra import least_side
from tfdeblur.training.build import batches_per_step


@dataclass(frozen=True)
class Plan:
    """The numbers of a run that follow from the experiment, the data and the devices."""

    batch: int
    """Samples in a global batch, which is that of the whole run, on however many devices it goes on."""
    steps_per_epoch: float
    steps: int
    period: int
    """Steps between validations."""
    batches: int = 1
    """Batches that a step takes."""

    @property
    def samples(self) -> int:
        """Samples that a step takes."""
        return self.batch * self.batches

    @classmethod
    def of(cls, experiment: Experiment, manifest: dict, replicas: int, batch: int | None = None) -> "Plan":
        """Work out the plan; steps and period become multiples of `steps_per_execution`.

        Raises
        ------
        ValueError
            The global batch of a run that goes on cannot be divided among the replicas.
        """
        samples = pipeline.epoch_samples(manifest, "train", patch_size(experiment), experiment.crop)
        batch, batches = batch or experiment.batch * replicas, batches_per_step(experiment)
        if batch % replicas:
            fitting = [str(count) for count in range(1, batch + 1) if batch % count == 0]
            raise ValueError(
                f"the run has batches of {batch} samples in all, which cannot be divided among {replicas} replicas; go "
                f"on with {', '.join(fitting)} of them, or choose another --workdir"
            )
        steps_per_epoch = samples / (batch * batches)
        at_once = experiment.steps_per_execution
        steps = experiment.steps or max(round(experiment.epochs * steps_per_epoch), 1)
        period = experiment.validate_every or max(round(steps_per_epoch), 1)
        steps, period = (-(-number // at_once) * at_once for number in (steps, period))
        return cls(batch, steps_per_epoch, steps, period, batches)


def patch_size(experiment: Experiment) -> tuple[int, int] | None:
    """Return the size of the training samples, None for whole pictures."""
    return patches.parse_size(experiment.patch) if experiment.patch else None


def check_fit(experiment: Experiment, manifest: dict, network: keras.Model) -> None:
    """Raise a ValueError if the network does not take the samples of the data set."""
    if manifest["channels"] != experiment.channels:
        raise ValueError(
            f"the pictures of {experiment.data} have {manifest['channels']} channels, the network takes "
            f"{experiment.channels}; give --channels {manifest['channels']}"
        )
    height, width = patch_size(experiment) or manifest["size"]
    fixed = network.input_shape[1:3]
    if None not in fixed and fixed != (height, width):
        raise ValueError(
            f"{experiment.model} takes patches of {fixed[0]}x{fixed[1]}, the samples are {height}x{width}; choose "
            "another --patch"
        )
    if min(height, width) < least_side(network):
        raise ValueError(
            f"{experiment.model} takes pictures of at least {least_side(network)}x{least_side(network)}, the samples "
            f"are {height}x{width}; choose a larger --patch"
        )
    multiple = size_multiple(network, network.output_shape[-1]) if len(network.output_shape) == 4 else 1
    if height % multiple or width % multiple:
        raise ValueError(
            f"{experiment.model} takes heights and widths that are multiples of {multiple}, the samples are "
            f"{height}x{width}; choose another --patch"
        )
