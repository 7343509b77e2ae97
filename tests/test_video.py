"""Videos to pairs: frames as they are in the clip, exposures without cuts, and the laws of their average."""

import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests import films
from tests.making import make, pixels, read, shards
from tfdeblur.physics.frames import averaged
from tools import clips, inspect_tfrecords
from tools.changes import changes
from tools.clips import Frame
from tools.exposures import exposures
from tools.interpolation import ghosts, interpolated

VIDEOS = sorted((Path(__file__).parents[2] / "shared" / "data" / "video").glob("*.m*"))
CUTS = {"bikes": {30, 76, 137, 187, 242}}
"""First frames of the scenes in the real clips, as one sees them."""

real = pytest.mark.skipif(not VIDEOS, reason="needs the clips in ../shared/data/video")


def numbered(pictures, seconds=None):
    return [
        Frame(picture, number, number / 30 if seconds is None else seconds[number])
        for number, picture in enumerate(pictures)
    ]


def whole(path):
    """Return all frames of a clip, decoded from its beginning."""
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def in_parts(path, least):
    return [(part, list(clips.frames(str(path), part, 3))) for part in clips.spans(str(path), least)]


def exposed(pictures, count=7, fastest=2.0, seconds=None):
    dropped = Counter()
    found = list(exposures(numbered(pictures, seconds), lambda: count, fastest, dropped))
    return found, dict(dropped)


@real
@pytest.mark.parametrize("path", VIDEOS, ids=lambda path: path.stem)
def test_parts_of_real_clips_have_the_frames_of_the_whole(path):
    expected = whole(path)
    found = [frame for _, frames in in_parts(path, 64) for frame in frames]
    assert [frame.number for frame in found] == list(range(len(expected)))
    assert all(np.array_equal(frame.picture, picture) for frame, picture in zip(found, expected, strict=True))


@pytest.mark.parametrize("gop", [10, 25, 250])
def test_parts_begin_at_key_frames_or_are_decoded_from_there(tmp_path, monkeypatch, gop):
    monkeypatch.setattr(clips, "LONGEST", 40)
    path = films.write(tmp_path / "b.mp4", films.pan(120), "libx264", "yuv420p", g=gop, bf=3, sc_threshold=0)
    expected, parts = whole(path), in_parts(path, 20)
    assert [part.number for part, _ in parts] == list(range(0, 120, {10: 20, 25: 25, 250: 40}[gop]))
    found = [frame for _, frames in parts for frame in frames]
    assert [round(frame.seconds * 120) for frame in found] == list(range(120))
    assert all(np.array_equal(frame.picture, picture) for frame, picture in zip(found, expected, strict=True))


@real
@pytest.mark.slow
def test_no_splice_of_real_clips_is_missed_and_hardly_a_cut_is_none():
    scenes = []
    false = total = 0
    for path in VIDEOS:
        frames = [frame for _, part in in_parts(path, 64) for frame in part]
        known = CUTS.get(path.stem, set())
        found = {seen.frame.number for seen in changes(frames) if seen.change and seen.change.cut}
        assert known <= found
        false, total = false + len(found - known), total + len(frames) - 1
        scenes += [[each.picture for each in frames[a:b]] for a, b in pairwise([0, *sorted(known), len(frames)])]
    assert false <= 0.02 * total
    random = np.random.default_rng(0)
    for _ in range(100):
        first, second = (scenes[index] for index in random.choice(len(scenes), 2, replace=False))
        end, begin = random.integers(1, len(first) + 1), random.integers(0, len(second))
        before, after = first[max(end - 20, 0) : end], second[begin : begin + 20]
        height, width = (min(one[0].shape[axis] for one in (before, after)) for axis in (0, 1))
        spliced = [picture[:height, :width] for picture in before + after]
        found = [seen.frame.number for seen in changes(numbered(spliced)) if seen.change and seen.change.cut]
        assert len(before) in found


def test_an_exposure_is_the_average_of_frames_around_the_sharp_one(tmp_path):
    frames = films.pan(40)
    films.write(tmp_path / "src" / "pan.mkv", frames)
    make("video", "--src", tmp_path / "src", "--out", tmp_path / "set", "--frames", 9, 9, "--splits", "train=1")
    found = read(tmp_path / "set")["train"]
    assert sorted(record.name for record in found) == [f"pan.mkv/{middle:06d}" for middle in (4, 13, 22, 31)]
    for record in found:
        middle = int(record.name[-6:])
        np.testing.assert_array_equal(pixels(record.sharp), frames[middle])
        light = np.mean((np.float64(frames[middle - 4 : middle + 5]) / 255) ** 2.2, 0)
        np.testing.assert_array_equal(pixels(record.blur), np.rint(255 * light ** (1 / 2.2)))
        assert record.scene == "pan.mkv"
    assert json.loads((tmp_path / "set" / "manifest.json").read_text())["dropped"] == {}


def test_gopros_two_versions(tmp_path):
    films.write(tmp_path / "src" / "pan.mkv", films.pan(16))
    for name, response in (("blur", "linear"), ("blur_gamma", "gamma:2.2")):
        out = ("--out", tmp_path / name, "--splits", "train=1", "--frames", 8, 8)
        make("video", "--src", tmp_path / "src", *out, "--response", response)
    values, light = (read(tmp_path / name)["train"] for name in ("blur", "blur_gamma"))
    for one, other in zip(values, light, strict=True):
        assert one.sharp == other.sharp
        mean = np.float64(pixels(one.blur)).mean()
        assert mean == pytest.approx(pixels(one.sharp).mean(), abs=0.5) and mean < pixels(other.blur).mean() - 0.5


def test_workers_do_not_change_the_bytes(tmp_path):
    for index, which in enumerate(("coffee", "astronaut", "chelsea")):
        films.write(tmp_path / "src" / f"{index}.mp4", films.pan(150, 0.7, which=which), "libx264", "yuv420p", g=30)
    for workers in (1, 2):
        out = ("--out", tmp_path / str(workers) / "set", "--workers", workers, "--shards", 1)
        make("video", "--src", tmp_path / "src", *out, "--noise", 0.01, 0.02, "--interpolate", "--max-motion", 0.4)
    assert shards(tmp_path / "1/set") == shards(tmp_path / "2/set") != {}


def test_no_exposure_spans_a_cut_or_a_gap():
    scenes = films.pan(16), films.pan(16, which="astronaut")
    found, dropped = exposed(scenes[0][:10] + scenes[1])
    assert [each.number for each in found] == [3, 13, 20] and dropped == {"cut": 1}
    times = [index + 3 * (index >= 10) for index in range(16)]
    found, dropped = exposed(scenes[0], seconds=np.array(times) / 30)
    assert [each.number for each in found] == [3] and dropped == {"gap": 1}


def test_what_is_no_motion_blur_is_left_out_and_counted():
    frames = films.pan(14)
    assert exposed([frames[0]] * 14)[1] == {"doubled": 13}
    assert exposed(films.pan(14, 0.04))[1] == {"still": 2}
    assert exposed(films.pan(14, 3.0))[1] == {"fast": 2}
    found, dropped = exposed([frame for frame in frames for _ in range(2)])
    assert dropped == {"doubled": 14} and [each.number for each in found] == [6, 20]
    dark = [np.uint8(frame * (1 - index / 20)) for index, frame in enumerate(frames)]
    white = [np.uint8(255 - (255 - frame) * (1 - index / 20.0)) for index, frame in enumerate(frames)]
    assert exposed(dark)[1] == exposed(white)[1] == exposed(dark[::-1])[1] == {"fade": 2}
    others = films.pan(14, which="astronaut")
    mixed = [np.uint8(a * (1 - t) + b * t) for a, b, t in zip(frames, others, np.linspace(0.1, 0.9, 14), strict=True)]
    assert exposed(mixed)[1] == {"fade": 2}


def test_the_manifest_counts_what_was_left_out(tmp_path, capsys):
    frames = films.pan(9) + films.pan(9, 5.0, which="astronaut")
    films.write(tmp_path / "src" / "mixed.mkv", [frames[0], *frames])
    make("video", "--src", tmp_path / "src", "--out", tmp_path / "set", "--frames", 9, 9, "--splits", "train=1")
    assert capsys.readouterr().out.endswith("; left out: 1 doubled, 1 cut, 1 fast\n")
    inspect_tfrecords.main([str(tmp_path / "set"), "--pairs", "0"])
    assert "dropped    1 doubled, 1 cut, 1 fast\n" in capsys.readouterr().out


def test_flat_frames_have_no_cuts():
    random = np.random.default_rng(0)
    noise = [np.uint8(random.normal(128, 0.7, (96, 128, 3))) for _ in range(20)]
    assert not any(seen.change.cut for seen in list(changes(numbered(noise)))[1:])
    found = [seen.frame.number for seen in changes(numbered(noise + films.pan(12))) if seen.change and seen.change.cut]
    assert found == [20]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_frames_in_between_are_those_of_a_faster_camera(dtype):
    frames = [frame.astype(dtype) * dtype(np.iinfo(dtype).max // 255) for frame in films.pan(9)]
    slow = frames[::4]
    found = list(interpolated(slow, 4))
    assert len(found) == 9 and all(each.dtype == dtype and each.shape == frames[0].shape for each in found)
    assert all(np.array_equal(each, frame) for each, frame in zip(found[::4], slow, strict=True))
    inside = np.s_[:, 12:-12]
    levels = np.iinfo(dtype).max
    for each, frame in zip(found, frames, strict=True):
        assert np.std(np.float32(each[inside]) - frame[inside]) < 0.03 * levels
    assert ghosts(*slow) < 0.5 and ghosts(slow[0], slow[0], slow[0]) == 0
    fine, plain, true = (averaged(each)[inside] for each in (found, slow, frames))
    assert np.abs(fine - true).mean() < 0.3 * np.abs(plain - true).mean()


def test_fast_exposures_are_left_out_or_interpolated_within_reason(tmp_path):
    films.write(tmp_path / "src" / "pan.mkv", films.pan(14, 4.0))
    out = ("--splits", "train=1", "--frames", 7, 7)
    with pytest.raises(ValueError, match=r"no exposure can be made .*\(2 fast\); see --max-motion and --interpolate"):
        make("video", "--src", tmp_path / "src", "--out", tmp_path / "none", *out)
    make("video", "--src", tmp_path / "src", "--out", tmp_path / "set", *out, "--interpolate")
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert manifest["splits"]["train"]["records"] == 2 and 0 < manifest["ghosts"]["mean"] < 0.6
    make("video", "--src", tmp_path / "src", "--out", tmp_path / "small", *out, "--resize", "24x32")
    assert pixels(read(tmp_path / "small")["train"][0].blur).shape == (24, 32, 3)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "depth"),
    [("libx264", "yuv420p10le", np.uint16), ("libx264", "yuv422p", np.uint8), ("libx265", "yuv420p", np.uint8)],
)
def test_other_formats(tmp_path, codec, pixel_format, depth):
    frames = films.pan(20)
    path = films.write(tmp_path / "src" / "clip.mkv", frames, codec, pixel_format, crf=4)
    found = [frame.picture for _, part in in_parts(path, 64) for frame in part]
    assert all(each.dtype == depth for each in found)
    levels = np.iinfo(depth).max
    for each, frame in zip(found, frames, strict=True):
        assert np.std(each / levels - frame / 255) < 0.04
    make("video", "--src", tmp_path / "src", "--out", tmp_path / "set", "--splits", "train=1", "--frames", 9, 9)
    assert all(pixels(record.blur).dtype == np.uint8 for record in read(tmp_path / "set")["train"])


def test_rotated_clips_are_upright(tmp_path):
    frames = films.pan(3)
    path = films.write(tmp_path / "up.mp4", [np.rot90(frame).copy() for frame in frames], "libx264", "yuv444p", qp=0)
    content = path.read_bytes()
    at = content.index(b"tkhd") + 4 + 40  # the matrix of ISO/IEC 14496-12, 8.3.2, in a version 0 box
    turn = np.array([0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000], ">i4").tobytes()
    path.write_bytes(content[:at] + turn + content[at + 36 :])
    for (_, found), expected in zip(in_parts(path, 64), [frames], strict=True):
        assert all(np.abs(np.int16(a.picture) - b).mean() < 2 for a, b in zip(found, expected, strict=True))


def test_interlaced_clips_are_refused(tmp_path):
    films.write(tmp_path / "src" / "tv.mp4", films.pan(20), "libx264", "yuv420p", flags="+ildct+ilme")
    with pytest.raises(ValueError, match="tv.mp4 is interlaced; deinterlace it first"):
        make("video", "--src", tmp_path / "src", "--out", tmp_path / "set", "--splits", "train=1")


def test_unusable_clips_are_named(tmp_path):
    films.write(tmp_path / "src" / "good.mkv", films.pan(14))
    (tmp_path / "src" / "note.mp4").write_text("no video")
    make_in = ("video", "--src", tmp_path / "src", "--splits", "train=1", "--frames", 7, 7)
    with pytest.raises(ValueError, match=r"note.mp4 cannot be read as a video \(.*\); replace the file, or use --on"):
        make(*make_in, "--out", tmp_path / "set")
    films.write(tmp_path / "src" / "one.mkv", films.pan(1))
    cut = films.write(tmp_path / "src" / "cut.mp4", films.pan(80), "libx264", "yuv420p", g=10, movflags="faststart")
    content = bytearray(cut.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = os.urandom(3000)
    cut.write_bytes(content)
    make(*make_in, "--out", tmp_path / "set", "--on-error", "skip")
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert {entry["name"] for entry in manifest["skipped"]} == {"note.mp4", "cut.mp4/000000"}
    assert "cut.mp4 is damaged at frame" in str(manifest["skipped"]) and manifest["splits"]["train"]["records"] >= 2


def test_wrong_options_are_refused(tmp_path):
    films.write(tmp_path / "src" / "pan.mkv", films.pan(14))
    wrong = {
        ("--blur", "disk"): "--blur is for sharp pictures, videos are blurred by their own motion",
        ("--frames", "2", "9"): "--frames is 2 9; it takes the lowest and the highest number, 3 <= LOW <= HIGH",
        ("--response", "rec709"): "there is no response 'rec709'",
        ("--max-motion", "0"): "--max-motion is 0.0; it must be above 0",
    }
    for options, message in wrong.items():
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            make("video", "--src", tmp_path / "src", "--out", tmp_path / "set", *options)
    with pytest.raises(ValueError, match="--interpolate is for the source video"):
        make("images", "--src", tmp_path / "src", "--out", tmp_path / "set", "--interpolate")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no videos in it"):
        make("video", "--src", tmp_path / "empty", "--out", tmp_path / "set")
