"""REDNet30 on CIFAR-10 with Gaussian blur, sigma uniform in [0, 3] (Orlandi & Pinardi 2020, section 3.2).

    python -m tools.make_tfrecords cifar10 --out tfrecords/cifar10
    python -m tfdeblur.train cifar10_rednet30

200 epochs; in the last 80 the learning rate falls from 1e-4 by 0.7 every 5 epochs. Expected, from the report's table
3.1: PSNR 33.52 dB as the mean over pictures (28.5 dB from its MSE), SSIM .9258, from 24.67 dB and .7135. What was
measured here is in the README's table.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="cifar10_rednet30", data="tfrecords/cifar10", model="rednet30", epochs=200, schedule="decay"
)
