"""CIFAR-10 and MNIST, through tensorflow-datasets."""

from tools.items import Item, Listing


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
    builder, decode = _builder(name, folder)
    items = []
    for split in sorted(builder.info.splits):
        # One file after the other and unshuffled: the same order every time.
        pictures = builder.as_dataset(split=split, decoders={"image": decode.SkipDecoding()}, shuffle_files=False)
        for index, features in enumerate(pictures.as_numpy_iterator()):
            known = features["id"].decode().removesuffix(".png") if "id" in features else f"{index:05d}"
            scene = f"{split}/{known}"
            items.append(Item(scene, scene, features["image"], split=split))
    return Listing(items, [], builder.info.features["image"].shape[-1])


def _builder(name: str, folder: str | None):
    """Return the prepared builder and the module of decoders."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise FileNotFoundError(
            f"{name} comes through tensorflow-datasets, which cannot be imported ({error}); "
            "`pip install tensorflow-datasets importlib_resources`"
        ) from error
    builder = tfds.builder(name, data_dir=folder)
    if not builder.is_prepared():
        if folder is not None:
            raise FileNotFoundError(
                f"{folder} holds no {name} prepared by tensorflow-datasets (looked for {builder.data_dir}); "
                "--src is its data_dir; leave --src out to download the data set"
            )
        builder.download_and_prepare()
    return builder, tfds.decode
