"""Making small data sets by the command, and looking into them."""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tfdeblur.data import records
from tools.make_tfrecords import main

ROOT = Path(__file__).parent.parent


def make(*arguments) -> None:
    main([str(argument) for argument in arguments])


def read(folder: Path) -> dict[str, list[records.Record]]:
    manifest = records.load_manifest(str(folder))
    return {
        split: [
            record
            for path in records.shard_paths(str(folder), split, manifest)
            for record in records.read_records(path)
        ]
        for split in manifest["splits"]
    }


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*.tfrecord"))}


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "tools.make_tfrecords", *map(str, arguments)]
