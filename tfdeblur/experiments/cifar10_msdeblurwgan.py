"""MSDeblurWGAN on CIFAR-10 with Gaussian blur, sigma uniform in [0, 3] (Orlandi & Pinardi 2020, section 4.2).

    python -m tools.make_tfrecords cifar10 --out tfrecords/cifar10
    python -m tfdeblur.train cifar10_msdeblurwgan

150 epochs. Expected, from the report's table 4.1: PSNR 31.49 dB as the mean over pictures (27.6 dB from its MSE), SSIM
.9054, from 24.67 dB and .7135. What was measured here is in the README's table. An epoch has a sixth of the report's
steps, since every update has a batch of its own (`--reuse-batch` is the report's way).
"""

import dataclasses

from tfdeblur.experiments import cifar10_rednet30wgan

experiment = dataclasses.replace(
    cifar10_rednet30wgan.experiment, name="cifar10_msdeblurwgan", model="msdeblur", tanh=False, epochs=150
)
