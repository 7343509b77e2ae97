"""A small residual REDNet on the photographs that scikit-image and scikit-learn bring along: minutes on two cores.

    python -m tools.make_tfrecords sample --draws 8 --sigma 0.5 2.5 --out tfrecords/sample
    python -m tfdeblur.train

Expected: at least 1 dB above the blurred pictures on photographs it never saw. What was measured is in the README.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="sample",
    data="tfrecords/sample",
    patch="64x64",
    crop="random",
    model="rednet30",
    features=32,
    depth=10,
    residual=True,
    loss="charbonnier",
    learning_rate=2e-3,
    schedule="cosine",
    warmup_steps=50,
    batch=16,
    steps=1500,
    validate_every=250,
)
