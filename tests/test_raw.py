"""Raw pictures read in place: the same batches as from whole records, and only sound shards."""

import numpy as np
import pytest

from tests.record_folders import pair, photograph, write_folder
from tfdeblur.data import pipeline, raw, records

COUNT = 10


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Have the small pictures of these tests read as large ones are."""
    monkeypatch.setattr(raw, "LARGE", 0)


@pytest.fixture(params=[(("raw", "raw"), 3), (("raw", "raw"), 12), (("float32", "raw"), 1)], ids=str)
def folder(request, tmp_path):
    """Ten pairs of 24x32, in more and less shards than there are pairs."""
    encodings, shards = request.param
    return write(tmp_path, encodings, shards)


def write(tmp_path, encodings=("raw", "raw"), shards=1):
    found = [
        pair(photograph("chelsea", 24, 32, 10 * i, 20 * i), i / 4, f"cat-{i}" * i, "cat", encodings)
        for i in range(COUNT)
    ]
    return str(write_folder(tmp_path / "cats", {"train": found}, shards))


def take(folder, count, **options):
    batches = pipeline.training_batches(folder, **{"batch": 3, "seed": 3, "cache": "none"} | options).take(count)
    return [picture.numpy() for batch in batches for picture in batch]


OPTIONS = [{}, {"patch": (8, 12), "crop": "random"}, {"shuffle": 4, "parallel": 1}, {"first_step": 7, "shuffle": 0}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_batches_are_those_of_whole_records(folder, options, monkeypatch):
    in_place = take(folder, 8, **options)
    monkeypatch.setattr(raw.RawPairs, "read", None)  # so that this is not read in place a second time
    monkeypatch.setattr(raw, "LARGE", 24 * 32)
    for picture, expected in zip(in_place, take(folder, 8, **options), strict=True):
        np.testing.assert_array_equal(picture, expected)
        assert picture.dtype == expected.dtype


def test_pictures_are_located_where_they_are(folder):
    manifest = records.load_manifest(folder)
    for path in records.shard_paths(folder, "train", manifest):
        with open(path, "rb") as file:
            content = file.read()
        stored = list(records.read_records(path))
        sizes = {"blur": len(stored[0].blur), "sharp": len(stored[0].sharp)} if stored else {}
        places = list(raw.locate(path, sizes))
        assert len(places) == len(stored)
        for (blur, sharp), record in zip(places, stored, strict=True):
            assert content[blur : blur + sizes["blur"]] == record.blur
            assert content[sharp : sharp + sizes["sharp"]] == record.sharp


@pytest.mark.parametrize(
    "changes", [{"size": None}, {"size": [256, 256]}, {"encoding": {"blur": "png", "sharp": "raw"}}]
)
def test_other_data_sets_are_read_by_records(tmp_path, changes, monkeypatch):
    monkeypatch.setattr(raw, "LARGE", 256 * 256)
    manifest = {"size": [512, 512], "encoding": {"blur": "raw", "sharp": "raw"}, "channels": 3}
    assert raw.raw_pairs(["a"], manifest)
    assert raw.raw_pairs(["a"], manifest | changes) is None
    assert raw.raw_pairs(["gs://bucket/a"], manifest) is None


@pytest.mark.parametrize("field", ["length of the record", "key of the picture"])
def test_a_damaged_shard_is_named(tmp_path, field):
    folder = write(tmp_path)
    (shard,) = (tmp_path / "cats").glob("*.tfrecord")
    content = bytearray(shard.read_bytes())
    second = 16 + int.from_bytes(content[:8], "little")
    if field == "length of the record":
        content[second + 4] ^= 0xFF
    else:
        content[content.index(b"blur\x12", second)] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(ValueError, match=f"{shard.name} is damaged at record 1: no 2304 bytes of 'blur' in it; make"):
        take(folder, 1)


def test_a_shard_that_becomes_shorter_while_it_is_read_is_named(tmp_path):
    folder = write(tmp_path)
    (shard,) = (tmp_path / "cats").glob("*.tfrecord")
    batches = pipeline.training_batches(folder, batch=1, cache="none", shuffle=0)
    with open(shard, "r+b") as file:
        file.truncate(9000)
    with pytest.raises(Exception, match=f"{shard.name} has become shorter while it was read; copy it anew"):
        list(batches.take(3))
