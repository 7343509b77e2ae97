"""Length and direction of the motion of a camera that was not held still, from one photograph.

    python -m tools.make_tfrecords images --src BSDS500/train --blur none --channels 1 --splits train=9 val=1
        --encoding raw --out tfrecords/bsds500
    python -m tfdeblur.train camera_shake_kernel
    python -m tfdeblur.deblur PHOTOGRAPH --method hyper-laplacian --psf estimate:runs/camera_shake_kernel --out sharp

`motion_rmse` is the error of the two numbers that the motion's length makes at twice its angle, in pixels; who sees
nothing and says 0 errs by 10.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="camera_shake_kernel",
    data="tfrecords/bsds500",
    channels=1,
    patch="256x256",
    crop="random",
    cache="none",
    blur="motion",
    length=(2.0, 24.0),
    training="motion",
    model="motion",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    clip_norm=1.0,
    ema=0.998,
    batch=8,
    steps=1500,
    validate_every=500,
    checkpoint_every=500,
)
