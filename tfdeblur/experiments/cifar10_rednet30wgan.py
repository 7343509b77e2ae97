"""REDNet30WGAN on CIFAR-10 with Gaussian blur, sigma uniform in [0, 3] (Orlandi & Pinardi 2020, section 4.2).

    python -m tools.make_tfrecords cifar10 --out tfrecords/cifar10
    python -m tfdeblur.train cifar10_rednet30wgan

350 epochs. Expected, from the report's table 4.1: PSNR 31.98 dB as the mean over pictures (27.2 dB from its MSE), SSIM
.9012, from 24.67 dB and .7135. What was measured here is in the README's table. An epoch has a sixth of the report's
steps, since every update has a batch of its own (`--reuse-batch` is the report's way).
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="cifar10_rednet30wgan",
    data="tfrecords/cifar10",
    model="rednet30",
    tanh=True,
    training="wgan_gp",
    learning_rate=2e-4,
    beta_1=0.5,
    beta_2=0.9,
    epochs=350,
)
