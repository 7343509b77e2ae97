"""Data sets that tensorflow-datasets has prepared: CIFAR-10 and MNIST."""

import numpy as np


def builder(name: str, folder: str | None, option: str):
    """Return the builder of a prepared data set, and the module with tensorflow-datasets' decoders.

    Parameters
    ----------
    name : str
        `"cifar10"` or `"mnist"`.
    folder : str, optional
        The `data_dir` that holds it prepared; None downloads it to `~/tensorflow_datasets` where it is not there yet.
    option : str
        How the command calls the folder, for errors.

    Raises
    ------
    FileNotFoundError
        The folder holds no such data set, or there is no tensorflow-datasets.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise FileNotFoundError(
            f"{name} comes through tensorflow-datasets, which cannot be imported ({error}); "
            "`pip install tensorflow-datasets importlib_resources`"
        ) from error
    found = tfds.builder(name, data_dir=folder)
    if not found.is_prepared():
        if folder is not None:
            raise FileNotFoundError(
                f"{folder} holds no {name} prepared by tensorflow-datasets (looked for {found.data_dir}); "
                f"{option} is its data_dir; leave {option} out to download the data set"
            )
        found.download_and_prepare()
    return found, tfds.decode


def first_pictures(name: str, folder: str | None, count: int, option: str = "--data-dir") -> np.ndarray:
    """Return the first training pictures of a data set, in the order in which tensorflow-datasets keeps them.

    That order is neither the original files' nor random: the pictures are sorted by a hash, the same at every
    preparation.

    Parameters
    ----------
    name, folder, option : str
        As `builder` takes them.
    count : int
        How many.

    Returns
    -------
    numpy.ndarray, shape (count, H, W, C), uint8
        The pictures.

    Raises
    ------
    FileNotFoundError
        As `builder` does.
    ValueError
        There are not as many.
    """
    found, _ = builder(name, folder, option)
    available = found.info.splits["train"].num_examples
    if available < count:
        raise ValueError(f"{name} in {folder} has {available} training pictures; {count} are needed")
    read = found.as_dataset(split=f"train[:{count}]", shuffle_files=False, batch_size=count)
    return next(read.as_numpy_iterator())["image"]
