"""Means with their confidence intervals, and paired tests, over the pictures of an evaluation."""

import numpy as np
from scipy import stats

RESAMPLES = 2000
CONFIDENCE = 0.95


def mean_interval(values: np.ndarray, seed: int = 0) -> dict:
    """Return the mean of the values with its bootstrap interval.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Finite values, one for each picture.
    seed : int
        Seed of the resampling; equal seeds give equal intervals.

    Returns
    -------
    dict
        `mean`, and `low` and `high`, the 95 % percentile interval from 2,000 resamples: a percentile interval stays
        right under a monotone transform, as from MSE to PSNR. None for what too few values do not give.

    Notes
    -----
    Pictures count as independent of one another. Frames of one scene are not: over those the interval is too narrow.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return {"mean": None, "low": None, "high": None}
    mean = float(values.mean())
    if len(values) < 2:
        return {"mean": mean, "low": None, "high": None}
    result = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, 4_000_000 // len(values)),
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = (float(bound) for bound in result.confidence_interval)
    return {"mean": mean, "low": low, "high": high}


def paired_tests(output: np.ndarray, blurred: np.ndarray) -> dict:
    """Test whether output and blurred input differ, picture by picture.

    Parameters
    ----------
    output, blurred : numpy.ndarray, shape (n,)
        A measure of the same pictures; those in which one is not finite are left out.

    Returns
    -------
    dict
        `count`, the pictures that took part; `t` and `t_p` of the paired t-test; `wilcoxon` and `wilcoxon_p` of the
        signed-rank test, both two-sided; `reason`, why some of them are None.
    """
    output, blurred = np.asarray(output, np.float64), np.asarray(blurred, np.float64)
    finite = np.isfinite(output) & np.isfinite(blurred)
    difference = output[finite] - blurred[finite]
    result = {"count": len(difference), "t": None, "t_p": None, "wilcoxon": None, "wilcoxon_p": None, "reason": None}
    if len(difference) < 2:
        return result | {"reason": f"a test needs at least two pictures, found {len(difference)}"}
    if not difference.any():
        return result | {"reason": "output and input measure the same in every picture"}
    ranks = stats.wilcoxon(difference)
    result |= {"wilcoxon": float(ranks.statistic), "wilcoxon_p": float(ranks.pvalue)}
    if np.ptp(difference) <= 1e-9 * np.abs(difference).max():
        return result | {"reason": "the difference is the same in every picture, so there is no t"}
    t = stats.ttest_1samp(difference, 0)
    return result | {"t": float(t.statistic), "t_p": float(t.pvalue)}
