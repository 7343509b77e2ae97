"""One run at a time in a folder: real processes, killed and forked."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tfdeblur import locking, storage

ROOT = Path(__file__).parent.parent
HOLD = "import sys; from tfdeblur import locking\nwith locking.lock(sys.argv[1]): print(flush=True); sys.stdin.read()"
FORK = """
import multiprocessing, os, sys, time
from tfdeblur import locking
def wait():
    print(os.getpid(), flush=True)
    time.sleep(60)
if __name__ == "__main__":
    with locking.lock(sys.argv[1]):
        multiprocessing.get_context(sys.argv[2]).Process(target=wait).start()
        sys.stdin.read()
"""
COME_AND_GO = """
import os, sys, time
from tfdeblur import locking
entered, end = 0, time.monotonic() + 2
while time.monotonic() < end:
    try:
        with locking.lock(sys.argv[1]):
            os.close(os.open(sys.argv[1] + "/inside", os.O_CREAT | os.O_EXCL))  # fails if another one is inside
            os.unlink(sys.argv[1] + "/inside")
            entered += 1
    except ValueError as error:
        assert "is in use" in str(error)
print(entered)
"""


@pytest.fixture
def start():
    """Start processes that end with the test."""
    started = []

    def start(code: str, *arguments) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_run_names_the_first_and_changes_nothing(start, tmp_path):
    holder = start(HOLD, tmp_path / "out")
    holder.stdout.readline()
    with pytest.raises(ValueError) as found, locking.lock(str(tmp_path / "out"), "--workdir"):
        pass
    said = str(found.value)
    assert f"out is in use by another run (process {holder.pid} on " in said and "since 20" in said
    assert "import sys" in said and said.endswith("choose another --workdir") and "\n" not in said
    holder.communicate("")
    assert holder.returncode == 0 and not (tmp_path / "out").exists()
    with locking.lock(str(tmp_path / "out")):
        pass


def test_a_killed_holder_does_not_block(start, tmp_path):
    holder = start(HOLD, tmp_path)
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    assert (tmp_path / storage.LOCK).exists()
    with locking.lock(str(tmp_path)):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_do_not_hold_the_lock_of_a_killed_parent(method, start, tmp_path):
    (tmp_path / "program.py").write_text(FORK)
    run = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    parent = start(run, tmp_path / "program.py", tmp_path / "out", method)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    try:
        os.kill(child, 0)  # it lives
        with locking.lock(str(tmp_path / "out")):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_that_leaves_the_block_does_not_release_it(tmp_path):
    with locking.lock(str(tmp_path)):
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
            with pytest.raises(ValueError, match=f"process {os.getpid()} "), locking.lock(str(tmp_path)):
                pass
    if not child:
        os._exit(0)
    assert list(tmp_path.iterdir()) == []


def test_many_runs_that_come_and_go_are_never_two_at_once(start, tmp_path):
    """The lock file is removed and made all the time; a run that opened a removed one must not take it for held."""
    runs = [start(COME_AND_GO, tmp_path / "out") for _ in range(4)]
    ends = [(*run.communicate(), run.returncode) for run in runs]
    assert all(code == 0 and int(out) > 10 for out, _, code in ends), ends
    assert not list((tmp_path / "out").glob("*"))


def test_two_threads_of_a_process_are_two_runs(tmp_path):
    refused = []

    def second():
        try:
            with locking.lock(str(tmp_path)):
                pass
        except ValueError as error:
            refused.append(error)

    with locking.lock(str(tmp_path)):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_the_lock_is_in_no_listing(tmp_path):
    with locking.lock(str(tmp_path)):
        assert os.listdir(tmp_path) == [storage.LOCK] and storage.list_names(str(tmp_path)) == []


def test_a_folder_moved_away_meanwhile_keeps_the_next_runs_lock(tmp_path):
    folder = tmp_path / "out"
    with locking.lock(str(folder)):
        folder.rename(tmp_path / "former")
        folder.mkdir()
        (folder / storage.LOCK).write_text("another run's")
    assert (folder / storage.LOCK).read_text() == "another run's"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), locking.lock(str(tmp_path / "file")):
        pass
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / storage.LOCK).symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="held cannot be written to"), locking.lock(str(tmp_path / "held")):
        pass
    assert (tmp_path / "file").read_text() == ""


def test_incomplete_files_of_a_killed_run_are_removed_and_no_others(start, tmp_path):
    write = "import sys; from tfdeblur import storage\nwith storage.publish(sys.argv[1]) as path:\n"
    write += " open(path, 'w').write('half'); print(flush=True); sys.stdin.read()"
    writer = start(write, tmp_path / "picture.png")
    writer.stdout.readline()
    writer.kill()
    writer.wait()
    kept = [".partial-own.png", ".partial-2024", "picture.png", ".hidden"]
    for name in kept:
        (tmp_path / name).write_text("")
    assert len(list(tmp_path.iterdir())) == len(kept) + 1
    locking.clean(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
