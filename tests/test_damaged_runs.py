"""Run folders that a disk, a copy or a hand has damaged: the damage is named, and nothing is lost or overwritten."""

import json
import shutil
from pathlib import Path

import pytest

from tests.record_folders import pair, photograph, write_folder
from tests.test_train import assert_same_weights, command, weights_of
from tfdeblur import locking, storage, train
from tfdeblur.training import checkpoints, run_folder

OPTIONS = ["--validate-every", "4", "--checkpoint-every", "4", "--schedule", "constant"]


def flip(content: bytes, place: float = 0.5) -> bytes:
    at = min(int(len(content) * place), len(content) - 1)
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


DAMAGES = {
    "flipped": flip,
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "missing": lambda content: None,
}


def damage(path: Path, how: str) -> None:
    damaged = DAMAGES[how](path.read_bytes())
    path.unlink() if damaged is None else path.write_bytes(damaged)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    cats = [pair(photograph("chelsea", 32, 32, 10 * i, 20 * i), 1.0, f"cat-{i}", "cat") for i in range(12)]
    cups = [pair(photograph("coffee", 32, 32, 30 * i, 20 * i), 1.0, f"cup-{i}", "cup") for i in range(3)]
    return str(write_folder(tmp_path_factory.mktemp("records") / "small", {"train": cats, "val": cups}))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of 8 steps with checkpoints after 4 and 8, and the same one of 12."""
    folder = tmp_path_factory.mktemp("runs")
    train.main(command(data, folder / "begun", *OPTIONS, "--steps", "8"))
    shutil.copytree(folder / "begun", folder / "whole")
    train.main(command(data, folder / "whole", *OPTIONS, "--steps", "12"))
    return folder


@pytest.fixture
def run(trained, tmp_path):
    return Path(shutil.copytree(trained / "begun", tmp_path / "run"))


def go_on(data, run, *options):
    train.main(command(data, run, *OPTIONS, "--steps", "12", *options))


def test_a_flipped_bit_anywhere_in_a_checkpoint_is_noticed(run, capsys):
    for name in ("step-00000008.weights.h5", "step-00000008.json"):
        path = run / "checkpoints" / name
        sound = path.read_bytes()
        for place in range(40):
            path.write_bytes(flip(sound, place / 39))
            found = checkpoints.newest(str(run))
            if found.step == 8:  # JSON that says the same: a blank in place of another
                assert name.endswith("json") and found.state == json.loads(sound) | found.state
                continue
            assert found.step == 4 and found.damaged == (8,)
            assert f"note: the checkpoint after step 8 cannot be used: {path} is damaged" in capsys.readouterr().err
        path.write_bytes(sound)
    assert checkpoints.newest(str(run)).step == 8


def test_a_damaged_run_goes_on_from_its_last_sound_checkpoint(data, trained, run, capsys):
    """All kinds of files at once; the final weights are those of a run that never was damaged."""
    newest = run / "checkpoints" / "step-00000008.weights.h5"
    files = {newest: "flipped", run / "config.json": "truncated", run / "run.json": "flipped", run / "log.csv": "empty"}
    files |= {run / "last.keras": "truncated", run / "best.keras": "flipped"}
    for path, how in files.items():
        damage(path, how)
    damaged = {path: path.read_bytes() for path in files}
    go_on(data, run)
    said = capsys.readouterr()
    assert "goes on after step 4" in said.out
    for path, content in damaged.items():
        if content:  # an empty log is one without rows
            (line,) = (line for line in said.err.splitlines() if line.endswith(f"kept as {path}.damaged"))
            assert line.startswith("note: ")
            assert Path(f"{path}.damaged").read_bytes() == content
    assert_same_weights(weights_of(trained / "whole"), weights_of(run))
    facts, expected = (run_folder.read_facts(str(folder)) for folder in (run, trained / "whole"))
    assert facts["global_batch"] == expected["global_batch"] and facts["earlier"][0]["until_step"] == 4
    assert [row["step"] for row in run_folder.read_log(str(run))] == ["8", "12"]


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize(
    "name",
    ["checkpoints/step-00000008.weights.h5", "checkpoints/step-00000008.json", "checkpoints/step-00000004.weights.h5"]
    + ["config.json", "run.json", "best.keras", "last.keras", "log.csv", "tensorboard"],
)
def test_damage_of_each_file(name, how, data, trained, run, capsys):
    path = next(run.glob(f"{name}/*" if name == "tensorboard" else name))
    damage(path, how)
    left = path.read_bytes() if path.exists() else None
    go_on(data, run)
    assert_same_weights(weights_of(trained / "whole"), weights_of(run))
    assert_same_weights(weights_of(trained / "whole", "best"), weights_of(run, "best"))
    said = capsys.readouterr().err
    print(name, how, [line for line in said.splitlines() if line.startswith("note")])
    kept = [found.read_bytes() for found in run.rglob("*.damaged")]
    if how == "missing" or "step-00000004" in name or "tensorboard" in name or (name, how) == ("log.csv", "empty"):
        assert left not in kept  # what is not there, is not needed, is not read, or is a log without rows
    else:
        assert left in kept and str(path) in said and "damaged" in said


def test_a_log_that_is_cut_off_is_noticed(tmp_path):
    """Anywhere but at the end of a line."""
    for step in (4, 8):
        run_folder.append_log(str(tmp_path), {"step": step, "loss": 0.5, "val_psnr": 31.25})
    content = (tmp_path / "log.csv").read_bytes()
    for end in range(1, len(content)):
        (tmp_path / "log.csv").write_bytes(content[:end])
        if not content[:end].endswith(b"\n"):
            with pytest.raises(ValueError, match="log.csv is damaged: it is not a table of numbers by steps"):
                run_folder.read_log(str(tmp_path))


def test_without_any_sound_checkpoint_nothing_is_touched(data, run):
    for path in (run / "checkpoints").glob("*.h5"):
        damage(path, "truncated")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="all checkpoints in .* are damaged; choose another --workdir, or remove them"):
        go_on(data, run)
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_lost_best_network_is_saved_again_or_chosen_anew(data, run, capsys):
    best = run_folder.read_facts(str(run))["best"]["step"]
    assert best in (4, 8)
    (run / "best.keras").unlink()
    if best == 8:
        go_on(data, run, "--steps", "8")
        assert f"{run / 'best.keras'} is saved again from the checkpoint" in capsys.readouterr().err
        assert_same_weights(weights_of(run, "best"), weights_of(run))
    else:
        with pytest.raises(ValueError, match="has lost its best.keras, and the run has ended; use last.keras"):
            go_on(data, run, "--steps", "8")
        assert "the best network, of step 4, is lost; the next validation makes" in capsys.readouterr().err
        go_on(data, run)
        assert run_folder.read_facts(str(run))["best"]["step"] == 12


def test_settings_of_a_run_are_in_its_checkpoints_too(data, run):
    (run / "config.json").unlink()
    with pytest.raises(ValueError, match="loss was 'charbonnier' and is now 'mse'; choose another --workdir"):
        go_on(data, run, "--loss", "mse")
    assert not (run / "config.json").exists()


def test_checkpoints_of_unknown_settings_are_left_alone(data, run):
    """Older versions saved the settings in one place only."""
    (run / "config.json").unlink()
    for path in map(str, (run / "checkpoints").glob("*.json")):
        state = storage.read_json(path)
        del state["experiment"]
        storage.write_json(path, state)
    with pytest.raises(ValueError, match="has checkpoints but no config.json that says of what; choose another"):
        go_on(data, run)


def test_two_runs_in_one_folder(data, run, capsys):
    """The second one ends before it touches anything."""
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with (
        locking.lock(str(run)),
        pytest.raises(ValueError, match="is in use by another run .* choose another --workdir"),
    ):
        go_on(data, run)
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_what_a_killed_run_left_half_written_is_removed(data, run):
    names = [run / f".partial-{'0' * 32}-best.keras", run / "checkpoints" / f".partial-{'1' * 32}-a.weights.h5"]
    for name in names:
        name.write_text("half")
    go_on(data, run, "--steps", "8")
    assert not any(name.exists() for name in names)
