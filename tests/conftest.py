"""What all tests share: two virtual CPU devices, and small real data sets."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def two_replicas() -> tf.distribute.MirroredStrategy:
    """Return a strategy over both devices, the only one of the process: a second one's collectives can fail."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
