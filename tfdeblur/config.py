"""The description of a run: one flat dataclass, of which every experiment names only what differs."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

from tfdeblur import ranges, storage
from tfdeblur.physics.degradation import BLURS, PRESETS, Degradation, degradation_of
from tfdeblur.ranges import Range, Size


@dataclass(frozen=True)
class Experiment:
    """All that a run depends on, besides the device it runs on."""

    name: str
    """Name of the experiment; its runs are kept in runs/NAME unless --workdir says otherwise."""

    # Data
    data: str
    """Folder of the records, local or gs://."""
    patch: Annotated[str | None, Size()] = None
    """Size of the training samples, HEIGHTxWIDTH in pixels; whole pictures without it."""
    crop: Literal["grid", "random"] = "grid"
    """All patches of a grid, each a sample, or one random place of every picture in every epoch."""
    cache: str = "memory"
    """Where decoded samples are kept after the first epoch: memory, none, or the path of a local file."""
    shuffle: Annotated[int, Range(least=0)] = 4096
    """Size of the shuffle buffer in samples; 0 keeps the order of the records."""
    augment: bool = True
    """Random flips and quarter turns."""
    channels: Literal[1, 3] = 3
    """Channels of the pictures: 3 (RGB) or 1 (grey)."""

    # Blur made while training, in place of that of the records, and what a camera adds; in validation likewise
    blur: Literal[("recorded", *BLURS)] = "recorded"
    """The records' blur, or blur of the sharp samples that is drawn anew in every epoch: see tools.make_tfrecords."""
    sigma: tuple[float, float] = Degradation.sigma
    """Blur gaussian, space_variant, two_depths: lowest and highest standard deviation in pixels."""
    radius: tuple[float, float] = Degradation.radius
    """Blur disk: lowest and highest radius in pixels."""
    length: tuple[float, float] = Degradation.length
    """Blur motion, shake: lowest and highest length of the path in pixels."""
    kernels: str | None = None
    """Blur measured: file of the kernels."""
    degrade: Literal[tuple(PRESETS)] | None = None
    """What is done to the sharp samples, by name: see tools.make_tfrecords. Other fields take the place of its own."""
    deviation: float | None = None
    """Gaussian: draw sigmas as absolute values of a normal variable of this standard deviation."""
    response: str | None = None
    """The camera's response, in whose light samples are blurred: linear (without it), srgb, gamma:EXPONENT, a file."""
    highlights: tuple[float, float] | None = None
    """Lowest and highest factor by which what is white is brighter than white, before the blur."""
    gain: tuple[float, float] | None = None
    """Lowest and highest gain of the light of both pictures, which is cut off at white after the blur."""
    photons: tuple[float, float] | None = None
    """Poisson noise: lowest and highest number of photons of a white pixel."""
    noise: tuple[float, float] | None = None
    """Gaussian noise: lowest and highest standard deviation, where white is 1."""
    jpeg: tuple[int, int] | None = None
    """JPEG: lowest and highest quality, 1 to 100."""

    # Model
    model: str = "rednet30"
    """Architecture: resnet16, unet16, rednet30, msdeblur, deblurgan or unet3; of training sigma: patro, kendall_sigma
    or sigma_dense; of training motion: motion."""
    features: Annotated[int | None, Range(least=1)] = None
    """Features of the first block; the architecture's own number without it."""
    depth: Annotated[int | None, Range(least=1)] = None
    """Number of convolutions (rednet30) or residual blocks (msdeblur, deblurgan); the architecture's own without it."""
    residual: bool = False
    """Have the network estimate the difference to the blurred picture."""
    upsampling: Literal["transpose", "resize", "subpixel"] | None = None
    """How a decoder doubles the size; transposed convolution without it."""
    classes: Annotated[int | None, Range(least=4)] = None
    """Number of sigmas that patches are divided among (patro)."""
    tanh: bool = False
    """Work in [-1, 1] and end with tanh (rednet30; msdeblur and deblurgan always do)."""

    # Loss and optimiser
    loss: str = "logcosh"
    """Loss, or content loss beside the adversarial one: mse, mae, logcosh, charbonnier, psnr, multiscale_ before mse,
    logcosh or charbonnier; or perceptual (VGG-19)."""
    vgg_weights: str | None = None
    """Loss perceptual: file of VGG-19's weights; Keras' own download without it."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """Optimiser, with Keras' own settings except for those below."""
    learning_rate: Annotated[float, Range(above=0)] = 1e-3
    """Learning rate at the start."""
    schedule: Literal["constant", "decay", "cosine"] = "constant"
    """Learning rate over time: constant; decay in steps near the end; or half a cosine down to 0."""
    decay_epochs: Annotated[float, Range(above=0)] = 80
    """Schedule decay: how many epochs before the end it begins."""
    decay_start: Annotated[float, Range(above=0)] = 1e-4
    """Schedule decay: learning rate where it begins."""
    decay_factor: Annotated[float, Range(above=0, most=1)] = 0.7
    """Schedule decay: factor of every drop."""
    decay_every: Annotated[float, Range(above=0)] = 5
    """Schedule decay: epochs from one drop to the next."""
    warmup_steps: Annotated[int, Range(least=0)] = 0
    """Schedule cosine: steps over which the rate rises from 0."""
    beta_1: Annotated[float, Range(least=0, below=1)] = 0.9
    """Adam's decay of the mean gradient."""
    beta_2: Annotated[float, Range(least=0, below=1)] = 0.999
    """Adam's decay of the mean squared gradient."""
    clip_norm: Annotated[float | None, Range(above=0)] = None
    """Clip the global norm of the gradient at this value; no clipping without it."""
    ema: Annotated[float | None, Range(above=0, below=1)] = None
    """Momentum of a moving average of the weights, such as 0.999, which is then what is validated and saved."""

    # Ways of training
    training: Literal["supervised", "sigma", "motion", "wgan_gp", "gan"] = "supervised"
    """To restore pictures by the loss alone, or besides it against a critic (Wasserstein GAN with gradient penalty) or
    a discriminator; or to estimate the sigma of their Gaussian blur, or the motion that blurred them, by a
    likelihood."""
    adversarial_weight: Annotated[float, Range(least=0)] = 1e-4
    """Weight of the adversarial loss beside the content loss."""
    n_critic: Annotated[int, Range(least=1)] = 5
    """WGAN: updates of the critic for each of the generator."""
    penalty_weight: Annotated[float, Range(least=0)] = 10.0
    """WGAN: weight of the gradient penalty, lambda."""
    reuse_batch: bool = False
    """WGAN: give all updates of a step the same batch, as Orlandi & Pinardi do, instead of a fresh one each."""
    content_steps: Annotated[int, Range(least=0)] = 0
    """Steps at the beginning in which the generator has its content loss alone."""
    wrong_labels: Annotated[float, Range(least=0, most=1)] = 0.0
    """Share of the samples whose sharp and restored pictures are swapped for the critic."""
    critic_features: Annotated[int, Range(least=1)] = 64
    """Features of the critic's first convolution."""

    # Length and bookkeeping
    batch: Annotated[int, Range(least=1)] = 32
    """Samples in a batch of one replica; the global batch is this times the number of replicas."""
    epochs: Annotated[float, Range(above=0, most=10**9)] = 120
    """Passes over the training split."""
    steps: Annotated[int | None, Range(least=1)] = None
    """Optimiser steps, in place of epochs."""
    validate_every: Annotated[int | None, Range(least=1)] = None
    """Steps between validations, each with a line in the log; once an epoch without it."""
    validation_pictures: Annotated[int | None, Range(least=1)] = 200
    """How many pictures of the validation split are looked at; all without it."""
    checkpoint_every: Annotated[int, Range(least=1)] = 500
    """Steps between checkpoints, besides those at validations."""
    seed: Annotated[int, Range(least=0, most=2**32 - 1)] = 0
    """Seed of the initial weights, the order of the data and the augmentation."""

    # Precision and compilation
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What the network computes in; auto is bfloat16 where the device does so natively. Weights are always float32."""
    xla: bool = False
    """Compile the step with XLA on one CPU or GPU (slower on most CPUs). TPUs always do."""
    steps_per_execution: Annotated[int, Range(least=1)] = 1
    """Steps run at a time without coming back to Python; logs and checkpoints fall on multiples of it."""

    @property
    def target(self) -> str:
        """What is learned of a blurred picture: the sharp one, the map of sigma, or the motion."""
        return self.training if self.training in ("sigma", "motion") else "sharp"

    def __post_init__(self):
        """Raise a ValueError for a value out of its range."""
        ranges.check(self)
        degradation_of(self)


def check_given(own: Experiment, given: Experiment) -> None:
    """Raise a ValueError for an option given with an experiment that contradicts the length of the run."""
    if given.warmup_steps != own.warmup_steps and given.steps and given.warmup_steps > given.steps:
        raise ValueError(f"--warmup-steps is {given.warmup_steps}, more than the run's --steps {given.steps}")


def save(path: str, experiment: Experiment) -> None:
    """Write an experiment as a run folder's `config.json`."""
    storage.write_json(path, dataclasses.asdict(experiment))


def load(path: str) -> Experiment:
    """Read an experiment from a run folder's `config.json`.

    Raises
    ------
    ValueError
        The file is damaged, or describes no experiment of this version.
    """
    return of_fields(storage.read_json(path), path)


def of_fields(fields: dict, source: str) -> Experiment:
    """Return the experiment that the fields of a JSON file describe.

    Raises
    ------
    ValueError
        There are fields that this version does not know, or out-of-range values; the message names the source.
    """
    try:
        return Experiment(**{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source} does not describe an experiment of this version of tfdeblur ({error})") from error
