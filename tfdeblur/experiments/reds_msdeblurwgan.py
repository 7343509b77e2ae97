"""MSDeblurWGAN on motion-blurred pictures of REDS at 256x144 (Orlandi & Pinardi 2020, section 4.3).

    python -m tools.make_tfrecords pairs --src REDS --rename val=test --resize 144x256 --out tfrecords/reds_256x144
    python -m tfdeblur.train reds_msdeblurwgan

Five residual blocks a branch; each picture is cut into 12 patches of 48x64. The report's own, PSNR 27.11 dB and SSIM
.8031, fell below its input of 27.68 dB and .8359. Two things are otherwise here. The generator estimates the difference
to its input. And the adversarial loss has a tenth of the report's weight: its gradient with respect to a picture has
the norm 1 whatever the size, that of the content loss shrinks with the root of the number of pixels and is divided
among the scales, so that at this size the report's weight makes the two equal. What each of the two does is in the
README's table.
"""

import dataclasses

from tfdeblur.experiments import cifar10_msdeblurwgan

experiment = dataclasses.replace(
    cifar10_msdeblurwgan.experiment,
    name="reds_msdeblurwgan",
    data="tfrecords/reds_256x144",
    patch="48x64",
    depth=5,
    residual=True,
    adversarial_weight=1e-5,
    epochs=100,
)
