"""UNet16 on CIFAR-10 with Gaussian blur, sigma uniform in [0, 3] (Orlandi & Pinardi 2020, section 3.2).

    python -m tools.make_tfrecords cifar10 --out tfrecords/cifar10
    python -m tfdeblur.train cifar10_unet16

120 epochs at a constant rate. Expected, from the report's table 3.1: PSNR 29.32 dB
as the mean over pictures (26.8 dB from its MSE), SSIM .9001, from 24.67 dB and .7135.
What was measured here is in the README's table.
"""

from tfdeblur.config import Experiment

experiment = Experiment(name="cifar10_unet16", data="tfrecords/cifar10", model="unet16", epochs=120)
