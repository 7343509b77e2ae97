"""MSDeblurWGAN on motion-blurred pictures of REDS at 256x144 (Orlandi & Pinardi 2020, section 4.3).

    python -m tools.make_tfrecords pairs --src REDS --rename val=test --resize 144x256 --out tfrecords/reds_256x144
    python -m tfdeblur.train reds_msdeblurwgan

Five residual blocks a branch; each picture is cut into 12 patches of 48x64. The report's own, PSNR 27.11 dB and SSIM
.8031, fell below its input of 27.68 dB and .8359. Here the generator estimates the difference to its input, which the
README's table shows to be what keeps it above.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="reds_msdeblurwgan",
    data="tfrecords/reds_256x144",
    patch="48x64",
    model="msdeblur",
    depth=5,
    residual=True,
    training="wgan_gp",
    learning_rate=2e-4,
    beta_1=0.5,
    beta_2=0.9,
    epochs=100,
)
