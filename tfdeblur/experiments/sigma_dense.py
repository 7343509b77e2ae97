"""Maps of sigma by one pass of a fully convolutional network: what Patro names as future work, on Brodatz' textures.

    python -m tools.make_tfrecords images --src BRODATZ --blur none --channels 1 --encoding raw
        --splits train=60 val=8 test=12 --out tfrecords/brodatz
    python -m tfdeblur.train sigma_dense

What was measured is in the README's table.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="sigma_dense",
    data="tfrecords/brodatz",
    channels=1,
    patch="256x256",
    crop="random",
    cache="none",
    blur="space_variant",
    sigma=(0.2, 3.2),
    gain=(0.5, 1.0),
    training="sigma",
    model="sigma_dense",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    clip_norm=1.0,
    ema=0.998,
    batch=8,
    steps=6_000,
    validate_every=500,
    validation_pictures=8,
    checkpoint_every=500,
)
