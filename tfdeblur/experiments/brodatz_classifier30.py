"""Patro's classifier of patches of textures by the sigma of their blur, 30 classes (2017, section 4.2).

    python -m tools.make_tfrecords textures --src BRODATZ --sigma 0.3 3 --levels 30 --splits train=60 val=8 test=12
        --shards 60 --out tfrecords/brodatz30
    python -m tfdeblur.train brodatz_classifier30

Expected, from the report: RMSE of sigma on a ramp .1645, on a sine .1991.
"""

from dataclasses import replace

from tfdeblur.experiments import brodatz_classifier10

experiment = replace(
    brodatz_classifier10.experiment, name="brodatz_classifier30", data="tfrecords/brodatz30", classes=30
)
