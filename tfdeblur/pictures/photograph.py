"""A photograph in memory."""

from dataclasses import dataclass, field

import numpy as np

from tfdeblur.pictures.metadata import Metadata


@dataclass(frozen=True)
class Photograph:
    """An image and what its file carries.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, C), uint8 or uint16
        Upright. C is 1 (grey) or 3 (RGB), or 2 or 4 with an extra channel last. May be a view that is not contiguous.
    format : {"jpeg", "png", "tiff", "webp", "bmp", "gif", "ppm"}
        The format of its file.
    metadata : Metadata
        EXIF, colour profile, XMP and the rest.
    encoding : dict
        How its file was encoded: subsampling, progressive, qtables of a JPEG, lossless of a WebP.
    extra : {"alpha", "associated", "unspecified"}
        What the last of 2 or 4 channels is. `"associated"`: alpha whose file stores colours multiplied by it; here
        they are not. `"unspecified"`: something of which the file does not say what it is; it is no transparency.
    """

    pixels: np.ndarray
    format: str
    metadata: Metadata = Metadata()
    encoding: dict = field(default_factory=dict)
    extra: str = "alpha"

    @property
    def has_extra(self) -> bool:
        """Whether the last channel is no colour."""
        return self.pixels.shape[-1] in (2, 4)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is transparency."""
        return self.has_extra and self.extra != "unspecified"

    @property
    def image(self) -> np.ndarray:
        """The pixels to work on, a view: the colours, with alpha but without an unspecified channel."""
        return self.pixels[..., :-1] if self.has_extra and not self.has_alpha else self.pixels
