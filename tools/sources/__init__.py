"""The kinds of source that records can be made from, one file each."""

from collections.abc import Callable

from tools.items import Listing
from tools.sources.images import list_images
from tools.sources.pairs import list_pairs
from tools.sources.sample import list_sample
from tools.sources.textures import list_textures
from tools.sources.tfds import list_tfds
from tools.sources.video import list_videos

SOURCES: dict[str, Callable[..., Listing]] = {
    "sample": lambda options: list_sample(),
    "cifar10": lambda options: list_tfds("cifar10", options.src),
    "mnist": lambda options: list_tfds("mnist", options.src),
    "images": lambda options: list_images(options.src),
    "textures": lambda options: list_textures(options.src),
    "pairs": lambda options: list_pairs(
        options.src, options.layout, options.blur_folder, options.realblur, options.blur_dir, options.sharp_dir
    ),
    "video": lambda options: list_videos(options.src),
}
"""Each takes `tools.options.Options`."""
