"""Table 4.1 of Orlandi & Pinardi: networks on CIFAR-10 with Gaussian blur, collected from evaluations.

**Pictures.** Those of `python -m tfdeblur.evaluate RUN --data tfrecords/cifar10 --split test`: 10,000 test pictures,
sigma uniform in [0, 3] pixels. Runs are looked for in a folder of run folders; nothing is trained here.

**Measures** are the evaluations' own, of each picture. The report averages PSNR over pictures that are hardly blurred
too; `psnr` is over those where it is finite, `psnr_capped` over all. Its own figures stand beside ours.
"""

import csv
import io
import itertools
import json
import shlex

import numpy as np

from tfdeblur import storage
from tfdeblur.data.reading import pictures
from tfdeblur.evaluation.measuring import apply
from tfdeblur.evaluation.methods import Method, Sources, Table
from tfdeblur.evaluation.metrics import PSNR_CAP
from tfdeblur.inference import load_deblur

DATA, SPLIT = "cifar10", "test"
SHOWN = 6

REPORT = {
    "blurred": (24.67, 0.7135),
    "cifar10_resnet16": (29.09, 0.9034),
    "cifar10_unet16": (29.32, 0.9001),
    "cifar10_rednet30": (33.52, 0.9258),
    "cifar10_msdeblurwgan": (31.49, 0.9054),
    "cifar10_rednet30wgan": (31.98, 0.9012),
}
"""PSNR and SSIM in the report's table 4.1, by experiment."""


def orlandi(sources: Sources) -> Table:
    """Collect the evaluations on CIFAR-10's test pictures.

    Parameters
    ----------
    sources : Sources
        The runs, and how many pictures, the first.

    Raises
    ------
    FileNotFoundError
        There is no such evaluation in the folder.
    ValueError
        Evaluations are of different pictures, or what they were made with is gone.
    """
    found = {name: read(folder, sources.limit) for name, folder in find(sources.runs).items()}
    names = {tuple(row["name"] for row in rows) for _, rows in found.values()}
    if len(names) > 1:
        raise ValueError(
            f"the evaluations in {sources.runs} are of {len(names)} different lists of pictures; evaluate again"
        )
    summary, rows = next(iter(found.values()))
    pairs = list(itertools.islice(pictures(_data_folder(summary), SPLIT), min(SHOWN, len(rows))))
    blur, sharp = (np.stack([pair[side] for pair in pairs]) for side in ("blur", "sharp"))
    methods = [_method("blurred", rows, "blur_", blur, {"seconds": 0.0})]
    for name, (summary, rows) in found.items():
        facts = {"seconds": summary["speed"]["seconds"], "steps": (summary["run"] or {}).get("step")}
        methods.append(_method(name, rows, "", apply(load_deblur(summary["model"]), blur, 512), facts))
    methods.sort(key=lambda method: method.values["psnr_capped"].mean())
    return Table(
        title="Orlandi & Pinardi, table 4.1: CIFAR-10, sigma uniform in [0, 3]",
        methods=methods,
        shown={index: pair["name"] for index, pair in enumerate(pairs)},
        sharp=list(sharp),
        notes=(
            f"PSNR: over the pictures where it is finite; capped: every picture counts {PSNR_CAP:g} dB at most. Run "
            "time: all pictures, as the evaluation took it."
        ),
    )


def find(runs: str) -> dict[str, str]:
    """Return the folders of the evaluations on the test pictures, by the names of their runs."""
    if not storage.is_folder(runs):
        raise FileNotFoundError(f"there is no folder {runs}; --runs names a folder of run folders")
    ends = {name: storage.join(runs, name, f"evaluation-{DATA}-{SPLIT}") for name in sorted(storage.list_names(runs))}
    found = {name: folder for name, folder in ends.items() if storage.exists(storage.join(folder, "summary.json"))}
    if not found:
        raise FileNotFoundError(
            f"no run in {runs} has been evaluated on {DATA}; train one, then `python -m tfdeblur.evaluate RUN --data "
            f"tfrecords/{DATA} --split {SPLIT}`"
        )
    return found


def read(folder: str, limit: int | None) -> tuple[dict, list[dict]]:
    """Return the summary of an evaluation and the rows of its per-image table."""
    summary = json.loads(storage.read_text(storage.join(folder, "summary.json")))
    table = csv.DictReader(io.StringIO(storage.read_text(storage.join(folder, "per_image.csv"))))
    return summary, list(itertools.islice(table, limit))


def _method(name: str, rows: list[dict], prefix: str, shown: np.ndarray, facts: dict) -> Method:
    values = {key: np.array([float(row[prefix + key]) for row in rows]) for key in ("psnr", "ssim", "mse")}
    values["psnr_capped"] = np.minimum(values["psnr"], PSNR_CAP)
    psnr, ssim = REPORT.get(name, (None, None))
    return Method(name, values, list(shown), facts | {"report_psnr": psnr, "report_ssim": ssim})


def _data_folder(summary: dict) -> str:
    """Return the data set that an evaluation was made on, as its command names it."""
    words = shlex.split(summary["command"])
    folder = words[words.index("--data") + 1] if "--data" in words else ""
    if not storage.is_folder(folder):
        raise ValueError(f"the pictures of `{summary['command']}` are gone: there is no folder {folder!r} here")
    return folder
