"""What a data set holds, read and decoded: its records in the one order of the shards, or a host's share of them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfdeblur.data import raw, records, transforms
from tfdeblur.physics.degradation import Degradation

READERS = 16
"""Shards read side by side. A constant, since the order of the samples depends on it."""

READ_BUFFER = 2**20
"""Bytes read ahead of each shard."""


def pictures(folder: str, split: str) -> Iterator[dict]:
    """Iterate over the whole pictures of a split, with what is known of them, in the order of the shards.

    Yields
    ------
    dict
        `blur` and `sharp`, NumPy arrays `(H, W, C)`; `name` and `scene`, strings; `sigma` in pixels or NaN.

    Raises
    ------
    FileNotFoundError, ValueError
        See `records.load_manifest`, `records.shard_paths`, `records.check_lengths` and `records.damage_named`. Or a
        shard has fewer records than the manifest says.
    """
    manifest = records.load_manifest(folder)
    shards = records.shard_paths(folder, split, manifest)
    for path in shards:
        records.check_lengths(path)

    def decode(data):
        features = records.parse(data)
        pair = records.decode(features, manifest["encoding"], manifest["channels"])
        return dict(zip(("blur", "sharp"), pair, strict=True)) | {
            key: features[key] for key in ("name", "scene", "sigma")
        }

    decoded = tf.data.TFRecordDataset(shards).map(decode, tf.data.AUTOTUNE).prefetch(2).as_numpy_iterator()
    counts = [shard["records"] for shard in manifest["splits"][split]["shards"]]
    with records.damage_named(folder):
        for path, count in zip(shards, counts, strict=True):
            for _ in range(count):
                picture = next(decoded, None)
                if picture is None:
                    raise ValueError(f"{path} has fewer records than the {count} of its manifest; copy both anew")
                text = {key: picture[key].decode() for key in ("name", "scene")}
                yield picture | text | {"sigma": float(picture["sigma"])}


def read_pairs(
    folder: str, split: str, manifest: dict, parallel: int = tf.data.AUTOTUNE, host: int = 0, hosts: int = 1
) -> tf.data.Dataset:
    """Return the decoded pairs of a split, or of a host's share: the reading and decoding that nothing can avoid."""
    decode = partial(_decode, manifest=manifest)
    return (
        read(shares_of(folder, split, manifest, host, hosts), parallel).map(decode, parallel).with_options(in_order())
    )


class Share(NamedTuple):
    """What is read of a shard: `count` records from `first` on."""

    path: str
    first: int
    count: int


def shares_of(folder: str, split: str, manifest: dict, host: int = 0, hosts: int = 1) -> list[Share]:
    """Return what a host reads of a split.

    Raises
    ------
    FileNotFoundError, ValueError
        See `records.shard_paths`. Or there are fewer records than hosts.
    """
    paths = records.shard_paths(folder, split, manifest)
    counts = [shard["records"] for shard in manifest["splits"][split]["shards"]]
    if sum(counts) < hosts:
        raise ValueError(f"the split {split!r} of {folder} has {sum(counts)} records, too few for {hosts} hosts")
    return [Share(paths[index], *part) for index, *part in records.share_of(counts, host, hosts)]


def read(shares: list[Share], parallel: int) -> tf.data.Dataset:
    """Return the serialized records of parts of some shards, one of each shard in turn."""

    def elements(path, first, count):
        return tf.data.TFRecordDataset(path, buffer_size=READ_BUFFER).skip(first).take(count)

    paths, firsts, counts = zip(*shares, strict=True)
    return _in_turn((list(paths), np.int64(firsts), np.int64(counts)), elements, len(shares), parallel)


def _in_turn(
    shards, elements: Callable[..., tf.data.Dataset], count: int, parallel: int = tf.data.AUTOTUNE
) -> tf.data.Dataset:
    readers = min(READERS, count)
    return tf.data.Dataset.from_tensor_slices(shards).interleave(
        elements, readers, num_parallel_calls=min(parallel, readers)
    )


def _decode(serialized: tf.Tensor, manifest: dict) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode one record into its pair, of known size where the data set has one."""
    pair = records.decode(records.parse(serialized), manifest["encoding"], manifest["channels"])
    shape = (*(manifest["size"] or (None, None)), manifest["channels"])
    return tuple(tf.ensure_shape(picture, shape) for picture in pair)


def _decode_sigma(serialized: tf.Tensor, manifest: dict) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode one record into its blurred picture and the map of its sigma."""
    blur, _ = _decode(serialized, manifest)
    sigma = records.parse(serialized)["sigma"]
    unknown = "a record does not say the sigma of its blur; blur while training, with --blur gaussian"
    return blur, tf.fill(tf.shape(blur[..., :1]), tf.debugging.check_numerics(sigma, unknown))


def decoder(manifest: dict, degradation: Degradation | None, target: str) -> Callable:
    """Return what decodes a record into the pair that is to be learned from, or that it is made of."""
    recorded = degradation is None or degradation.blur == "recorded"
    return partial(_decode_sigma if target == "sigma" and recorded else _decode, manifest=manifest)


def encoded(shares: list[Share], manifest: dict, decode: Callable, parallel: int) -> tuple[tf.data.Dataset, Callable]:
    """Return the records in the order of `read`, not decoded, and what makes of one its pair, or a patch of it."""
    pairs = raw.raw_pairs([share.path for share in shares], manifest) if decode.func is _decode else None
    if pairs:
        places = pairs.places()
        parts = [(index, share.first, share.first + share.count) for index, share in enumerate(shares)]

        def elements(part):
            return tf.data.Dataset.from_tensor_slices(places[part[0]][part[1] : part[2]])

        return _in_turn(parts, elements, len(parts), 1), pairs.pair

    def pair_of(serialized, patch, seed):
        return crop(decode(serialized), patch, seed)

    return read(shares, parallel), pair_of


def crop(
    pair: tuple[tf.Tensor, tf.Tensor], patch: tuple[int, int] | None, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cut a patch at a random place from both pictures, or leave them whole without a size."""
    return transforms.random_crop(*pair, patch, seed) if patch else pair


def in_order() -> tf.data.Options:
    """Return the options by which the order of elements does not depend on timing."""
    options = tf.data.Options()
    options.deterministic = True
    return options
