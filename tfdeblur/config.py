"""The description of a run: one flat dataclass, of which every experiment names only what differs."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

from tfdeblur import storage
from tfdeblur.physics.degradation import BLURS, PRESETS, Degradation, degradation_of


@dataclass(frozen=True)
class Experiment:
    """All that a run depends on, besides the device it runs on."""

    name: str
    """Name of the experiment; its runs are kept in runs/NAME unless --workdir says otherwise."""

    # Data
    data: str
    """Folder of the records, local or gs://."""
    patch: str | None = None
    """Size of the training samples, HEIGHTxWIDTH in pixels; whole pictures without it."""
    crop: Literal["grid", "random"] = "grid"
    """All patches of a grid, each a sample, or one random place of every picture in every epoch."""
    cache: str = "memory"
    """Where decoded samples are kept after the first epoch: memory, none, or the path of a local file."""
    shuffle: int = 4096
    """Size of the shuffle buffer in samples; 0 keeps the order of the records."""
    augment: bool = True
    """Random flips and quarter turns."""
    channels: int = 3
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
    features: int | None = None
    """Features of the first block; the architecture's own number without it."""
    depth: int | None = None
    """Number of convolutions (rednet30) or residual blocks (msdeblur, deblurgan); the architecture's own without it."""
    residual: bool = False
    """Have the network estimate the difference to the blurred picture."""
    upsampling: Literal["transpose", "resize", "subpixel"] | None = None
    """How a decoder doubles the size; transposed convolution without it."""
    classes: int | None = None
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
    learning_rate: float = 1e-3
    """Learning rate at the start."""
    schedule: Literal["constant", "decay", "cosine"] = "constant"
    """Learning rate over time: constant; decay in steps near the end; or half a cosine down to 0."""
    decay_epochs: float = 80
    """Schedule decay: how many epochs before the end it begins."""
    decay_start: float = 1e-4
    """Schedule decay: learning rate where it begins."""
    decay_factor: float = 0.7
    """Schedule decay: factor of every drop."""
    decay_every: float = 5
    """Schedule decay: epochs from one drop to the next."""
    warmup_steps: int = 0
    """Schedule cosine: steps over which the rate rises from 0."""
    beta_1: float = 0.9
    """Adam's decay of the mean gradient."""
    beta_2: float = 0.999
    """Adam's decay of the mean squared gradient."""
    clip_norm: float | None = None
    """Clip the global norm of the gradient at this value; no clipping without it."""
    ema: float | None = None
    """Momentum of a moving average of the weights, such as 0.999, which is then what is validated and saved."""

    # Ways of training
    training: Literal["supervised", "sigma", "motion", "wgan_gp", "gan"] = "supervised"
    """To restore pictures by the loss alone, or besides it against a critic (Wasserstein GAN with gradient penalty) or
    a discriminator; or to estimate the sigma of their Gaussian blur, or the motion that blurred them, by a
    likelihood."""
    adversarial_weight: float = 1e-4
    """Weight of the adversarial loss beside the content loss."""
    n_critic: int = 5
    """WGAN: updates of the critic for each of the generator."""
    penalty_weight: float = 10.0
    """WGAN: weight of the gradient penalty, lambda."""
    reuse_batch: bool = False
    """WGAN: give all updates of a step the same batch, as Orlandi & Pinardi do, instead of a fresh one each."""
    content_steps: int = 0
    """Steps at the beginning in which the generator has its content loss alone."""
    wrong_labels: float = 0.0
    """Share of the samples whose sharp and restored pictures are swapped for the critic."""
    critic_features: int = 64
    """Features of the critic's first convolution."""

    # Length and bookkeeping
    batch: int = 32
    """Samples in a batch of one replica; the global batch is this times the number of replicas."""
    epochs: float = 120
    """Passes over the training split."""
    steps: int | None = None
    """Optimiser steps, in place of epochs."""
    validate_every: int | None = None
    """Steps between validations, each with a line in the log; once an epoch without it."""
    validation_pictures: int | None = 200
    """How many pictures of the validation split are looked at; all without it."""
    checkpoint_every: int = 500
    """Steps between checkpoints, besides those at validations."""
    seed: int = 0
    """Seed of the initial weights, the order of the data and the augmentation."""

    # Precision and compilation
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What the network computes in; auto is bfloat16 where the device does so natively. Weights are always float32."""
    xla: bool = False
    """Compile the step with XLA on one CPU or GPU (slower on most CPUs). TPUs always do."""
    steps_per_execution: int = 1
    """Steps run at a time without coming back to Python; logs and checkpoints fall on multiples of it."""

    @property
    def target(self) -> str:
        """What is learned of a blurred picture: the sharp one, the map of sigma, or the motion."""
        return self.training if self.training in ("sigma", "motion") else "sharp"

    def __post_init__(self):
        """Raise a ValueError for a number that nothing can be done with."""
        least = dict.fromkeys(["channels", "features", "depth", "steps", "validate_every", "validation_pictures"], 1)
        least |= dict.fromkeys(["batch", "checkpoint_every", "steps_per_execution", "n_critic", "critic_features"], 1)
        least |= {"classes": 4}
        least |= dict.fromkeys(["shuffle", "warmup_steps", "content_steps", "wrong_labels"], 0)
        for field, smallest in least.items():
            value = getattr(self, field)
            if value is not None and value < smallest:
                raise ValueError(f"--{field.replace('_', '-')} is {value}; at least {smallest} is needed")
        if self.epochs <= 0:
            raise ValueError(f"--epochs is {self.epochs:g}; more than 0 is needed")
        degradation_of(self)


def to_json(experiment: Experiment) -> str:
    """Return the experiment as JSON."""
    return json.dumps(dataclasses.asdict(experiment), indent=2) + "\n"


def load(path: str) -> Experiment:
    """Read an experiment from a run folder's `config.json`.

    Raises
    ------
    ValueError
        The file is not one, or has fields that this version does not know.
    """
    try:
        fields = json.loads(storage.read_text(path))
        return Experiment(**{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()})
    except (json.JSONDecodeError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not describe an experiment of this version of tfdeblur ({error})") from error
