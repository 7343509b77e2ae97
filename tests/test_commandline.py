"""How commands end, whatever happens."""

import subprocess
import sys
from pathlib import Path

import pytest

from tfdeblur.commandline import run


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (ValueError("wrong"), 1, "error: wrong"),
        (FileNotFoundError(2, "No such file or directory", "a.png"), 1, "error: [Errno 2] No such file"),
        (KeyboardInterrupt(), 130, "interrupted; run the same command again to go on"),
    ],
)
def test_errors_a_user_can_mend_are_one_line(raised, status, said, capsys):
    def main(arguments):
        raise raised

    with pytest.raises(SystemExit) as ended:
        run(main, [])
    assert ended.value.code == status
    assert said in capsys.readouterr().err


def test_faults_of_our_own_keep_their_traceback():
    def main(arguments):
        raise TypeError("a fault")

    with pytest.raises(TypeError):
        run(main, [])


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (1, 1)])
def test_the_status_is_what_main_returns(returned, status):
    with pytest.raises(SystemExit) as ended:
        run(lambda arguments: returned, [])
    assert ended.value.code == status


def test_without_tensorflow_the_builds_are_named():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from tfdeblur.commandline import import_tensorflow, run\n"
        "run(lambda arguments: import_tensorflow(), [])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent.parent, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert 'install one build of TensorFlow: pip install -e ".[cpu]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_damaged_shards_are_explained(tmp_path, capsys):
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(b"a record")
    (tmp_path / "a.tfrecord").write_bytes((tmp_path / "a.tfrecord").read_bytes()[:-1])
    with pytest.raises(SystemExit) as ended:
        run(lambda arguments: len(list(tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord")))), [])
    said = capsys.readouterr().err
    assert ended.value.code == 1 and "is damaged (truncated record at" in said and "inspect_tfrecords" in said


def test_unknown_kinds_of_bucket_are_one_line(capsys):
    from tfdeblur import storage

    with pytest.raises(SystemExit) as ended:
        run(lambda arguments: storage.exists("gcs://bucket/set"), [])
    assert ended.value.code == 1 and "'gcs' not implemented" in capsys.readouterr().err
