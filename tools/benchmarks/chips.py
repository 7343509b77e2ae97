"""What the TPU's compiler says of a step on each kind of chip, and by TensorFlow and by JAX."""

from tools.benchmarks.feeding import steps_of


def main(compiled: str = "runs/tpu") -> dict[str, dict[str, str]]:
    """Gather all training steps that `tools.tpu_compile` found.

    Parameters
    ----------
    compiled : str
        Folder of what `tools.tpu_compile EXPERIMENT --json FILE` wrote.

    Returns
    -------
    dict
        A row for each experiment, library and topology; memory, time and rate are those of one device.
    """
    return {
        f"{found['experiment']}, {found['topology']}, {found['backend']}": {
            "samples a step": f"{found['samples']} of {found['sample']}",
            "memory, MB": f"{found['memory'] / 1e6:,.0f}",
            "of the device's": f"{found['share']:.1%}",
            "GFLOP": f"{found['flops'] / 1e9:,.1f}",
            "FLOP/byte": f"{found['intensity']:.1f}",
            "bfloat16": f"{found['native']:.1%}",
            "lost to padding": f"{found['padding']:.0%}",
            "step, ms": f"{1e3 * found['seconds']:.3g}",
            "samples/s": f"{found['samples a second']:,.0f}",
            "summed over devices": f"{found['summed'] / 1e6:,.1f} MB" if found["sums"] else "",
        }
        for found in steps_of(compiled, step="train")
    }
