# ---
# jupyter:
#   accelerator: GPU
#   jupytext:
#     cell_metadata_filter: tags,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,accelerator,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Deblur your photographs
#
# With a model that `01_records_and_training_on_tpu.ipynb` has trained, or any other of this package. On Colab, a GPU
# (**Runtime > Change runtime type**) makes it faster. Elsewhere, open this notebook in the repository after installing
# the package.

# %% [markdown]
# ## Settings

# %% tags=["parameters"]
import os
import sys

COLAB = "google.colab" in sys.modules

# On Colab: where the package comes from, and goes to. Instead of cloning, its folder may be uploaded to CODE.
REPOSITORY = "https://github.com/OWNER/tfdeblur"
CODE = "/content/tfdeblur"

# A run folder, a .keras file, or a folder made by `python -m tfdeblur.export`.
MODEL = "/content/drive/MyDrive/tfdeblur/runs/sample" if COLAB else "runs/sample"

# A folder, a photograph, or a pattern such as "trip/*.jpg". On Colab, if it is not there, you are asked for files.
PHOTOS = "photos"

# What a TPU machine would compute with; photographs are deblurred on its CPU.
BACKEND = "jax" if "TPU_ACCELERATOR_TYPE" in os.environ else ""

# Where the results go, and options such as "--ensemble" (`python -m tfdeblur.deblur --help`).
RESULTS = "runs/deblurred"
OPTIONS = ""

# %% [markdown]
# ## The package
#
# TensorFlow has three builds that overwrite one another, so only one may be installed. Colab's TPU machines have none,
# but JAX, which drives the TPU: there `tfdeblur[cpu]` reads the records. Its GPU and CPU machines have the right one.
# On machines of your own, choose as the README says, before you open this notebook.

# %%
if COLAB:
    # !test -d "{CODE}" || git clone {REPOSITORY} "{CODE}"
    assert _exit_code == 0, "not cloned, for the reason above"
    os.chdir(CODE)
    EXTRA = {"": "", "jax": "[cpu]", "tensorflow": "[tpu]"}[BACKEND]
    # !pip install --quiet --editable ".{EXTRA}"
    assert _exit_code == 0, "not installed, for the reason above"
else:
    import tfdeblur

    os.chdir(os.path.dirname(os.path.dirname(tfdeblur.__file__)))
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]

# %% [markdown]
# ## The model and the photographs

# %%
if COLAB and "/content/drive" in MODEL + PHOTOS + RESULTS:
    from google.colab import drive

    drive.mount("/content/drive")

# %%
from glob import glob

if COLAB and not glob(PHOTOS, recursive=True):
    from google.colab import files

    os.makedirs(PHOTOS)
    files.upload(PHOTOS)

# %% [markdown]
# ## Deblur
#
# Photographs keep their names, formats and metadata, and are never replaced themselves; results of an earlier time are.
# A file that cannot be read is reported, and the others are deblurred all the same.

# %%
# !python -m tfdeblur.deblur "{PHOTOS}" --model "{MODEL}" --out "{RESULTS}" --compare --overwrite {OPTIONS}
assert _exit_code == 0, "some were not deblurred, for the reasons above"

# %% [markdown]
# Before and after, of the first ten:

# %%
from IPython.display import Image, display

for sheet in sorted(glob(f"{RESULTS}/**/*-compare.png", recursive=True))[:10]:
    print(sheet)
    display(Image(sheet))

# %%
if COLAB and not RESULTS.startswith("/content/drive"):
    import shutil

    from google.colab import files

    files.download(shutil.make_archive(RESULTS, "zip", RESULTS))

# %% [markdown]
# ## The same from Python
#
# `tfdeblur.load` returns a function that takes pictures of any size: Pillow images, or arrays of uint8, uint16 or
# float in [0, 1].

# %%
from PIL import Image as Pillow
from PIL import ImageOps

import tfdeblur
from tfdeblur.pictures.destinations import find_pictures

sharpen = tfdeblur.load(MODEL)
path, _ = find_pictures([PHOTOS], RESULTS).found[0]
photograph = ImageOps.exif_transpose(Pillow.open(path)).convert("RGB")
sharp = sharpen(photograph)
print(f"{path}: {sharp.width}x{sharp.height}")

# %% [markdown]
# An array, here of one corner, before and after:

# %%
import numpy as np

pixels = np.asarray(photograph)[:600, :600]
display(Pillow.fromarray(pixels), Pillow.fromarray(sharpen(pixels)))
