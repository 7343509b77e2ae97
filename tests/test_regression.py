"""Regressions and inversions on small real digits, against scikit-learn, SciPy and least squares written out."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.signal import convolve2d
from sklearn import linear_model
from sklearn.datasets import load_digits

from tfdeblur.classical.inversion import convolution_matrix, estimate_kernel, known_kernel
from tfdeblur.classical.pixel_network import pixel_network, train_pixel_network
from tfdeblur.classical.regression import lasso, normal_equations, ridge, ridge_path

SHAPE = (8, 8)
LOPSIDED = np.array([[0.05, 0.1, 0.02], [0.2, 0.35, 0.08], [0.01, 0.15, 0.04]])
KERNELS = {"lopsided": LOPSIDED, "wide": LOPSIDED[1:2] / 0.63, "large": np.outer([1, 2, 4, 2, 2], [2, 1, 3, 1, 1]) / 88}


def blurred(pictures, kernel):
    return np.stack([convolve2d(picture, kernel, mode="same") for picture in pictures])


@pytest.fixture(scope="module")
def digits():
    """Sharp and blurred pictures, `(n, 8, 8)`."""
    sharp = load_digits().images[:150] / 16
    return blurred(sharp, LOPSIDED), sharp


@pytest.fixture(scope="module")
def rows(digits):
    return tuple(pictures.reshape(len(pictures), -1) for pictures in digits)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("shape", [(5, 5), (7, 12)])
def test_the_matrix_is_a_convolution(kernel, shape):
    picture = np.random.default_rng(0).random(shape)
    found = (convolution_matrix(kernel, shape) @ picture.ravel()).reshape(shape)
    np.testing.assert_allclose(found, convolve2d(picture, kernel, mode="same"), atol=1e-15)


@pytest.mark.parametrize(
    ("kernel", "said"),
    [(np.ones((2, 3)), "both sides must be odd"), (np.ones((9, 3)), "9x3 pixels and the picture only")],
)
def test_kernels_that_do_not_fit(kernel, said):
    with pytest.raises(ValueError, match=said):
        convolution_matrix(kernel, SHAPE)
    if kernel.shape[0] == 9:
        with pytest.raises(ValueError, match="9x9 pixels and the picture only 8x8"):
            estimate_kernel(np.ones((2, 8, 8)), np.ones((2, 8, 8)), 9)


def test_a_known_kernel_gives_the_pictures_back(digits, rows):
    problem = known_kernel(LOPSIDED, SHAPE)
    np.testing.assert_allclose(rows[0] @ ridge(problem, 1e-15), rows[1], atol=1e-6)


def test_inversion_is_tikhonovs(rows):
    """Least squares of the convolution with the penalty as further equations."""
    matrix = convolution_matrix(LOPSIDED, SHAPE).toarray()
    for penalty in (1e-3, 0.5):
        stacked = np.vstack([matrix, np.sqrt(penalty) * np.eye(64)])
        expected = np.linalg.lstsq(stacked, np.vstack([rows[0].T, np.zeros((64, 150))]))[0].T
        np.testing.assert_allclose(rows[0] @ ridge(known_kernel(LOPSIDED, SHAPE), penalty), expected, atol=1e-10)


def test_ridge_is_that_of_scikit_learn(rows):
    problem, penalties = normal_equations(*rows), (1e-4, 0.1, 30)
    path = list(ridge_path(problem, rows[0][:10], penalties))
    for penalty, output in zip(penalties, path, strict=True):
        expected = linear_model.Ridge(penalty, fit_intercept=False, solver="cholesky").fit(*rows).coef_.T
        np.testing.assert_allclose(ridge(problem, penalty), expected, atol=1e-8)
        np.testing.assert_allclose(output, rows[0][:10] @ expected, atol=1e-8)


def objective(rows, weights, penalty):
    """Equation 5, written out."""
    return ((rows[0] @ weights - rows[1]) ** 2).sum() + penalty * np.abs(weights).sum()


def scikit_lasso(rows, penalty):
    model = linear_model.Lasso(penalty / (2 * len(rows[0])), fit_intercept=False, tol=1e-9, max_iter=100_000)
    return model.fit(*rows).coef_.T


@pytest.mark.parametrize("penalty", [1.0, 0.1])
def test_lasso_is_that_of_scikit_learn(rows, penalty):
    found = lasso(normal_equations(*rows), penalty, tolerance=1e-8, most=20_000)
    expected = scikit_lasso(rows, penalty)
    assert found.iterations < 20_000 and found.gap <= 1e-8 * found.objective
    assert found.objective == pytest.approx(objective(rows, found.weights, penalty), rel=1e-9)
    assert found.objective == pytest.approx(objective(rows, expected, penalty), rel=1e-6)
    assert found.objective <= objective(rows, expected, penalty) * (1 + 1e-8)
    np.testing.assert_allclose(rows[0] @ found.weights, rows[0] @ expected, atol=1e-3)
    assert np.mean(found.weights == 0) > 0.3


def test_the_gap_of_an_unfinished_lasso_is_honest(rows):
    problem = normal_equations(*rows)
    best = objective(rows, scikit_lasso(rows, 0.3), 0.3)
    for most in (1, 7, 30, 90):
        found = lasso(problem, 0.3, tolerance=0, most=most)
        assert found.iterations == most
        assert found.objective - found.gap <= best * (1 + 1e-8) <= found.objective * (1 + 2e-8)
    assert found.gap < 0.2 * best


def test_a_lasso_may_start_from_another(rows):
    problem = normal_equations(*rows)
    cold = lasso(problem, 0.3, tolerance=1e-6, most=20_000)
    neighbour = lasso(problem, 0.4, tolerance=1e-6, most=20_000)
    kept = neighbour.weights.copy()
    warm = lasso(problem, 0.3, start=neighbour, tolerance=1e-6, most=20_000)
    assert warm.iterations < cold.iterations
    assert warm.objective == pytest.approx(cold.objective, rel=2e-6)
    np.testing.assert_array_equal(neighbour.weights, kept)
    assert lasso(problem, 0.3, start=cold, tolerance=2e-6).iterations <= 20


def test_beyond_the_largest_penalty_all_weights_are_zero(rows):
    problem = normal_equations(*rows)
    largest = 2 * np.abs(problem.correlation).max()
    assert not lasso(problem, 1.01 * largest, most=5000, tolerance=1e-12).weights.any()
    assert lasso(problem, 0.9 * largest, most=5000, tolerance=1e-12).weights.any()


@pytest.mark.parametrize("penalty", [0, -1, float("nan"), float("inf")])
def test_penalties_that_are_none(rows, penalty):
    problem = normal_equations(*rows)
    for fit in (lambda: ridge(problem, penalty), lambda: lasso(problem, penalty)):
        with pytest.raises(ValueError, match="lambda is .*; it must be a number above 0"):
            fit()
    with pytest.raises(ValueError, match="lambda is"):
        list(ridge_path(problem, rows[0], [penalty]))


def test_pictures_that_are_no_pairs(digits, rows):
    with pytest.raises(ValueError, match="found 149 inputs and 150 targets"):
        normal_equations(rows[0][1:], rows[1])
    with pytest.raises(ValueError, match=r"both must be \(N, H, W\) and equal"):
        estimate_kernel(digits[0][1:], digits[1], 3)


@pytest.mark.parametrize("kernel", [KERNELS["lopsided"], KERNELS["large"]], ids=["lopsided", "large"])
def test_the_estimated_kernel_is_the_true_one(digits, kernel):
    found = estimate_kernel(blurred(digits[1], kernel), digits[1], 5)
    edge = (5 - len(kernel)) // 2
    np.testing.assert_allclose(found, np.pad(kernel, edge), atol=1e-10)


def test_the_estimated_kernel_is_least_squares(digits):
    """With noise, which no kernel explains."""
    noisy = digits[0] + np.random.default_rng(0).normal(0, 0.1, digits[0].shape)
    found = estimate_kernel(noisy, digits[1], 3)
    left = blurred(digits[1], found) - noisy
    for i in range(3):
        for j in range(3):
            single = np.zeros((3, 3))
            single[i, j] = 1
            assert abs((blurred(digits[1], single) * left).sum()) < 1e-8
    np.testing.assert_allclose(found, LOPSIDED, atol=0.02)


def test_pictures_without_detail_tell_no_kernel():
    with pytest.raises(ValueError, match="too little detail for a kernel of 3x3"):
        estimate_kernel(np.zeros((4, 8, 8)), np.zeros((4, 8, 8)), 3)


def test_the_network_learns_and_repeats(rows):
    network = pixel_network()
    assert network.count_params() == 2 * (784 * 784 + 784) and network.output.dtype == "float32"
    outputs = [train_pixel_network(*rows, epochs=20, seed=1)(np.float32(rows[0])) for _ in range(2)]
    np.testing.assert_array_equal(*outputs)
    assert np.mean((outputs[0] - rows[1]) ** 2) < 0.6 * np.var(rows[1])


@pytest.mark.slow
def test_the_network_trains_under_jax(rows, tmp_path):
    program = """
import sys, numpy as np
from tfdeblur.classical.pixel_network import train_pixel_network
blur, sharp = np.load(sys.argv[1])
print(np.mean((np.asarray(train_pixel_network(blur, sharp, epochs=20)(blur)) - sharp) ** 2))
"""
    np.save(tmp_path / "pairs.npy", np.float32(rows))
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    arguments = [sys.executable, "-c", program, str(tmp_path / "pairs.npy")]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=True)
    assert float(done.stdout) < 0.6 * np.var(rows[1])
