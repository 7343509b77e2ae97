"""The input pipeline: what comes out, in which order, and that neither threads nor a restart change it."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.making import ROOT
from tests.record_folders import pair, photograph, write_folder
from tfdeblur.data import patches, pipeline, reading, records, transforms
from tfdeblur.physics.degradation import Degradation

COUNT = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten pairs of 48x64, in three shards."""
    found = [pair(photograph("chelsea", 48, 64, 10 * i, 20 * i), i / 4, f"cat-{i}", "cat") for i in range(COUNT)]
    return str(write_folder(tmp_path_factory.mktemp("records") / "cats", {"train": found, "val": found[:3]}, 3))


def take(folder, count, **options):
    batches = pipeline.training_batches(folder, **{"batch": 4, "seed": 3} | options)
    return [tuple(p.numpy() for p in batch) for batch in batches.take(count)]


def assert_equal(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x[0], y[0])
        np.testing.assert_array_equal(x[1], y[1])


@pytest.fixture(params=["whole batches", "one by one"])
def flipped(request, monkeypatch):
    """Have the small pictures of these tests flipped in both ways, the one for small and the one for large ones."""
    monkeypatch.setattr(pipeline, "SMALL", 10**6 if request.param == "whole batches" else 0)


OPTIONS = [
    {},
    {"patch": (16, 32)},
    {"patch": (16, 16), "crop": "random"},
    {"patch": (16, 16), "cache": "none", "shuffle": 5},
    {"shuffle": 0},
    {"patch": (16, 16), "crop": "random", "degradation": Degradation("disk", noise=(0, 0.1), jpeg=(30, 90))},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_same_seed_same_batches_whatever_the_parallelism(folder, options, flipped):
    assert_equal(take(folder, 12, parallel=1, **options), take(folder, 12, parallel=8, **options))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("step", [1, 7, 11])
def test_starting_at_a_step_gives_what_an_unbroken_run_sees(folder, options, step, flipped):
    assert_equal(take(folder, 14, **options)[step:], take(folder, 14 - step, first_step=step, **options))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_what_is_cached_makes_no_difference(folder, options, flipped):
    assert_equal(take(folder, 12, **options | {"cache": "none"}), take(folder, 12, **options | {"cache": "memory"}))


def test_the_global_seed_does_not_matter(folder):
    tf.random.set_seed(0)
    first = take(folder, 5)
    tf.random.set_seed(7)
    assert_equal(first, take(folder, 5))


def test_another_seed_another_order(folder):
    assert any(np.any(a[1] != b[1]) for a, b in zip(take(folder, 3), take(folder, 3, seed=4), strict=True))


def test_encoded_pictures_are_shuffled_in_bounded_memory(folder, monkeypatch):
    in_order = take(folder, 5, cache="none", shuffle=0)
    monkeypatch.setattr(pipeline, "SHUFFLE_BYTES", 1)
    assert_equal(take(folder, 5, cache="none"), in_order)


@pytest.mark.parametrize("cache", ["memory", "file", "none"])
def test_every_sample_once_an_epoch_in_another_order(folder, cache, tmp_path):
    cache = str(tmp_path / "cache") if cache == "file" else cache
    batches = take(folder, 3 * COUNT, batch=1, augment=False, cache=cache)
    names = [sharp.tobytes() for _, sharp in batches]
    epochs = [names[i : i + COUNT] for i in range(0, 3 * COUNT, COUNT)]
    stored = sorted(p["sharp"].tobytes() for p in reading.pictures(folder, "train"))
    assert all(sorted(epoch) == stored for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_blurred_and_sharp_are_augmented_alike(folder, flipped):
    """Each blurred sample is the blurred partner of its sharp one, turned the same way."""
    stored = {p["sharp"].tobytes(): p["blur"] for p in reading.pictures(folder, "train")}
    flips = [lambda p: p, lambda p: p[::-1], lambda p: p[:, ::-1], lambda p: p[::-1, ::-1]]
    seen = set()
    for blur, sharp in take(folder, 60, batch=1):
        match = [i for i, flip in enumerate(flips) if np.ascontiguousarray(flip(sharp[0])).tobytes() in stored]
        assert match
        original = stored[np.ascontiguousarray(flips[match[0]](sharp[0])).tobytes()]
        np.testing.assert_array_equal(flips[match[0]](blur[0]), original)
        seen.add(match[0])
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize("shape", [(3, 3, 3), (2, 3, 1), (4, 3, 3)])
def test_pictures_take_every_symmetry_that_keeps_their_shape(shape):
    picture = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    expected = {np.rot90(side, k).tobytes() for side in (picture, picture[::-1]) for k in range(4)}
    if shape[0] != shape[1]:
        expected = {np.rot90(side, k).tobytes() for side in (picture, picture[::-1]) for k in (0, 2)}
    one = [transforms.flip_and_turn(tf.constant(picture), tf.constant(100 + picture), [0, i]) for i in range(100)]
    many = tf.constant(np.stack([picture] * 100))
    for results in (one, list(zip(*transforms.flip_and_turn_batch(many, 100 + many, [0, 0]), strict=True))):
        assert {blur.numpy().tobytes() for blur, _ in results} == expected
        assert all(np.all(sharp.numpy() == 100 + blur.numpy()) for blur, sharp in results)
        assert {blur.shape for blur, _ in results} == {shape}


def test_random_crops_are_parts_of_the_pictures_and_change_with_the_epoch(folder):
    stored = [p["sharp"] for p in reading.pictures(folder, "train")]
    crops = [sharp[0] for _, sharp in take(folder, 20, batch=1, patch=(8, 8), crop="random", augment=False)]
    windows = [
        np.lib.stride_tricks.sliding_window_view(p, (8, 8), axis=(0, 1)).transpose(0, 1, 3, 4, 2) for p in stored
    ]
    assert all(any((w == crop).all((2, 3, 4)).any() for w in windows) for crop in crops)
    assert len({crop.tobytes() for crop in crops}) > COUNT


@pytest.mark.parametrize("size", [(96, 128), (100, 150)])
def test_patches_and_stitching_are_inverse(size):
    picture = tf.constant(np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8))
    cut = patches.extract(picture, (32, 32))
    rows, columns = patches.grid_shape(size, (32, 32))
    assert cut.shape == (rows * columns, 32, 32, 3)
    np.testing.assert_array_equal(patches.stitch(cut, (rows, columns)), picture[: rows * 32, : columns * 32])


def test_the_reports_patches():
    cut = patches.extract(tf.zeros((288, 512, 3), tf.uint8), (96, 128))
    assert cut.shape == (12, 96, 128, 3)


def test_batches_are_uint8_and_static(folder):
    spec = pipeline.training_batches(folder, batch=4, patch=(16, 16), crop="random").element_spec
    assert [(tuple(s.shape), s.dtype) for s in spec] == [((4, 16, 16, 3), tf.uint8)] * 2


def test_validation_is_one_pass_in_order(folder):
    batches = list(pipeline.validation_batches(folder, "val", batch=2))
    sharp = np.concatenate([s.numpy() for _, s in batches])
    np.testing.assert_array_equal(sharp, [p["sharp"] for p in reading.pictures(folder, "val")])


@pytest.mark.parametrize("encoding", ["raw", "float32"])
def test_other_encodings_decode_to_the_same(encoding):
    picture = photograph("coffee", 8, 12)
    data = picture.tobytes() if encoding == "raw" else (picture / np.float32(255)).astype("<f4").tobytes()
    record = records.Record(data, picture.tobytes(), encoding, "raw", 8, 12, 3, "a", "b")
    features = records.parse(records.serialize(record))
    blur, sharp = records.decode(features, {"blur": encoding, "sharp": "raw"}, 3)
    np.testing.assert_array_equal(sharp, picture)
    np.testing.assert_allclose(blur, picture if encoding == "raw" else picture / 255, rtol=1e-6)


def change_manifest(folder, tmp_path, **changes):
    copy = tmp_path / "changed"
    copy.mkdir()
    manifest = records.load_manifest(folder) | changes
    (copy / records.MANIFEST).write_text(json.dumps(manifest))
    return str(copy)


def test_wrong_folders_are_explained(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no manifest.json, so it is not a data set; make one"):
        pipeline.training_batches(str(tmp_path), batch=1)
    (tmp_path / records.PLAN).write_text("{}")
    with pytest.raises(FileNotFoundError, match="not finished; run the make_tfrecords command"):
        pipeline.training_batches(str(tmp_path), batch=1)
    with pytest.raises(ValueError, match="has schema 99, this version of tfdeblur reads up to 1; upgrade"):
        pipeline.training_batches(change_manifest(folder, tmp_path, schema=99), batch=1)
    with pytest.raises(ValueError, match="no split 'dev'; it has train, val"):
        pipeline.training_batches(folder, "dev", batch=1)


def test_sizes_that_do_not_fit_are_explained(folder, tmp_path):
    with pytest.raises(ValueError, match="48x64 is smaller than a patch of 96x128"):
        pipeline.training_batches(folder, batch=1, patch=(96, 128))
    varied = change_manifest(folder, tmp_path, size=None)
    with pytest.raises(ValueError, match="cannot be batched whole; give a patch size"):
        pipeline.training_batches(varied, batch=1)
    with pytest.raises(ValueError, match="differ in size, so a grid of patches"):
        pipeline.training_batches(varied, batch=1, patch=(16, 16))
    with pytest.raises(ValueError, match="48x64 is smaller than a patch of 96x128"):
        pipeline.training_batches(folder, batch=1, patch=(96, 128), crop="random")
    splits = records.load_manifest(folder)["splits"]
    splits["train"]["smallest"] = splits["val"]["smallest"] = [48, 8]
    (tmp_path / "small").mkdir()
    small = change_manifest(folder, tmp_path / "small", size=None, splits=splits)
    with pytest.raises(ValueError, match="48x8 is smaller than a patch of 9x9"):
        pipeline.training_batches(small, batch=1, patch=(9, 9), crop="random")
    for text in ("96", "96x", "0x12", "00x12", "96×128"):
        with pytest.raises(ValueError, match="written HEIGHTxWIDTH in pixels"):
            patches.parse_size(text)


def test_incomplete_data_sets_are_explained(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    shard = sorted(copy.glob("*-train-*.tfrecord"))[1]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-5])
    message = f"{shard.name} has {len(whole) - 5} bytes, its manifest says {len(whole)}; copy it anew"
    with pytest.raises(ValueError, match=message):
        pipeline.training_batches(str(copy), batch=1)
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=f"{shard.name} is missing; copy it anew"):
        pipeline.training_batches(str(copy), batch=1)
    (copy / records.MANIFEST).write_text("[]")
    with pytest.raises(ValueError, match="manifest.json cannot be read .*remove it and make the data set again"):
        pipeline.training_batches(str(copy), batch=1)


def test_a_cache_file_is_read_back_for_the_same_samples_only(folder, tmp_path):
    options = {"cache": str(tmp_path / "cache"), "shuffle": 0, "augment": False, "batch": 1}
    found = [pair(photograph("coffee", 48, 64, 10 * i), 1.0, f"cup-{i}", "cup") for i in range(2)]
    other = str(write_folder(tmp_path / "cups", {"train": found}))
    for data in (folder, other):
        for patch in (None, (16, 32)):
            uncached = take(data, 2 * COUNT, patch=patch, **options | {"cache": "none"})
            assert_equal(take(data, 2 * COUNT, patch=patch, **options), uncached)


KILLED = """
import os, signal, sys
from tfdeblur.data import pipeline
batches = iter(pipeline.training_batches(sys.argv[1], batch=1, patch=(4, 4), shuffle=0, cache=sys.argv[2]))
next(batches)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="the system's locks of files are used")
def test_a_cache_file_left_by_a_killed_process_is_filled_anew(folder, tmp_path):
    cache = str(tmp_path / "cache")
    killed = subprocess.run([sys.executable, "-c", KILLED, folder, cache], cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL and list(tmp_path.glob("cache-*.lockfile"))
    options = {"patch": (4, 4), "batch": 64}
    assert_equal(take(folder, 40, cache=cache, **options), take(folder, 40, **options))  # more than one epoch
    (path,) = tmp_path.glob("cache-*.index")
    path.with_name(f"{path.stem}_0.lockfile").touch()
    with pytest.raises(ValueError, match="is being filled by another process or pipeline"):
        take(folder, 1, cache=cache, **options)
