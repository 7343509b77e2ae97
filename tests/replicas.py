"""A few steps of training on fixed batches, on as many replicas as the environment has: a program for `test_devices`.

    python -m tests.replicas OUT START

Writes the weights that each of `CASES` ends with, and its losses, to OUT.npz. START-CASE.npz holds the weights to begin
with; it is made if it is not there.
"""

import dataclasses
import os
import sys
from pathlib import Path

import keras
import numpy as np

STEPS, BATCH = 10, 24
CASES = {
    "supervised": {},
    "supervised_averaged": {"ema": 0.9, "clip_norm": 0.05},
    "wgan": {"training": "wgan_gp"},
    "wgan_averaged": {"training": "wgan_gp", "ema": 0.9, "clip_norm": 0.05},
    "gan": {"training": "gan"},
}
LONG = {"supervised_adam": {}, "wgan_adam": {"training": "wgan_gp"}}
"""By the experiment's own optimiser, for 20 steps: see `test_devices`."""


def main(out: str, start: str, cases: str = "") -> None:
    """Train all cases, or those that are named."""
    import tensorflow as tf

    count = int(os.environ.get("REPLICAS", "1"))
    if keras.backend.backend() == "tensorflow" and count > 1:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * count
        )
    from tfdeblur import devices

    chosen = devices.choose()
    if keras.backend.backend() == "tensorflow" and count > 1 and chosen.hosts == 1:
        from tfdeblur.devices.on_tensorflow import OnTensorFlow

        chosen = OnTensorFlow(tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)]))
    found = {}
    for case in cases.split(",") if cases else CASES:
        with chosen.watched():
            found |= {f"{case}/{key}": value for key, value in train(chosen, case, start).items()}
    if chosen.chief:
        np.savez(out, **found, replicas=chosen.replicas, hosts=chosen.hosts)


def train(chosen, case: str, start: str) -> dict[str, np.ndarray]:
    """Train one case and return what it ends with."""
    import tensorflow as tf

    from tfdeblur.experiments import EXPERIMENTS
    from tfdeblur.training.build import as_steps, batches_per_step, build, state_of

    small = {"model": "unet3", "upsampling": None, "features": 4, "critic_features": 4, "schedule": "constant"}
    experiment = dataclasses.replace(
        EXPERIMENTS["sample"], **small, n_critic=2, wrong_labels=0.2, learning_rate=1e-3, **(CASES | LONG)[case]
    )
    keras.utils.set_random_seed(0)
    with chosen.scope():
        model = build(experiment, 100, 100, "float32")
        if case in CASES:  # Adam would hide a gradient that is a constant factor off
            averaged = {"use_ema": True, "ema_momentum": experiment.ema} if experiment.ema else {}
            optimizers = [keras.optimizers.SGD(1.0, **averaged), keras.optimizers.SGD(1e-4)]
            model.compile(*optimizers[: len(model.optimizers())])
            model.build_optimizers()
    first = Path(f"{start}-{case}.npz")
    if not first.exists():
        np.savez(first, *model.get_weights())
    model.set_weights([np.load(first)[key] for key in np.load(first).files])
    rng = np.random.default_rng(0)
    samples = BATCH * batches_per_step(experiment)
    sharp = rng.integers(0, 256, (samples, 16, 16, 3), np.uint8)
    blur = np.uint8((np.float32(sharp) + np.roll(sharp, 1, 1) + np.roll(sharp, 1, 2)) / 3)
    pairs = tf.data.Dataset.from_tensors((blur, sharp)).repeat()

    def of_host(host, hosts):
        """Return the share of a host of one and the same batch, and of the draws that go with it."""
        own = slice(BATCH // hosts * host, BATCH // hosts * (host + 1))
        return as_steps(pairs, experiment).map(lambda *parts: tf.nest.map_structure(lambda part: part[own], parts))

    step, iterator = chosen.compiled(model.train_step, state_of(model)), chosen.batches(of_host)
    logs = [step(iterator) for _ in range(STEPS if case in CASES else 20)]
    chosen.settle()
    found = {f"log/{key}": np.array([each[key] for each in logs]) for key in logs[0]}
    found |= {f"weight/{i}": value for i, value in enumerate(model.get_weights())}
    if experiment.ema:
        model.optimizer.finalize_variable_values(model.network.trainable_variables)
        found |= {
            f"average/{i}": np.array(keras.ops.convert_to_numpy(value))
            for i, value in enumerate(model.network.trainable_variables)
        }
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
