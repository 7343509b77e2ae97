"""Small folders of real photographs, laid out as the raw data sets are."""

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image
from scipy import ndimage


def photograph(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Return one of many different parts of a photograph that scikit-image bundles."""
    picture = (skimage.data.astronaut, skimage.data.chelsea, skimage.data.coffee)[index % 3]()
    top, left = 7 * index % (picture.shape[0] - height), 31 * index % (picture.shape[1] - width)
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def save(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


def save_pair(blur: Path, sharp: Path, index: int, **size: int) -> None:
    picture = photograph(index, **size)
    save(sharp, picture)
    save(blur, ndimage.gaussian_filter(picture, (2, 2, 0)))


def reds(root: Path, frames: int = 2) -> Path:
    for split, scenes in {"train": ("000", "001", "002"), "val": ("000", "001")}.items():
        for number, scene in enumerate(scenes):
            for frame in range(frames):
                base, name = root / split, f"{scene}/{frame:08d}.png"
                save_pair(base / f"{split}_blur" / name, base / f"{split}_sharp" / name, 10 * number + frame)
    return root


def gopro(root: Path) -> Path:
    for index, scene in enumerate(("train/GOPR0372_07_00", "train/GOPR0374_11_00", "test/GOPR0384_11_00")):
        for frame in (1, 2):
            base, name = root / scene, f"{frame:06d}.png"
            save_pair(base / "blur" / name, base / "sharp" / name, 2 * index + frame)
            save(base / "blur_gamma" / name, photograph(40 + 2 * index + frame))
    return root


def realblur(root: Path, version: str = "J") -> Path:
    """Write RealBlur's layout; in its list files the sharp picture comes first."""
    folder = f"RealBlur-{version}_ECC_IMCORR_centroid_itensity_ref"
    for split, scenes in {"train": ("scene001", "scene003"), "test": ("scene002",)}.items():
        lines = []
        for index, scene in enumerate(scenes):
            sharp, blur = f"{folder}/{scene}/gt/gt_1.png", f"{folder}/{scene}/blur/blur_1.png"
            save_pair(root / blur, root / sharp, index)
            lines.append(f"{sharp} {blur}\n")
        (root / f"RealBlur_{version}_{split}_list.txt").write_text("".join(lines))
    return root


def images(root: Path, count: int = 12, **size: int) -> Path:
    for index in range(count):
        save(root / f"{index:02d}.png", photograph(index, **size))
    return root
