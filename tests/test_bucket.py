"""All of it in a bucket: the commands as they are, TensorFlow's own client, and a server that speaks its language."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests import films, picture_folders
from tests.making import ROOT, make, shards
from tools.inspect_tfrecords import main as inspect


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """Run a Python program that finds `gs://bucket`; return what it prints."""
    with served(tmp_path_factory.mktemp("bucket"), 0) as run:
        yield run


@contextmanager
def served(folder, failing):
    """Serve a bucket, of whose requests a share fails."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bucket", folder, str(failing)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    port = int(server.stdout.readline())
    names = {"HTTPS_PROXY": f"http://127.0.0.1:{port}", "CURL_CA_BUNDLE": str(folder / "authority.pem")}

    def run(*command, expected=0):
        environment = os.environ | names | {"NO_GCE_CHECK": "true"}
        done = subprocess.run(
            [sys.executable, *map(str, command)], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == expected, done.stderr
        return done.stdout + done.stderr

    try:
        yield run
    finally:
        server.kill()
        server.communicate()


RECORDS = """
import sys
from pathlib import Path
import tensorflow as tf
from tools.make_tfrecords import main
src, out, *arguments = sys.argv[1:]
arguments += ["--src", "gs://bucket/src", "--out", "gs://bucket/set"]
for path in Path(src).rglob("*.*"):
    tf.io.gfile.copy(str(path), f"gs://bucket/src/{path.relative_to(src)}", overwrite=True)
with tf.io.gfile.GFile("gs://bucket/src/05.png", "w") as broken:
    broken.write("no picture")
try:
    main(arguments)
except ValueError as error:
    print(error)
print(tf.io.gfile.listdir("gs://bucket/set"))
tf.io.gfile.copy(f"{src}/05.png", "gs://bucket/src/05.png", overwrite=True)
main(arguments)
for name in tf.io.gfile.listdir("gs://bucket/set"):
    tf.io.gfile.copy(f"gs://bucket/set/{name}", f"{out}/{name}", overwrite=True)
"""


def test_records_are_the_same_in_a_bucket_and_resume_there(bucket, tmp_path):
    src, copied = picture_folders.images(tmp_path / "src", 6), tmp_path / "bucket"
    arguments = ["images", "--name", "set", "--shards", 2, "--splits", "train=4", "test=2"]
    make(*arguments, "--src", src, "--out", tmp_path / "local")
    copied.mkdir()
    out = bucket("-c", RECORDS, src, copied, *arguments)
    assert "gs://bucket/src/05.png" in out and "plan.json" in out
    assert shards(copied) == shards(tmp_path / "local") and len(shards(copied)) == 4
    inspect([str(copied)])
    assert not (copied / "plan.json").exists()


SOURCES = """
import sys
from pathlib import Path
import tensorflow as tf
from tools.make_tfrecords import main
src, out = map(Path, sys.argv[1:])
for path in src.rglob("*.*"):
    tf.io.gfile.copy(str(path), f"gs://bucket/sources/{path.relative_to(src)}")
for made in ("pairs-reds", "pairs-gopro", "pairs-realblur", "images-reds", "video-clips"):
    source, folder = made.split("-")
    for place, root in (("bucket", "gs://bucket/sources"), ("local", str(src))):
        main([source, "--src", f"{root}/{folder}", "--name", "set", "--out", str(out / place / made)])
"""


def test_sources_in_a_bucket_give_the_same_records(bucket, tmp_path):
    src, out = tmp_path / "src", tmp_path / "out"
    picture_folders.reds(src / "reds")
    picture_folders.gopro(src / "gopro")
    picture_folders.realblur(src / "realblur")
    films.write(src / "clips" / "pan.mp4", films.pan(80), "libx264", "yuv420p", g=16)
    bucket("-c", SOURCES, src, out)
    made = {folder.name: shards(folder) for folder in sorted((out / "local").iterdir())}
    assert len(made) == 5 and all(made.values())
    assert made == {folder.name: shards(folder) for folder in sorted((out / "bucket").iterdir())}


@pytest.mark.slow
def test_requests_that_fail_are_tried_again(tmp_path):
    src, copied = picture_folders.images(tmp_path / "src", 6), tmp_path / "bucket"
    arguments = ["images", "--name", "set", "--shards", 2, "--splits", "train=4", "test=2"]
    make(*arguments, "--src", src, "--out", tmp_path / "local")
    copied.mkdir()
    with served(tmp_path, 0.15) as run:
        run("-c", RECORDS, src, copied, *arguments)
    assert shards(copied) == shards(tmp_path / "local") and len(shards(copied)) == 4


@pytest.mark.slow
def test_a_bucket_that_is_down_is_said_to_be(tmp_path):
    """TensorFlow's client tries ten times, over two minutes."""
    src = picture_folders.images(tmp_path / "src", 6)
    with served(tmp_path, 1) as run:
        out = run("-m", "tools.make_tfrecords", "images", "--src", src, "--out", "gs://bucket/set", expected=1)
    error = out.splitlines()[-1]
    assert (
        error.startswith("error: the bucket does not answer (All 10 retry attempts failed") and "Traceback" not in out
    )
    assert "gs://bucket/set/manifest.json" in error and "run the same command again" in error


COMMANDS = """
import sys
from tests import picture_folders
from tfdeblur import evaluate, export, load, report, train
from tools import extract_pictures, inspect_tfrecords, make_tfrecords
import numpy as np
import tensorflow as tf
src = sys.argv[1]
make_tfrecords.main(["images", "--src", src, "--splits", "train=4", "val=1", "test=1", "--out", "gs://bucket/small"])
inspect_tfrecords.main(["gs://bucket/small", "--json", "gs://bucket/found.json", "--html", "gs://bucket/found.html"])
extract_pictures.main(["gs://bucket/small", "--out", "gs://bucket/pictures"])
for made in ("found.*", "small/contact_sheet.png", "pictures/*/*.png"):
    print(tf.io.gfile.glob(f"gs://bucket/{made}"))
for steps in ("2", "4"):
    train.main(["sample", "--data", "gs://bucket/small", "--workdir", "gs://bucket/run", "--patch", "32x32"]
               + ["--batch", "2", "--features", "4", "--validate-every", "2", "--steps", steps])
evaluate.main(["gs://bucket/run", "--data", "gs://bucket/small", "--split", "test"])
report.main(["results", "gs://bucket/run"])
export.main(["gs://bucket/run", "--out", "gs://bucket/saved"])
picture = np.full((40, 50, 3), 99, np.uint8)
assert np.array_equal(load("gs://bucket/run")(picture), load("gs://bucket/saved")(picture))
"""


def test_training_resumes_in_a_bucket_and_is_measured_and_exported_there(bucket, tmp_path):
    out = bucket("-c", COMMANDS, picture_folders.images(tmp_path / "src", 6))
    assert "['gs://bucket/found.html', 'gs://bucket/found.json']\n['gs://bucket/small/contact_sheet.png']\n" in out
    assert out.count("gs://bucket/pictures/blur/") == out.count("gs://bucket/pictures/sharp/") == 1
    assert "goes on after step 2" in out
    assert "| sample (run) | 4" in out
