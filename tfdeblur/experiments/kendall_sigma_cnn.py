"""Kendall & Rios' estimator of one sigma for a photograph, 3 convolutions and 3 dense layers (2019, Phase I).

    python -m tools.make_tfrecords images --src BSDS500/train --blur none --channels 1 --splits train=9 val=1
        --encoding raw --out tfrecords/bsds500
    python -m tfdeblur.train kendall_sigma_cnn

Its sigma is what `report table kendall` deconvolves with in the row *CNN + RL*. Expected, from the report: a kernel
error of .02, where the blind baseline has .07.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="kendall_sigma_cnn",
    data="tfrecords/bsds500",
    channels=1,
    patch="256x256",
    crop="random",
    cache="none",
    blur="gaussian",
    sigma=(0.0, 15.0),
    training="sigma",
    model="kendall_sigma",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    clip_norm=1.0,
    ema=0.998,
    batch=8,
    steps=3000,
    validate_every=500,
    checkpoint_every=500,
)
