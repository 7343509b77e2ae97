"""The sample experiment's U-Net as a Wasserstein GAN: minutes on two cores.

    python -m tools.make_tfrecords sample --draws 8 --sigma 1 2 --out tfrecords/sample
    python -m tfdeblur.train sample_wgan

Expected: above the blurred pictures on photographs it never saw. What was measured is in the README.
"""

import dataclasses

from tfdeblur.experiments import sample

experiment = dataclasses.replace(
    sample.experiment,
    name="sample_wgan",
    training="wgan_gp",
    reuse_batch=True,
    critic_features=16,
    learning_rate=2e-3,
    beta_1=0.5,
    beta_2=0.9,
    batch=8,
    steps=300,
    validate_every=100,
)
