"""Contact sheets: every picture is on them, pixel for pixel where it is enlarged."""

import numpy as np
import pytest

from tests.record_folders import blurred, photograph
from tfdeblur.evaluation import figures


def contains(page: np.ndarray, part: np.ndarray) -> bool:
    """Whether the page shows the part somewhere, found by its first row of pixels."""
    width = part.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(page, (width, 3), axis=(1, 2))[:, :, 0]
    for y, x in np.argwhere((windows == part[0]).all(axis=(2, 3))):
        if np.array_equal(page[y : y + len(part), x : x + width], part):
            return True
    return False


def test_pictures_of_every_kind_and_size_are_shown():
    large = photograph("astronaut", 100, 120)
    small = photograph("coffee", 12, 9)
    grey = large[..., :1]
    rows = [[large, np.uint16(large) * 257, np.float32(large) / 255], [small], [grey, grey[..., 0]]]
    labels = [
        ["eight", "sixteen", "float"],
        ["small\nsecond line"],
        ["grey", "a label that is far too wide for it" * 3],
    ]
    page = np.asarray(figures.sheet(rows, labels, title="All", smallest=100))
    assert page.dtype == np.uint8 and page.shape[1] == 3 * 120 + 2 * 10 + 2 * 16
    tops = [tuple(page[y, 16:136].ravel()) for y in range(len(page))]
    assert tuple(large[0].ravel()) in tops
    assert contains(page, large) and contains(page, np.repeat(grey, 3, -1))
    assert contains(page, small.repeat(9, 0).repeat(9, 1))
    for left in (16, 146, 276):
        assert contains(page[:, left : left + 120], large)


def test_labels_are_written_and_large_pictures_reduced():
    picture = photograph("astronaut", 300, 200)
    plain = figures.sheet([[picture]], largest=150, smallest=1)
    assert plain.size == (100 + 32, 150 + 32)
    labelled = figures.sheet([[picture]], [["27.3 dB"]], largest=150, smallest=1)
    assert labelled.height > plain.height
    assert np.asarray(labelled)[-30:].min() < 100 < 200 < np.asarray(plain)[-14:].min()


def test_bad_sheets():
    picture = photograph("astronaut", 20, 20)
    with pytest.raises(ValueError, match="at least one picture"):
        figures.sheet([[]])
    with pytest.raises(ValueError, match="one caption for each"):
        figures.sheet([[picture]], [["a", "b"]])


def test_the_detail_is_where_the_edges_are():
    sharp = np.full((90, 130, 3), 120, np.uint8)
    sharp[50:80, 80:120] = photograph("coffee", 30, 40)
    cut = figures.detail([blurred(sharp, 2), sharp], 40)
    assert [part.shape for part in cut] == [(40, 40, 3)] * 2
    assert contains(cut[1], sharp[52:78, 82:118])
    np.testing.assert_array_equal(figures.detail([sharp[:30]], 40)[0].shape, (30, 40, 3))
    flat = np.zeros((50, 50, 1), np.uint8)
    assert figures.detail([flat], 40)[0].shape == (40, 40, 1)
