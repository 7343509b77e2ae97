"""What a run says while it goes on: a progress bar, `log.csv`, and TensorBoard with numbers and pictures."""

import sys
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfdeblur import storage
from tfdeblur.training import run_folder

PICTURES = 4
"""Validation samples shown in TensorBoard, each as blurred, restored and sharp side by side."""


class Log:
    """The log of a run.

    Parameters
    ----------
    workdir : str
        The run folder.
    step, steps : int
        Where the run begins and how long it is.
    batch : int
        Samples in a global batch.
    steps_per_epoch : float
        Steps in one pass over the training split.
    summary_of : callable
        From means over pictures to what is shown of them.
    kept : dict
        The `kept` of the log that this one continues, {} for a new run.
    """

    def __init__(
        self,
        workdir: str,
        step: int,
        steps: int,
        batch: int,
        steps_per_epoch: float,
        summary_of: Callable,
        kept: dict,
    ):
        self.workdir, self.steps_per_epoch, self.summary_of = workdir, steps_per_epoch, summary_of
        self.writer = tf.summary.create_file_writer(storage.join(workdir, "tensorboard"))
        self.bar = tqdm(
            total=steps * batch, initial=step * batch, unit="img", unit_scale=True, dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self.seconds, self.samples, self._began = 0.0, 0, time.monotonic()
        self.sums, self.count = Counter(kept.get("sums")), kept.get("count", 0)

    @property
    def kept(self) -> dict:
        """What was measured since the last row, for the log of the run that goes on from a checkpoint."""
        return {"sums": dict(self.sums), "count": self.count}

    def step(self, samples: int, logs: dict) -> None:
        """Count samples that were trained on, and what was measured meanwhile."""
        self.sums.update(logs)
        self.count += 1
        now = time.monotonic()
        self.seconds += now - self._began
        self.samples += samples
        self._began = now
        self.bar.update(samples)
        self.bar.set_postfix({key: f"{value:.4g}" for key, value in self.summary_of(logs).items()}, refresh=False)

    def means(self) -> dict[str, float]:
        """Return the means of what was measured since the last row."""
        return self.summary_of({key: value / self.count for key, value in self.sums.items()})

    def resume_clock(self) -> None:
        """Begin to count seconds again, after something that is not training."""
        self._began = time.monotonic()

    def period(self, step: int, learning_rate: float, training: dict, validation: dict) -> None:
        """Write a row: what was measured since the last one."""
        row = {
            "step": step,
            "epoch": round(step / self.steps_per_epoch, 3),
            "samples_per_second": round(self.samples / self.seconds, 2) if self.seconds else 0.0,
            "learning_rate": learning_rate,
            **{key: float(value) for key, value in training.items()},
            **{f"val_{key}": float(value) for key, value in validation.items()},
        }
        run_folder.append_log(self.workdir, row)
        with self.writer.as_default(step):
            for key, value in row.items():
                if key != "step":
                    tf.summary.scalar(key, value)
        self.writer.flush()
        tqdm.write(
            "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), sys.stderr
        )
        self.seconds, self.samples, self.sums, self.count = 0.0, 0, Counter(), 0

    def pictures(self, step: int, shown: list[np.ndarray]) -> None:
        """Show batches `(N, H, W, C)` in [0, 1] side by side: what is given, what is made of it, the truth."""
        if shown:
            rows = np.clip(np.concatenate(shown, axis=2), 0, 1)
            with self.writer.as_default(step):
                tf.summary.image("given, made, true", rows, max_outputs=PICTURES)

    def close(self) -> None:
        """Close the bar and the files."""
        self.bar.close()
        self.writer.close()
