"""Deconvolution without learning: pictures `(N, H, W, C)` and their kernels to sharp pictures, on NumPy arrays."""

from collections.abc import Callable

from tfdeblur.classical.richardson_lucy import richardson_lucy
from tfdeblur.classical.sparse import hyper_laplacian, total_variation
from tfdeblur.classical.wiener import tikhonov, wiener

METHODS: dict[str, Callable] = {
    "wiener": wiener,
    "tikhonov": tikhonov,
    "rl": richardson_lucy,
    "tv": total_variation,
    "hyper-laplacian": hyper_laplacian,
}
"""Methods for known kernels, `(blur, kernel, **options) -> sharp`.

All take images as `planes.checked_images` does, and kernels as `planes.checked_kernels` does.
"""
