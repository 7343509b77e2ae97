"""Every kind of file that can be written is read as what was written, or refused with the reason; by all commands."""

import warnings
from collections import Counter

import numpy as np
import pytest

from tests.picture_matrix import GROUPS, Kind
from tfdeblur.pictures import photographs
from tools import pictures

SHARE = {"TIFF by hand": 41, "TIFF by tifffile": 401, "TIFF by Pillow": 5, "TIFF by libtiff": 37}
"""Of these groups, the quick test takes one kind of so many; most of tifffile's 200,000 it does not write."""
SLOW_SHARE = {"TIFF by tifffile": 11}


def outcome(kind: Kind) -> str:
    """Write a kind of file and read it; return whether it was written, read equal, or refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content, expected = kind.write()
    except Exception:  # the writer does not know this kind
        return "not written"
    try:
        photograph = photographs.read(content, kind.name)
    except ValueError as error:
        reason = str(error).removeprefix(f"{kind.name} cannot be read: ")
        assert reason and "\n" not in reason and len(reason) < 300, reason
        assert not kind.must, f"{kind.name} is refused: {reason}"
        with pytest.raises(ValueError) as again:
            pictures.decode(content, kind.name, 3)
        assert reason in str(again.value), f"{kind.name}: {again.value}"
        return "refused"
    pixels = photograph.pixels
    if expected is None:
        try:
            expected = kind.decode(content)
        except Exception:
            return "read, with no other decoder"
    colours = pixels.shape[-1] - photograph.has_extra
    if expected.shape[-1] != pixels.shape[-1]:  # what is no colour may be left out by the other decoder
        expected, pixels = expected[..., :3], pixels[..., : min(colours, 3)]
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, expected.shape), err_msg=kind.name)
    assert pixels.dtype == expected.dtype.newbyteorder("="), kind.name
    record, was_grey = pictures.decode(content, kind.name, colours)
    shown = photograph.pixels[..., :colours]
    eight = shown if shown.dtype == np.uint8 else np.uint8(np.rint(shown / 257))
    if photograph.has_alpha:  # hidden colours are replaced there
        opaque = photograph.pixels[..., -1] == np.iinfo(photograph.pixels.dtype).max
        record, eight = record[opaque], eight[opaque]
    np.testing.assert_array_equal(record, eight, err_msg=f"records of {kind.name}")
    assert was_grey == (colours == 1)
    return "read equal"


@pytest.mark.parametrize("group", GROUPS)
def test_some_kinds_of_files_are_read_as_written_or_refused(group):
    step = SHARE.get(group, 1)
    counts = Counter(outcome(kind) for number, kind in enumerate(GROUPS[group]()) if number % step == step // 2)
    print(group, dict(counts))
    assert counts["read equal"] >= 10


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_all_kinds_of_files_are_read_as_written_or_refused(group):
    step = SLOW_SHARE.get(group, 1)
    counts = Counter(outcome(kind) for number, kind in enumerate(GROUPS[group]()) if number % step == 0)
    print(group, dict(counts))
    assert counts["read equal"] >= 10
