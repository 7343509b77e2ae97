"""The tables of Kendall & Rios and of Levin's photographs, and classical methods on photographs, by their commands."""

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from tests import record_folders
from tests.networks import negative
from tests.picture_folders import images, save
from tfdeblur import deblur, evaluate, report
from tfdeblur.commandline import run
from tfdeblur.evaluation import kendall, levin
from tfdeblur.evaluation.metrics import PSNR_CAP
from tfdeblur.physics.blur import gaussian_blur

PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "data" / "levin2009"


def command(capsys, main, *arguments) -> tuple[int, str]:
    """Run a command as a user does; return its status and what it says on stderr."""
    with pytest.raises(SystemExit) as exit_:
        run(main, [*map(str, arguments)])
    return exit_.value.code, capsys.readouterr().err


def blurred_photograph(path, sigma=1.5, **size):
    sharp = skimage.data.coffee()[: size.get("height", 128), : size.get("width", 160)]
    blur = np.uint8(np.rint(255 * np.clip(gaussian_blur(np.float32(sharp) / 255, sigma), 0, 1)))
    save(path, blur)
    return blur, sharp


def error(pixels, sharp) -> float:
    return float(np.mean((np.float32(pixels) - np.float32(sharp)) ** 2))


def test_kendalls_table(tmp_path, capsys):
    images(tmp_path / "in", count=3, height=124, width=124)
    code, err = command(capsys, report.main, "table", "kendall", "--data-dir", tmp_path / "in", "--out", tmp_path / "o")
    assert code == 0, err
    rows = {row["method"]: row for row in json.loads((tmp_path / "o" / "kendall.json").read_text())}
    assert list(rows) == list(kendall.CANDIDATES)
    for name, row in rows.items():
        assert row["pictures"] == 3 and row["psnr_capped"] <= PSNR_CAP
        assert (row["kernel_mse"] is not None) == (name == "blind maximum likelihood")
        if name not in ("blurred", "blind maximum likelihood"):
            assert row["psnr_capped"] > rows["blurred"]["psnr_capped"] and row["ssim"] > rows["blurred"]["ssim"]
    assert set(rows["TV, true kernel"]["tests"]) == set(list(rows)[: list(rows).index("TV, true kernel")])
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        *(f"kendall.{end}" for end in ("json", "md", "csv", "png")),
        "kendall_sigma.png",
    }


def test_distance_of_kernels():
    wide, narrow = np.full((5, 3), 1 / 15), np.ones((1, 1))
    assert kendall.squared_distance(wide, narrow) == kendall.squared_distance(narrow, wide)
    assert kendall.squared_distance(wide, narrow) == pytest.approx(14 / 15**2 + (14 / 15) ** 2)


@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason=f"needs Levin's photographs in {PHOTOGRAPHS}")
def test_levins_table(tmp_path, capsys):
    arguments = ("table", "levin", "--data-dir", PHOTOGRAPHS, "--limit", 1, "--out", tmp_path)
    code, err = command(capsys, report.main, *arguments)
    assert code == 0, err
    rows = {row["method"]: row for row in json.loads((tmp_path / "levin.json").read_text())}
    assert rows["hyper-laplacian"]["error_ratio"] == 1 and rows["blurred"]["found"] == 0
    assert rows["hyper-laplacian, estimated kernel"]["found"] == 1
    assert min(rows["tv"]["psnr"], rows["hyper-laplacian"]["psnr"]) > rows["rl"]["psnr"] > rows["blurred"]["psnr"] + 3


def test_orlandis_table_collects_evaluations(tmp_path, capsys):
    pairs = [
        record_folders.pair(record_folders.photograph("coffee", 32, 32, 20 * i), i, f"p{i}", "s") for i in range(4)
    ]
    data = record_folders.write_folder(tmp_path / "cifar10", {"test": pairs})
    for name in ("cifar10_unet16", "other"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        negative().save(tmp_path / "runs" / name / "best.keras")
        (tmp_path / "runs" / name / "config.json").write_text("{}")
        (tmp_path / "runs" / name / "run.json").write_text(json.dumps({"experiment": name, "step": 3}))
        evaluate.main([str(tmp_path / "runs" / name), "--data", str(data), "--split", "test"])
    table = ("table", "orlandi", "--runs", tmp_path / "runs", "--out", tmp_path / "o")
    code, err = command(capsys, report.main, *table)
    assert code == 0, err
    rows = {row["method"]: row for row in json.loads((tmp_path / "o" / "orlandi.json").read_text())}
    summary = json.loads((tmp_path / "runs" / "other" / "evaluation-cifar10-test" / "summary.json").read_text())
    assert list(rows)[2] == "blurred" and set(rows) == {"blurred", "cifar10_unet16", "other"}
    assert rows["other"]["ssim"] == pytest.approx(summary["output"]["ssim"]["mean"], rel=1e-5)
    assert rows["blurred"]["psnr"] == pytest.approx(summary["blurred"]["psnr"]["mean"], rel=1e-5)
    assert (rows["cifar10_unet16"]["report_psnr"], rows["other"]["report_psnr"]) == (29.32, None)
    data.rename(tmp_path / "gone")
    code, err = command(capsys, report.main, *table)
    assert code == 1 and "are gone" in err


def test_alignment_finds_the_shift():
    picture = np.float32(skimage.data.camera()[:96, :96]) / 255
    shifted, remaining = levin.aligned(np.roll(picture, (3, -5), (0, 1)), picture)
    assert remaining == 0
    np.testing.assert_array_equal(shifted, picture[levin.MARGIN : -levin.MARGIN, levin.MARGIN : -levin.MARGIN])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("kendall",), "--data-dir FOLDER"),
        (("levin",), "--data-dir FOLDER"),
        (("levin", "--data-dir", "."), "no im*_kernel*_img.png in ."),
        (("orlandi", "--runs", "tests"), "no run in tests has been evaluated"),
        (("kendall", "--data-dir", "nowhere"), "there is no nowhere"),
    ],
)
def test_data_that_are_missing(arguments, message, tmp_path, capsys):
    code, err = command(capsys, report.main, "table", *arguments, "--out", tmp_path / "o")
    assert code == 1 and message in err and err.count("\n") == 1


@pytest.mark.parametrize("method", ["wiener", "rl", "hyper-laplacian"])
def test_a_photograph_is_deblurred_in_tiles_as_in_one(method, tmp_path, capsys):
    blur, sharp = blurred_photograph(tmp_path / "in.png", height=200, width=260)
    for tile in (128, 512):
        arguments = ("--method", method, "--psf", "gaussian:1.5", "--tile", tile, "--out", tmp_path / str(tile))
        code, err = command(capsys, deblur.main, tmp_path / "in.png", *arguments)
        assert code == 0, err
    tiled, whole = (np.asarray(Image.open(tmp_path / str(tile) / "in.png")) for tile in (128, 512))
    assert error(whole, sharp) < 0.75 * error(blur, sharp)
    assert error(tiled, whole) < 0.02 * error(blur, sharp)


def test_a_shaken_photograph_with_a_kernel_from_a_file_and_one_estimated(tmp_path, capsys):
    kernel = np.eye(9) / 9
    np.save(tmp_path / "kernel.npy", kernel)
    sharp = skimage.data.camera()[:256, 128:384]
    blur = sum(np.roll(np.float32(sharp), (i, i), (0, 1)) for i in range(-4, 5)) / 9
    save(tmp_path / "in.png", np.uint8(np.rint(blur)))
    inside = (slice(16, -16), slice(16, -16))
    for psf, name in ((tmp_path / "kernel.npy", "known"), ("blind:11", "blind")):
        arguments = ("--method", "hyper-laplacian", "--psf", psf, "--noise", "0.005", "--out", tmp_path / name)
        code, err = command(capsys, deblur.main, tmp_path / "in.png", *arguments)
        assert code == 0, err
    known, blind = (np.asarray(Image.open(tmp_path / name / "in.png")) for name in ("known", "blind"))
    assert error(known[inside], sharp[inside]) < 0.2 * error(blur[inside], sharp[inside])
    shifts = [np.roll(blind, (y, x), (0, 1))[inside] for y in range(-2, 3) for x in range(-2, 3)]
    assert min(error(shifted, sharp[inside]) for shifted in shifts) < 0.5 * error(blur[inside], sharp[inside])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either --model"),
        (("--model", "m", "--method", "rl", "--psf", "disk:2"), "give either --model"),
        (("--method", "rl"), "belong together"),
        (("--model", "m", "--noise", 0.1), "options of --method"),
        (("--method", "rl", "--psf", "disk"), "disk:RADIUS"),
        (("--method", "rl", "--psf", "blind:many"), "blind:SIZE"),
        (("--method", "rl", "--psf", "disk:2", "--noise", 0.1), "noise is 0.1"),
        (("--method", "wiener", "--psf", "disk:2", "--iterations", 3), "iterations is 3"),
        (("--method", "tv", "--psf", "nowhere.npy"), "no kernel file nowhere.npy"),
        (("--method", "tv", "--psf", "disk:80"), "at most 160x128 are possible"),
    ],
)
def test_methods_that_cannot_work(arguments, message, tmp_path, capsys):
    blurred_photograph(tmp_path / "in.png")
    code, err = command(capsys, deblur.main, tmp_path / "in.png", "--out", tmp_path / "out", *arguments)
    assert code == 1 and message in err and "Traceback" not in err
