"""Tables of reports: their statistics, their files, and King's protocol through the real command."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from scipy.signal import convolve2d
from threadpoolctl import threadpool_limits

from tfdeblur import report
from tfdeblur.commandline import run
from tfdeblur.evaluation import king, statistics, tables
from tfdeblur.evaluation.curves import Panel
from tfdeblur.evaluation.methods import Method, Table

MNIST = Path(__file__).parents[2] / "shared" / "data" / "tfds"
needs_mnist = pytest.mark.skipif(not (MNIST / "mnist").is_dir(), reason=f"there is no prepared MNIST in {MNIST}")


def command(capsys, *arguments) -> tuple[int, str, str]:
    """Run the command as a user does."""
    with pytest.raises(SystemExit) as exit_:
        run(report.main, ["table", *map(str, arguments)])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.01, 0.02, 0.03, 0.04], [0.04, 0.06, 0.06, 0.06]),
        ([0.04, 0.001, 0.02], [0.04, 0.003, 0.04]),
        ([0.5, 0.4, 0.9], [1.0, 1.0, 1.0]),
        ([None, 0.03, None, 0.01], [None, 0.03, None, 0.02]),
        ([0.2], [0.2]),
        ([], []),
    ],
)
def test_holm(p, expected):
    assert statistics.holm(p) == [None if value is None else pytest.approx(value) for value in expected]


def test_every_two_methods_are_compared():
    random = np.random.default_rng(0)
    values = {name: random.normal(mean, 1, 40) for name, mean in (("a", 0), ("b", 0.3), ("c", 1))}
    values["b"][3] = np.inf
    found = {(pair["method"], pair["other"]): pair for pair in statistics.compare_all(values)}
    assert set(found) == {("b", "a"), ("c", "a"), ("c", "b")}
    for (method, other), pair in found.items():
        both = np.isfinite(values[method]) & np.isfinite(values[other])
        x, y = values[method][both], values[other][both]
        assert pair["count"] == len(x) == (40 if "b" not in (method, other) else 39)
        assert pair["t_p"] == pytest.approx(stats.ttest_rel(x, y).pvalue)
        assert pair["wilcoxon_p"] == pytest.approx(stats.wilcoxon(x, y).pvalue)
        assert pair["difference"]["mean"] == pytest.approx(np.mean(x) - np.mean(y))
        assert pair["difference"]["low"] < pair["difference"]["mean"] < pair["difference"]["high"]
        assert pair["cohen_d"] == pytest.approx(pair["t"] / np.sqrt(len(x)))
    for key in ("t_p", "wilcoxon_p"):
        family = [pair[key] for pair in found.values()]
        assert [pair[f"{key}_holm"] for pair in found.values()] == statistics.holm(family)


def test_cohens_d_by_hand():
    assert statistics.cohen_d(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    assert statistics.cohen_d(np.array([1.0])) is None and statistics.cohen_d(np.full(5, 0.1)) is None


def small_table(sources):
    """A table of three methods and four pictures, whose numbers can be checked by hand."""
    pictures = [np.full((12, 12, 1), level, np.float32) for level in (0.2, 0.6)]
    psnr = {"blurred": [20, 21, 22, 23], "weak": [21, 23, 22.5, 25], "strong": [30, np.inf, 32, 35]}
    ssim = {"blurred": [0.5, 0.6, 0.7, 0.8], "weak": [0.6, 0.6, 0.75, 0.9], "strong": [1, 1, 1, 1]}
    methods = [
        Method(name, {"psnr": np.array(psnr[name]), "ssim": np.array(ssim[name])}, pictures, {"seconds": 0.5 * i})
        for i, name in enumerate(psnr)
    ]
    methods[1].facts.update({"lambda": 0.01, "validation": [{"lambda": 0.01}]})
    panel = Panel("weak", "lambda", "error", {"line": ([0.01, 0.1], [1, 2])}, 1.5, "level", logarithmic=True)
    return Table(
        "Three",
        methods,
        {1: "one", 3: "three"},
        pictures,
        f"Of {sources.data_dir}, {sources.limit}.",
        {"extra": [panel]},
    )


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(tables.TABLES, "small", small_table)


def test_the_files_of_a_table(small, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- small -->\nold\n<!-- /small -->\nafter\n")
    out = tmp_path / "out"
    code, printed, err = command(capsys, "small", "--out", out, "--data-dir", "D", "--limit", 4, "--readme", readme)
    assert code == 0, err
    rows = json.loads((out / "small.json").read_text())
    assert [row["method"] for row in rows] == ["blurred", "weak", "strong"]
    assert [row["psnr"] for row in rows] == [21.5, pytest.approx(22.875), pytest.approx(97 / 3)]
    assert rows[2]["intervals"]["psnr"]["count"] == 3 and rows[2]["pictures"] == 4
    assert rows[1]["lambda"] == 0.01 and rows[1]["validation"] == [{"lambda": 0.01}] and rows[1]["seconds"] == 0.5
    assert [list(row["tests"]) for row in rows] == [[], ["blurred"], ["blurred", "weak"]]
    test = rows[2]["tests"]["weak"]["psnr"]
    assert test["count"] == 3 and test["difference"]["mean"] == pytest.approx(28.5 / 3)
    assert test["t_p"] == pytest.approx(stats.ttest_rel([30, 32, 35], [21, 22.5, 25]).pvalue)
    assert test["t_p_holm"] >= test["t_p"]
    assert "--limit 4" in rows[0]["command"] and rows[0]["date"] and rows[0]["device"]
    with open(out / "small.csv") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["ssim"]) for line in lines] == [row["ssim"] for row in rows]
    assert float(lines[1]["psnr_low"]) == rows[1]["intervals"]["psnr"]["low"] and lines[0]["lambda"] == ""
    text = (out / "small.md").read_text()
    assert text.startswith("# Three\n") and "| weak | 22.88 [" in text and "Of D, 4." in text
    assert "| PSNR, dB | strong | weak | +9.50 [" in text and "| SSIM | weak | blurred | +0.06" in text
    shown = printed.split("\nwrote ")[0]
    assert shown in text and readme.read_text() == f"before\n<!-- small -->\n{shown}<!-- /small -->\nafter\n"


def test_the_figures_of_a_table(small, tmp_path, capsys):
    assert command(capsys, "small", "--out", tmp_path)[0] == 0
    with Image.open(tmp_path / "small.png") as image:
        levels = np.asarray(image.convert("L"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"small{end}" for end in (".csv", ".json", ".md", ".png", "_extra.png")
    ]
    for level in (51, 153):  # three methods and the sharp picture in each of the two rows
        assert (levels == level).sum() >= 4 * 144**2 * 0.99
    with Image.open(tmp_path / "small_extra.png") as image:
        pixels = np.asarray(image.convert("RGB"), np.int64)
    assert (np.abs(pixels - (31, 119, 180)).sum(-1) < 40).any() and (np.abs(pixels - 102).sum(-1) < 20).any()


def test_what_cannot_be_made(small, tmp_path, capsys):
    code, _, err = command(capsys, "knig", "--out", tmp_path / "a")
    assert (
        code == 1
        and "there is no table 'knig'; did you mean king? There are: kendall, kendall_defocus, kendall_phase2" in err
    )
    assert "at least 1 is needed" in command(capsys, "small", "--out", tmp_path / "a", "--limit", 0)[2]
    (tmp_path / "README.md").write_text("none")
    code, _, err = command(capsys, "small", "--out", tmp_path / "a", "--readme", tmp_path / "README.md")
    assert code == 1 and "needs the lines <!-- small -->" in err
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    assert "is a file; a folder is needed" in command(capsys, "small", "--out", tmp_path / "file")[2]
    code, _, err = command(capsys, "king", "--data-dir", tmp_path / "nothing", "--out", tmp_path / "a")
    assert code == 1 and "holds no mnist prepared by tensorflow-datasets" in err and "leave --data-dir out" in err


@needs_mnist
def test_kings_pictures():
    digits = king.load(str(MNIST), 3)
    sharp = king.first_pictures("mnist", str(MNIST), 12)
    parts = np.concatenate([digits.test.sharp, digits.train.sharp, digits.validation.sharp])
    assert [len(part.sharp) for part in (digits.test, digits.train, digits.validation)] == [3, 6, 3]
    np.testing.assert_array_equal(parts, sharp.reshape(12, 784) / 255)
    profile = np.exp(-(np.arange(-2, 3) ** 2) / 2)
    kernel = np.outer(profile, profile) / profile.sum() ** 2
    expected = convolve2d(digits.train.sharp[4].reshape(28, 28), kernel, mode="same")
    np.testing.assert_allclose(digits.train.blur[4].reshape(28, 28), expected, atol=1e-7)
    assert (king.TEST, king.TRAIN, king.VALIDATION, king.EPOCHS) == (1000, 2000, 1000, 200)


@needs_mnist
def test_kings_numbers():
    """What the report's data give without its network and its LASSO, which take minutes."""
    digits = king.load(str(MNIST))
    with threadpool_limits(1, "blas"):
        fits = {name: king.FITS[name](digits) for name in ("known kernel", "ridge", "estimated kernel")}
    error = {name: king._mspe(fit.restore(digits.test.blur), digits.test).mean() for name, fit in fits.items()}
    assert error["known kernel"] <= 1e-10 and error["estimated kernel"] <= 1e-8
    assert error["ridge"] <= 1.5e-4 and min(point["mspe"] for point in fits["ridge"].curve) <= 1.5e-4
    assert len(fits["ridge"].curve) == 10 and fits["known kernel"].curve[0]["lambda"] == 1e-15


@needs_mnist
def test_kings_table_by_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(king, "EPOCHS", 2)
    monkeypatch.setattr(king, "LASSO_ITERATIONS", 3)
    code, out, err = command(capsys, "king", "--data-dir", MNIST, "--limit", 4, "--out", tmp_path)
    assert code == 0, err
    rows = {row["method"]: row for row in json.loads((tmp_path / "king.json").read_text())}
    assert list(rows) == ["blurred", "known kernel", "estimated kernel", "ridge", "LASSO", "network"]
    digits = king.load(str(MNIST), 4)
    errors = np.mean((digits.test.blur - digits.test.sharp) ** 2, axis=1)
    assert rows["blurred"]["mspe"] == pytest.approx(errors.mean())
    assert rows["blurred"]["psnr"] == pytest.approx(np.mean(-10 * np.log10(errors)))
    assert rows["known kernel"]["mspe"] <= 1e-10 and rows["estimated kernel"]["mspe"] <= 1e-8
    assert rows["known kernel"]["ssim"] == pytest.approx(1) and rows["estimated kernel"]["kernel_error"] < 1e-6
    for name in ("known kernel", "LASSO", "ridge", "estimated kernel"):
        curve = rows[name]["validation"]
        assert rows[name]["lambda"] == min(curve, key=lambda point: point["mspe"])["lambda"]
        assert rows[name]["lambdas"] == len(curve) >= 7
        assert 0 < rows[name]["seconds_per_lambda"] < rows[name]["training_seconds"]
    assert all(row["mspe"] <= row["mspe_unclipped"] and row["seconds"] > 0 for row in rows.values())
    assert len(rows["network"]["tests"]) == 5 and rows["network"]["training_cpu_seconds"] > 0 and "| LASSO |" in out
    for name in ("king.png", "king_lambda.png"):
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 400
