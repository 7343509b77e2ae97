"""Pixels stored raw in local shards: read in any order, and of each picture only the part that is wanted.

TensorFlow reads a shard from its beginning, record by record, copies each several times and shuffles the copies. Raw
pixels of a known size need none of that: once it is known where each picture begins, one read from the file brings it,
or the rows of a patch of it, to its place in memory. Checksums are verified once, before the first read.
"""

import mmap
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfdeblur import storage
from tfdeblur.data import records, transforms

ALIGNMENT = 64
"""Arrays that begin at a multiple of this many bytes become tensors without a copy."""

VERIFIED = 16
"""Shards whose checksums are verified side by side."""

LARGE = 256 * 256
"""Pixels of a picture beyond which all this takes less time than a call of Python for each pair."""


@dataclass(frozen=True, eq=False)
class RawPairs:
    """The pairs of some local shards whose pictures are all raw and of one size.

    Attributes
    ----------
    paths : list of str
        The shards.
    shape : tuple of int
        `(H, W, C)`.
    dtypes : tuple of two numpy.dtype
        Of the blurred and of the sharp pictures: uint8, or float32 in [0, 1].
    """

    paths: list[str]
    shape: tuple[int, int, int]
    dtypes: tuple[np.dtype, np.dtype]

    def places(self) -> tf.RaggedTensor:
        """Return the place of each pair, `(shards, records, 3)`: which shard, where blurred and sharp begin in it.

        Raises
        ------
        ValueError
            A shard is damaged.
        """
        sizes = [int(np.prod(self.shape)) * dtype.itemsize for dtype in self.dtypes]
        found = [list(locate(path, dict(zip(("blur", "sharp"), sizes, strict=True)))) for path in self.paths]
        with ThreadPoolExecutor(min(VERIFIED, len(self.paths))) as pool:
            list(pool.map(verify, self.paths))
        places = [[shard, *begins] for shard, pairs in enumerate(found) for begins in pairs]
        return tf.RaggedTensor.from_row_lengths(np.int64(places), [len(pairs) for pairs in found])

    def pair(self, place: tf.Tensor, patch: tuple[int, int] | None, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Read one pair inside a graph.

        Parameters
        ----------
        place : tensor
            One of `places`.
        patch : tuple of int, optional
            Height and width of a patch at a random place; the whole pictures without it.
        seed : tensor
            Two integers; the patch is where `transforms.random_crop` would cut it.

        Returns
        -------
        tuple of two tensors
            Blurred and sharp, `(h, w, C)`.
        """
        *size, channels = self.shape
        corner = transforms.random_corner(size, patch, seed) if patch else (0, 0)
        window = tf.concat([place, tf.cast([*corner, *(patch or size)], tf.int64)], 0)
        pair = tf.numpy_function(self.read, [window], self.dtypes, stateful=False)
        return tuple(tf.ensure_shape(picture, (*(patch or size), channels)) for picture in pair)

    def read(self, window: np.ndarray) -> list[np.ndarray]:
        """Read a window of both pictures of a pair.

        Parameters
        ----------
        window : array of seven int
            A place; top, left, height and width in pixels.

        Returns
        -------
        list of two arrays
            Blurred and sharp, `(height, width, C)`.

        Raises
        ------
        ValueError
            The shard is shorter than it was.
        """
        shard, *begins, top, left, height, width = map(int, window)
        _, line, channels = self.shape
        with open(self.paths[shard], "rb", buffering=0) as file:
            pair = []
            for begin, dtype in zip(begins, self.dtypes, strict=True):
                rows = _aligned((height, line, channels), dtype)
                file.seek(begin + top * line * channels * dtype.itemsize)
                if file.readinto(rows) != rows.nbytes:
                    raise ValueError(f"{self.paths[shard]} has become shorter while it was read; copy it anew")
                pair.append(rows[:, left : left + width])
        return pair


def raw_pairs(paths: list[str], manifest: dict) -> RawPairs | None:
    """Return the pairs of some shards if they can be read so: local, large, raw and of one size; otherwise None."""
    dtypes = {"raw": np.dtype(np.uint8), "float32": np.dtype("<f4")}
    encodings = [manifest["encoding"][side] for side in ("blur", "sharp")]
    size = manifest["size"]
    if storage.is_remote(paths[0]) or size is None or size[0] * size[1] <= LARGE or not set(encodings) <= set(dtypes):
        return None
    return RawPairs(paths, (*size, manifest["channels"]), tuple(dtypes[name] for name in encodings))


def verify(path: str) -> None:
    """Verify the checksum of every record of a shard, at about 1 GB/s.

    Raises
    ------
    ValueError
        A record is damaged.
    """
    with records.damage_named(os.path.dirname(path)):
        tf.data.TFRecordDataset(path, buffer_size=2**20).reduce(np.int64(0), lambda count, _: count + 1)


def locate(path: str, sizes: dict[str, int]) -> Iterator[tuple[int, ...]]:
    """Yield for every record of a local shard where in the file some of its byte strings begin.

    Parameters
    ----------
    path : str
        The shard, a TFRecord file: of each record its length (8 bytes), a checksum (4), the record, a checksum (4).
    sizes : dict
        The features that hold the strings, in the order in which `records.serialize` puts them, and their lengths.

    Raises
    ------
    ValueError
        The file is damaged: a record has no such feature, or does not end where it should.
    """
    headers = {key: _header(key, size) for key, size in sizes.items()}
    length = os.path.getsize(path)
    if not length:  # cannot be mapped
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as shard:
        begin = index = 0
        while begin < length:
            end = begin + 16 + int.from_bytes(shard[begin : begin + 8], "little")
            found, position = [], begin + 12
            for key, header in headers.items():
                header_at = shard.find(header, position, end)
                if end > length or header_at < 0:
                    raise ValueError(
                        f"{path} is damaged at record {index}: no {sizes[key]} bytes of {key!r} in it; "
                        "make the data set again (tools.make_tfrecords)"
                    )
                found.append(header_at + len(header))
                position = found[-1] + sizes[key]
            yield tuple(found)
            begin, index = end, index + 1


def _header(key: str, size: int) -> bytes:
    """Return what stands before a byte string of some length in a serialized record."""
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[bytes(size)]))
    features = tf.train.Features(feature={key: feature})
    return features.SerializeToString()[:-size]


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array, not filled yet, that begins where tensors do."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    return memory[begin : begin + size].view(dtype).reshape(shape)
