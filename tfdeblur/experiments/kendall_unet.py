"""Kendall & Rios' end-to-end U-Net, 3 encoding and 3 decoding layers, on uniform Gaussian blur (2019, Phase I).

    python -m tools.make_tfrecords images --src BSDS500/train --blur none --splits train=9 val=1 --encoding raw
        --out tfrecords/bsds500_rgb
    python -m tfdeblur.train kendall_unet

The learned rival of *CNN + RL* in `report table kendall`. Expected, from the report: 21.58 dB and .7526, below the
blind baseline's 23.15 dB and .7541. What was measured here is in the README's
table.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="kendall_unet",
    data="tfrecords/bsds500_rgb",
    patch="128x128",
    crop="random",
    cache="none",
    blur="gaussian",
    sigma=(0.0, 15.0),
    model="unet3",
    features=32,
    residual=True,
    loss="charbonnier",
    schedule="cosine",
    warmup_steps=100,
    ema=0.998,
    batch=8,
    steps=3000,
    validate_every=500,
    checkpoint_every=500,
)
