"""Residual U-Net GAN on GoPro's pictures shrunk five times (Kendall & Rios, phase II).

    python -m tools.make_tfrecords pairs --src GOPRO --resize 144x256 --out tfrecords/pairs_256x144
    python -m tfdeblur.train pairs_unet_gan

Binary cross-entropy, a discriminator of six convolutions. The report's GAN reached 24.75 dB and .8800, below its
blurred input's 31.92 dB and .9574: the discriminator's success was its only loss. Here a content loss leads.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="pairs_unet_gan",
    data="tfrecords/pairs_256x144",
    patch="128x128",
    crop="random",
    model="unet3",
    residual=True,
    training="gan",
    adversarial_weight=1e-3,
    learning_rate=2e-4,
    beta_1=0.5,
    batch=16,
    epochs=100,
)
