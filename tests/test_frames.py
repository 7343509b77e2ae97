"""Responses of cameras and averages of frames: the laws of light."""

import numpy as np
import pytest
import tensorflow as tf

from tests.picture_folders import photograph
from tfdeblur.physics.frames import averaged
from tfdeblur.physics.response import light_of, values_of


@pytest.fixture
def curve(tmp_path):
    """A file of the response of a film, S-shaped."""
    values = np.linspace(0, 1, 300)
    np.savetxt(tmp_path / "film.txt", 40 * (0.2 * values + 0.8 * values**2 * (3 - 2 * values)) + 3)
    return str(tmp_path / "film.txt")


@pytest.fixture(params=["linear", "srgb", "gamma:2.2", "gamma:1.8", "film"])
def response(request, curve):
    return curve if request.param == "film" else request.param


@pytest.mark.parametrize("kind", [np.asarray, tf.constant], ids=["array", "tensor"])
def test_inverse_after_response_is_the_identity(response, kind):
    values = np.linspace(0, 1, 65536, dtype=np.float32).reshape(4, 128, 128, 1)
    light = light_of(kind(values), response)
    assert light.shape == values.shape and light.dtype == np.float32
    assert np.min(light) == 0 and np.max(light) == 1 and np.all(np.diff(np.ravel(light)) >= 0)
    np.testing.assert_allclose(values_of(light, response), values, atol=2e-6)
    np.testing.assert_allclose(light, light_of(values, response), atol=1e-6)
    np.testing.assert_allclose(values_of(kind(1 + values), response), 1, atol=1e-6)


def test_values_are_those_of_the_standards():
    assert light_of(np.float64([0.5]), "srgb") == pytest.approx(0.21404, abs=1e-5)
    assert light_of(np.float64([0.5])) == pytest.approx(0.21764, abs=1e-5)
    assert values_of(np.float64([0.002]), "srgb") == pytest.approx(12.92 * 0.002)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("count", [1, 7, 8, 13])
def test_equal_frames_are_their_average(response, dtype, count):
    frame = photograph(0, 64, 64).astype(dtype) * (dtype(257) if dtype == np.uint16 else dtype(1))
    levels = np.iinfo(dtype).max
    found = averaged(iter([frame] * count), response)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.rint(found * levels), frame)


def test_a_moving_edge_becomes_a_ramp_of_light(response):
    count, height, width = 8, 4, 40
    frames = [np.uint8(255 * (np.arange(width) >= 10 + step)) * np.ones((height, 1), np.uint8) for step in range(count)]
    found = averaged([frame[..., None] for frame in frames], response)
    ramp = np.clip((np.arange(width) - 9) / count, 0, 1)  # share of the exposure in which a pixel is lit
    np.testing.assert_allclose(light_of(found[1, :, 0], response), ramp, atol=1e-5)


def test_light_is_kept_and_values_are_not():
    frames = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)
    light = light_of(np.float32(frames) / 255)
    assert light_of(averaged(frames)).mean() == pytest.approx(light.mean(), rel=1e-4)
    assert averaged(frames, "linear").mean() == pytest.approx(frames.mean() / 255, rel=1e-4)
    assert np.all(averaged(frames) >= averaged(frames, "linear") - 1e-6), "power means (Jensen)"


def test_bad_responses_and_frames_are_refused(tmp_path, curve):
    one = np.zeros((1, 1))
    for name, message in (
        ("sgb", "there is no response 'sgb'; expected linear, srgb, gamma:EXPONENT"),
        ("gamma:x", "gamma takes an exponent above 0"),
        ("gamma:-1", "gamma takes an exponent above 0"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            light_of(one, name)
    for content, message in (("1, 2, 2", "more than the one before"), ("7", "at least two"), ("dark", "no numbers")):
        (tmp_path / "curve.txt").write_text(content)
        with pytest.raises(ValueError, match=message):
            light_of(one, str(tmp_path / "curve.txt"))
        tmp_path = tmp_path / "next"
        tmp_path.mkdir()
    frame = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="no frame to average"):
        averaged([])
    with pytest.raises(ValueError, match="they must all be of one size"):
        averaged([frame, frame[:2]])
    with pytest.raises(ValueError, match="frames are float32; they must be uint8 or uint16"):
        averaged([np.float32(frame)])
