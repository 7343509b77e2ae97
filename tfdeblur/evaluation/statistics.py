"""Means with their confidence intervals, and paired tests, over the pictures of an evaluation."""

from collections.abc import Mapping, Sequence
from itertools import combinations

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


def compare_all(values: Mapping[str, np.ndarray]) -> list[dict]:
    """Compare every two methods by a measure of the same pictures.

    Parameters
    ----------
    values : mapping of str to numpy.ndarray, shape (n,)
        The measure of each picture, for each method. Pictures in which one of two is not finite are left out of their
        comparison.

    Returns
    -------
    list of dict
        One for each two methods: `method` and `other`, of which the latter comes first in `values`; what
        `paired_tests` returns; `t_p_holm` and `wilcoxon_p_holm`, p-values corrected for the number of comparisons;
        `difference`, method minus other, as `mean_interval` returns it; `cohen_d`.
    """
    found = []
    for other, method in combinations(values, 2):
        a, b = (np.asarray(values[name], np.float64) for name in (method, other))
        finite = np.isfinite(a) & np.isfinite(b)
        difference = a[finite] - b[finite]
        found.append({"method": method, "other": other, **paired_tests(a, b)})
        found[-1] |= {"difference": mean_interval(difference), "cohen_d": cohen_d(difference)}
    for key in ("t_p", "wilcoxon_p"):
        for pair, p in zip(found, holm([pair[key] for pair in found]), strict=True):
            pair[f"{key}_holm"] = p
    return found


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct the p-values of a family of tests by Holm's step-down procedure (1979).

    Below a level that is kept after correction, the chance of one false difference in the whole family is at most that
    level. None stays None and does not count.

    Examples
    --------
    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    corrected: list[float | None] = [None] * len(p_values)
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        corrected[index] = largest
    return corrected


def cohen_d(difference: np.ndarray) -> float | None:
    """Return Cohen's d of paired differences: their mean in units of their own standard deviation.

    By convention 0.2 is small, 0.5 medium and 0.8 large. None for less than two pictures, or where all differ equally.
    """
    if len(difference) < 2 or np.ptp(difference) <= 1e-9 * np.abs(difference).max():
        return None
    return float(np.mean(difference) / np.std(difference, ddof=1))
