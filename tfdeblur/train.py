"""`python -m tfdeblur.train [EXPERIMENT] [--data DIR] [--workdir DIR] [--tpu [NAME]] [--FIELD VALUE ...]`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from tfdeblur import provenance, storage
from tfdeblur.commandline import import_tensorflow, parse_experiment, run, with_tpu_name
from tfdeblur.config import Experiment
from tfdeblur.experiments import EXPERIMENTS


@dataclass(frozen=True)
class Arguments:
    """Train an experiment; the same command again goes on where it stopped."""

    experiment: Annotated[Experiment, tyro.conf.arg(name="")]
    workdir: str | None = None
    """Run folder, local or gs://; runs/EXPERIMENT without it."""
    tpu: str | None = None
    """Train on a TPU: its name, or `local`, or nothing to have it found; on each machine of a pod under JAX: `pod`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and train."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) > 2 and given[0].startswith("-") and given[-1] in EXPERIMENTS and not given[-2].startswith("-"):
        raise ValueError(f"name the experiment first: {provenance.command('tfdeblur.train', [given[-1], *given[:-1]])}")
    options = parse_experiment(Arguments, "tfdeblur.train", with_tpu_name(given))
    import_tensorflow()
    from tfdeblur import devices
    from tfdeblur.data import records
    from tfdeblur.training.run import train

    workdir = options.workdir or storage.join("runs", options.experiment.name)
    chosen = devices.choose(options.tpu)
    manifest = records.load_manifest(options.experiment.data)
    devices.keep_freed_memory(manifest["size"])
    facts = train(options.experiment, workdir, chosen, provenance.command("tfdeblur.train", arguments))
    best = facts["best"]
    split = "val" if "val" in manifest["splits"] else "train"
    path = storage.join(workdir, "best.keras")
    ((name, value),) = (item for item in best.items() if item[0] != "step")
    shown = f"PSNR {value:.2f} dB" if name == "psnr" else f"{name.replace('_', ' ')} {value:.4g}"
    print(f"best model: {path} (step {best['step']}, {shown} on {split})")
    following = {
        "sharp": provenance.command(
            "tfdeblur.evaluate", [workdir, "--data", options.experiment.data, "--split", "test"]
        ),
        "sigma": provenance.command("tfdeblur.estimate", ["PHOTOGRAPH", "--model", workdir, "--out", "maps"]),
        "motion": f"python -m tfdeblur.deblur PHOTOGRAPH --method wiener --psf estimate:{workdir} --out sharp",
    }[options.experiment.target]
    print(f"next: {following}")


if __name__ == "__main__":
    run(main)
