"""What is known of this machine's processor and of an attached TPU without asking a library."""

import os
from pathlib import Path

from tfdeblur.commandline import tpu_attached

TPU_HELP = (
    "On Colab choose Runtime > Change runtime type > TPU and install tfdeblur[tpu]; on a TPU VM use `--tpu local`; "
    "elsewhere leave --tpu out to train on the GPU or CPU."
)


def computes_bfloat16() -> bool:
    """Whether this CPU is faster in bfloat16.

    AVX-512 alone also has such products, but TensorFlow's step is slower with them than in float32.
    """
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False


def no_tpu(error: Exception) -> ValueError:
    """Return the error that says in one line why there is no TPU, and what to do."""
    said = str(error).strip()
    return ValueError(f"no TPU found ({said.splitlines()[0][:200] if said else type(error).__name__}). {TPU_HELP}")


def do_not_ask_for_metadata() -> None:
    """Keep the TPU's library, off Google's machines, from asking a server that never answers."""
    if not tpu_attached():
        os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
