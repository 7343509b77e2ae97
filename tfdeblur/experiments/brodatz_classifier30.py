"""Patro's classifier of patches of textures by the sigma of their blur, 30 classes (2017, section 4.2).

    python -m tools.make_tfrecords textures --src BRODATZ --sigma 0.3 3 --levels 30 --splits train=60 val=8 test=12
        --shards 60 --out tfrecords/brodatz30
    python -m tfdeblur.train brodatz_classifier30

Expected, from the report: RMSE of sigma on a ramp .1645, on a sine .1991.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="brodatz_classifier30",
    data="tfrecords/brodatz30",
    channels=1,
    cache="none",
    shuffle=100_000,
    training="sigma",
    model="patro",
    classes=30,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    batch=128,
    steps=3000,
    validate_every=500,
    validation_pictures=None,
)
