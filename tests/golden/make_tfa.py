"""Make golden values with tensorflow-addons: `python tests/golden/make_tfa.py`, with Python 3.9 to 3.11.

tensorflow-addons imports only beside TensorFlow 2.15 and Keras 2, so this builds an environment of its own in a
temporary folder (about 2 GB, a few minutes), in which it runs itself again, and removes it. The result, `tfa.npz`
beside this file, is committed; `tests/test_golden.py` compares with it.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

REQUIREMENTS = ["tensorflow-cpu==2.15.1", "tensorflow-addons==0.23.0", "numpy==1.26.4"]
RESULT = Path(__file__).with_name("tfa.npz")

GAUSSIANS = {
    "gaussian_13_reflect": {"filter_shape": 13, "sigma": 1.5, "padding": "REFLECT"},
    "gaussian_3_reflect": {"filter_shape": 3, "sigma": 1.0, "padding": "REFLECT"},
    "gaussian_5_constant": {"filter_shape": 5, "sigma": 1.0, "padding": "CONSTANT"},
}
"""The second has the settings that `gaussian_filter2d` has by default, the third King's kernel."""


def make() -> None:
    """Build the environment, and run this file in it."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = os.path.join(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        subprocess.run([python, __file__, "--inside"], check=True)


def write() -> None:
    """Compute the golden values, within that environment."""
    import numpy as np
    import tensorflow as tf
    import tensorflow_addons as tfa

    random = np.random.default_rng(0)
    pictures = random.random((2, 8, 9, 3)).astype(np.float32)
    values = {"pictures": pictures}
    for name, settings in GAUSSIANS.items():
        values[name] = tfa.image.gaussian_filter2d(pictures, **settings).numpy()
    layer = tfa.layers.InstanceNormalization(epsilon=1e-5)
    layer.build(pictures.shape)
    values["gamma"], values["beta"] = random.normal(size=(2, 3)).astype(np.float32)
    layer.set_weights([values["gamma"], values["beta"]])
    values["instance_normalization"] = layer(pictures).numpy()
    np.savez_compressed(RESULT, **values)
    print(f"{RESULT}: tensorflow {tf.__version__}, tensorflow-addons {tfa.__version__}, numpy {np.__version__}")


if __name__ == "__main__":
    write() if "--inside" in sys.argv else make()
