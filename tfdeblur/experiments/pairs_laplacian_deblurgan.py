"""DeblurGAN's generator, conditioned on the Laplacian, as a WGAN (Hellerstein & Hong; Kupyn et al. 2018).

    python -m tools.make_tfrecords pairs --src GOPRO --blur-folder blur_gamma --out tfrecords/pairs
    python -m tfdeblur.train pairs_laplacian_deblurgan

Perceptual loss of VGG-19 and 10 % wrong labels; crops of 256x256, 300 epochs as in Kupyn et al. The report claims
33.41 dB and .958 on GoPro's test set, where DeblurGAN's own paper says 28.70 dB. The adversarial weight is DeblurGAN's
1 to 100, brought to the units of this package's perceptual loss, which is some 20 times smaller.
"""

from tfdeblur.config import Experiment

experiment = Experiment(
    name="pairs_laplacian_deblurgan",
    data="tfrecords/pairs",
    patch="256x256",
    crop="random",
    model="deblurgan",
    residual=True,
    loss="perceptual",
    training="wgan_gp",
    adversarial_weight=5e-4,
    wrong_labels=0.1,
    learning_rate=1e-4,
    beta_1=0.5,
    beta_2=0.9,
    batch=1,
    epochs=300,
)
