"""Functions of the package that take a path take a `pathlib.Path`, and images of every byte order."""

import numpy as np
import pytest
import skimage.data

import tfdeblur
from tests.networks import negative
from tfdeblur.estimation.sigma_map import is_map, read_map, write_map
from tfdeblur.inference import load_deblur, load_network
from tfdeblur.physics.draws import read_kernels
from tfdeblur.physics.kernels import disk
from tfdeblur.physics.psfs import describe_psf, kernel_names, parse_psf, read_kernel
from tfdeblur.pictures import photographs
from tfdeblur.pictures.photograph import Photograph

IMAGE = skimage.data.chelsea()[:40, :56]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "negative.keras"
    negative().save(path)
    return path


def test_models_and_images_of_every_byte_order(model):
    sharpen = tfdeblur.load(model)
    np.testing.assert_array_equal(sharpen(IMAGE), 255 - IMAGE)
    np.testing.assert_array_equal(sharpen((IMAGE * 257.0).astype(">u2")), 65535 - IMAGE * 257.0)
    np.testing.assert_allclose(sharpen((IMAGE / 255).astype(">f4")), 1 - IMAGE / 255, atol=1e-6)
    np.testing.assert_array_equal(sharpen(IMAGE[::-1, ::2]), 255 - IMAGE[::-1, ::2])
    assert load_network(model).name and load_deblur(model).channels == 3


def test_kernels(tmp_path):
    np.save(tmp_path / "k.npy", disk(2))
    np.savez(tmp_path / "k.npz", a=disk(2))
    for read in (read_kernel, parse_psf, lambda path: describe_psf(path).make(), lambda path: read_kernels(path)[0]):
        for name in ("k.npy", "k.npz"):
            np.testing.assert_allclose(read(tmp_path / name), disk(2), rtol=1e-6)
    assert kernel_names(tmp_path / "k.npz") == ["a"]


@pytest.mark.parametrize("name", ["map.npy", "map.png"])
def test_maps(name, tmp_path):
    sigma = np.float32([[0.5, 1.0], [2.0, 3.0]])
    write_map(tmp_path / name, sigma)
    assert is_map(tmp_path / name)
    np.testing.assert_allclose(read_map(tmp_path / name), sigma)


def test_photographs(tmp_path):
    photographs.write(tmp_path / "p.png", Photograph(IMAGE, "png"))
    assert photographs.size(tmp_path / "p.png") == (40, 56)
    np.testing.assert_array_equal(photographs.read(tmp_path / "p.png").pixels, IMAGE)
    with pytest.raises(OSError, match="missing.png"):
        photographs.read(tmp_path / "missing.png")
