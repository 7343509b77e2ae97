"""Models in `.keras` files, which come from anywhere: what is damaged or holds code is refused before it is loaded."""

import zipfile

from tfdeblur import storage


def check(path: str) -> None:
    """Check a `.keras` file before it is loaded.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is damaged.
    """
    with storage.opened(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                damaged = archive.testzip()
        except Exception as error:  # zipfile and zlib raise nearly anything
            raise ValueError(f"{path} is damaged, or no .keras file ({error})") from error
    if damaged:
        raise ValueError(f"{path} is damaged: its {damaged} does not fit its checksum")
