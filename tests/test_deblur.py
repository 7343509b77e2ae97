import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from tests.networks import negative
from tests.picture_folders import photograph, save
from tfdeblur.deblur import main
from tfdeblur.pictures import photographs
from tfdeblur.pictures.destinations import find_pictures, plan
from tfdeblur.pictures.photographs import Photograph

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "negative.keras"
    negative().save(path)
    return str(path)


@pytest.fixture
def deblur(model, tmp_path):
    """Run the command with the network that returns negatives; return its exit status."""

    def run(*arguments, out="out") -> int:
        return main([*map(str, arguments), "--model", model, "--out", str(tmp_path / out)])

    return run


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_photographs_of_every_kind_are_deblurred(deblur, tmp_path, capsys):
    china = load_sample_image("china.jpg")
    source = tmp_path / "in"
    save(source / "china.png", china)
    save(source / "2021" / "china.png", china[::2])
    save(source / "grey.webp", china[..., 0])
    alpha = np.where(china[..., 0] > 100, 255, 0).astype(np.uint8)
    save(source / "2021" / "transparent.tif", np.dstack([china, alpha]))
    save(source / "deep.PNG", china[..., 0].astype(np.uint16) * 257)
    save(source / "one.png", china[:1, :1])
    (source / "notes.txt").write_text("no picture, and not taken for one")
    assert deblur(source, "--tile", 256) == 0
    out = tmp_path / "out"
    found = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert found == {"china.png", "2021/china.png", "grey.webp", "2021/transparent.tif", "deep.PNG", "one.png"}
    np.testing.assert_array_equal(pixels(out / "china.png"), 255 - china)
    np.testing.assert_array_equal(pixels(out / "2021" / "china.png"), 255 - china[::2])
    visible = np.where(alpha[..., None] > 0, 255 - china, china)
    np.testing.assert_array_equal(pixels(out / "2021" / "transparent.tif"), np.dstack([visible, alpha]))
    np.testing.assert_array_equal(pixels(out / "deep.PNG"), 65535 - china[..., 0].astype(np.uint16) * 257)
    np.testing.assert_array_equal(pixels(out / "one.png"), 255 - china[:1, :1])
    assert "deblurred 6 of 6 photographs" in capsys.readouterr().out


def test_a_broken_file_is_reported_and_the_rest_goes_on(deblur, tmp_path, capsys):
    source = tmp_path / "in"
    for index in range(3):
        save(source / f"{index}.png", photograph(index))
    (source / "1.png").write_bytes((source / "1.png").read_bytes()[:-2000])
    (source / "text.png").write_text("not a picture")
    assert deblur(source) == 1
    assert sorted(os.listdir(tmp_path / "out")) == ["0.png", "2.png"]
    printed = capsys.readouterr()
    assert "2 of 4 photographs" in printed.out and "2 failed" in printed.out
    assert f"error: {source / '1.png'} cannot be read" in printed.err
    assert f"error: {source / 'text.png'} cannot be read: it is not a JPEG" in printed.err


def test_nothing_is_overwritten_unless_asked(deblur, tmp_path, capsys):
    path = save(tmp_path / "photo.png", photograph(0))
    existing = save(tmp_path / "out" / "photo.png", photograph(1))
    before = existing.read_bytes()
    assert deblur(path) == 1
    assert existing.read_bytes() == before
    assert "use --overwrite" in capsys.readouterr().err
    assert deblur(path, "--overwrite") == 0
    np.testing.assert_array_equal(pixels(existing), 255 - photograph(0))


def test_inputs_are_never_overwritten(deblur, tmp_path, capsys):
    first, second = save(tmp_path / "a" / "x.png", photograph(0)), save(tmp_path / "b" / "x.png", photograph(1))
    assert deblur(first, "--overwrite", out="a") == 1
    assert deblur(first, second, "--overwrite", out=".") == 1  # results would be a/x.png and b/x.png
    np.testing.assert_array_equal(pixels(first), photograph(0))
    np.testing.assert_array_equal(pixels(second), photograph(1))
    assert "would replace an input" in capsys.readouterr().err


def test_the_format_can_be_chosen(deblur, tmp_path):
    path = save(tmp_path / "photo.png", photograph(0))
    assert deblur(path, "--format", "tiff") == 0
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "photo.tif"), 255 - photograph(0))


def test_before_and_after(deblur, tmp_path):
    large = np.asarray(Image.fromarray(skimage.data.astronaut()).resize((1000, 700)))
    save(tmp_path / "in" / "small.png", photograph(0))
    save(tmp_path / "in" / "large.png", large)
    assert deblur(tmp_path / "in", "--compare") == 0
    small = pixels(tmp_path / "out" / "small-compare.png")
    height, width = photograph(0).shape[:2]
    corners = [(i, j) for i in range(len(small) - height) for j in (12, 24 + width)]
    assert any(np.array_equal(small[i : i + height, j : j + width], photograph(0)) for i, j in corners[::2])
    assert any(np.array_equal(small[i : i + height, j : j + width], 255 - photograph(0)) for i, j in corners[1::2])
    with Image.open(tmp_path / "out" / "large-compare.png") as sheet:
        assert sheet.size == (2 * 800 + 3 * 12, 350 + 600 + 2 * (28 + 12) + 12)
    assert deblur(tmp_path / "in", "--compare") == 1  # they exist


def test_the_ensemble_is_used(tmp_path, deblur, monkeypatch):
    calls = []
    call = deblur_call()
    monkeypatch.setattr(
        "tfdeblur.inference.Deblur.__call__", lambda self, images: calls.append(1) or call(self, images)
    )
    assert deblur(save(tmp_path / "photo.png", photograph(0)), "--ensemble") == 0
    assert len(calls) == 8
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "photo.png"), 255 - photograph(0))


def deblur_call():
    from tfdeblur.inference import Deblur

    return Deblur.__call__


def test_patterns_and_repetitions(tmp_path):
    names = ["a/1.jpg", "a/2.png", "a/notes.txt", "b/1.jpg", "b/c/3.webp"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    def targets(*paths, format=None):
        pictures = find_pictures([str(tmp_path / path) for path in paths], str(tmp_path / "out"))
        jobs = [job for job in plan(pictures.found, "out", format) if job.problem is None]
        return {os.path.relpath(job.source, tmp_path): os.path.relpath(job.target, "out") for job in jobs}

    assert targets("a/*") == {"a/1.jpg": "1.jpg", "a/2.png": "2.png"}
    assert targets("a", "a/1.jpg", "a/*.jpg") == {"a/1.jpg": "1.jpg", "a/2.png": "2.png"}
    assert targets("b") == {"b/1.jpg": "1.jpg", "b/c/3.webp": "c/3.webp"}
    assert targets("**/1.jpg") == {"a/1.jpg": "a/1.jpg", "b/1.jpg": "b/1.jpg"}
    assert targets("a", "b") == {
        "a/1.jpg": "a/1.jpg",
        "b/1.jpg": "b/1.jpg",
        "a/2.png": "2.png",
        "b/c/3.webp": "c/3.webp",
    }
    assert targets("a", format="png") == {"a/1.jpg": "1.png", "a/2.png": "2.png"}
    assert targets("a/notes.txt", format="png") == {"a/notes.txt": "notes.txt.png"}  # named, so taken
    (tmp_path / "a" / "1.png").write_bytes(b"")
    assert targets("a", format="png") == {"a/1.jpg": "1.png", "a/2.png": "2.png"}  # 1.png has no place
    assert len({job.sheet for job in plan(find_pictures([str(tmp_path / "a")], "out").found, "out")}) == 3
    jobs = plan([("x.png", "x.png"), ("x-compare.png", "x-compare.png")], "out")
    assert len({name for job in jobs for name in (job.target, job.sheet)}) == 4


def test_results_inside_the_sources_are_not_sources(tmp_path):
    save(tmp_path / "photo.png", photograph(0))
    save(tmp_path / "out" / "photo.png", photograph(0))
    assert len(find_pictures([str(tmp_path)], str(tmp_path / "out")).found) == 1
    with pytest.raises(ValueError, match="is the folder of the results, too.*choose another --out"):
        find_pictures([str(tmp_path)], str(tmp_path))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (["missing.png"], FileNotFoundError, "there is no missing.png"),
        (["missing/*.jpg"], FileNotFoundError, "there is no missing/"),
        (["."], ValueError, "no pictures"),
        ([], ValueError, "no photographs given"),
        (["photo.png", "--overlap", "400"], ValueError, "half a tile"),
        (["photo.png", "--model", "missing.keras"], FileNotFoundError, "there is no missing.keras"),
        (["photo.png", "--out", "photo.png/out"], OSError, "photo.png"),
    ],
)
def test_what_cannot_be_done_is_said_first(arguments, error, message, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "photo.png" in arguments:
        save(tmp_path / "photo.png", photograph(0))
    defaults = [] if "--model" in arguments else ["--model", model]
    defaults += [] if "--out" in arguments else ["--out", "out"]
    with pytest.raises(error, match=message):
        main([*arguments, *defaults])
    assert not list(tmp_path.rglob("out/*"))


def test_the_command_line_ends_in_one_line_of_error(tmp_path):
    command = [sys.executable, "-m", "tfdeblur.deblur", str(tmp_path), "--model", "m", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no pictures") and done.stderr.count("\n") == 1


# Not resource.getrusage: its peak begins with that of the process which started this one.
MEASURED = """
import sys
from tfdeblur.deblur import main
assert main(sys.argv[1:]) == 0
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak from Linux' /proc")
@pytest.mark.parametrize(
    "suffix, bits, limit, options",
    [
        ("jpeg", 8, 600, []),
        ("png", 8, 600, ["--compare"]),
        ("png", 16, 600, []),
        ("tiff", 16, 600, []),
        ("webp", 8, 600, []),
    ],
)
def test_memory_for_48_megapixels(suffix, bits, limit, options, model, tmp_path):
    """Megabytes more than for one tile, reading and writing included."""
    picture = np.asarray(Image.fromarray(skimage.data.astronaut()).resize((8000, 6000), Image.Resampling.BICUBIC))
    save(tmp_path / "tile.png", picture[:512, :512])
    picture = picture if bits == 8 else picture.astype(np.uint16) * np.uint16(257)
    photographs.write(str(tmp_path / f"large.{suffix}"), Photograph(picture, suffix))
    peaks = {}
    for name in ("tile.png", f"large.{suffix}"):
        command = [sys.executable, "-c", MEASURED, name, "--model", model, "--out", "out", *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        peaks[name] = int(done.stdout.split()[-1])
    print(suffix, bits, peaks)
    assert peaks[f"large.{suffix}"] - peaks["tile.png"] < limit
