"""Golden values of tensorflow-addons (`tests/golden/make_tfa.py`): what it was wanted for, Keras and we do alike.

Its `gaussian_filter2d` takes the size of the kernel by itself (3 by default, whatever sigma is) where `gaussian_blur`
ends it at `round(4 sigma)` pixels, and its paddings REFLECT and CONSTANT are `"reflect"` and `"zero"` here.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

from tfdeblur.models.deblurgan import _instance_normalisation
from tfdeblur.physics.blur import convolve, gaussian_blur
from tfdeblur.physics.kernels import gaussian_kernel


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "tfa.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("kind", [np.asarray, keras.ops.convert_to_tensor], ids=["arrays", "tensors"])
def test_gaussian_is_that_of_tensorflow_addons(golden, kind):
    pictures = kind(golden["pictures"])
    for name, ours in {
        "gaussian_13_reflect": gaussian_blur(pictures, 1.5),
        "gaussian_3_reflect": convolve(pictures, gaussian_kernel(3, 1.0), "reflect"),
        "gaussian_5_constant": convolve(pictures, gaussian_kernel(5, 1.0), "zero"),
    }.items():
        np.testing.assert_allclose(ours, golden[name], atol=2e-6, err_msg=name)


def test_instance_normalisation_is_that_of_tensorflow_addons(golden):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, _instance_normalisation(inputs))
    model.layers[-1].set_weights([golden["gamma"], golden["beta"]])
    np.testing.assert_allclose(model(golden["pictures"]), golden["instance_normalization"], atol=5e-6)
