"""CIFAR-10 and MNIST, through tensorflow-datasets."""

from collections.abc import Iterator

from tfdeblur.data import prepared
from tools.items import Item, Listing

BATCH = 1000
"""Pictures fetched at a time, which makes listing several times faster."""


def list_tfds(name: str, folder: str | None) -> Listing:
    """List the pictures of a tensorflow-datasets data set; each picture is its own scene.

    Parameters
    ----------
    name : str
        `"cifar10"` or `"mnist"`.
    folder : str, optional
        The `data_dir` that holds it prepared; None downloads it to `~/tensorflow_datasets` where it is not there yet.

    Returns
    -------
    Listing
        Items with the PNG files that tensorflow-datasets stores, and its own splits train and test.

    Raises
    ------
    FileNotFoundError
        The folder holds no such data set.
    """
    found, decode = prepared.builder(name, folder, "--src")
    items = []
    for split in sorted(found.info.splits):
        # One file after the other and unshuffled: the same order every time.
        pictures = found.as_dataset(split=split, decoders={"image": decode.SkipDecoding()}, shuffle_files=False)
        for known, content in _named(pictures.batch(BATCH).as_numpy_iterator()):
            items.append(Item(f"{split}/{known}", f"{split}/{known}", content, split=split))
    return Listing(items, channels=found.info.features["image"].shape[-1])


def _named(batches: Iterator[dict]) -> Iterator[tuple[str, bytes]]:
    """Yield each picture's file with the name the data set has for it (CIFAR-10), or its number (MNIST)."""
    number = 0
    for batch in batches:
        for index, content in enumerate(batch["image"].tolist()):
            yield batch["id"][index].decode().removesuffix(".png") if "id" in batch else f"{number:05d}", content
            number += 1
