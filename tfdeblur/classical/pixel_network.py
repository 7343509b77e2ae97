"""King's network: every blurred pixel to every sharp one, through one hidden layer."""

import keras
import numpy as np

PIXELS = 784
BATCH = 100


def pixel_network(pixels: int = PIXELS, hidden: int = PIXELS) -> keras.Model:
    """Return the network of King's report, section 3.4: dense, ReLU, dense.

    Parameters
    ----------
    pixels : int
        Pixels of a picture, which is a row of floats in [0, 1] here.
    hidden : int
        Nodes of the hidden layer.

    Returns
    -------
    keras.Model
        `(N, pixels)` to `(N, pixels)`, float32; 1.23 million parameters for 28x28 pixels.
    """
    picture = keras.Input((pixels,))
    features = keras.layers.Dense(hidden, activation="relu", dtype="float32")(picture)
    restored = keras.layers.Dense(pixels, dtype="float32")(features)
    return keras.Model(picture, restored, name="pixel_network")


def train_pixel_network(blur: np.ndarray, sharp: np.ndarray, *, epochs: int = 200, seed: int = 0) -> keras.Model:
    """Train King's network with Adam against the mean squared error.

    Parameters
    ----------
    blur, sharp : numpy.ndarray, shape (n, pixels)
        Pairs of pictures, one a row, in [0, 1].
    epochs : int
        Passes over the pictures; the report's 200.
    seed : int
        Of first weights and order. It sets Keras' global seed.

    Returns
    -------
    keras.Model
        The trained network. Batches are of 100 pictures, and Adam's learning rate is 1e-3: the report says neither.
    """
    keras.utils.set_random_seed(seed)
    network = pixel_network(blur.shape[1], blur.shape[1])
    network.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
    network.fit(np.float32(blur), np.float32(sharp), batch_size=BATCH, epochs=epochs, verbose=0)
    return network
