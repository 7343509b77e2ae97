"""The TPU's own compiler, on a machine without a TPU: what it says is what the functions are."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfdeblur.experiments import EXPERIMENTS
from tools import tpu_compile
from tools.tpu import chips, compiler, from_tensorflow, module

ROOT = Path(__file__).parent.parent
TOPOLOGY = "v5e:2x2"


@pytest.fixture(scope="module")
def devices():
    return compiler.topology(TOPOLOGY)


def made(devices, function, *specs):
    return from_tensorflow.compile_for(devices, from_tensorflow.lower(lambda batch: function(*batch), specs))


def test_products_are_counted_as_they_are(devices):
    left, right = tf.TensorSpec((512, 384), tf.bfloat16), tf.TensorSpec((384, 256), tf.bfloat16)
    found = made(devices, lambda x, y: x @ y, left, right)
    (product,) = module.products(found.module)
    assert product.multiplications == product.padded(128) == 512 * 384 * 256 and product.operands == ("bf16", "bf16")
    assert found.flops == pytest.approx(2 * product.multiplications, rel=1e-3)
    assert found.arguments == 2 * 384 * (512 + 256)
    chip = chips.chip_of(TOPOLOGY)
    assert module.cycles(found.module) / chip.clock >= found.flops / (1e12 * chip.peak), "no faster than its peak"


def test_convolutions_are_counted_as_they_are(devices):
    pictures, kernel = tf.TensorSpec((8, 64, 128, 16), tf.float32), tf.TensorSpec((3, 3, 16, 32), tf.float32)
    found = made(devices, lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), pictures, kernel)
    (product,) = module.products(found.module)
    assert (product.rows, product.inner, product.columns) == (8 * 64 * 128, 144, 32)
    assert product.padded(128) == 8 * 64 * 128 * 256 * 128


def test_what_does_not_compile_is_named_with_its_line():
    def shrink(pictures):
        return tf.image.resize(pictures, (8, 8), "area")

    with pytest.raises(
        ValueError, match=r"^ResizeArea does not compile for XLA, made by tests/test_tpu_compile.py, line"
    ):
        from_tensorflow.lower(lambda batch: shrink(*batch), (tf.TensorSpec((1, 16, 16, 3), tf.float32),))


def test_what_does_not_fit_is_found(devices):
    with pytest.raises(compiler.OutOfMemory, match=r"exceeds available HBM \(15.75G\)"):
        made(devices, lambda x: x + 1, tf.TensorSpec((2**16, 2**16), tf.float32))


def test_unknown_topologies_are_refused():
    with pytest.raises(ValueError, match="begins with no chip's name .*v5e"):
        chips.chip_of("v9:2x2")
    with pytest.raises(ValueError, match="knows no topology 'v5e:7x9'"):
        compiler.topology("v5e:7x9")


def test_a_step_is_compiled_and_described(tmp_path, capsys):
    small = ["--features", "4", "--patch", "32x32", "--batch", "2", "--topology", TOPOLOGY]
    tpu_compile.main(["sample", "--compile", "infer", *small, "--json", str(tmp_path / "found.json")])
    (found,) = json.loads((tmp_path / "found.json").read_text())
    assert found["samples"] == 2 and found["native"] == 1 and 0 < found["share"] < 0.01 < found["padding"] < 1
    assert "2 samples of 32x32x3" in capsys.readouterr().out


def test_what_is_summed_over_devices_is_counted():
    """Two sums of JAX' program over four devices, of 3 x 5 float32 and of 7 bfloat16."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(np.array(compiler.topology(TOPOLOGY)), ("batch",))
    divided = NamedSharding(mesh, PartitionSpec("batch"))
    arguments = [
        jax.ShapeDtypeStruct((8, 3, 5), "float32", sharding=divided),
        jax.ShapeDtypeStruct((8, 7), "bfloat16", sharding=divided),
    ]
    compiled = jax.jit(lambda x, y: (x.sum(0), y.max(0)), out_shardings=NamedSharding(mesh, PartitionSpec()))
    text = compiled.lower(*arguments).compile().as_text()
    assert sum(module.sums(text)) in (3 * 5 * 4 + 7 * 2, 3 * 5 * 4 + 7 * 4)  # the compiler may widen bfloat16


@pytest.mark.slow
def test_the_step_of_four_chips_compiles_under_jax(tmp_path):
    """The gradients of all weights are summed over the chips, at least in bfloat16, in which they are computed."""
    arguments = ["tools.tpu_compile", "sample", "--features", "4", "--json", str(tmp_path / "found.json")]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, env=environment, check=True)
    (found,) = json.loads((tmp_path / "found.json").read_text())
    assert found["devices"] == 4 and found["backend"] == "jax" and found["native"] > 0.9
    assert found["summed"] >= 2 * 30_000 and found["sums"] > 0


@pytest.mark.slow
def test_the_largest_batch_fits_and_a_larger_one_does_not(tmp_path, capsys):
    """To an eighth, however many samples it begins with."""
    large = ["--model", "unet3", "--depth", "None", "--features", "4", "--patch", "2048x2048", "--compile", "infer"]
    for begin in ("4", "16"):
        tpu_compile.main(["sample", *large, "--batch", begin, "--fit", "--json", str(tmp_path / "found.json")])
        (found,) = json.loads((tmp_path / "found.json").read_text())
        assert found["share"] <= tpu_compile.SHARE
        refused = [int(batch) for batch in re.findall(r"batch (\d+): too large", capsys.readouterr().out)]
        assert found["samples"] < min(refused) <= found["samples"] + max(found["samples"] // 8, 1)


@pytest.mark.slow
@pytest.mark.parametrize("step", tpu_compile.STEPS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_compiles(name, step, tmp_path):
    """Each fits a chip, and computes its products in bfloat16, but for those of a critic and of a perceptual loss."""
    experiment = EXPERIMENTS[name]
    patch = [] if experiment.patch else ["--patch", "32x32"]
    tpu_compile.main([name, *patch, "--compile", step, "--json", str(tmp_path / "found.json")])
    (found,) = json.loads((tmp_path / "found.json").read_text())
    assert found["share"] < 1
    critic = step == "train" and experiment.training != "supervised"
    assert found["native"] > (0.2 if critic else 0.6 if experiment.loss == "perceptual" else 0.9)
