"""Textures, to learn from their patches how much a picture is blurred (Patro 2017)."""

from dataclasses import replace

from tools.items import Listing
from tools.sources.images import list_images

PATCH = "32x32"
BLANK = 0.02
"""Patches that vary less show nothing of their blur; the report chose textures without blank space instead."""


def list_textures(src: str | None) -> Listing:
    """List the pictures below a folder, each a texture that stays in one split with all its patches.

    Raises
    ------
    ValueError, FileNotFoundError
        As of `list_images`.
    """
    listing = list_images(src)
    items = [replace(item, scene=item.name) for item in listing.items]
    return replace(listing, items=items, channels=1, patch=PATCH, blank=BLANK)
