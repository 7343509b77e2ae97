"""Compile an experiment's steps for a TPU, without one: whether they compile and fit, and how long they would take.

Under Keras' TensorFlow backend the step is that of one device; under its JAX backend (KERAS_BACKEND=jax) it is divided
among all devices of the topology, whose sums over one another are in it.
"""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from tfdeblur import storage
from tfdeblur.commandline import import_tensorflow, parse_experiment, run
from tfdeblur.config import Experiment

STEPS = ("train", "evaluate", "infer")
SHARE = 0.95
"""Of a chip's memory that a step may take: the runtime needs some, too."""


@dataclass(frozen=True)
class Arguments:
    """Compile the steps of an experiment for a TPU, as the TPU's own compiler does it; no TPU is needed."""

    experiment: Annotated[Experiment, tyro.conf.arg(name="")]
    topology: tuple[str, ...] = ("v5e:2x2",)
    """Chips and their arrangement, such as v2:2x2, v3:2x2, v4:2x2x1, v5e:2x2, v5p:2x2x1 or v6e:2x2."""
    compile: tuple[Literal[STEPS], ...] = ("train",)
    """What to compile: a training step, one of the validation, a batch restored."""
    fit: bool = False
    """Find the largest batch that fits the device's memory, by doubling and halving."""
    json: str | None = None
    """File for what was found."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Compile, and print a line for each step."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parse_experiment(Arguments, "tools.tpu_compile", given)
    import_tensorflow()
    from tools.tpu import chips, compiler

    targets = {name: (compiler.topology(name), chips.chip_of(name)) for name in options.topology}
    found = []
    for which in options.compile:
        lowered = None if options.fit else Lowered.of(options.experiment, which)
        for topology, target in targets.items():
            step = Lowered.of(largest_batch(options.experiment, which, *target), which) if options.fit else lowered
            found.append(measured(step, *target) | {"topology": topology})
            print("\n".join(f"{name:26} {value}" for name, value in shown(found[-1]).items()), end="\n\n", flush=True)
            if options.json:
                storage.write_text(options.json, json.dumps(found, indent=1))


@dataclass(frozen=True)
class Lowered:
    """A step as it is given to the compiler of any chip."""

    experiment: Experiment
    which: str
    samples: int
    size: str
    module: object
    """What the road's `compile_for` takes: StableHLO, or what JAX traces."""
    compile_for: Callable

    @classmethod
    def of(cls, experiment: Experiment, which: str) -> "Lowered":
        """Trace one of an experiment's steps, by the library that Keras computes with."""
        from tools.tpu import steps

        step = steps.step_of(experiment, which)
        if backend() == "jax":
            from tools.tpu import from_jax as road

            module = road.Traceable(step.function, step.state, step.batch)
        else:
            from tools.tpu import from_tensorflow as road

            module = road.lower(step.function, step.batch)
        return cls(experiment, which, step.samples, step.size, module, road.compile_for)


def backend() -> str:
    """Return the library that Keras computes with."""
    import keras

    return keras.backend.backend()


def measured(step: Lowered, devices: list, chip) -> dict:
    """Compile a step and return what the compiler says of each device's part."""
    from tools.tpu import module

    made = step.compile_for(devices, step.module)
    products = list(module.products(made.module))
    total = sum(each.multiplications for each in products)
    native = sum(each.multiplications for each in products if set(each.operands) == {"bf16"})
    padded = sum(each.padded(chip.side) for each in products)
    seconds = module.cycles(made.module) / chip.clock
    sums = list(module.sums(made.module))
    return {
        "experiment": step.experiment.name,
        "step": step.which,
        "backend": backend(),
        "devices": len(devices) if backend() == "jax" else 1,
        "samples": step.samples,
        "sample": step.size,
        "memory": made.memory,
        "share": made.memory / (2**30 * chip.memory),
        "flops": made.flops,
        "traffic": made.traffic,
        "intensity": made.flops / made.traffic,
        "native": native / total if total else 1.0,
        "padding": 1 - total / padded if padded else 0.0,
        "sums": len(sums),
        "summed": sum(sums),
        "seconds": seconds,
        "samples a second": step.samples / seconds,
        "utilisation": made.flops / seconds / (1e12 * chip.peak),
    }


def shown(found: dict) -> dict[str, str]:
    """Return what was found as it is printed."""
    several = f"{found['sums']} of {found['summed'] / 1e6:,.2f} MB" if found["sums"] else "none"
    return {
        "step": f"{found['experiment']}, {found['step']}, {found['topology']}",
        "batch of a device": f"{found['samples']} samples of {found['sample']}",
        "memory": f"{found['memory'] / 1e6:,.0f} MB, {found['share']:.1%} of the device's",
        "operations": f"{found['flops'] / 1e9:,.1f} GFLOP, {found['traffic'] / 1e9:,.2f} GB moved",
        "arithmetic intensity": f"{found['intensity']:.1f} FLOP/byte",
        "products in bfloat16": f"{found['native']:.1%}",
        "lost to padding": f"{found['padding']:.1%}",
        "sums over devices": several,
        "estimated time": f"{1e3 * found['seconds']:.3g} ms, {found['samples a second']:,.0f} samples/s",
        "utilisation": f"{found['utilisation']:.1%} of the peak",
    }


def largest_batch(experiment: Experiment, which: str, devices: list, chip) -> Experiment:
    """Return the experiment with the largest batch that fits the device's memory, to an eighth."""
    from tools.tpu.compiler import OutOfMemory

    def fits(batch: int) -> bool:
        try:
            found = measured(Lowered.of(dataclasses.replace(experiment, batch=batch), which), devices, chip)
        except OutOfMemory:
            print(f"batch {batch}: too large for the compiler", flush=True)
            return False
        print(f"batch {batch}: {found['memory'] / 1e9:.2f} GB", flush=True)
        return found["share"] <= SHARE

    low, high = 0, experiment.batch
    while fits(high):
        low, high = high, 2 * high
    while high - low > max(low // 8, 1):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    if not low:
        raise ValueError(f"not even a batch of one sample of {experiment.name} fits the device's memory")
    return dataclasses.replace(experiment, batch=low)


if __name__ == "__main__":
    run(main)
