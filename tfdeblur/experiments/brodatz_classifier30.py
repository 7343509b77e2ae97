"""Patro's classifier of patches of textures by the sigma of their blur, 30 classes (2017, section 4.2).

    python -m tools.make_tfrecords textures --src BRODATZ --blur space_variant --sigma 0.25 4.2 --draws 10
        --splits train=60 val=8 test=12 --shards 60 --out tfrecords/brodatz_varying
    python -m tfdeblur.train brodatz_classifier30

The report blurs textures evenly, by each of 30 sigmas. Here sigma varies over the texture, as it does in the ramps and
sines that the maps are measured on, and a patch is of the class that is nearest to its mean sigma. The last class is
all that is more blurred, too: without such patches what has its sigma is hardly ever given it.

Expected, from the report: RMSE of sigma on a ramp .1645, on a sine .1991. What was measured here is in
the README's table.
"""

from dataclasses import replace

from tfdeblur.experiments import brodatz_classifier10

experiment = replace(
    brodatz_classifier10.experiment,
    name="brodatz_classifier30",
    data="tfrecords/brodatz_varying",
    classes=30,
    steps=4000,
)
