"""A small U-Net on the photographs that scikit-image and scikit-learn bring along: minutes on two cores.

    python -m tools.make_tfrecords sample --draws 8 --sigma 1 2 --out tfrecords/sample
    python -m tfdeblur.train

Expected: at least 1 dB above the blurred pictures on photographs it never saw. What was measured is in the README.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="sample",
    data="tfrecords/sample",
    patch="96x96",
    crop="random",
    model="unet16",
    residual=True,
    upsampling="resize",
    loss="charbonnier",
    learning_rate=4e-3,
    schedule="cosine",
    warmup_steps=50,
    batch=16,
    steps=400,
    validate_every=200,
    validation_pictures=2,
)
