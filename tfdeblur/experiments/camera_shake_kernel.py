"""Length and direction of the motion of a camera that was not held still, from one photograph.

    python -m tools.make_tfrecords images --src BSDS500/train --blur none --channels 1 --splits train=9 val=1
        --encoding raw --out tfrecords/bsds500
    python -m tfdeblur.train camera_shake_kernel
    python -m tfdeblur.deblur PHOTOGRAPH --method hyper-laplacian --psf estimate:runs/camera_shake_kernel --out sharp

`motion_rmse` is the error of the two numbers that the motion's length makes at twice its angle, in pixels; who sees
nothing and says 0 errs by 10. The network errs by 2.2 on the validation, with which deconvolution rings: what it says
is where `estimation/motion.py` looks for the zeros of the photograph's spectrum, which say it to a few tenths.
"""

from dataclasses import replace

from tfdeblur.config import Experiment
from tfdeblur.experiments import kendall_sigma_cnn

experiment = replace(
    kendall_sigma_cnn.experiment,
    name="camera_shake_kernel",
    blur="motion",
    sigma=Experiment.sigma,
    length=(2.0, 24.0),
    training="motion",
    model="motion",
    steps=1500,
)
