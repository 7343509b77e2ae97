"""The record schema, which drives the writer and the parser alike, and the manifest that makes a folder a data set."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfdeblur import storage
from tfdeblur.data.manifests import command_of, flaw_of
from tfdeblur.physics.degradation import DRAWN

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
PLAN = "plan.json"
"""What an unfinished data set holds in place of a manifest."""

FEATURES = {
    "blur": tf.io.FixedLenFeature([], tf.string),
    "sharp": tf.io.FixedLenFeature([], tf.string),
    "blur_encoding": tf.io.FixedLenFeature([], tf.string),
    "sharp_encoding": tf.io.FixedLenFeature([], tf.string),
    "height": tf.io.FixedLenFeature([], tf.int64),
    "width": tf.io.FixedLenFeature([], tf.int64),
    "channels": tf.io.FixedLenFeature([], tf.int64),
    "name": tf.io.FixedLenFeature([], tf.string),
    "scene": tf.io.FixedLenFeature([], tf.string),
    "sigma": tf.io.FixedLenFeature([], tf.float32, float("nan")),
    "kernel": tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
    "kernel_height": tf.io.FixedLenFeature([], tf.int64, 0),
    **{name: tf.io.FixedLenFeature([], tf.float32, float("nan")) for name in DRAWN},
}


@dataclass(frozen=True)
class Record:
    """One pair of pictures of equal size.

    Attributes
    ----------
    blur, sharp : bytes
        The encoded pictures.
    blur_encoding, sharp_encoding : str
        `"png"`; `"raw"`, uint8 in C order; or `"float32"`, little-endian values in [0, 1] in C order.
    height, width, channels : int
        Size in pixels; 1 or 3 channels.
    name, scene : str
        What the pair is called, and the scene it shows: splits never cut through a scene.
    sigma : float
        Standard deviation of a Gaussian blur in pixels, of one that varies its mean over a patch; NaN where it is not
        known.
    kernel : numpy.ndarray, optional
        The blur kernel `(h, w)`, float32, where it is known.
    highlights, gain, photons, noise, jpeg : float
        What the camera did, in the units of `physics.degradation`; NaN where it did not, or where it is not known.
    """

    blur: bytes
    sharp: bytes
    blur_encoding: str
    sharp_encoding: str
    height: int
    width: int
    channels: int
    name: str
    scene: str
    sigma: float = float("nan")
    kernel: np.ndarray | None = None
    highlights: float = float("nan")
    gain: float = float("nan")
    photons: float = float("nan")
    noise: float = float("nan")
    jpeg: float = float("nan")


def serialize(record: Record) -> bytes:
    """Return the record as a serialized `tf.train.Example`; equal records give equal bytes."""
    values = dict(vars(record), kernel=[], kernel_height=0)
    if record.kernel is not None:
        values |= {"kernel": np.float32(record.kernel).ravel(), "kernel_height": record.kernel.shape[0]}
    features = {key: _feature(values[key], spec.dtype) for key, spec in FEATURES.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def _feature(value, dtype: tf.DType) -> tf.train.Feature:
    if dtype == tf.string:
        return tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[value.encode() if isinstance(value, str) else value])
        )
    if dtype == tf.int64:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Feature(float_list=tf.train.FloatList(value=np.atleast_1d(value)))


def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parse a serialized record, or a vector of them, into the tensors of `FEATURES`."""
    return tf.io.parse_example(serialized, FEATURES)


def decode(features: dict[str, tf.Tensor], encoding: dict[str, str], channels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode the pictures of a parsed record.

    Parameters
    ----------
    features : dict of tensors
        What `parse` returned.
    encoding : dict
        The manifest's `encoding`: how `blur` and `sharp` are encoded in this data set.
    channels : int
        Channels of the pictures, 1 or 3.

    Returns
    -------
    tuple of two tensors
        Blurred and sharp, `(H, W, channels)`, uint8, or float32 in [0, 1] where so encoded.
    """
    wanted = tf.constant(channels, tf.int64)
    tf.debugging.assert_equal(features["channels"], wanted, "a record has other channels than the manifest says")
    shape = tf.stack([features["height"], features["width"], wanted])
    return tuple(_decode_picture(features[side], encoding[side], shape, channels) for side in ("blur", "sharp"))


def _decode_picture(data: tf.Tensor, encoding: str, shape: tf.Tensor, channels: int) -> tf.Tensor:
    if encoding == "png":
        picture = tf.io.decode_png(data, channels)
    elif encoding == "raw":
        picture = tf.reshape(tf.io.decode_raw(data, tf.uint8), shape)
    elif encoding == "float32":
        picture = tf.reshape(tf.io.decode_raw(data, tf.float32, little_endian=True), shape)
    else:
        raise ValueError(f"a picture is encoded as {encoding!r}; this version reads png, raw and float32")
    return tf.ensure_shape(picture, (None, None, channels))


def check_lengths(path: str) -> None:
    """See that the records of a local shard end where the file does, before a reader allocates what a length says.

    Raises
    ------
    ValueError
        A length in the shard is damaged; the message names it and the record.
    """
    if storage.is_remote(path):
        return
    size, begin, index = os.path.getsize(path), 0, 0
    with open(path, "rb") as file:
        while begin < size:  # of each record its length (8 bytes), a checksum (4), the record, a checksum (4)
            file.seek(begin)
            length = int.from_bytes(file.read(8), "little")
            begin += 16 + length
            if begin > size:
                raise ValueError(
                    f"{path} is damaged at record {index}: it is to have {length} bytes, but the file ends before; "
                    "copy it anew, or make it again by the make_tfrecords command that made it"
                )
            index += 1


def read_records(path: str) -> Iterator[Record]:
    """Yield the records of one shard, in order.

    Raises
    ------
    ValueError
        The shard is truncated or its checksums do not fit; the message names it and the record.
    """
    check_lengths(path)
    dataset = iter(tf.data.TFRecordDataset(path).map(parse))
    index = 0
    while True:
        try:
            features = {key: value.numpy() for key, value in next(dataset).items()}
        except StopIteration:
            return
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            raise ValueError(
                f"{path} is damaged at record {index}: {error.message}; make the data set again (tools.make_tfrecords)"
            ) from error
        kernel_height = features.pop("kernel_height")
        kernel = features["kernel"].reshape(kernel_height, -1) if kernel_height else None
        text = {key: features[key].decode() for key in ("name", "scene", "blur_encoding", "sharp_encoding")}
        size = {key: int(features[key]) for key in ("height", "width", "channels")}
        known = {key: float(features[key]) for key in ("sigma", *DRAWN)}
        yield Record(features["blur"], features["sharp"], **text, **size, **known, kernel=kernel)
        index += 1


def shard_name(name: str, split: str, index: int, count: int) -> str:
    """Return a shard's file name.

    >>> shard_name("reds", "train", 3, 16)
    'reds-train-00003-of-00016.tfrecord'
    """
    return f"{name}-{split}-{index:05d}-of-{count:05d}.tfrecord"


def load_manifest(folder: str) -> dict:
    """Return the manifest of a data set.

    Raises
    ------
    FileNotFoundError
        There is no such folder, no manifest in it, or a data set that was never finished.
    ValueError
        The manifest is damaged, no manifest at all, or was written by a newer version of this package.
    """
    path = storage.join(folder, MANIFEST)
    if not storage.exists(path):
        if storage.exists(storage.join(folder, PLAN)):
            raise FileNotFoundError(
                f"{folder} holds a data set that was not finished; run the make_tfrecords command that began it again"
                f"{_begun_by(folder)}"
            )
        raise FileNotFoundError(
            f"{folder} has no {MANIFEST}, so it is not a data set; make one with `python -m tools.make_tfrecords`"
        )
    try:
        manifest = json.loads(storage.read_text(path))
        schema = manifest["schema"]
        flaw = None if isinstance(schema, int) and schema > 0 else f"its schema is {schema!r}"
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        flaw = f"no {error}" if isinstance(error, KeyError) else str(error)
    if flaw is None and schema > SCHEMA_VERSION:
        raise ValueError(
            f"{path} has schema {schema}, this version of tfdeblur reads up to {SCHEMA_VERSION}; upgrade tfdeblur"
        )
    flaw = flaw or flaw_of(manifest)
    if flaw:
        raise ValueError(
            f"{path} cannot be read ({flaw}); copy it anew, or remove it and make the data set again, by the "
            "make_tfrecords command that made it"
        )
    return manifest


def _begun_by(folder: str) -> str:
    """Return the command that began an unfinished data set, as far as its plan can be read."""
    try:
        return f": `{shlex.join(json.loads(storage.read_text(storage.join(folder, PLAN)))['command'])}`"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def shard_paths(folder: str, split: str, manifest: dict) -> list[str]:
    """Return the paths of a split's shards, which on a local disk are seen to be there whole.

    Raises
    ------
    FileNotFoundError
        A shard is missing.
    ValueError
        A shard is not as long as the manifest says. Or the data set has no such split, or nothing in it; the message
        lists those it has.
    """
    shards = split_of(folder, split, manifest)["shards"]
    paths = [storage.join(folder, shard["file"]) for shard in shards]
    if not storage.is_remote(folder):
        for path, shard in zip(paths, shards, strict=True):
            _check_length(path, shard["bytes"], folder, manifest)
    return paths


@contextmanager
def damage_named(folder: str) -> Iterator[None]:
    """Have TensorFlow's error about a damaged record name the shard, which it does not know.

    Raises
    ------
    ValueError
        A record is damaged, or cannot be decoded. The shard is found by the manifest's checksums.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        if isinstance(error, tf.errors.InvalidArgumentError) and "IteratorGetNext" not in str(error):
            raise  # not from reading
        reason = re.search(r"(truncated|corrupted) record at \d+", str(error))
        manifest = load_manifest(folder)
        for split in manifest["splits"].values():
            for shard in split["shards"]:
                path = storage.join(folder, shard["file"])
                if not storage.exists(path) or storage.sha256(path) != shard["sha256"]:
                    said = f" ({reason[0]})" if reason else ""
                    raise ValueError(f"the shard {path} is damaged{said}; {_again(folder, manifest)}") from error
        if isinstance(error, tf.errors.DataLossError):
            raise
        found = re.sub(r"\{\{.*?\}\}|Error in user-defined function .* iterator: \S+", "", error.message).split("\n")[0]
        raise ValueError(
            f"a record of {folder} cannot be used ({found.strip()}); "
            f"`python -m tools.inspect_tfrecords {shlex.quote(folder)}` says whether it fits the manifest"
        ) from error


def _check_length(path: str, expected: int, folder: str, manifest: dict) -> None:
    if not storage.exists(path):
        raise FileNotFoundError(f"the shard {path} is missing; {_again(folder, manifest)}")
    found = os.path.getsize(path)
    if found != expected:
        raise ValueError(
            f"the shard {path} has {found} bytes, its manifest says {expected}; {_again(folder, manifest)}"
        )


def _again(folder: str, manifest: dict) -> str:
    """Return what to do about a shard that is not whole."""
    return (
        f"copy it anew, or make it again by `{command_of(folder, manifest)}`; "
        f"`python -m tools.inspect_tfrecords {shlex.quote(folder)}` says whether all else is sound"
    )


def share_of(counts: list[int], host: int, hosts: int) -> list[tuple[int, int, int]]:
    """Return what one of several hosts reads of some shards: of each its index, the first record and how many.

    Shards are dealt out in their order, and one is divided where hosts would else have more records than others, by
    more than one.

    >>> share_of([5, 5, 5], 1, 2)
    [(1, 2, 3), (2, 0, 5)]
    """
    total = sum(counts)
    begin, end = (total * each // hosts for each in (host, host + 1))
    share, before = [], 0
    for index, count in enumerate(counts):
        first, last = max(begin - before, 0), min(end - before, count)
        if first < last:
            share.append((index, first, last - first))
        before += count
    return share


def split_of(folder: str, split: str, manifest: dict) -> dict:
    """Return the manifest's entry of a split that has records, or say which ones there are."""
    there = [name for name, entry in manifest["splits"].items() if entry["records"]]
    if split not in there:
        raise ValueError(f"{folder} has no split {split!r}; it has {', '.join(there)}")
    return manifest["splits"][split]
