"""The table of results: all of its figures come from the evaluations' summaries."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.test_protocol import rows_of
from tfdeblur import report
from tfdeblur.commandline import run
from tfdeblur.evaluation import protocol
from tfdeblur.training import run_folder


def write_evaluation(folder, psnr, blur_psnr=(20, 22, float("inf")), data="cifar10", **made):
    """Write the summary of an evaluation of three pictures."""
    facts = {"model": str(folder.parent), "data": data, "split": "test", "command": f"evaluate {folder.parent.name}"}
    facts |= {"run": {"experiment": "unet", **made}, "commit": "abc1234", "date": "2026-01-02T03:04:05+00:00"}
    facts |= {"device": "a CPU"} | protocol.summarize(rows_of(psnr, blur_psnr))
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(facts))


@pytest.fixture
def runs(tmp_path):
    """Two runs on one data set, one of them on a second one as well."""
    better = {"step": 12500, "best": {"step": 12000}, "seconds": 7500, "device": "a GPU", "command": "train --depth 9"}
    better["earlier"] = [{"command": "train --depth 9 --steps 800", "until_step": 8000}]
    write_evaluation(tmp_path / "runs" / "better" / "evaluation-cifar10-test", (30, 30, 30), **better)
    write_evaluation(tmp_path / "runs" / "unet" / "evaluation-cifar10-test", (25, 26, 27), step=100, seconds=42)
    write_evaluation(tmp_path / "runs" / "unet" / "evaluation-reds-test", (24, 24, float("inf")), (20, 21, 22), "reds")
    return tmp_path / "runs"


def command(capsys, *arguments) -> tuple[int, str, str]:
    """Run the command as a user does."""
    with pytest.raises(SystemExit) as exit_:
        run(report.main, ["results", *map(str, arguments)])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table(runs, capsys):
    code, out, err = command(capsys, runs)
    assert code == 0, err
    lines = [cells(line) for line in out.splitlines() if line.startswith("|")]
    assert {len(line) for line in lines} == {13}
    baseline, weak, strong, reds_baseline, reds = lines[2:]
    assert baseline[:6] == ["cifar10, test (3)", "blurred input", "", "21.00 (2)", "30.67", "22.65"]
    assert weak[1:6] == ["unet", "100", "26.00 (3)", "26.00", "25.92"] and weak[8:10] == ["42 s", "a CPU"]
    assert strong[1:5] == ["unet (better)", "12,500 (best: 12,000)", "30.00 (3)", "30.00"]
    assert strong[6:12] == ["0.9000", "1.000e-03", "2 h 05 min", "a GPU", "2026-01-02", "abc1234"]
    assert reds_baseline[:4] == ["reds, test (3)", "blurred input", "", "21.00 (3)"]
    assert reds[3:5] == ["24.00 (2)", "32.67"]
    earlier = "`train --depth 9 --steps 800` up to step 8,000"
    assert f"{strong[12]} {earlier}, `train --depth 9`, `evaluate better`" in out
    assert f"Made by `python -m tfdeblur.report results {runs}`" in out


def test_folders_at_every_depth_and_twice_give_each_evaluation_once(runs, capsys):
    results = runs / "better" / "evaluation-cifar10-test"
    assert command(capsys, results)[1].count("| unet") == 1
    assert command(capsys, results, runs / "better", f"{runs}/")[1].count("| unet") == 3


def test_evaluations_of_other_pictures_are_kept_apart(runs, capsys):
    write_evaluation(runs / "other" / "evaluation-cifar10-test", (29, 29, 29), (21, 22, 23))
    assert command(capsys, runs)[1].count("| blurred input |") == 3


def test_out_and_readme(runs, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("# Name\n<!-- results -->\nold\n<!-- /results -->\nrest\n")
    code, out, _ = command(capsys, runs, "--readme", readme, "--out", tmp_path / "table.md")
    assert code == 0 and out == ""
    table = (tmp_path / "table.md").read_text()
    assert table.startswith("| data, split")
    assert readme.read_text() == f"# Name\n<!-- results -->\n{table}<!-- /results -->\nrest\n"
    assert command(capsys, runs, "--readme", readme, "--out", tmp_path / "table.md")[0] == 0
    assert readme.read_text().count("| data, split") == 1


@pytest.mark.parametrize("text", ["no markers", "<!-- results -->", "<!-- /results --><!-- results -->"])
def test_a_readme_without_markers_stays_as_it_is(runs, tmp_path, capsys, text):
    (tmp_path / "README.md").write_text(text)
    code, _, err = command(capsys, runs, "--readme", tmp_path / "README.md")
    assert code == 1 and "<!-- results -->" in err
    assert (tmp_path / "README.md").read_text() == text


def test_bad_folders(runs, tmp_path, capsys):
    assert "there is no folder" in command(capsys, tmp_path / "nothing")[2]
    (tmp_path / "empty").mkdir()
    assert "no evaluation found" in command(capsys, tmp_path / "empty")[2]
    path = runs / "unet" / "evaluation-reds-test" / "summary.json"
    for text in ("{", "{}", "[]"):
        path.write_text(text)
        code, _, err = command(capsys, runs)
        assert code == 1 and str(path) in err and "evaluate again" in err


def test_curves_show_every_column_of_a_log(tmp_path, capsys):
    for step in (10, 20, 30):
        row = {"step": step, "epoch": step / 10, "loss": 1 / step, "psnr": 20 + step, "critic_loss": -step}
        run_folder.append_log(str(tmp_path), row | {"val_psnr": 19 + step})
    report.main(["curves", str(tmp_path)])
    assert f"wrote {tmp_path / 'curves.png'}" in capsys.readouterr().out
    with Image.open(tmp_path / "curves.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    # Three panels side by side, with a line of matplotlib's first colour in each; validation's is in one of them.
    blue, orange = (np.abs(pixels - np.int64(colour)).sum(-1) < 40 for colour in ((31, 119, 180), (255, 127, 14)))
    thirds = np.array_split(np.arange(pixels.shape[1]), 3)
    assert [bool(blue[:, third].any()) for third in thirds] == [True] * 3
    assert [bool(orange[:, third].any()) for third in thirds] == [False, True, False]


def test_curves_of_no_run(tmp_path):
    with pytest.raises(ValueError, match="name the run folders"):
        report.main(["curves"])
    with pytest.raises(FileNotFoundError, match="has no log.csv, so it is not the folder of a run that has begun"):
        report.main(["curves", str(tmp_path)])
    (tmp_path / "log.csv").write_text("")
    with pytest.raises(ValueError, match="the log holds no line yet"):
        report.main(["curves", str(tmp_path)])
    assert not (tmp_path / "curves.png").exists()
