"""What the TPU's compiler says of a step on each kind of chip, and by TensorFlow and by JAX."""

from itertools import groupby

from tools.benchmarks.feeding import steps_of
from tools.tpu.chips import CHIPS


def main(compiled: str = "runs/tpu") -> dict[str, dict[str, str]]:
    """Gather all training steps that `tools.tpu_compile` found.

    Parameters
    ----------
    compiled : str
        Folder of what `tools.tpu_compile EXPERIMENT --json FILE` wrote.

    Returns
    -------
    dict
        A row for each experiment and library, with the time of a step on each kind of chip and the share of its memory
        that the step takes; nothing where it was not compiled for one. Other figures are those of v5e.
    """
    rows = {}
    steps = steps_of(compiled, step="train")
    for (experiment, library), found in groupby(steps, key=lambda step: (step["experiment"], step["backend"])):
        on = {step["topology"].partition(":")[0]: step for step in found}
        usual = on.get("v5e", next(iter(on.values())))
        rows[f"{experiment}, {library}"] = {
            "samples a step": f"{usual['samples']} of {usual['sample']}",
            "GFLOP": f"{usual['flops'] / 1e9:,.1f}",
            "FLOP/byte": f"{usual['intensity']:.1f}",
            "memory, MB": f"{usual['memory'] / 1e6:,.0f}",
            "bfloat16": f"{usual['native']:.1%}",
            "lost to padding": f"{usual['padding']:.0%}",
            "summed over devices": f"{usual['summed'] / 1e6:,.1f} MB" if usual["sums"] else "",
        } | {
            f"{chip}, ms (memory)": f"{1e3 * on[chip]['seconds']:.3g} ({on[chip]['share']:.1%})" if chip in on else ""
            for chip in CHIPS
        }
    return rows
