"""The embedded sample set: photographs that the wheels of scikit-image and scikit-learn bundle, without a download."""

import importlib.util
from pathlib import Path

from tools.items import Item, Listing

PHOTOGRAPHS = {
    "astronaut": ("skimage/data/astronaut.png", "train"),
    "motorcycle_left": ("skimage/data/motorcycle_left.png", "train"),
    "motorcycle_right": ("skimage/data/motorcycle_right.png", "train"),
    "flower": ("sklearn/datasets/images/flower.jpg", "train"),
    "camera": ("skimage/data/camera.png", "train"),
    "brick": ("skimage/data/brick.png", "train"),
    "grass": ("skimage/data/grass.png", "train"),
    "gravel": ("skimage/data/gravel.png", "train"),
    "coins": ("skimage/data/coins.png", "train"),
    "page": ("skimage/data/page.png", "train"),
    "rocket": ("skimage/data/rocket.jpg", "val"),
    "chelsea": ("skimage/data/chelsea.png", "test"),
    "china": ("sklearn/datasets/images/china.jpg", "test"),
    "coffee": ("skimage/data/coffee.png", "test"),
}
"""File and split of each; camera, brick, grass, gravel, coins and page are grey.

Left out, as no ordinary photographs or not sharp: microscopy, astronomy, drawings, charts, `clock_motion`.
"""

DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def list_sample() -> Listing:
    """List the bundled photographs; the two views of the motorcycle are one scene.

    Raises
    ------
    FileNotFoundError
        A package is not installed or does not bundle the photograph.
    """
    items = []
    for name, (file, split) in PHOTOGRAPHS.items():
        package, _, inside = file.partition("/")
        # Found without being imported: scikit-learn alone takes a second.
        spec = importlib.util.find_spec(package)
        path = Path(spec.submodule_search_locations[0], inside) if spec else None
        if path is None or not path.is_file():
            raise FileNotFoundError(
                f"the sample photograph {file} is not there; `pip install --upgrade {DISTRIBUTIONS[package]}` brings it"
            )
        items.append(Item(name, name.partition("_")[0], str(path), split=split))
    return Listing(items)
