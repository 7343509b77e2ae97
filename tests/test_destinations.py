"""What speaks against a result is said before any work, and nothing half-written stays: by real processes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from tests.making import ROOT, make, read
from tests.picture_folders import photograph, save, save_pair
from tfdeblur import storage
from tfdeblur.deblur import main

METHOD = ["--method", "rl", "--psf", "gaussian:1", "--iterations", "2"]


def run(*arguments, prefix: list[str] | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([*(prefix or []), *command(*arguments)], capture_output=True, text=True, **settings())


def settings() -> dict:
    return {"env": os.environ | {"PYTHONPATH": str(ROOT)}, "timeout": 120}


def command(*arguments, slow: bool = False) -> list[str]:
    method = [*METHOD[:-1], "3000"] if slow else METHOD
    return [sys.executable, "-m", "tfdeblur.deblur", *map(str, arguments), *method]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def mounted(tmp_path):
    """Mount a file system for the test's time; skipped where that is not permitted."""
    places = []

    def mount(name: str, *options: str) -> Path:
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
        places.append(place)
        return place

    yield mount
    for place in reversed(places):
        subprocess.run(["umount", str(place)], check=True)


def test_names_work_up_to_the_limit_of_the_file_system(tmp_path, capsys):
    stems = {length: "n" * (length - 4) for length in (234, 243, 255)}
    for stem in stems.values():
        save(tmp_path / "in" / f"{stem}.png", photograph(0))
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), *METHOD]) == 0
    assert len(files(tmp_path / "out")) == 3
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "sheets"), "--compare", *METHOD]) == 1
    assert files(tmp_path / "sheets") == {f"{stems[n]}{end}" for n in (234, 243) for end in (".png", "-compare.png")}
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "-compare.png has 263 bytes, 255 are the most there" in said
    for name in ("a.weights.h5", "m" * 244 + ".weights.h5"):
        assert storage.temporary_name(name).endswith(".weights.h5")  # by which Keras knows weights
    assert storage.temporary_name("a." + "m" * 253).count(".") == 1
    with storage.publish(str(tmp_path / ("m" * 255))) as temporary:
        Path(temporary).write_bytes(b"x")
    assert (tmp_path / ("m" * 255)).read_bytes() == b"x"


@pytest.mark.parametrize("format, status", [("tiff", 0), ("webp", 1)])
def test_a_suffix_that_makes_a_name_too_long_is_known_before(format, status, tmp_path, capsys):
    save(tmp_path / "in" / f"{'é' * 100}{'n' * 51}.bmp", photograph(0))
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--format", format, *METHOD]) == status
    assert ("bytes, 255 are the most" in capsys.readouterr().err) == bool(status)


def test_of_two_results_of_one_name_one_is_refused_and_the_rest_goes_on(tmp_path, capsys):
    for name in ("a.png", "a.bmp", "b.png"):
        save(tmp_path / "in" / name, photograph(0))
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--format", "tiff", *METHOD]) == 1
    assert files(tmp_path / "out") == {"a.tif", "b.tif"}
    said = capsys.readouterr()
    assert "2 of 3 photographs" in said.out
    assert "a.png: its result would have the name of that of" in said.err and said.err.count("\n") == 1


def test_names_that_look_the_same_are_one_name(tmp_path, capsys):
    composed, decomposed = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    save(tmp_path / "in" / composed, photograph(0))
    save(tmp_path / "in" / decomposed, photograph(1))
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), *METHOD]) == 1
    assert len(files(tmp_path / "out")) == 1
    for number in range(3):
        save_pair(tmp_path / f"pairs/blur/é{number}.png", tmp_path / f"pairs/sharp/é{number}.png", number)
    make("pairs", "--src", tmp_path / "pairs", "--out", tmp_path / "set", "--splits", "test=1")
    assert {record.name for record in read(tmp_path / "set")["test"]} == {f"é{number}" for number in range(3)}


@pytest.mark.parametrize("out", ["in", "in/a.png", "in/a.png/sub"])
def test_an_impossible_folder_is_refused_before_any_work(out, tmp_path):
    save(tmp_path / "in" / "a.png", photograph(0))
    done = run(tmp_path / "in", "--out", tmp_path / out)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert files(tmp_path / "in") == {"a.png"}


def test_a_read_only_folder_is_refused_before_any_work(tmp_path, mounted):
    save(tmp_path / "in" / "a.png", photograph(0))
    out = mounted("out", "-t", "tmpfs", "-o", "ro", "none")
    done = run(tmp_path / "in", "--out", out)
    assert done.returncode == 1 and "Read-only file system" in done.stderr and done.stderr.count("\n") == 1


def test_a_full_disk_is_known_before(tmp_path, mounted):
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    save(tmp_path / "in" / "noise.png", noise)
    out = mounted("out", "-t", "tmpfs", "-o", "size=400k", "none")
    done = run(tmp_path / "in", "--out", out)
    assert done.returncode == 1 and "make room or choose another --out" in done.stderr
    assert not files(out)


def test_a_disk_that_fills_up_keeps_nothing_half_written(tmp_path, mounted):
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    save(tmp_path / "in" / "a.png", photograph(0))
    save(tmp_path / "in" / "b.png", noise)
    save(tmp_path / "in" / "c.png", photograph(0))
    out = mounted("out", "-t", "tmpfs", "-o", "size=360k", "none")
    done = run(tmp_path / "in", "--out", out)
    assert done.returncode == 1 and "has no room left for b.png; make room and repeat" in done.stderr
    assert files(out) == {"a.png", "c.png"}


def without_rights() -> list[str]:
    """Return how to start a command to which permissions apply, which they do not to root."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root needs setpriv to give up its rights")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


def test_folders_that_cannot_be_read_are_said(tmp_path):
    save(tmp_path / "in" / "open" / "a.png", photograph(0))
    save(tmp_path / "in" / "closed" / "b.png", photograph(0))
    save(tmp_path / "in" / "open" / "c.png", photograph(0)).chmod(0)
    (tmp_path / "in/closed").chmod(0)
    done = run(tmp_path / "in", "--out", tmp_path / "out", prefix=without_rights())
    assert done.returncode == 1
    assert f"error: {tmp_path / 'in/closed'} cannot be read (Permission denied)" in done.stderr
    assert f"error: {tmp_path / 'in/open/c.png'}" in done.stderr and done.stderr.count("\n") == 2
    assert "1 folders cannot be read" in done.stdout and files(tmp_path / "out") == {"open/a.png"}
    arguments = ["images", "--src", tmp_path / "in", "--out", tmp_path / "set"]
    make_command = [*without_rights(), sys.executable, "-m", "tools.make_tfrecords", *map(str, arguments)]
    made = subprocess.run(make_command, capture_output=True, text=True, cwd=ROOT, **settings())
    assert made.returncode == 1 and f"{tmp_path / 'in/closed'} cannot be read" in made.stderr


def test_results_that_cannot_be_written_are_known_before(tmp_path):
    for name in ("a.png", "b.png", "sub/c.png", "d.png"):
        save(tmp_path / "in" / name, photograph(0))
    save(tmp_path / "out" / "a.png", photograph(1)).chmod(0o444)
    (tmp_path / "out" / "b.png").mkdir()
    (tmp_path / "out" / "sub").mkdir(mode=0o555)
    done = run(tmp_path / "in", "--out", tmp_path / "out", "--overwrite", prefix=without_rights())
    assert done.returncode == 1 and "1 of 4 photographs" in done.stdout and done.stderr.count("\n") == 3
    for line in ("a.png is write-protected", "b.png is there and no file", "out/sub cannot be written to"):
        assert line in done.stderr
    (tmp_path / "out" / "sub").chmod(0o755)


def test_pipes_sockets_and_devices_are_passed_over(tmp_path, capsys):
    source = tmp_path / "in"
    save(source / "a.png", photograph(0))
    os.mkfifo(source / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(source)
        listener.bind("socket.png")
        os.chdir(ROOT)
    (source / "null.png").symlink_to("/dev/zero")
    (source / "gone.png").symlink_to("nowhere")
    (source / "notes.txt").write_text("no image")
    (source / "raw.NEF").write_bytes(b"II*\0")
    assert main([str(source), "--out", str(tmp_path / "out"), *METHOD]) == 0
    said = capsys.readouterr().err
    assert "passed over in" in said and said.count("\n") == 1
    for kind in ("1 named pipe", "1 socket", "1 device", "1 broken link", "1 .txt", "1 .nef"):
        assert kind in said
    for name, kind in [("pipe.png", "named pipe"), ("socket.png", "socket"), ("null.png", "device")]:
        with pytest.raises(ValueError, match=f"{name} is a {kind}"):
            main([str(source / name), "--out", str(tmp_path / "out"), *METHOD])
        with pytest.raises(OSError, match=f"{name} is a {kind}"):
            make("images", "--src", source / name, "--out", tmp_path / "set")
    make("images", "--src", source, "--out", tmp_path / "set", "--splits", "test=1", "--blur", "none")
    assert [record.name for record in read(tmp_path / "set")["test"]] == ["a"]


def test_images_are_found_by_their_content_in_both_commands(tmp_path):
    source = tmp_path / "in"
    for index, suffix in enumerate(["jpg", "png", "tif", "webp"]):
        path = save(source / f"{index}.{suffix}", photograph(index))
        path.rename(source / f"{index}-{suffix}")
    save(source / "4.jpg", photograph(4)).rename(source / "4.JFIF")
    save(source / "5.jpg", photograph(5)).rename(source / "5.jpe")
    (source / "P1").write_text("P1 is how some texts begin")
    assert main([str(source), "--out", str(tmp_path / "out"), *METHOD]) == 0
    assert len(files(tmp_path / "out")) == 6
    make("images", "--src", source, "--out", tmp_path / "set", "--splits", "test=1", "--blur", "none")
    assert len(read(tmp_path / "set")["test"]) == 6


def test_links_to_folders_are_followed_and_loops_end(tmp_path):
    save(tmp_path / "elsewhere" / "a.png", photograph(0))
    save(tmp_path / "in" / "b.png", photograph(1))
    (tmp_path / "in" / "linked").symlink_to("../elsewhere")
    (tmp_path / "in" / "loop").symlink_to(".")
    (tmp_path / "elsewhere" / "back").symlink_to("../in")
    (tmp_path / "in" / "itself").symlink_to("itself")
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), *METHOD]) == 0
    assert files(tmp_path / "out") == {"b.png", "linked/a.png"}
    make("images", "--src", tmp_path / "in", "--out", tmp_path / "set", "--splits", "test=1", "--blur", "none")
    assert len(read(tmp_path / "set")["test"]) == 2


def test_odd_names_do_not_break_the_output(tmp_path):
    (tmp_path / "in").mkdir()
    for name in (b"new\nline.png", b"bytes\xff.png"):
        save(tmp_path / "plain.png", photograph(0)).rename(tmp_path / "in" / os.fsdecode(name))
        (tmp_path / "in" / os.fsdecode(b"bad" + name)).write_bytes(b"no image")
    done = run(tmp_path / "in", "--out", tmp_path / "out")
    assert done.returncode == 1 and len(files(tmp_path / "out")) == 2
    assert done.stderr.count("\n") == 2 and "badnew\\nline.png" in done.stderr and "bytes\\udcff.png" in done.stderr
    for path in (tmp_path / "in").glob("bad*"):
        path.unlink()
    make("images", "--src", tmp_path / "in", "--out", tmp_path / "set", "--splits", "test=1", "--blur", "none")
    assert {record.name for record in read(tmp_path / "set")["test"]} == {"new\nline", "bytes\\udcff"}


def test_an_empty_folder_says_so(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match="no pictures .* there is nothing in it"):
        main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), *METHOD])
    (tmp_path / "in" / "notes.txt").write_text("text")
    with pytest.raises(ValueError, match="no pictures .*passed over in .*: 1 .txt"):
        main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), *METHOD])


def begun(*arguments, out: Path) -> subprocess.Popen:
    """Start a long run, and return when it holds its folder."""
    process = subprocess.Popen(
        command(*arguments, "--out", out, slow=True), stderr=subprocess.PIPE, env=settings()["env"]
    )
    while not (out / storage.LOCK).exists() and process.poll() is None:
        time.sleep(0.02)
    return process


def test_a_second_run_in_one_folder_ends_with_a_line_and_a_killed_one_does_not_block(tmp_path):
    source, out = save(tmp_path / "in" / "a.png", photograph(0, height=400, width=400)).parent, tmp_path / "out"
    first = begun(source, out=out)
    second = run(source, "--out", out)
    assert second.returncode == 1 and "in use by another run" in second.stderr and second.stderr.count("\n") == 1
    (out / "sub").mkdir()
    left_over = [out / f".partial-{'0' * 32}.png", out / f".partial-{'1' * 32}-old.png"]
    for path in left_over:
        path.write_bytes(b"half")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    third = run(source, "--out", out)
    assert third.returncode == 0, third.stderr
    assert files(out) == {"a.png"}


def test_a_killed_run_leaves_whole_results_only(tmp_path):
    for index in range(6):
        save(tmp_path / "in" / f"{index}.png", photograph(index, height=200, width=200))
    out = tmp_path / "out"
    process = subprocess.Popen(command(tmp_path / "in", "--out", out), stderr=subprocess.DEVNULL, env=settings()["env"])
    while len(list(out.glob("*.png"))) < 2 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert run(tmp_path / "in", "--out", out).returncode in (0, 1)
    assert files(out) == {f"{index}.png" for index in range(6)}
    for path in out.glob("*.png"):
        assert path.read_bytes().endswith(b"IEND\xaeB`\x82")
