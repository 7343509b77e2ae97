"""Kendall & Rios' end-to-end U-Net on pictures whose blur varies, shrunk five times (2019, Phase II).

    python -m tools.make_tfrecords pairs --src REDS --rename val=test --resize 144x256 --out tfrecords/reds_256x144
    python -m tfdeblur.train kendall_unet_phase2

The learned rival of *CNN + RL + stitching* in `report table kendall_phase2`. Expected, from the report, on GoPro:
29.07 dB and .9531, below its blurred input's 31.92 dB and .9574.
"""

from dataclasses import replace

from tfdeblur.config import Experiment
from tfdeblur.experiments import kendall_unet

experiment = replace(
    kendall_unet.experiment,
    name="kendall_unet_phase2",
    data="tfrecords/reds_256x144",
    patch="96x128",
    blur=Experiment.blur,
    sigma=Experiment.sigma,
    steps=1500,
)
