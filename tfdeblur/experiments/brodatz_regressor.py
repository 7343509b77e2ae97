"""Patro's network as a regressor: sigma as a number instead of classes, on textures of any blur.

    python -m tools.make_tfrecords textures --src BRODATZ --blur space_variant --sigma 0.25 4.2 --draws 10
        --splits train=60 val=8 test=12 --shards 60 --out tfrecords/brodatz_varying
    python -m tfdeblur.train brodatz_regressor

The report calls blur estimation "ideally a regression problem", and leaves that for later. What was measured is in the
README's table.
"""

from dataclasses import replace

from tfdeblur.experiments import brodatz_classifier30

experiment = replace(brodatz_classifier30.experiment, name="brodatz_regressor", classes=None, steps=2500)
