"""Patro's classifier of patches of textures by the sigma of their blur, 30 classes (2017, section 4.2).

    python -m tools.make_tfrecords textures --src BRODATZ --sigma 0.25 3.05 --draws 10 --splits train=60 val=8 test=12
        --shards 60 --out tfrecords/brodatz_any
    python -m tfdeblur.train brodatz_classifier30

Where the report blurs by the 30 sigmas of the classes alone, these patches have any sigma, and the class nearest to it.
Expected, from the report: RMSE of sigma on a ramp .1645, on a sine .1991.
"""

from dataclasses import replace

from tfdeblur.experiments import brodatz_classifier10

experiment = replace(
    brodatz_classifier10.experiment, name="brodatz_classifier30", data="tfrecords/brodatz_any", classes=30
)
