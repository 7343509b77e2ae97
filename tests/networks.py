"""Networks small enough to build in a test."""

from pathlib import Path

import keras
import numpy as np
from keras import layers


def negative(channels: int = 3) -> keras.Model:
    """Return a network whose output is one minus its input, so that every pixel tells whether it went through."""
    inputs = keras.Input((None, None, channels))
    network = keras.Model(inputs, layers.Conv2D(channels, 1, name="negative")(inputs), name="negative")
    network.set_weights([-np.eye(channels, dtype=np.float32)[None, None], np.ones(channels, np.float32)])
    return network


def says(folder: Path, sigma: float, brightness: float = 0.0) -> Path:
    """Save as a run of training sigma a network that says everywhere `sigma` and `brightness` times the picture."""
    inputs = keras.Input((None, None, 1))
    conv = layers.Conv2D(2, 1)
    x = conv(layers.AveragePooling2D(8, name="spectra")(inputs))
    network = keras.Model(inputs, layers.UpSampling2D(8)(x))
    conv.set_weights([np.float32([[[[brightness, 0]]]]), np.float32([sigma, -4])])
    folder.mkdir(parents=True)
    network.save(folder / "best.keras")
    (folder / "config.json").write_text('{"training": "sigma"}')
    return folder


def says_motion(folder: Path, length: float, angle: float, deviation: float) -> Path:
    """Save as a run of training motion a network that says of every picture that it moved so, and how far it errs."""
    turn = np.deg2rad(2 * angle)
    inputs = keras.Input((None, None, 1))
    dense = layers.Dense(3)
    x = layers.GlobalAveragePooling2D()(layers.AveragePooling2D(8, name="spectra")(inputs))
    network = keras.Model(inputs, dense(x))
    dense.set_weights(
        [np.zeros((1, 3)), np.float32([length * np.cos(turn), length * np.sin(turn), 2 * np.log(deviation)])]
    )
    folder.mkdir(parents=True)
    network.save(folder / "best.keras")
    (folder / "config.json").write_text('{"training": "motion"}')
    return folder


def strided(channels: int = 3, stride: int = 4) -> keras.Model:
    """Return a network with random weights that takes multiples of `stride` only, with a skip connection around it."""
    keras.utils.set_random_seed(stride)
    inputs = keras.Input((None, None, channels))
    x = layers.Conv2D(8, 5, strides=stride, padding="same", activation="elu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2DTranspose(channels, 5, strides=stride, padding="same", dtype="float32")(x)
    return keras.Model(inputs, layers.Add(dtype="float32")([inputs, x]), name="strided")


def settle(network: keras.Model, picture: np.ndarray) -> keras.Model:
    """Give batch normalisations the statistics of a picture `(H, W, C)`, as training would."""
    for _ in range(20):
        network(picture[None], training=True)
    return network
