# ---
# jupyter:
#   accelerator: TPU
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
# # Records and training, on a TPU where there is one
#
# Makes TFRecords of blurred and sharp pictures, trains a network on them, measures it and exports it. On Colab, first
# choose TPU, GPU or CPU under **Runtime > Change runtime type**. Elsewhere, open this notebook in the repository after
# installing the package.
#
# Records and training go on where they were stopped: if the machine is taken away, run all cells again.

# %% [markdown]
# ## Settings

# %% tags=["parameters"]
import os
import sys

COLAB = "google.colab" in sys.modules

# On Colab: where the package comes from, and goes to. Instead of cloning, its folder may be uploaded to CODE.
REPOSITORY = "https://github.com/OWNER/tfdeblur"
CODE = "/content/tfdeblur"

# Where records and runs are kept: Google Drive, a bucket ("gs://BUCKET/tfdeblur"), or a folder ("." is the repository).
FOLDER = "/content/drive/MyDrive/tfdeblur" if COLAB else "."

# "--tpu" trains on a TPU, "" on GPUs or the CPU. The variable is there on Colab's TPU machines.
TPU = "--tpu" if "TPU_ACCELERATOR_TYPE" in os.environ else ""

# What drives the TPU: "jax", which Colab's TPU machines have, or "tensorflow", whose build for it is then installed.
BACKEND = "jax" if TPU else ""

# What to make records of (`python -m tools.make_tfrecords --help`), and the name of the data set. For photographs of
# your own, for example: "images --src /content/drive/MyDrive/photographs --sigma 0.5 3".
SOURCE = "sample --draws 8 --sigma 1 2"
DATASET = "sample"

# What to train, and options such as "--steps 20000 --batch 64" (`python -m tfdeblur.train --help`).
EXPERIMENT = "sample"
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
# ## Google Drive, or a bucket

# %%
if COLAB and FOLDER.startswith("/content/drive"):
    from google.colab import drive

    drive.mount("/content/drive")
elif COLAB and FOLDER.startswith("gs://"):
    from google.colab import auth

    auth.authenticate_user()

DATA = f"{FOLDER}/tfrecords/{DATASET}"
RUN = f"{FOLDER}/runs/{EXPERIMENT}"

# %% [markdown]
# ## Records

# %%
# !python -m tools.make_tfrecords {SOURCE} --out "{DATA}"
assert _exit_code == 0, "no records, for the reason above"

# %% [markdown]
# What is in them, after every checksum has been verified, and some of the pairs:

# %%
# !python -m tools.inspect_tfrecords "{DATA}"
assert _exit_code == 0, "the records are damaged, as said above"

# %%
from IPython.display import Image, Markdown, display

from tfdeblur import storage

Image(storage.read_bytes(f"{DATA}/contact_sheet.png"))

# %% [markdown]
# ## Training
#
# What there is to train on, and whether it works:

# %%
# !KERAS_BACKEND={BACKEND} python -m tfdeblur.devices {TPU} --data "{DATA}"
assert _exit_code == 0, "not ready to train, for the reason above"

# %% [markdown]
# TensorBoard follows it, with curves and with pictures before and after; its button at the top right reloads.

# %%
# %load_ext tensorboard
# %tensorboard --logdir "{RUN}/tensorboard"

# %%
# !KERAS_BACKEND={BACKEND} python -m tfdeblur.train {EXPERIMENT} --data "{DATA}" --workdir "{RUN}" {TPU} {OPTIONS}
assert _exit_code == 0, "not trained, for the reason above"

# %% [markdown]
# ## Evaluation
#
# On pictures of scenes that training never saw: the table, then the best, the median and the worst of them.

# %%
# !python -m tfdeblur.evaluate "{RUN}" --data "{DATA}" --split test --out "{RUN}/evaluation" --overwrite
assert _exit_code == 0, "not measured, for the reason above"

# %%
display(Markdown(storage.read_text(f"{RUN}/evaluation/summary.md")))
display(Image(storage.read_bytes(f"{RUN}/evaluation/contact_sheet.png")))

# %% [markdown]
# ## Export
#
# A SavedModel takes pictures of any size and needs TensorFlow only, not this package. To deblur photographs, go on with
# `02_deblur_your_photos.ipynb`.

# %%
# !python -m tfdeblur.export "{RUN}" --out "{RUN}/saved_model" --overwrite
assert _exit_code == 0, "not exported, for the reason above"
