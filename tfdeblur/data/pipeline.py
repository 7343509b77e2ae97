"""The input pipeline, in its one fixed order.

    read -> decode -> grid patches -> cache -> shuffle -> repeat -> random crop -> degrade -> flip and turn -> batch
    -> prefetch

Cached is what does not change between epochs, as uint8; what follows is drawn anew in each. Pictures that are neither
cached nor cut are shuffled while they are still encoded, and decoded after: the same samples in less memory. Of large
raw pictures on a local disk only the places are shuffled, and only what a sample needs is read. The order of the
samples and every random choice depend on the seed and the step alone, not on timing or the number of threads: a
pipeline that starts at step k gives what an unbroken one gives at step k. Of several hosts each reads a share of the
records of its own, once in every epoch.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfdeblur.data import cache_files, degrade, patches, raw, records, transforms
from tfdeblur.physics.degradation import Degradation

READERS = 16
"""Shards read side by side. A constant, since the order of the samples depends on it."""

READ_BUFFER = 2**20
"""Bytes read ahead of each shard."""

SHUFFLE_BYTES = 2**31
"""Bytes of serialized records that are held for shuffling at most."""

DEGRADED = 2**32
"""What tells the seeds of degradations from those of crops."""

SMALL = 64 * 64
"""Pixels of a sample up to which it is faster to flip whole batches than one pair at a time."""


def epoch_samples(manifest: dict, split: str, patch: tuple[int, int] | None, crop: str) -> int:
    """Return how many samples one epoch of a split has.

    Raises
    ------
    ValueError
        The pictures differ in size and are wanted whole or in a grid of patches, or are smaller than a patch.
    """
    count = records.split_of("the data set", split, manifest)["records"]
    rows, columns = _grid(manifest, split, patch)
    if patch is None and manifest["size"] is None:
        raise ValueError(
            "the pictures of this data set differ in size and cannot be batched whole; give a patch size (--patch HxW)"
        )
    if patch is None or crop == "random":
        return count
    if manifest["size"] is None:
        raise ValueError(
            "the pictures of this data set differ in size, so a grid of patches gives no fixed number of samples; "
            "use random crops (--crop random), or make the records with --patch"
        )
    return count * rows * columns


def _grid(manifest: dict, split: str, patch: tuple[int, int] | None) -> tuple[int, int]:
    """Return how many patches the smallest picture holds; refuse a patch that does not fit into it."""
    smallest = manifest["size"] or manifest["splits"][split].get("smallest")
    return patches.grid_shape(smallest, patch) if patch and smallest else (1, 1)


def training_batches(
    folder: str,
    split: str = "train",
    *,
    batch: int,
    patch: tuple[int, int] | None = None,
    crop: str = "grid",
    cache: str = "memory",
    shuffle: int = 4096,
    augment: bool = True,
    degradation: Degradation | None = None,
    target: str = "sharp",
    seed: int = 0,
    first_step: int = 0,
    host: int = 0,
    hosts: int = 1,
    parallel: int = tf.data.AUTOTUNE,
) -> tf.data.Dataset:
    """Return an endless data set of batches `(blur, sharp)`, `(batch, h, w, C)`, uint8 as stored.

    Parameters
    ----------
    folder : str
        The data set, local or `gs://`.
    split : str
        Its part.
    batch : int
        Pairs in a batch of this host.
    patch : tuple of int, optional
        Height and width of the samples; whole pictures without it.
    crop : {"grid", "random"}
        All patches of a regular grid (each a sample of its own), or one random place of every picture in every epoch.
    cache : str
        `"memory"`, `"none"`, or the path of a file on a local disk, to which is added what tells one data set, split
        and patch size from others.
    shuffle : int
        Size of the shuffle buffer in samples; 0 keeps the order of the records. Of encoded pictures it holds as many as
        make up 2 GiB at most.
    augment : bool
        Whether to flip and turn.
    degradation : Degradation, optional
        Blur the sharp samples anew in every epoch, or add noise to them: see `degrade.degrading`.
    target : {"sharp", "sigma", "motion"}
        The second of each pair: the sharp picture; the map of sigma, `(batch, h, w, 1)`, float32, in pixels; or the
        motion, `(batch, 2)`, as `physics.trajectories.streak` says it, of pictures that are then not flipped or turned.
    seed : int
        Seed of the order, the crops, the degradations, the flips and turns.
    first_step : int
        Steps (batches) to leave out at the beginning.
    host, hosts : int
        Which of how many hosts reads its share of the records.
    parallel : int
        Threads for reading and decoding; the result does not depend on it.

    Raises
    ------
    FileNotFoundError, ValueError
        See `records.load_manifest`, `records.shard_paths` and `epoch_samples`. Or the file of the cache is being
        filled by another process.
    """
    manifest = records.load_manifest(folder)
    samples_of_all = epoch_samples(manifest, split, patch, crop)
    shares = shares_of(folder, split, manifest, host, hosts)
    count = samples_of_all * sum(share.count for share in shares) // manifest["splits"][split]["records"]
    grid, window = (patch, None) if crop == "grid" else (None, patch)
    encoded = cache == "none" and not grid
    decode = _decoder(manifest, degradation, target)
    if encoded:
        samples, pair_of = _encoded(shares, manifest, decode, parallel)
    else:
        samples, pair_of = _read(shares, parallel).map(decode, parallel), _crop
    if grid:
        samples = samples.map(lambda *pair: tuple(patches.extract(p, grid) for p in pair), parallel).unbatch()
    if cache != "none":
        samples = samples.cache("" if cache == "memory" else cache_files.cache_file(cache, manifest, shares, grid))

    buffer = min(shuffle, count)
    if samples.element_spec == tf.TensorSpec([], tf.string):
        bytes_in_all = sum(shard["bytes"] for shard in manifest["splits"][split]["shards"])
        buffer = min(buffer, max(1, SHUFFLE_BYTES * samples_of_all // bytes_in_all))

    def own(number):
        """Return what no other host draws by."""
        return number * hosts + host

    def one_epoch(epoch):
        return _shuffled(samples, buffer, seed, own(epoch)) if shuffle else samples

    first_epoch, offset = divmod(first_step * batch, count)
    stream = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(one_epoch).skip(offset)
    height, width = patch or manifest["size"]
    augment = augment and target != "motion"
    flip_each = augment and height * width > SMALL
    degraded = degrade.degrading(degradation, seed, target) if degradation else None

    @tf.autograph.experimental.do_not_convert  # which would turn an error's sentence into a traceback
    def finish(index, sample):
        index = own(index)
        pair = pair_of(sample, window, _seeds(seed, index))
        if degraded:
            pair = degraded(*pair, _seeds(seed ^ DEGRADED, index))
        return transforms.flip_and_turn(*pair, _seeds(~seed, index)) if flip_each else pair

    def flip_batch(step, pairs):
        return transforms.flip_and_turn_batch(*pairs, _seeds(~seed, own(step)))

    if encoded or window or flip_each or degraded:
        stream = stream.enumerate(first_step * batch).map(finish, parallel)
    stream = stream.batch(batch, drop_remainder=True)
    if augment and not flip_each:
        stream = stream.enumerate(first_step).map(flip_batch, parallel)
    return stream.prefetch(tf.data.AUTOTUNE).with_options(_in_order())


def _seeds(seed: int, index: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), index])


def validation_batches(
    folder: str,
    split: str = "val",
    *,
    batch: int,
    patch: tuple[int, int] | None = None,
    limit: int | None = None,
    degradation: Degradation | None = None,
    target: str = "sharp",
    seed: int = 0,
) -> tf.data.Dataset:
    """Return one pass, in order, over the first `limit` pictures of a split, cut into patches and kept in memory.

    They are degraded as in training, but each in every pass alike. Batches are those of `training_batches`, the last
    one smaller; pictures that differ in size and are not cut come one by one. Raises what `training_batches` raises.
    """
    manifest = records.load_manifest(folder)
    shares = shares_of(folder, split, manifest)
    _grid(manifest, split, patch)
    pairs = _read(shares, tf.data.AUTOTUNE).map(_decoder(manifest, degradation, target), tf.data.AUTOTUNE)
    pairs = pairs.with_options(_in_order()).take(-1 if limit is None else limit)
    if patch:
        pairs = pairs.map(lambda *pair: tuple(patches.extract(p, patch) for p in pair)).unbatch()
    elif manifest["size"] is None:
        batch = 1
    degraded = degrade.degrading(degradation, seed, target) if degradation else None
    if degraded:

        @tf.autograph.experimental.do_not_convert
        def finish(index, pair):
            return degraded(*pair, _seeds(~seed ^ DEGRADED, index))

        pairs = pairs.enumerate().map(finish)
    batches = pairs.batch(batch).cache().prefetch(1).with_options(_in_order())
    return batches.apply(tf.data.experimental.assert_cardinality(sum(1 for _ in batches)))


def filled_up(batches: tf.data.Dataset, batch: int) -> tf.data.Dataset:
    """Return batches that all have the same size: each with the weight of its pairs, 0 for those that are repeated."""

    def fill(*parts):
        count, places = tf.shape(parts[0])[0], tf.range(batch)
        return (*(tf.gather(part, places % count) for part in parts), tf.cast(places < count, tf.float32))

    return batches.map(fill)


def pictures(folder: str, split: str) -> Iterator[dict]:
    """Iterate over the whole pictures of a split, with what is known of them, in the order of the shards.

    Yields
    ------
    dict
        `blur` and `sharp`, NumPy arrays `(H, W, C)`; `name` and `scene`, strings; `sigma` in pixels or NaN.
    """
    manifest = records.load_manifest(folder)
    shards = records.shard_paths(folder, split, manifest)

    def decode(data):
        features = records.parse(data)
        pair = records.decode(features, manifest["encoding"], manifest["channels"])
        return dict(zip(("blur", "sharp"), pair, strict=True)) | {
            key: features[key] for key in ("name", "scene", "sigma")
        }

    for picture in tf.data.TFRecordDataset(shards).map(decode, tf.data.AUTOTUNE).prefetch(2).as_numpy_iterator():
        text = {key: picture[key].decode() for key in ("name", "scene")}
        yield picture | text | {"sigma": float(picture["sigma"])}


def read_pairs(
    folder: str, split: str, manifest: dict, parallel: int = tf.data.AUTOTUNE, host: int = 0, hosts: int = 1
) -> tf.data.Dataset:
    """Return the decoded pairs of a split, or of a host's share: the reading and decoding that nothing can avoid."""
    decode = partial(_decode, manifest=manifest)
    return (
        _read(shares_of(folder, split, manifest, host, hosts), parallel).map(decode, parallel).with_options(_in_order())
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


def _read(shares: list[Share], parallel: int) -> tf.data.Dataset:
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


def _decoder(manifest: dict, degradation: Degradation | None, target: str) -> Callable:
    """Return what decodes a record into the pair that is to be learned from, or that it is made of."""
    recorded = degradation is None or degradation.blur == "recorded"
    return partial(_decode_sigma if target == "sigma" and recorded else _decode, manifest=manifest)


def _encoded(shares: list[Share], manifest: dict, decode: Callable, parallel: int) -> tuple[tf.data.Dataset, Callable]:
    """Return the records in the order of `_read`, not decoded, and what makes of one its pair, or a patch of it."""
    pairs = raw.raw_pairs([share.path for share in shares], manifest) if decode.func is _decode else None
    if pairs:
        places = pairs.places()
        parts = [(index, share.first, share.first + share.count) for index, share in enumerate(shares)]

        def elements(part):
            return tf.data.Dataset.from_tensor_slices(places[part[0]][part[1] : part[2]])

        return _in_turn(parts, elements, len(parts), 1), pairs.pair

    def pair_of(serialized, patch, seed):
        return _crop(decode(serialized), patch, seed)

    return _read(shares, parallel), pair_of


def _crop(
    pair: tuple[tf.Tensor, tf.Tensor], patch: tuple[int, int] | None, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    return transforms.random_crop(*pair, patch, seed) if patch else pair


def _shuffled(samples: tf.data.Dataset, buffer: int, seed: int, epoch: tf.Tensor) -> tf.data.Dataset:
    """Shuffle by a seed that is a tensor, which `Dataset.shuffle` takes only under some global seeds."""
    specs = tf.nest.flatten(samples.element_spec)
    shuffled = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(samples),
        buffer_size=buffer,
        seed=tf.constant(seed + 1, tf.int64),
        seed2=epoch + 1,  # two zeros would stand for a seed drawn by chance
        reshuffle_each_iteration=False,
        output_types=[spec.dtype for spec in specs],
        output_shapes=[spec.shape for spec in specs],
    )
    return tf.data.experimental.from_variant(shuffled, samples.element_spec)


def _in_order() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    return options
