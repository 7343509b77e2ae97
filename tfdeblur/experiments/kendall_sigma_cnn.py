"""Kendall & Rios' estimator of one sigma for a photograph, 3 convolutions and 3 dense layers (2019, Phase I).

    python -m tools.make_tfrecords images --src BSDS500/train --blur none --channels 1 --splits train=9 val=1
        --encoding raw --out tfrecords/bsds500
    python -m tfdeblur.train kendall_sigma_cnn

Its sigma is what `report table kendall` deconvolves with in the row *CNN + RL*. Expected, from the report: a kernel
error of .02, where the blind baseline has .07. What was measured here is in the README's table.
"""

from dataclasses import replace

from tfdeblur.experiments import sigma_dense

experiment = replace(
    sigma_dense.experiment,
    name="kendall_sigma_cnn",
    data="tfrecords/bsds500",
    blur="gaussian",
    sigma=(0.0, 15.0),
    gain=None,
    model="kendall_sigma",
    steps=3000,
    validation_pictures=None,
)
