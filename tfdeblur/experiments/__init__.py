"""Experiments: one file each, naming only what differs from `config.Experiment`'s defaults."""

from tfdeblur.config import Experiment
from tfdeblur.experiments import (
    brodatz_classifier10,
    brodatz_classifier30,
    brodatz_regressor,
    camera_shake_kernel,
    cifar10_msdeblurwgan,
    cifar10_rednet30,
    cifar10_rednet30wgan,
    cifar10_resnet16,
    cifar10_unet16,
    kendall_sigma_cnn,
    kendall_unet,
    kendall_unet_phase2,
    pairs_laplacian_deblurgan,
    pairs_unet_gan,
    reds_msdeblurwgan,
    reds_rednet30,
    reds_resnet16,
    reds_unet16,
    sample,
    sample_wgan,
    sigma_dense,
    sigma_dense_photographs,
)

EXPERIMENTS: dict[str, Experiment] = {
    module.experiment.name: module.experiment
    for module in (
        sample,
        cifar10_resnet16,
        cifar10_unet16,
        cifar10_rednet30,
        reds_resnet16,
        reds_unet16,
        reds_rednet30,
        sample_wgan,
        cifar10_rednet30wgan,
        cifar10_msdeblurwgan,
        reds_msdeblurwgan,
        pairs_laplacian_deblurgan,
        pairs_unet_gan,
        brodatz_classifier10,
        brodatz_classifier30,
        brodatz_regressor,
        sigma_dense,
        sigma_dense_photographs,
        kendall_sigma_cnn,
        kendall_unet,
        kendall_unet_phase2,
        camera_shake_kernel,
    )
}
