"""Shards and manifests with random damage: every reader gives the right images, or says what is wrong."""

import json
import random
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest

from tests.making import ROOT
from tests.record_folders import pair, photograph, write_folder
from tfdeblur.commandline import run
from tfdeblur.data import manifests, pipeline, reading, records
from tools import extract_pictures, inspect_tfrecords

FAST, SLOW = 40, 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six records in two shards of one split, with a checksum in the manifest."""
    found = [pair(photograph("coffee", 24, 32, 20 * i), 1.0, f"cup/{i}", f"cup {i}") for i in range(6)]
    folder = write_folder(tmp_path_factory.mktemp("records") / "cups", {"test": found}, 2)
    path = folder / records.MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"checksum": manifests.checksum_of(manifest)}))
    return folder


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return content with one to three flips, cuts or insertions."""
    content = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(content) + 1)
        kind = chance.choice(["flip", "flip", "flip", "cut", "cut off", "insert", "swap"])
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del content[at : at + chance.randint(1, 64)]
        elif kind == "cut off":
            del content[at:]
        elif kind == "insert":
            content[at:at] = chance.randbytes(chance.randint(1, 64))
        else:  # the same length, which sizes do not show
            part = content[at : at + 16]
            content[at : at + len(part)] = chance.randbytes(len(part))
    return bytes(content)


def inspect(folder, out, capsys):
    """Inspect without SHA-256, which would find everything before a record is read."""
    return inspect_tfrecords.main([folder, "--out", str(out / "sheet.png"), "--pairs", "1", "--no-checksums"])


def train(folder, out, capsys):
    """Read an epoch as training does."""
    batches = pipeline.training_batches(folder, "test", batch=1, shuffle=0, augment=False)
    with records.damage_named(folder):
        return [(blur[0], sharp[0]) for blur, sharp in batches.take(6).as_numpy_iterator()]


def evaluate(folder, out, capsys):
    return [(picture["blur"], picture["sharp"]) for picture in reading.pictures(folder, "test")]


def extract(folder, out, capsys):
    extract_pictures.main([folder, "--out", str(out / "pictures")])


READERS = (inspect, train, evaluate, extract)


def explained(reader, folder, out, capsys):
    """Return what a reader gives, or None if it ends with an error that the commands print as one line."""
    found = []
    with pytest.raises(SystemExit) as caught:
        run(lambda _: found.append(reader(folder, out, capsys)))
    assert caught.value.code == 0 or capsys.readouterr().err.startswith("error: ")
    return found[0] if caught.value.code == 0 else None


def check(folder, tmp_path, capsys, count, first=0):
    """Return how many mutations were found by each reader; the others have to give the right images."""
    right = {"train": train(str(folder), tmp_path, capsys), "evaluate": evaluate(str(folder), tmp_path, capsys)}
    files = sorted(folder.iterdir())
    named = {reader.__name__: 0 for reader in READERS}
    for seed in range(first, first + count):
        chance = random.Random(seed)
        copy = shutil.copytree(folder, tmp_path / f"copy{seed}" / "cups")
        path = copy / chance.choice(files).name
        content = mutated(path.read_bytes(), chance)
        if content == path.read_bytes():
            continue
        path.write_bytes(content)
        for reader in READERS:
            found = explained(reader, str(copy), copy.parent, capsys)
            named[reader.__name__] += found is None
            for images, expected in zip(
                found if isinstance(found, list) else [], right.get(reader.__name__, []), strict=False
            ):
                np.testing.assert_array_equal(images, expected, err_msg=f"seed {seed}, {reader.__name__}")
        shutil.rmtree(copy.parent)
    return named


def test_some_mutations_are_found_by_every_reader(folder, tmp_path, capsys):
    assert min(check(folder, tmp_path, capsys, FAST).values()) > 0.9 * FAST


@pytest.mark.slow
def test_a_thousand_mutations_are_found_by_every_reader(folder, tmp_path, capsys):
    named = check(folder, tmp_path, capsys, SLOW, FAST)
    with capsys.disabled():
        print(named)
    assert min(named.values()) > 0.98 * SLOW


@pytest.mark.parametrize("reader", [inspect, evaluate, extract])
def test_a_length_of_gigabytes_is_refused_before_anything_is_allocated(folder, tmp_path, capsys, reader):
    """The checksum of the length fits, which no accident makes."""
    copy = shutil.copytree(folder, tmp_path / "cups")
    path = sorted(copy.glob("*.tfrecord"))[0]
    length = struct.pack("<Q", 2**40)
    path.write_bytes(length + _masked_crc(length) + path.read_bytes()[12:])
    with pytest.raises(ValueError, match=f"{path.name} is damaged at record 0: it is to have 1099511627776 bytes"):
        reader(str(copy), tmp_path, capsys)


def _masked_crc(content: bytes) -> bytes:
    """Return the checksum of the TFRecord format: CRC-32C, rotated and shifted."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@pytest.mark.parametrize("change", [{"channels": 1}, {"encoding": {"blur": "raw", "sharp": "png"}}, {"size": [32, 24]}])
def test_a_manifest_that_its_records_contradict_is_found_without_a_checksum(folder, tmp_path, capsys, change):
    copy = shutil.copytree(folder, tmp_path / "cups")
    manifest = json.loads((copy / records.MANIFEST).read_text()) | change | {"checksum": None}
    (copy / records.MANIFEST).write_text(json.dumps(manifest))
    for reader in READERS:
        if change.keys() != {"size"} or reader in (inspect, train):  # the others do not use it
            assert explained(reader, str(copy), tmp_path, capsys) is None, reader.__name__


@pytest.mark.parametrize("file", ["cups-test-00001-of-00002.tfrecord", "manifest.json"])
def test_commands_end_with_one_line(folder, tmp_path, file):
    copy = shutil.copytree(folder, tmp_path / "cups")
    path = copy / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    command = [sys.executable, "-m", "tools.extract_pictures", copy, "--out", tmp_path / "out"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line]
    assert done.returncode == 1 and len(lines) == 1 and lines[0].startswith("error: ") and file in lines[0], lines


def test_a_flipped_bit_of_raw_pixels_is_found_before_training(tmp_path, capsys):
    found = [pair(photograph("coffee", 260, 260, 20 * i), 1.0, f"{i}", f"{i}", ("raw", "raw")) for i in range(2)]
    folder = write_folder(tmp_path / "cups", {"test": found})
    (path,) = folder.glob("*.tfrecord")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path.name} is damaged"):
        pipeline.training_batches(str(folder), "test", batch=1, patch=(8, 8), crop="random", cache="none")
