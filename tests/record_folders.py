"""Small data sets of real photographs on disk, written by the schema itself and not by the tool."""

import hashlib
import json
from pathlib import Path

import numpy as np
import skimage.data
import tensorflow as tf
from scipy import ndimage

from tfdeblur.data import records


def photograph(name: str, height: int, width: int, top: int = 60, left: int = 60) -> np.ndarray:
    """Return a part of a photograph that scikit-image bundles."""
    return np.ascontiguousarray(getattr(skimage.data, name)()[top : top + height, left : left + width])


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Blur with a Gaussian, rounded to 8 bit."""
    return ndimage.gaussian_filter(picture, (sigma, sigma, 0), mode="mirror") if sigma else picture


ENCODE = {
    "png": lambda picture: tf.io.encode_png(picture).numpy(),
    "raw": np.ndarray.tobytes,
    "float32": lambda picture: (picture / np.float32(255)).astype("<f4").tobytes(),
}


def pair(sharp: np.ndarray, sigma: float, name: str, scene: str, encodings=("png", "png")) -> records.Record:
    """Return a record of a photograph and its blurred version."""
    encoded = [ENCODE[e](picture) for e, picture in zip(encodings, (blurred(sharp, sigma), sharp), strict=True)]
    return records.Record(*encoded, *encodings, *sharp.shape, name, scene, sigma)


def write_folder(folder: Path, splits: dict[str, list[records.Record]], shards: int = 1) -> Path:
    """Write records of pictures as a data set, with its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    first = next(iter(splits.values()))[0]
    sizes = {(record.height, record.width) for split in splits.values() for record in split}
    manifest = {
        "schema": records.SCHEMA_VERSION,
        "name": folder.name,
        "command": ["python", "-m", "tools.make_tfrecords", "images"],
        "versions": {"tfdeblur": "0"},
        "channels": first.channels,
        "size": list(sizes.pop()) if len(sizes) == 1 else None,
        "encoding": {"blur": first.blur_encoding, "sharp": first.sharp_encoding},
        "blur": {"kind": "gaussian", "sigma": [0, 3]},
        "skipped": [],
        "splits": {split: _write_split(folder, split, found, shards) for split, found in splits.items()},
    }
    (folder / records.MANIFEST).write_text(json.dumps(manifest))
    return folder


def _write_split(folder: Path, split: str, found: list[records.Record], shards: int) -> dict:
    entries = []
    for i, part in enumerate(np.array_split(np.arange(len(found)), shards)):
        path = folder / records.shard_name(folder.name, split, i, shards)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for index in part:
                writer.write(records.serialize(found[index]))
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        entries.append({"file": path.name, "records": len(part), "bytes": len(content), "sha256": digest})
    return {"records": len(found), "scenes": sorted({record.scene for record in found}), "shards": entries}
