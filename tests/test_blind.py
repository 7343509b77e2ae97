"""Kernels that nobody told: maximum likelihood, and camera shake from one picture."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy import signal

from tfdeblur.classical.blind import blind_richardson_lucy
from tfdeblur.classical.convolution import Convolution
from tfdeblur.classical.kernel_estimation import estimate_kernel, sparse_latent
from tfdeblur.classical.planes import to_planes
from tfdeblur.physics.kernels import camera_shake, gaussian

LEVIN = Path(__file__).parents[2] / "shared" / "data" / "levin2009"


@pytest.fixture(scope="module")
def photograph():
    return np.float32(skimage.data.camera()[:256, 128:384]) / 255


def blurred(sharp, kernel):
    half = [side // 2 for side in kernel.shape]
    blur = signal.convolve2d(sharp, kernel, mode="valid")
    return np.float32(np.rint(blur * 255) / 255)[None, ..., None], sharp[half[0] : -half[0], half[1] : -half[1]]


def likeness(a, b):
    """Return the largest correlation of two kernels over all shifts, 1 for equal ones."""
    return signal.correlate2d(a, b).max() / np.sqrt((a**2).sum() * (b**2).sum())


def test_maximum_likelihood_gains_with_a_guess_that_is_near(photograph):
    blur, sharp = blurred(photograph, gaussian(1.5))
    pictures, _ = blind_richardson_lucy(blur, gaussian(1.0), iterations=10)
    assert np.mean((pictures[0, ..., 0] - sharp) ** 2) < 0.8 * np.mean((blur[0, ..., 0] - sharp) ** 2)


def test_maximum_likelihood_moves_the_kernel_towards_the_truth(photograph):
    kernel, guess = gaussian(0.7), gaussian(1.0)
    _, kernels = blind_richardson_lucy(blurred(photograph, kernel)[0], guess, iterations=30)
    assert kernels.min() >= 0 and kernels.sum() == pytest.approx(1)
    assert likeness(kernels[0], kernel) > likeness(guess, kernel) + 0.003


def test_maximum_likelihood_raises_the_likelihood(photograph):
    blur = np.float64(blurred(photograph[:80, :80], gaussian(1.5))[0])
    before = -np.inf
    for count in (1, 2, 4, 8):
        pictures, kernels = blind_richardson_lucy(blur, gaussian(1.0), iterations=count, boundary="circular")
        again = Convolution(kernels, blur.shape[1:3], "circular", np.float64).forward(to_planes(pictures))
        now = np.sum(to_planes(blur) * np.log(again) - again)
        assert now > before
        before = now


def test_a_guess_of_nothing_stays_nothing(photograph):
    blur = photograph[None, :40, :40, None]
    pictures, kernels = blind_richardson_lucy(blur, np.ones((1, 1)), iterations=3)
    np.testing.assert_allclose(pictures, blur, atol=1e-5)
    assert kernels == 1


def test_sparse_latent_of_a_sharp_step_is_the_step():
    step = np.zeros((32, 32), np.float32)
    step[8:24, 8:24] = 1
    kernel = gaussian(1.0)
    blur = signal.convolve2d(step, kernel, mode="same", boundary="wrap").astype(np.float32)
    off = np.abs(sparse_latent(blur, kernel, 1e-3) - step)
    assert off.mean() < 0.002 and np.sum(off > 0.05) <= 4  # the corners


@pytest.mark.parametrize("seed", [1, 4])
def test_camera_shake_is_found(seed, photograph):
    kernel = camera_shake(np.random.default_rng(seed), 16.0)
    size = max(kernel.shape)
    found = estimate_kernel(blurred(photograph, kernel)[0], size)
    assert found.shape == (1, size, size) and found.dtype == np.float32
    assert found.min() >= 0 and found.sum() == pytest.approx(1)
    delta = np.ones((1, 1))
    assert likeness(found[0], kernel) > max(0.75, likeness(delta, kernel))


@pytest.mark.skipif(not LEVIN.is_dir(), reason="needs Levin's photographs in ../shared/data/levin2009")
def test_a_real_camera_shake_is_found():
    def grey(name):
        return np.float32(Image.open(LEVIN / name)) / 255

    kernel = grey("gt/kernel5.png")[::-1, ::-1]
    assert likeness(estimate_kernel(grey("im1_kernel5_img.png")[None, ..., None], 13)[0], kernel) > 0.8


@pytest.mark.parametrize(("size", "message"), [(8, "odd"), (3, "at least 5"), (301, "must not be larger")])
def test_impossible_sizes_are_refused(size, message, photograph):
    with pytest.raises(ValueError, match=message):
        estimate_kernel(photograph[None, ..., None], size)
