import tracemalloc

import numpy as np
import pytest
import skimage.data
from scipy import ndimage

from tfdeblur.classical import METHODS
from tfdeblur.classical.photographs import deblurrer
from tfdeblur.physics.blur import convolve
from tfdeblur.tiling import averaged_over_turns, blending_weights, deblur_picture, reflected, round_up, tile_starts


def identity(images):
    return images


class BlockMean:
    """Averages squares of 8x8 pixels: what it does depends on where a tile begins."""

    multiple = 8

    def __call__(self, images):
        count, height, width, channels = images.shape
        padded = images[:, reflected(0, round_up(height, 8), height)][:, :, reflected(0, round_up(width, 8), width)]
        blocks = padded.reshape(count, padded.shape[1] // 8, 8, padded.shape[2] // 8, 8, channels)
        means = np.broadcast_to(blocks.mean(axis=(2, 4), keepdims=True), blocks.shape).reshape(padded.shape)
        return means[:, :height, :width]


@pytest.mark.parametrize("size", [2, 3, 7])
@pytest.mark.parametrize("before, after", [(0, 0), (1, 2), (20, 33)])
def test_reflection_is_numpys(size, before, after):
    expected = np.pad(np.arange(size), (before, after), mode="reflect")
    np.testing.assert_array_equal(reflected(-before, size + after, size), expected)


@pytest.mark.parametrize("tile, overlap, multiple", [(64, 16, 1), (64, 32, 8), (96, 0, 32), (512, 96, 8), (7, 3, 1)])
def test_weights_sum_to_one_and_leave_out_the_edges(tile, overlap, multiple):
    for extent in range(multiple, 9 * tile, 5 * multiple):
        starts = tile_starts(extent, tile, overlap, multiple)
        length = min(tile, extent)
        assert starts[0] == 0 and starts[-1] + length == extent and not any(start % multiple for start in starts)
        assert all(b - a <= tile - overlap for a, b in zip(starts, starts[1:], strict=False))
        total, edge = np.zeros(extent), overlap * 3 // 8
        weights = blending_weights(starts, length, overlap)
        assert weights.min() >= 0
        for start, row in zip(starts, weights, strict=True):
            total[start : start + length] += row
            assert not row[:edge].any() or start == 0
            assert not row[length - edge :].any() or start + length == extent or edge == 0
        np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 1, 3), (200, 131), (77, 300, 3), (150, 140, 4), (40, 41, 2), (64, 64, 1)]
)
def test_the_identity_returns_the_picture(dtype, shape):
    picture = np.random.default_rng(0).random(shape)
    if np.issubdtype(dtype, np.integer):
        picture = picture * np.iinfo(dtype).max
    picture = picture.astype(dtype)
    result = deblur_picture(identity, picture, tile=64, overlap=24)
    assert result.dtype == dtype
    tolerance = 0 if np.issubdtype(dtype, np.integer) else 2e-7
    np.testing.assert_allclose(result, picture, rtol=0, atol=tolerance)


def test_alpha_passes_untouched_and_colours_do_not():
    picture = np.random.default_rng(0).integers(0, 256, (90, 80, 4), np.uint8)
    picture[..., 3] = np.where(picture[..., 3] < 128, 0, 255)
    result = deblur_picture(lambda images: 1 - images, picture, tile=32, overlap=8)
    expected = np.where(picture[..., 3:] > 0, 255 - picture[..., :3], picture[..., :3])
    np.testing.assert_array_equal(result[..., :3], expected)
    np.testing.assert_array_equal(result[..., 3], picture[..., 3])


def test_tiles_equal_the_whole_where_the_filter_reaches_no_further_than_the_part_left_out():
    def blur(images):
        return ndimage.gaussian_filter(images, (0, 2, 2, 0), radius=(0, 12, 12, 0))

    picture = skimage.data.chelsea().astype(np.float32) / 255
    whole = blur(picture[None])[0]
    np.testing.assert_allclose(deblur_picture(blur, picture, tile=96, overlap=32), whole, atol=1e-6)
    assert np.abs(deblur_picture(blur, picture, tile=96, overlap=4) - whole).max() > 1e-3


@pytest.mark.parametrize("shape", [(100, 131, 3), (9, 7, 3), (301, 65, 3), (65, 64, 1)])
def test_tiles_have_the_phase_of_the_whole(shape):
    picture = np.random.default_rng(1).random(shape).astype(np.float32)
    whole = BlockMean()(picture[None])[0]
    np.testing.assert_allclose(deblur_picture(BlockMean(), picture, tile=30, overlap=5), whole, atol=1e-6)


def test_all_tiles_have_one_shape():
    shapes = set()
    deblur_picture(lambda images: shapes.add(images.shape) or images, np.zeros((333, 401, 3), np.uint8), tile=100)
    assert shapes == {(1, 100, 100, 3)}


@pytest.mark.parametrize("multiple", [1, 8])
def test_the_result_may_take_the_place_of_the_picture(multiple):
    def deblur(images):
        return ndimage.gaussian_filter(images, (0, 3, 3, 0))

    deblur.multiple = multiple
    picture = skimage.data.coffee()[:203, :301].swapaxes(0, 1)  # a view, as an upright photograph may be
    expected = deblur_picture(deblur, picture, tile=16, overlap=8)
    place = picture.copy()
    assert deblur_picture(deblur, place, tile=16, overlap=8, out=place) is place
    np.testing.assert_array_equal(place, expected)


def test_progress_counts_the_rows():
    rows = []
    deblur_picture(identity, np.zeros((250, 40), np.uint8), tile=64, overlap=16, progress=rows.append)
    assert len(rows) > 3 and sum(rows) == 250


def test_memory_does_not_grow_with_the_height():
    def peak(height):
        picture = np.zeros((height, 512, 3), np.uint8)
        tracemalloc.start()
        deblur_picture(identity, picture, tile=128, overlap=32, out=picture)
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(4096) < 1.1 * peak(512)


def test_the_ensemble_turns_with_the_picture():
    def lopsided(images):
        return 0.5 * np.roll(images, 3, axis=2) + 0.5 * images**2

    picture = skimage.data.astronaut()[:60, :80].astype(np.float32) / 255
    result = deblur_picture(lopsided, picture, ensemble=True)
    for turns in range(4):
        for step in (1, -1):
            turned = np.rot90(picture[:, ::step], turns)
            expected = np.rot90(result[:, ::step], turns)
            np.testing.assert_allclose(deblur_picture(lopsided, turned, ensemble=True), expected, atol=1e-6)
    assert np.abs(result - deblur_picture(lopsided, picture)).max() > 0.1


def test_the_ensemble_of_a_symmetric_function_is_that_function():
    images = np.random.default_rng(2).random((2, 8, 9, 3)).astype(np.float32)
    np.testing.assert_allclose(averaged_over_turns(lambda images: images**2)(images), images**2, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_ensemble_turns_the_kernel_with_the_picture(method, tmp_path):
    kernel = np.zeros((9, 9), np.float32)
    kernel[4, 4:9], kernel[1:4, 4] = 0.15, 0.25 / 3  # a hook
    np.save(tmp_path / "hook.npy", kernel)
    sharp = np.float32(skimage.data.chelsea()[60:188, 60:200]) / 255
    blur = convolve(sharp[None], kernel, "reflect")[0]
    pixels = np.uint8(np.rint(255 * np.clip(blur + np.random.default_rng(0).normal(0, 0.005, blur.shape), 0, 1)))
    deblur = deblurrer(method, str(tmp_path / "hook.npy"))(pixels)
    plain, averaged = (np.float32(deblur_picture(deblur, pixels, ensemble=turns)) / 255 for turns in (False, True))
    errors = [np.sqrt(np.mean((restored - sharp)[10:-10, 10:-10] ** 2)) for restored in (plain, averaged, blur)]
    assert errors[1] < 1.005 * errors[0] < 0.8 * errors[2]
    assert np.sqrt(np.mean((averaged - plain) ** 2)) < 0.01


def test_the_ensemble_turns_what_lies_beside_with_the_picture():
    def brightened(images):
        return images[..., :3] * images[..., 3:]

    brightened.beside = np.random.default_rng(0).random((70, 50, 1), np.float32)
    picture = np.random.default_rng(1).random((70, 50, 3), np.float32)
    result = deblur_picture(brightened, picture, tile=32, overlap=8, ensemble=True)
    np.testing.assert_allclose(result, picture * brightened.beside, atol=1e-6)


@pytest.mark.parametrize("dtype", [">u2", ">f4", ">f8", "f2"])
def test_every_byte_order_and_width_keeps_its_type(dtype):
    picture = skimage.data.astronaut()[:40, :50]
    picture = (picture * 257.0 if dtype == ">u2" else picture / 255).astype(dtype)
    result = deblur_picture(identity, picture[:, ::2], tile=16, overlap=4)
    assert result.dtype == picture.dtype
    np.testing.assert_allclose(result, picture[:, ::2], atol=1e-3)


@pytest.mark.parametrize(
    "picture, message",
    [
        (np.full((8, 8, 3), np.nan, np.float32), "not finite"),
        (np.full((8, 8), np.inf), "not finite"),
        (np.full((8, 8, 3), 200.0), "scale or clip"),
        (np.zeros((8, 8), np.int64), "int64"),
        (np.zeros((8, 8, 5), np.uint8), "5 channels"),
        (np.zeros((0, 8, 3), np.uint8), "at least one pixel"),
        (np.zeros((1, 8, 8, 3), np.uint8), "shape"),
        ([[0.5]], "found list"),
    ],
)
def test_what_is_no_picture_is_named(picture, message):
    with pytest.raises(ValueError, match=message):
        deblur_picture(identity, picture)


@pytest.mark.parametrize("tile, overlap", [(64, 33), (64, -1), (0, 0)])
def test_an_overlap_that_leaves_no_tile_is_refused(tile, overlap):
    with pytest.raises(ValueError, match="at most half a tile"):
        deblur_picture(identity, np.zeros((100, 100), np.uint8), tile=tile, overlap=overlap)
