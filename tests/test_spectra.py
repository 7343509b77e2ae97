"""Log spectra, what estimators of blur see: against NumPy's Fourier transform, and the laws of blur and contrast."""

import keras
import numpy as np
import pytest

from tfdeblur.models.spectra import FAINTEST, LogSpectra, least_side, pyramid
from tfdeblur.physics.blur import gaussian_blur

WINDOW, STRIDE = 32, 8


@pytest.fixture(scope="module")
def noise():
    """Two pictures of white noise, `(2, 96, 104, 1)`."""
    return np.random.default_rng(0).normal(0.5, 0.1, (2, 96, 104, 1)).astype(np.float32)


def frequencies(orientations: int = 4) -> np.ndarray:
    """Return the mean squared frequency of each band, in cycles a pixel."""
    along_y, along_x = np.meshgrid(np.arange(WINDOW // 2), np.arange(WINDOW // 2), indexing="ij")
    squares = np.repeat((along_x**2 + along_y**2).T[..., None] / WINDOW**2, 2, -1).reshape(-1)
    return squares @ LogSpectra(WINDOW, STRIDE, orientations).bands


@pytest.mark.parametrize("orientations", [4, 8])
def test_energies_are_those_of_windowed_fourier_transforms(noise, orientations):
    layer, row, column = LogSpectra(WINDOW, STRIDE, orientations), 5, 7
    taper = np.blackman(WINDOW + 2)[1:-1]
    top, left = (STRIDE * place + STRIDE // 2 - WINDOW // 2 for place in (row, column))
    picture = noise.copy()
    patch = picture[1, top : top + WINDOW, left : left + WINDOW, 0]
    for axis in (0, 1):  # without brightness along either, the filters' own is no matter
        patch -= np.expand_dims(np.average(patch, axis, taper), axis)
    found = np.asarray(layer(picture))
    assert found.shape == (2, 12, 13, layer.bands.shape[1]) == layer.compute_output_shape(noise.shape)
    energy = np.abs(np.fft.fft2(np.outer(taper, taper) / np.square(taper).sum() * patch)) ** 2
    half = np.arange(WINDOW // 2)
    expected = np.stack([energy[np.ix_(sign * half, half)].T for sign in (1, -1)], -1).reshape(-1) @ layer.bands
    np.testing.assert_allclose(found[1, row, column], np.log(expected + FAINTEST), atol=1e-3)


def test_blur_lowers_logarithms_by_the_square_of_frequency(noise):
    sigma = 0.9
    sharp, blur = (np.asarray(LogSpectra(WINDOW, STRIDE)(each)) for each in (noise, gaussian_blur(noise, sigma)))
    lowered = (blur - sharp).mean((0, 1, 2))
    expected = -4 * np.pi**2 * sigma**2 * frequencies()
    seen = expected > -6
    np.testing.assert_allclose(lowered[seen], expected[seen], atol=0.35)
    assert np.corrcoef(lowered[seen], expected[seen])[0, 1] > 0.995


def test_contrast_only_shifts_and_brightness_does_nothing(noise):
    layer = LogSpectra(WINDOW, STRIDE)
    same = np.asarray(layer(noise))
    np.testing.assert_allclose(np.asarray(layer(2 * noise)), same + np.log(4), atol=0.05)
    np.testing.assert_allclose(np.asarray(layer(noise + 3)), same, atol=0.05)


def test_a_wave_is_in_its_band_and_nowhere_else():
    y, x = np.mgrid[:96, :96]
    for along_x, along_y in ((8, 0), (0, 8), (6, 6), (6, -6)):
        wave = np.cos(2 * np.pi * (along_x * x + along_y * y) / WINDOW).astype(np.float32)[None, ..., None]
        found = np.asarray(LogSpectra(WINDOW, STRIDE)(wave))[0, 5, 5]
        assert abs(np.sqrt(frequencies()[found.argmax()]) - np.hypot(along_x, along_y) / WINDOW) < 1 / WINDOW
        assert np.mean(found < found.max() - 10) > 0.6


def test_sizes_side_by_side(noise):
    assert pyramid(noise, 3).shape == (2, 12, 13, 3 * LogSpectra(WINDOW).bands.shape[1])
    grey = np.asarray(pyramid(noise, 2))
    np.testing.assert_allclose(np.asarray(pyramid(np.repeat(noise, 3, -1), 2)), grey, atol=1e-4)


def test_pictures_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="8x8, .* too small for windows of 32 pixels; they must be larger than 15"):
        pyramid(np.zeros((1, 32, 32, 1), np.float32), 3)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_smallest_pictures_are_known(levels):
    inputs = keras.Input((None, None, 1))
    network = keras.Model(inputs, pyramid(inputs, levels))
    side = -(-least_side(network) // STRIDE) * STRIDE
    assert network(np.zeros((1, side, 2 * side, 1), np.float32)).shape[1:3] == (side // STRIDE, 2 * side // STRIDE)
    with pytest.raises(ValueError, match="too small"):
        network(np.zeros((1, side - STRIDE, 2 * side, 1), np.float32))
