"""Arrays in NumPy's `.npy` and `.npz` files, which may come from anywhere: numbers are read, never pickled objects."""

import numpy as np


def read(path: str) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name; the only one of a `.npy` file has the name "".

    Raises
    ------
    ValueError
        The file cannot be read, is damaged, or holds something other than numbers.
    """
    try:
        with open(path, "rb") as file:
            found = np.load(file, allow_pickle=False)
            arrays = {"": found} if isinstance(found, np.ndarray) else dict(found)
    except Exception as error:  # NumPy, zipfile and zlib raise nearly anything, MemoryError too
        reason = "it holds pickled objects, which could run code" if "pickle" in str(error) else error
        raise ValueError(f"{path} cannot be read as NumPy's .npy or .npz ({reason})") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            raise ValueError(f"{path} cannot be read as NumPy's .npy or .npz ({name or 'it'} holds no real numbers)")
    return arrays


def read_array(path: str) -> np.ndarray:
    """Return the array of a `.npy` file. Raises what `read` raises, also for several arrays."""
    arrays = read(path)
    if list(arrays) != [""]:
        raise ValueError(f"{path} cannot be read as NumPy's .npy (it is an .npz file)")
    return arrays[""]
