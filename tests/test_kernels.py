"""Point spread functions: what all of them are, the shapes they have, and files of them."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tfdeblur.physics import kernels
from tfdeblur.physics.kernels import camera_shake, disk, gaussian, linear_motion, measured
from tfdeblur.physics.psfs import parse_psf, read_kernel


def shaken(length, seed=0, **options):
    return camera_shake(np.random.default_rng(seed), length, **options)


EXAMPLES = {
    "gaussian": gaussian(1.7),
    "no gaussian": gaussian(0),
    "disk": disk(3.3),
    "small disk": disk(0.6),
    "pinhole": disk(0),
    "motion": linear_motion(12.5, 30),
    "steep motion": linear_motion(7, 100),
    "no motion": linear_motion(0, 45),
    "shake": shaken(30),
    "drunkard": shaken(80, inertia=0),
    "no shake": shaken(0),
    "measured": measured(np.arange(12).reshape(3, 4)),
}


def moments(kernel):
    """Return the centre of mass from the middle, and the variance along y and x."""
    y, x = (np.arange(side) - side // 2 for side in kernel.shape)
    rows, columns = np.float64(kernel).sum(1), np.float64(kernel).sum(0)
    centre = rows @ y, columns @ x
    return centre, (rows @ y**2 - centre[0] ** 2, columns @ x**2 - centre[1] ** 2)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_psf_is_normalised_odd_and_centred(name):
    kernel = EXAMPLES[name]
    assert kernel.dtype == np.float32 and kernel.sum() == pytest.approx(1, abs=1e-6) and kernel.min() >= 0
    assert all(side % 2 for side in kernel.shape)
    np.testing.assert_allclose(moments(kernel)[0], 0, atol=0.51 if name == "measured" else 1e-5)
    assert all(kernel.take([0, -1], axis).max() > 0 for axis in (0, 1)), "a frame of zeros is left"


@pytest.mark.parametrize("make", [gaussian, disk, lambda size: linear_motion(size, 20), shaken])
def test_of_size_nothing_is_the_identity(make):
    np.testing.assert_array_equal(make(0), [[1]])


def test_gaussian_is_scipys():
    point = np.zeros((41, 41))
    point[20, 20] = 1
    expected = ndimage.gaussian_filter(point, 1.7)[13:28, 13:28]
    np.testing.assert_allclose(gaussian(1.7), expected, atol=1e-7)


@pytest.mark.parametrize("radius", [0.6, 1.0, 2.5, 4.7])
def test_disk_is_the_covered_area(radius):
    kernel = disk(radius)
    side, parts = len(kernel), 400
    fine = (np.arange(side * parts) + 0.5) / parts - side / 2
    covered = (fine[:, None] ** 2 + fine**2 < radius**2).reshape(side, parts, side, parts).mean((1, 3))
    np.testing.assert_allclose(kernel, covered / covered.sum(), atol=1e-4)
    np.testing.assert_array_equal(kernel, kernel.T)


@pytest.mark.parametrize("angle", [0, 30, 90, 135])
def test_motion_is_a_segment_of_that_length_and_angle(angle):
    """A segment's variance is length^2 / 12 along it; sharing among pixels adds at most 1/4 along each axis."""
    length, kernel = 20.0, linear_motion(20.0, angle)
    _, (along_y, along_x) = moments(kernel)
    expected = length**2 / 12 * np.array([np.sin(np.deg2rad(angle)) ** 2, np.cos(np.deg2rad(angle)) ** 2])
    assert np.all(np.array([along_y, along_x]) >= expected - 0.01)
    assert np.all(np.array([along_y, along_x]) <= expected + 0.26)


def test_motion_is_counter_clockwise_as_the_picture_is_looked_at():
    kernel = linear_motion(9, 45)
    assert kernel[0, -1] > 0 and kernel[-1, 0] > 0 and kernel[0, 0] == kernel[-1, -1] == 0


def test_shake_is_of_its_seed_and_length():
    np.testing.assert_array_equal(shaken(30), shaken(30))
    assert shaken(30, 1).tobytes() != shaken(30).tobytes()
    straight = shaken(30, inertia=0.999)
    assert max(straight.shape) > 20 > max(shaken(30, inertia=0).shape)
    assert max(shaken(60).shape) > 1.5 * max(shaken(30).shape)


def test_measured_kernels_are_cut_centred_and_made_odd():
    raw = np.zeros((10, 12))
    raw[2, 3], raw[2, 4], raw[3, 4], raw[8, 8] = 1, 2, 1, -5
    np.testing.assert_allclose(measured(raw), np.array([[0, 0, 0], [1, 2, 0], [0, 1, 0]]) / 4)
    kept = measured(raw, centred=False)
    assert kept.shape == (7, 7) and kept[0, 0] == 0.25 and not kept[6, 2]  # row 5, column 6 stays the centre
    for kernel in EXAMPLES.values():
        np.testing.assert_allclose(measured(kernel * 7), kernel, rtol=1e-5)


@pytest.mark.parametrize("nonsense", [np.zeros((3, 3)), np.ones(3), np.full((3, 3), np.nan), -np.ones((3, 3))])
def test_what_is_no_kernel_is_refused(nonsense):
    with pytest.raises(ValueError, match="is no kernel; it must"):
        measured(nonsense)


def test_files_of_every_kind_hold_the_same_kernel(tmp_path):
    kernel = np.float32([[0, 1, 0], [2, 255, 3], [0, 4, 5]])
    levels = np.uint8(kernel)
    np.save(tmp_path / "k.npy", kernel)
    np.savez(tmp_path / "one.npz", k=kernel)
    np.savez(tmp_path / "two.npz", k=kernel, other=kernel.T)
    Image.fromarray(levels).save(tmp_path / "k.png")
    Image.fromarray(np.dstack([levels] * 3 + [255 - levels])).save(tmp_path / "alpha.png")
    Image.fromarray(np.uint16(levels) * 257).save(tmp_path / "k.tiff")
    for name in ("k.npy", "one.npz", "one.npz:k", "two.npz:k", "k.png", "alpha.png", "k.tiff"):
        np.testing.assert_allclose(parse_psf(str(tmp_path / name)), kernel / kernel.sum(), rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(read_kernel(f"{tmp_path}/two.npz:other"), kernel.T / kernel.sum(), rtol=1e-6)
    with pytest.raises(ValueError, match="two.npz has 2 arrays; write .*two.npz:NAME with one of k, other"):
        read_kernel(f"{tmp_path}/two.npz")
    with pytest.raises(ValueError, match="no array 'z'; write .* one of k, other"):
        read_kernel(f"{tmp_path}/two.npz:z")


def test_a_read_kernel_keeps_its_centre_unless_asked(tmp_path):
    off = np.zeros((5, 5))
    off[0, 1] = 1
    np.save(tmp_path / "off.npy", off)
    np.testing.assert_array_equal(read_kernel(tmp_path / "off.npy"), off[:, 1:4])
    np.testing.assert_array_equal(read_kernel(f"{tmp_path}/off.npy", centred=True), [[1]])


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04broken", b"\x93NUMPY\x01\x00"])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".png"])
def test_damaged_files_are_explained(tmp_path, content, suffix):
    (tmp_path / f"k{suffix}").write_bytes(content)
    with pytest.raises(ValueError, match=f"k{suffix} cannot be read as"):
        read_kernel(f"{tmp_path}/k{suffix}")


@pytest.mark.parametrize(
    ("text", "kernel"),
    [
        ("gaussian:1.5", gaussian(1.5)),
        ("disk:3", disk(3)),
        ("motion:15,30", linear_motion(15, 30)),
        ("shake:30,7", shaken(30, 7)),
    ],
)
def test_psfs_by_name(text, kernel):
    np.testing.assert_array_equal(parse_psf(text), kernel)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("disk:wide", ValueError, "'disk:wide' is not understood; expected disk:RADIUS"),
        ("disk", ValueError, "expected disk:RADIUS"),
        ("motion:3", ValueError, "expected motion:LENGTH,ANGLE"),
        ("disk:-1", ValueError, r"not possible \(radius is -1.*expected disk:RADIUS"),
        ("gaussian:nan", ValueError, "sigma is nan"),
        ("shake:10,0.5", ValueError, "seed is 0.5; it must be a whole number"),
        ("box:3", FileNotFoundError, "no kernel file box:3; expected FILE.npy, .*gaussian, disk, motion, shake"),
    ],
)
def test_psfs_that_are_none_are_explained(text, error, message):
    with pytest.raises(error, match=message):
        parse_psf(text)


@pytest.mark.parametrize(
    "call",
    [
        lambda: disk(-1),
        lambda: linear_motion(np.inf, 0),
        lambda: linear_motion(3, np.nan),
        lambda: shaken(-1),
        lambda: shaken(5, inertia=1.0),
        lambda: shaken(5, steps=0),
        lambda: kernels.gaussian_kernel(4, 1),
        lambda: kernels.gaussian_kernel(5, 0),
    ],
)
def test_parameters_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must be"):
        call()
