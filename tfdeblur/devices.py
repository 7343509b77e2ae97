"""What to compute on: the one place that knows of TPUs, several GPUs, and what each computes natively."""

import ctypes
import os
from pathlib import Path

import tensorflow as tf

from tfdeblur import provenance

TPU_HELP = (
    "On Colab choose Runtime > Change runtime type > TPU and install tfdeblur[tpu]; on a TPU VM use `--tpu local`; "
    "elsewhere leave --tpu out to train on the GPU or CPU."
)


def choose_strategy(tpu: str | None = None) -> tf.distribute.Strategy:
    """Return the strategy for the devices at hand.

    Parameters
    ----------
    tpu : str, optional
        A TPU's name or address, `"local"` for one attached to this machine, or `""` to have it found. None takes all
        GPUs, or else the CPU.

    Raises
    ------
    ValueError
        A TPU is asked for and cannot be reached. There is no silent way back to the CPU.
    """
    if tpu is not None:
        return _tpu_strategy(tpu)
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) > 1:
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])
    return tf.distribute.get_strategy()


def _tpu_strategy(name: str) -> tf.distribute.Strategy:
    # Off Google's machines the TPU's library otherwise asks a metadata server that never answers.
    if not name and "COLAB_TPU_ADDR" not in os.environ and not Path("/dev/accel0").exists():
        os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name or _only_tpu())
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, OSError, IndexError, RuntimeError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ValueError(f"no TPU found ({reason}). {TPU_HELP}") from error


def _only_tpu() -> str:
    """Return what names the TPU of this machine: Colab's and TPU VMs' are local ones today."""
    return os.environ.get("TPU_NAME", "local")


def keep_freed_memory(size: tuple[int, int] | None) -> None:
    """Have glibc keep freed memory for the next picture, instead of fetching it page by page from the system again.

    Pictures of megapixels are otherwise mapped and unmapped anew, which costs as much as copying them several times.
    Beyond 512x512 all threads share one arena besides, the only one that never gives memory back; smaller pictures are
    faster without. To be called before any thread is started. Nothing happens where the C library is another one.

    Parameters
    ----------
    size : tuple of int or None
        Height and width of the pictures; None where they differ, which counts as large.
    """
    m_trim_threshold, m_top_pad, m_mmap_max, m_arena_max = -1, -2, -4, -8
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        mallopt(m_mmap_max, 0)
        mallopt(m_trim_threshold, 2**31 - 1)
        mallopt(m_top_pad, 2**26)
        if size is None or size[0] * size[1] > 2**18:
            mallopt(m_arena_max, 1)


def describe(strategy: tf.distribute.Strategy) -> str:
    """Return the name and number of the devices that a strategy computes on."""
    replicas = strategy.num_replicas_in_sync
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return f"TPU, {replicas} replicas"
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
        return f"{replicas} x {name}"
    return provenance.processor() + (f", {replicas} replicas" if replicas > 1 else "")


def choose_precision(precision: str, strategy: tf.distribute.Strategy) -> str:
    """Return the Keras dtype policy for float32, bfloat16, or auto: bfloat16 where the device computes it natively."""
    if precision == "auto":
        precision = "bfloat16" if _native_bfloat16(strategy) else "float32"
    return {"bfloat16": "mixed_bfloat16", "float32": "float32"}[precision]


def _native_bfloat16(strategy: tf.distribute.Strategy) -> bool:
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return True
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(detail.get("compute_capability", (0, 0)) >= (8, 0) for detail in details)
    try:
        # AVX-512 alone also has bfloat16 products, but TensorFlow's step is slower with them than in float32.
        return "amx_bf16" in Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
