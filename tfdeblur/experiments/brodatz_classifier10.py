"""Patro's classifier of patches of textures by the sigma of their blur, 10 classes (2017, section 3).

    python -m tools.make_tfrecords textures --src BRODATZ --sigma 0.3 3 --levels 10 --splits train=60 val=8 test=12
        --shards 60 --out tfrecords/brodatz10
    python -m tfdeblur.train brodatz_classifier10

Expected, from the report: half of the test patches right, RMSE of sigma on a ramp .2350. What was
measured here is in the README's table.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="brodatz_classifier10",
    data="tfrecords/brodatz10",
    channels=1,
    cache="none",
    shuffle=100_000,
    training="sigma",
    model="patro",
    classes=10,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    ema=0.998,
    batch=128,
    steps=2500,
    validate_every=500,
    validation_pictures=None,
)
