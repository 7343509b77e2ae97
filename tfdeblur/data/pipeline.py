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

import tensorflow as tf

from tfdeblur.data import cache_files, degrade, patches, reading, records, transforms
from tfdeblur.physics.degradation import Degradation

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
    shares = reading.shares_of(folder, split, manifest, host, hosts)
    count = samples_of_all * sum(share.count for share in shares) // manifest["splits"][split]["records"]
    grid, window = (patch, None) if crop == "grid" else (None, patch)
    encoded = cache == "none" and not grid
    decode = reading.decoder(manifest, degradation, target)
    if encoded:
        samples, pair_of = reading.encoded(shares, manifest, decode, parallel)
    else:
        samples, pair_of = reading.read(shares, parallel).map(decode, parallel), reading.crop
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
    return stream.prefetch(tf.data.AUTOTUNE).with_options(reading.in_order())


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
    shares = reading.shares_of(folder, split, manifest)
    _grid(manifest, split, patch)
    pairs = reading.read(shares, tf.data.AUTOTUNE).map(reading.decoder(manifest, degradation, target), tf.data.AUTOTUNE)
    pairs = pairs.with_options(reading.in_order()).take(-1 if limit is None else limit)
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
    batches = pairs.batch(batch).cache().prefetch(1).with_options(reading.in_order())
    return batches.apply(tf.data.experimental.assert_cardinality(sum(1 for _ in batches)))


def filled_up(batches: tf.data.Dataset, batch: int) -> tf.data.Dataset:
    """Return batches that all have the same size: each with the weight of its pairs, 0 for those that are repeated."""

    def fill(*parts):
        count, places = tf.shape(parts[0])[0], tf.range(batch)
        return (*(tf.gather(part, places % count) for part in parts), tf.cast(places < count, tf.float32))

    return batches.map(fill)


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
