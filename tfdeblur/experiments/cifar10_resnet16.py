"""ResNet16 on CIFAR-10 with Gaussian blur, sigma uniform in [0, 3] (Orlandi & Pinardi 2020, section 3.2).

    python -m tools.make_tfrecords cifar10 --out tfrecords/cifar10
    python -m tfdeblur.train cifar10_resnet16

120 epochs at a constant rate. Expected, from the report's table 3.1: PSNR 29.09 dB
as the mean over pictures (27.1 dB from its MSE), SSIM .9034, from 24.67 dB and .7135.
What was measured here is in the README's table.
"""

from tfdeblur.config import Experiment

experiment = Experiment(name="cifar10_resnet16", data="tfrecords/cifar10", model="resnet16", epochs=120)
