"""The kinds of source that records can be made from, one file each."""

from collections.abc import Callable

from tools.items import Listing, Where
from tools.sources.tfds import list_tfds

SOURCES: dict[str, Callable[[Where], Listing]] = {
    "cifar10": lambda where: list_tfds("cifar10", where.src),
    "mnist": lambda where: list_tfds("mnist", where.src),
}
