"""Reading every record of a data set, and finding what is wrong with any of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tfdeblur import storage
from tfdeblur.data.manifests import command_of

BATCH_BYTES = 2**22
"""Of the sharp pictures of records that are read at once."""


@dataclass(frozen=True)
class Shard:
    """A shard as the manifest has it: its split, its path, and the index of its first record in the data set.

    `mend` says what to do where the file is something else.
    """

    split: str
    path: str
    first: int
    records: int
    bytes: int
    sha256: str
    mend: str


def shards_of(folder: str, manifest: dict) -> Iterator[Shard]:
    """Yield the shards of all splits, in order."""
    first = 0
    mend = f"make it again by `{command_of(folder, manifest)}`, or copy it anew"
    for split, entry in manifest["splits"].items():
        for shard in entry["shards"]:
            path = storage.join(folder, shard["file"])
            yield Shard(split, path, first, shard["records"], shard["bytes"], shard["sha256"], mend)
            first += shard["records"]


def unlisted(folder: str, shards: list[Shard]) -> list[str]:
    """Return a line for each shard in the folder that the manifest does not list."""
    listed = {shard.path for shard in shards}
    found = [storage.join(folder, name) for name in storage.list_names(folder) if name.endswith(".tfrecord")]
    return [f"{path} is not in the manifest; remove it" for path in found if path not in listed]


def verify_bytes(shard: Shard) -> None:
    """Compare size and SHA-256 of a shard with the manifest's.

    Raises
    ------
    FileNotFoundError
        There is no such shard.
    ValueError
        Size or checksum differ.
    """
    verify_size(shard)
    if storage.sha256(shard.path) != shard.sha256:
        raise ValueError(f"{shard.path} has changed: its SHA-256 is not the manifest's; {shard.mend}")


def verify_size(shard: Shard) -> None:
    """Compare the size of a shard with the manifest's; errors as of `verify_bytes`."""
    import tensorflow as tf

    if not storage.exists(shard.path):
        raise FileNotFoundError(f"{shard.path} is missing, the manifest lists it; {shard.mend}")
    found = tf.io.gfile.stat(shard.path).length
    if found != shard.bytes:
        raise ValueError(f"{shard.path} has {found} bytes, the manifest says {shard.bytes}; {shard.mend}")


def read(shard: Shard, manifest: dict) -> Iterator[dict[str, np.ndarray]]:
    """Yield a shard's records, decoded, in batches: of one where their sizes vary.

    Yields
    ------
    dict of numpy.ndarray
        `blur` and `sharp`, `(N, H, W, C)`; `name`, `scene` and `sigma` of each.

    Raises
    ------
    FileNotFoundError
        There is no such shard.
    ValueError
        A record is damaged or does not fit the manifest, or their number differs.
    """
    import tensorflow as tf

    from tfdeblur.data import records

    verify_size(shard)
    records.check_lengths(shard.path)
    count = 0
    try:
        for found in _decoded(shard, manifest, _batch_size(manifest)).prefetch(2).as_numpy_iterator():
            fits = _fits(found, manifest)
            if not fits.all():
                raise ValueError(_contradiction(shard, manifest, count + int(np.argmin(fits))))
            yield {name: found[name] for name in ("blur", "sharp", "name", "scene", "sigma")}
            count += len(fits)
    except tf.errors.OpError as error:
        index = count + _sound_ones(shard, manifest, count)
        reason = error.message.splitlines()[0]
        raise ValueError(f"{shard.path} is damaged at record {index}: {reason}; {shard.mend}") from error
    if count != shard.records:
        raise ValueError(f"{shard.path} holds {count} records, the manifest says {shard.records}; {shard.mend}")


def _decoded(shard: Shard, manifest: dict, batch: int, first: int = 0):
    """Return a shard's records from one on as a tf.data.Dataset of batches: all features, the pictures decoded.

    Batches are parsed and decoded at once: one call for each record would cost as much as its parsing does.
    """
    import tensorflow as tf

    from tfdeblur.data import records

    shape = (*(manifest["size"] or (None, None)), manifest["channels"])
    types = [tf.float32 if manifest["encoding"][side] == "float32" else tf.uint8 for side in ("blur", "sharp")]

    def decode(serialized):
        features = records.parse(serialized)
        blur, sharp = tf.map_fn(
            lambda record: records.decode(record, manifest["encoding"], manifest["channels"]),
            {name: features[name] for name in ("blur", "sharp", "height", "width", "channels")},
            fn_output_signature=tuple(tf.TensorSpec(shape, dtype) for dtype in types),
        )
        return features | {"blur": blur, "sharp": sharp}

    read = tf.data.TFRecordDataset(shard.path).skip(first)
    return read.batch(batch).map(decode, tf.data.AUTOTUNE, deterministic=True)


def _fits(found: dict[str, np.ndarray], manifest: dict) -> np.ndarray:
    """Return of each record of a batch whether it says what it is."""
    size = np.stack([found["height"], found["width"]], 1)
    fits = np.full(len(size), True)
    for side in ("blur", "sharp"):
        fits &= found[f"{side}_encoding"] == manifest["encoding"][side].encode()
        fits &= (size == found[side].shape[1:3]).all(1)
    return fits


def _batch_size(manifest: dict) -> int:
    """Return how many records go into a batch."""
    if manifest["size"] is None:
        return 1
    return int(np.clip(BATCH_BYTES // (np.prod(manifest["size"]) * manifest["channels"]), 1, 1024))


def _sound_ones(shard: Shard, manifest: dict, first: int) -> int:
    """Return how many records can be read from one on."""
    import tensorflow as tf

    count = 0
    try:
        for _ in _decoded(shard, manifest, 1, first):
            count += 1
    except tf.errors.OpError:
        pass
    return count


def _contradiction(shard: Shard, manifest: dict, index: int) -> str:
    """Return how a record contradicts the manifest, or itself."""
    import tensorflow as tf

    from tfdeblur.data import records

    features = records.parse(next(iter(tf.data.TFRecordDataset(shard.path).skip(index))))
    decoded = records.decode(features, manifest["encoding"], manifest["channels"])
    found = f"record {index} of {shard.path}"
    for side, picture in zip(("blur", "sharp"), decoded, strict=True):
        encoding, wanted = features[f"{side}_encoding"].numpy().decode(), manifest["encoding"][side]
        if encoding != wanted:
            return f"{found} encodes {side} as {encoding}, the manifest says {wanted}; {shard.mend}"
        said, size = f"{features['height']}x{features['width']}", "{}x{}".format(*picture.shape)
        if said != size:
            return f"{found} says {said}, its {side} picture is {size}; {shard.mend}"
    return f"{found} contradicts the manifest; {shard.mend}"
