"""Maps of the sigma of photographs, up to stronger blur than textures': by which they are stitched (Phase II).

    python -m tools.make_tfrecords images --src BSDS500/train --blur none --channels 1 --splits train=9 val=1
        --encoding raw --out tfrecords/bsds500
    python -m tfdeblur.train sigma_dense_photographs
    python -m tfdeblur.estimate PHOTOGRAPH --model runs/sigma_dense_photographs --out maps

It is the *CNN* of `report table kendall_defocus` and `kendall_phase2`. Photographs are themselves not sharp everywhere,
and nobody knows where: its error has a floor that a data set without depth of field would not have.
"""

from dataclasses import replace

from tfdeblur.experiments import sigma_dense

experiment = replace(
    sigma_dense.experiment,
    name="sigma_dense_photographs",
    data="tfrecords/bsds500",
    blur="two_depths",
    sigma=(0.0, 6.0),
    gain=None,
    steps=5000,
)
