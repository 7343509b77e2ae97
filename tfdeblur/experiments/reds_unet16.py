"""UNet16 on motion-blurred pictures of REDS (Orlandi & Pinardi 2020, section 3.3).

    python -m tools.make_tfrecords pairs --src REDS --rename val=test --resize 288x512 --out tfrecords/reds
    python -m tfdeblur.train reds_unet16

Each picture is cut into 12 patches of 96x128; 100 epochs. Expected, from the report's table 3.2:
PSNR 30.41 dB, SSIM .8646, from 28.80 dB and .8237.
What was measured here, on a fraction of REDS, is in the README's table.
"""

from tfdeblur.config import Experiment

experiment = Experiment(name="reds_unet16", data="tfrecords/reds", patch="96x128", model="unet16", epochs=100)
