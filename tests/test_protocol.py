"""What is measured of a picture, and how pictures are summed up, against NumPy, SciPy and scikit-image."""

import csv
import io
import json
import warnings

import numpy as np
import pytest
from scipy import stats
from skimage import metrics as oracle

from tests.record_folders import blurred, photograph
from tfdeblur.evaluation import protocol
from tfdeblur.evaluation.metrics import PSNR_CAP
from tfdeblur.evaluation.statistics import mean_interval, paired_tests


def pictures(height=40, width=50):
    """Blurred, sharp and output: three parts of a photograph, the first of them not blurred at all."""
    sharp = np.stack([photograph("coffee", height, width, top) for top in (20, 120, 220)])
    blur = np.stack([blurred(picture, sigma) for picture, sigma in zip(sharp, (0, 1, 2), strict=True)])
    output = np.stack([blurred(picture, 0.6) for picture in sharp])
    return blur, sharp, output


def test_measures_are_those_of_scikit_image_and_numpy():
    blur, sharp, output = pictures()
    rows = protocol.measure(blur, sharp, output)
    for i, row in enumerate(rows):
        for prefix, picture in (("", output[i]), ("blur_", blur[i])):
            difference = (np.float64(picture) - sharp[i]) / 255
            expected = {
                "mse": (difference**2).mean(),
                "mae": abs(difference).mean(),
                "psnr": oracle.peak_signal_noise_ratio(sharp[i], picture) if difference.any() else np.inf,
                "ssim": oracle.structural_similarity(
                    sharp[i], picture, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
                ),
            }
            assert {key: row[prefix + key] for key in expected} == pytest.approx(expected, rel=1e-5)
    assert rows[0]["blur_psnr"] == np.inf and rows[0]["blur_mse"] == 0


def test_outputs_are_rounded_and_clipped_and_float_inputs_are_not():
    blur, sharp, _ = pictures()
    exact = np.float32(sharp) / 255
    rows = protocol.measure(exact + np.float32(0.4 / 255), sharp, exact + np.float32(0.4 / 255))
    assert all(row["psnr"] == np.inf and row["mse"] == 0 for row in rows)
    assert [row["blur_mae"] for row in rows] == pytest.approx([0.4 / 255] * 3, rel=1e-3)
    assert protocol.to_bytes(np.float32([-0.5, 0.1, 1.5])).tolist() == [0, 26, 255]


@pytest.mark.parametrize("strip", [1, 3 * 50 * 13, 3 * 50 * 35])
def test_strips_of_large_pictures_change_nothing(monkeypatch, strip):
    whole = protocol.measure(*pictures())
    monkeypatch.setattr(protocol, "STRIP", strip)
    for row, expected in zip(protocol.measure(*pictures()), whole, strict=True):
        assert row == pytest.approx(expected, rel=1e-5)


def rows_of(psnr, blur_psnr, ssim=None, blur_ssim=None):
    """Rows with given PSNR and what follows from it."""
    columns = {"psnr": psnr, "blur_psnr": blur_psnr}
    columns |= {"mse": 10 ** (-np.array(psnr) / 10), "blur_mse": 10 ** (-np.array(blur_psnr) / 10)}
    columns |= {"mae": columns["mse"], "blur_mae": columns["blur_mse"]}
    columns |= {"ssim": ssim or [0.9] * len(psnr), "blur_ssim": blur_ssim or [0.8] * len(psnr)}
    return [{key: float(values[i]) for key, values in columns.items()} for i in range(len(psnr))]


def test_the_three_means_of_psnr():
    summary = protocol.summarize(rows_of([30, 34, np.inf, 60], [np.inf, 20, 24, np.inf]))
    assert (
        summary["output"]["psnr"]["mean"] == pytest.approx((30 + 34 + 60) / 3)
        and summary["output"]["psnr"]["count"] == 3
    )
    assert summary["output"]["psnr_capped"]["mean"] == pytest.approx((30 + 34 + 2 * PSNR_CAP) / 4)
    expected = -10 * np.log10((1e-3 + 10**-3.4 + 0 + 1e-6) / 4)
    assert summary["output"]["psnr_of_mean_mse"]["mean"] == pytest.approx(expected)
    assert summary["blurred"]["psnr"] | {"low": 0, "high": 0} == {"mean": 22, "low": 0, "high": 0, "count": 2}
    assert summary["gain"]["psnr"]["mean"] == pytest.approx(14) and summary["gain"]["psnr"]["count"] == 1
    assert summary["gain"]["psnr_capped"]["mean"] == pytest.approx((-20 + 14 + 26 + 0) / 4)
    error = summary["output"]["mse"]
    ends = {"mean": error["mean"], "low": error["high"], "high": error["low"]}
    expected = {key: -10 * np.log10(value) for key, value in ends.items()}
    assert summary["output"]["psnr_of_mean_mse"] == pytest.approx(expected)


def test_intervals_cover_what_they_should_and_are_seeded():
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        values = random.gamma(2, 3, 80)
        interval = mean_interval(values)
        covered += interval["low"] <= 6 <= interval["high"]
    assert 88 <= covered <= 99
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    assert (interval["high"] - interval["low"]) / 2 == pytest.approx(half, rel=0.1)
    assert mean_interval(values) == interval and mean_interval(values, seed=1) != interval
    assert interval["mean"] == pytest.approx(values.mean())


def test_paired_tests_are_those_of_scipy():
    random = np.random.default_rng(2)
    blur = random.normal(24, 3, 70)
    output = blur + random.normal(0.5, 1, 70)
    output[3], blur[7], blur[11], output[11] = np.inf, np.inf, np.inf, np.inf
    finite = np.isfinite(output) & np.isfinite(blur)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        capped = protocol.summarize(rows_of(output, blur))["tests"]["psnr_capped"]
        found = protocol.summarize(rows_of(output, blur))["tests"]["psnr"]
    t, ranks = stats.ttest_rel(output[finite], blur[finite]), stats.wilcoxon(output[finite], blur[finite])
    assert (found["count"], found["reason"]) == (67, None)
    assert (found["t"], found["t_p"]) == pytest.approx((t.statistic, t.pvalue))
    assert (found["wilcoxon"], found["wilcoxon_p"]) == pytest.approx((ranks.statistic, ranks.pvalue))
    t = stats.ttest_rel(np.minimum(output, PSNR_CAP), np.minimum(blur, PSNR_CAP))
    assert (capped["count"], capped["t_p"]) == (70, pytest.approx(t.pvalue))


@pytest.mark.parametrize(
    ("output", "blur", "reason", "t", "wilcoxon"),
    [
        ([], [], "at least two pictures, found 0", False, False),
        ([30], [20], "at least two pictures, found 1", False, False),
        ([30, np.inf], [20, np.inf], "at least two pictures, found 1", False, False),
        ([30, 31], [30, 31], "the same in every picture", False, False),
        ([30, 31, 32], [29, 30, 31], "the difference is the same", False, True),
        ([30, 31, 32], [30, 31, 31], None, True, True),
        ([30, 33], [29, 30], None, True, True),
    ],
)
def test_tests_of_too_little(output, blur, reason, t, wilcoxon):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = paired_tests(np.float64(output), np.float64(blur))
    assert (reason in found["reason"]) if reason else found["reason"] is None
    assert ((found["t_p"] is not None), (found["wilcoxon_p"] is not None)) == (t, wilcoxon)


@pytest.mark.parametrize("psnr", [[28.0], [np.inf], [np.inf, np.inf], [28.0, 28.0], [28.0, 30.0, np.inf]])
def test_a_summary_is_json_and_text_whatever_is_missing(psnr):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = protocol.summarize(rows_of(psnr, psnr[::-1], [np.nan] * len(psnr), [np.nan] * len(psnr)))
    json.dumps(summary, allow_nan=False)
    assert summary["ssim_left_out"] == len(psnr) and summary["output"]["ssim"]["mean"] is None
    table = protocol.markdown(summary, "output").splitlines()
    assert len({line.count("|") for line in table}) == 1 and len(table) == 5
    assert "nan" not in "".join(table) + protocol.tests_text(summary)


def test_nothing_to_sum_up():
    with pytest.raises(ValueError, match="no picture was measured"):
        protocol.summarize([])


def test_the_table_and_pictures_too_small_for_ssim():
    small = tuple(part[:, :10, :30] for part in pictures())
    rows = [{"name": f"a, {i}", "scene": "s", **row} for i, row in enumerate(protocol.measure(*small))]
    text = protocol.table_text(rows)
    assert text.splitlines()[0] == "name,scene,psnr,ssim,mse,mae,blur_psnr,blur_ssim,blur_mse,blur_mae"
    read = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in read] == ["a, 0", "a, 1", "a, 2"]
    assert all(row["ssim"] == row["blur_ssim"] == "" for row in read)
    assert float(read[0]["blur_psnr"]) == np.inf
    assert float(read[1]["psnr"]) == pytest.approx(rows[1]["psnr"], rel=1e-5)
    mixed = rows + [{"name": "b", "scene": "s", **row} for row in protocol.measure(*pictures())]
    summary = protocol.summarize(mixed)
    assert summary["ssim_left_out"] == 3 and summary["tests"]["ssim"]["count"] == 3 and summary["pictures"] == 6
    assert summary["output"]["ssim"]["mean"] == pytest.approx(np.mean([row["ssim"] for row in mixed[3:]]))
