"""PSFs on the command line: what is made of a file's kernel, what is said of it, and what is refused."""

import re

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy import ndimage

from tests.picture_folders import save
from tfdeblur.deblur import main
from tfdeblur.physics.blur import convolve
from tfdeblur.physics.kernels import disk
from tfdeblur.physics.psfs import PSFS, describe_psf, parse_psf

SHARP = skimage.data.chelsea()[:160, :200]


@pytest.fixture
def deblur(tmp_path, capsys):
    """Deblur a photograph with a kernel, an array or a word; return the result, 0 to 1, and what was printed."""
    blur = convolve(np.float32(SHARP[None]) / 255, disk(3), "reflect")[0]
    photo = save(tmp_path / "photo.png", np.uint8(np.rint(255 * np.minimum(blur, 250 / 255))))

    def run(psf, *options, status=0, method="wiener"):
        if isinstance(psf, np.ndarray):
            np.save(tmp_path / "k.npy", psf)
            psf = tmp_path / "k.npy"
        command = [str(photo), "--method", method, "--psf", str(psf), "--out", str(tmp_path / "out"), "--overwrite"]
        assert main([*command, *options]) == status
        said = capsys.readouterr().err
        return (np.asarray(Image.open(tmp_path / "out" / "photo.png")) / 255 if not status else None), said

    return run


def error(result):
    return np.sqrt(np.mean((result - SHARP / 255)[20:-20, 20:-20] ** 2))


def test_frames_of_zeros_are_cut_off(deblur):
    plain, said = deblur(disk(3))
    framed, said_of_framed = deblur(np.pad(disk(3), [(300, 300), (200, 200)]))
    np.testing.assert_allclose(framed, plain, atol=1 / 255)
    assert not said and not said_of_framed


def test_a_shift_is_said_and_centring_prevents_it(deblur):
    plain, _ = deblur(disk(3))
    off = np.pad(disk(3), [(6, 0), (0, 10)])  # 3 pixels below and 5 left of the middle
    shifted, said = deblur(off)
    assert "k.npy has its centre of mass 5.0 pixels left of its centre and 3.0 below" in said and said.count("\n") == 1
    moved = ndimage.shift(plain, (-3, 5, 0), order=0)
    np.testing.assert_allclose(shifted[20:-20, 20:-20], moved[20:-20, 20:-20], atol=0.02)
    centred, said = deblur(off, "--centre-psf")
    np.testing.assert_array_equal(centred, plain)
    assert not said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k: 7 * k, "sums to 7, not to 1; it is divided by that"),
        (lambda k: np.where(k == 0, -0.001, k), "has negative values, 0.0.* taken for 0"),
        (lambda k: np.pad(k, [(1, 0), (0, 0)]), "even side, 7x8 pixels; row 4 and column 3, from 0, is its centre"),
    ],
)
def test_what_is_changed_in_a_kernel_is_said(change, message, deblur, tmp_path):
    plain, _ = deblur(disk(3))
    result, said = deblur(change(disk(3)))
    assert pytest.approx(error(plain), rel=0.02) == error(result)
    assert len(said.splitlines()) == 1 and said.startswith("warning: the PSF ")
    assert re.search(message, said)


def test_colours_of_a_kernel_are_averaged_with_a_line(deblur, tmp_path):
    levels = np.uint8(np.rint(disk(3) / disk(3).max() * 200))
    grey = save(tmp_path / "grey.png", np.dstack([levels] * 3))
    colour = save(tmp_path / "colour.png", np.dstack([levels, levels // 2, levels]))
    assert "colour" not in deblur(grey)[1]
    assert "is in colour; its colours are averaged" in deblur(colour)[1]


@pytest.mark.parametrize(
    "psf",
    ["gaussian:1e9", "gaussian:1e300", "disk:1e9", "motion:1e6,0", "motion:1e9,90", "shake:1e9,1", "blind:99999",
     "gaussian:30", "blind:161"],
)  # fmt: skip
def test_a_psf_larger_than_the_photograph_is_refused_before_it_is_made(psf, deblur):
    _, said = deblur(psf, status=1)
    assert said.count("\n") == 1 and "the photograph 200x160; at most " in said


def test_a_kernel_in_a_file_larger_than_the_photograph_is_refused(deblur):
    _, said = deblur(np.full((161, 3), 1 / 483), status=1)
    assert "k.npy has 3x161 pixels and the photograph 200x160; at most 200x160" in said


@pytest.mark.parametrize(
    ("psf", "message"),
    [
        ("gausian:2", "did you mean gaussian:SIGMA?"),
        ("Disk:2", "did you mean disk:RADIUS?"),
        ("blnd:31", "did you mean blind:SIZE?"),
        ("blind:30", "expected blind:SIZE with an odd number"),
        ("blind:x", "expected blind:SIZE with an odd number"),
        ("blind:3", "at least 5"),
        (np.full((3, 3), np.nan), "not finite"),
        (np.zeros((3, 3)), "nothing in it is positive|nothing is positive"),
        (np.ones((3, 3, 3)), "two-dimensional"),
        (np.array([["a"]]), "holds no real numbers"),
    ],
)
def test_what_is_no_psf_is_refused_before_any_work(psf, message, deblur, tmp_path):
    with pytest.raises((ValueError, OSError), match=message.replace("?", "[?]")):
        deblur(psf)
    assert not (tmp_path / "out" / "photo.png").exists()


@pytest.mark.parametrize(
    "text",
    ["gaussian:0", "gaussian:2.3", "disk:0.5", "disk:4.5", "disk:4.51", "motion:0,0", "motion:15,30", "motion:15,90",
     "motion:40,180", "shake:30,7", "shake:0,0"],
)  # fmt: skip
def test_sides_are_known_before_a_kernel_is_made(text):
    sides, shape = describe_psf(text).sides, parse_psf(text).shape
    exact = not text.startswith("shake")
    assert sides == shape if exact else all(side >= made for side, made in zip(sides, shape, strict=True))


def test_a_description_makes_no_gigantic_kernel():
    with pytest.raises(ValueError, match="4001x4001 at most"):
        parse_psf("gaussian:1e9")
    assert set(PSFS) == {"gaussian", "disk", "motion", "shake"}


def test_centre_psf_belongs_to_methods(tmp_path):
    with pytest.raises(ValueError, match="--centre-psf is an option of --method"):
        main([str(tmp_path), "--model", "m", "--centre-psf", "--out", str(tmp_path / "out")])


@pytest.mark.parametrize(("light", "warned"), [(250, False), (255, True)])
def test_clipped_photographs_are_said(light, warned, tmp_path, capsys):
    pixels = np.minimum(SHARP, 250)
    pixels[20:23, 30:33] = light
    photo = save(tmp_path / "photo.png", pixels)
    assert main([str(photo), "--method", "rl", "--psf", "disk:1", "--out", str(tmp_path / "out")]) == 0
    line = f"warning: {photo}: 0.028 % of its pixels are clipped at white; deconvolution may ring around them\n"
    assert capsys.readouterr().err == (line if warned else "")
