"""`python -m tfdeblur.devices [--tpu [NAME]] [--data DIR]`: what there is to compute on, and whether it works."""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tfdeblur import provenance
from tfdeblur.commandline import import_tensorflow, parse, run, with_tpu_name

SECONDS = 1.5
"""For each part of the test."""


@dataclass(frozen=True)
class Arguments:
    """Say what there is to train on, what would be chosen, and test it for some seconds."""

    tpu: str | None = None
    """A TPU's name, or `local`, or nothing to have it found; on each machine of a pod under JAX: `pod`."""
    data: str | None = None
    """Folder of records to read from, local or gs://."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what is found, a line each."""
    options = parse(Arguments, "tfdeblur.devices", with_tpu_name(arguments), Arguments.__doc__)
    import_tensorflow()
    import keras

    from tfdeblur import devices

    chosen = devices.choose(options.tpu)
    _print("versions", ", ".join(f"{name} {version}" for name, version in provenance.versions().items()))
    _print("Keras computes with", keras.backend.backend())
    _print("chosen", chosen.describe())
    batch = f"a global batch is {chosen.replicas} times --batch" if chosen.replicas > 1 else "one device"
    _print("replicas", f"{chosen.replicas} ({batch})")
    _print("hosts", chosen.hosts)
    _print("precision auto", chosen.policy("auto"))
    with chosen.watched():
        _print("product in bfloat16", _product(chosen))
        _print("mean over all replicas", _mean(chosen))
    _print("records", _read(options.data) if options.data else "none read; give --data")


def _print(what: str, found) -> None:
    print(f"{what:23} {found}", flush=True)


def _product(chosen) -> str:
    """Multiply matrices of zeros and ones on every replica, whose products bfloat16 holds to 1 %."""
    import numpy as np
    from keras import ops

    size, times = (4096, 16) if chosen.kind != "cpu" else (512, 4)
    matrix = np.random.default_rng(0).integers(0, 2, (size, size), np.uint8)

    def products(batch):
        (matrices,) = batch
        factor = x = ops.cast(matrices[0], "bfloat16")
        for _ in range(times):
            x = ops.matmul(factor, x) / size
        return {"mean": ops.mean(ops.cast(x, "float32"))}

    expected = np.float64(matrix)
    for _ in range(times):
        expected = matrix @ expected / size
    found, seconds = _repeated(chosen, products, np.broadcast_to(matrix, (chosen.replicas, size, size)))
    if abs(found["mean"] - expected.mean()) > 0.05 * expected.mean():
        raise ValueError(f"a product in bfloat16 is wrong: its mean is {found['mean']}, not {expected.mean()}")
    operations = 2 * size**3 * times * chosen.replicas
    return f"right, {operations / seconds / 1e12:.3g} TFLOP/s in all"


def _mean(chosen) -> str:
    """Have every replica give its own number."""
    import numpy as np
    from keras import ops

    numbers = np.arange(chosen.replicas, dtype=np.float32)
    found, seconds = _repeated(chosen, lambda batch: {"mean": ops.mean(batch[0])}, numbers)
    if found["mean"] != numbers.mean():
        raise ValueError(f"the mean over the replicas is {found['mean']}, not {numbers.mean()}")
    return f"right, {1e3 * seconds:.3g} ms"


def _repeated(chosen, function: Callable, numbers) -> tuple[dict[str, float], float]:
    """Call a function on a global batch for some time; return what it gives and the seconds it takes."""
    import tensorflow as tf

    def of_host(host: int, hosts: int) -> tf.data.Dataset:
        share = len(numbers) // hosts
        return tf.data.Dataset.from_tensors((numbers[share * host : share * (host + 1)],)).repeat()

    compiled, iterator = chosen.compiled(function, []), chosen.batches(of_host)
    compiled(iterator)
    begin = time.perf_counter()
    for count in itertools.count(1):
        found = compiled(iterator)
        seconds = time.perf_counter() - begin
        if chosen.mean(seconds) > SECONDS:  # the same count on all hosts
            return found, seconds / count


def _read(folder: str) -> str:
    """Read and decode pairs from the beginning of the training split."""
    from tfdeblur.data import reading, records

    manifest = records.load_manifest(folder)
    begin = time.perf_counter()
    for count, (blur, _) in enumerate(reading.read_pairs(folder, "train", manifest), 1):  # noqa: B007
        seconds = time.perf_counter() - begin
        if seconds > SECONDS:
            break
    return f"{count} of {manifest['splits']['train']['records']} pairs, {count / seconds:,.0f} pairs/s"


if __name__ == "__main__":
    run(main)
