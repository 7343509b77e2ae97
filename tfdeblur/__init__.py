"""Blurred photographs to sharp ones, on TensorFlow: prepare data, train, measure, deblur."""

__version__ = "0.1.0"


def load(model, *, tile: int = 512, overlap: int | None = None, ensemble: bool = False):
    """Load a trained model as a function that deblurs one picture.

    Parameters
    ----------
    model : str or pathlib.Path
        A run folder (its `best.keras`), a `.keras` file, or a folder made by `python -m tfdeblur.export`.
    tile : int
        Pictures are deblurred in square tiles of this many pixels, so that memory stays bounded whatever their size.
    overlap : int, optional
        Pixels that neighbouring tiles share; 96 by default.
    ensemble : bool
        Average over the eight flips and quarter turns: somewhat better, eight times slower.

    Returns
    -------
    callable
        Takes an array of shape (H, W) or (H, W, C), uint8, uint16 or float in [0, 1], or a Pillow image, and returns
        the same kind with the same shape and type. C is 1 or 3, or 2 or 4, whose last channel is an alpha channel
        that passes through untouched: no hidden colour reaches a visible pixel, and pixels of alpha 0 stay as they are.

    Raises
    ------
    FileNotFoundError
        There is no such file, or the run has saved no model yet.
    ValueError
        It is not a model.

    Examples
    --------
    >>> sharpen = tfdeblur.load("runs/sample")  # doctest: +SKIP
    >>> sharpen(PIL.Image.open("photo.jpg")).save("sharp.jpg")  # doctest: +SKIP
    """
    from tfdeblur.inference import deblur_picture, load_deblur

    deblur = load_deblur(model)

    def sharpen(picture):
        from PIL import Image

        from tfdeblur.pictures.conversion import from_pillow, to_pillow

        image = picture if isinstance(picture, Image.Image) else None
        pixels = picture if image is None else from_pillow(image)
        sharp = deblur_picture(deblur, pixels, tile=tile, overlap=overlap, ensemble=ensemble)
        if image is None:
            return sharp
        described_colours = image.mode != "CMYK"  # which has become RGB, and the profile is not for that
        return to_pillow(sharp, {k: v for k, v in image.info.items() if described_colours or k != "icc_profile"})

    return sharpen
