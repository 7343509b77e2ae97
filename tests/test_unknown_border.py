"""The solver for unknown borders: laws on a grid of kernels, noises and sizes, and dense algebra as oracle."""

import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from scipy import linalg, signal

from tfdeblur.classical import METHODS
from tfdeblur.classical.least_squares import LeastSquares, squared_gradient
from tfdeblur.classical.noise_level import ROUNDING
from tfdeblur.classical.toeplitz import ToeplitzInverse
from tfdeblur.classical.unknown_border import MOST_STEPS, TOLERANCE, dot
from tfdeblur.classical.wiener import TYPICAL_VARIANCE, tikhonov, wiener
from tfdeblur.physics.kernels import disk, gaussian, linear_motion

MEASURED = Path(__file__).parents[2] / "shared" / "data" / "kernels" / "kernels.npz"

KERNELS = {
    **{f"disk {radius}": (disk, radius) for radius in (1, 2.5, 5, 10, 15, 20)},
    **{f"gaussian {sigma}": (gaussian, sigma) for sigma in (0.5, 1, 2, 4, 8)},
    **{
        f"motion {length} {angle}": (linear_motion, length, angle)
        for length, angle in [(3, 45), (10, 0), (10, 90), (25, 10), (40, 20), (60, 77), (80, 0), (80, 45), (80, -30)]
    },
}
FEW = ["disk 5", "gaussian 2", "motion 25 10", "motion 10 90"]
NOISES = (0.0, 0.002, 0.01, 0.05)


def kernel_of(name: str) -> np.ndarray:
    function, *values = KERNELS[name]
    return function(*values)


def blurred(sharp: np.ndarray, kernel: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """The part of a photograph `(H, W, C)` whose blur needs nothing beyond it, in 8 bit, and its sharp part."""
    blur = np.stack([signal.fftconvolve(sharp[..., c], kernel, mode="valid") for c in range(sharp.shape[-1])], -1)
    blur = blur + np.random.default_rng(0).normal(0, noise, blur.shape)
    top, left = (side // 2 for side in kernel.shape)
    blur = np.rint(np.clip(blur, 0, 1) * 255) / 255
    return np.float32(blur)[None], sharp[None, top : top + blur.shape[0], left : left + blur.shape[1]]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * np.log10(np.mean((np.clip(a, 0, 1) - b) ** 2))


def spectrum(planes: np.ndarray) -> np.ndarray:
    return np.fft.rfft2(planes)


def planes(spectrum: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.fft.irfft2(spectrum, size)


def normal_residual(problem: LeastSquares, cost: np.ndarray, solution: np.ndarray) -> float:
    """The residual of the normal equations over their right side."""
    (height, width), adjoint = problem.picture, problem.spectrum.conj()
    known, seen = np.zeros(solution.shape), np.zeros(solution.shape)
    known[..., :height, :width] = problem.blur
    blurred = planes(problem.spectrum * spectrum(solution), problem.size)
    seen[..., :height, :width] = blurred[..., :height, :width]
    aim = planes(adjoint * spectrum(known), problem.size)
    found = planes(adjoint * spectrum(seen) + cost * spectrum(solution), problem.size)
    return np.linalg.norm(found - aim) / np.linalg.norm(aim)


@pytest.mark.parametrize("side", [1, 2, 5, 40])
def test_toeplitz_inverse_is_scipys(side):
    random = np.random.default_rng(side)
    spectra = random.random((3, 4 * side)) + 1e-3  # positive definite, and Hermitian
    columns = np.fft.ifft(spectra)[:, :side]
    right = random.random((2, 3, side)) + 1j * random.random((2, 3, side))
    found = ToeplitzInverse(columns.T)(np.moveaxis(right, 1, -1))
    for vectors, expected in zip(found, right, strict=True):
        for i in range(3):
            solved = linalg.solve_toeplitz((columns[i], columns[i].conj()), expected[i])
            np.testing.assert_allclose(vectors[:, i], solved, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(23, 31), (16, 9)])
def test_system_is_symmetric_and_positive(size, kind):
    random = np.random.default_rng(0)
    problem = LeastSquares(random.random((2, *size, 3), kind), disk(3), "unknown")
    solver = problem.under(0.01 * squared_gradient(problem.size, np.float64) + 1e-4)
    a, b = (random.random(problem.border.values.shape) for _ in range(2))
    rounding = 1e-5 if kind == np.float32 else 1e-10
    np.testing.assert_allclose(dot(a, solver.system(b)), dot(solver.system(a), b), rtol=rounding)
    assert (dot(a, solver.system(a)) > 0).all()
    prepared = [solver._preconditioned(values) for values in (a, b)]
    rounding = 1e-5 if kind == np.float32 else 1e-8
    np.testing.assert_allclose(dot(a, prepared[1]), dot(prepared[0], b), rtol=rounding)


def test_one_strip_alone_is_solved_by_its_preconditioner():
    problem = LeastSquares(np.random.default_rng(0).random((1, 20, 24, 1)), linear_motion(9, 0), "unknown")
    solver = problem.under(np.full((1, 1, *problem.power.shape[-2:]), 1e-3))
    solver.solve()
    assert solver.steps <= 2


@pytest.mark.parametrize(
    ("kernel", "size"), [(disk(3), (17, 24)), (linear_motion(9, 30), (12, 15)), (gaussian(1), (9, 21))]
)
@pytest.mark.parametrize("weight", [1e-6, 1e-3])
@pytest.mark.parametrize("penalty", ["gradient", "identity"])
def test_it_is_what_dense_algebra_finds(penalty, weight, kernel, size):
    blur = np.random.default_rng(0).random((1, *size, 1))
    problem = LeastSquares(blur, kernel, "unknown")
    count = problem.size[0] * problem.size[1]
    identity = np.eye(count).reshape(1, count, *problem.size)
    seen = planes(problem.spectrum * spectrum(identity), problem.size)[0, :, : size[0], : size[1]].reshape(count, -1).T
    cost = squared_gradient(problem.size, np.float64) if penalty == "gradient" else np.ones(problem.power.shape)
    price = planes(weight * cost * spectrum(identity), problem.size).reshape(count, count)
    expected = np.linalg.solve(seen.T @ seen + price, seen.T @ blur.ravel()).reshape(problem.size)
    found = tikhonov(blur, kernel, weight=weight, penalty=penalty)
    np.testing.assert_allclose(found[0, ..., 0], expected[: size[0], : size[1]], atol=1e-5)


def check_residual(sharp: np.ndarray, kernel: np.ndarray, noise: float) -> None:
    """Raise an error unless the tolerance is reached in both dtypes, without a warning."""
    blur = blurred(sharp, kernel, noise)[0]
    weight = max(noise, ROUNDING) ** 2 / TYPICAL_VARIANCE["gradient"]
    for kind in (np.float32, np.float64):
        problem = LeastSquares(blur.astype(kind), kernel, "unknown")
        cost = weight * squared_gradient(problem.size, np.float64)[None, None]
        solver = problem.under(cost)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            solution = solver.solve()
        assert solver.residual <= TOLERANCE[np.dtype(kind)] and solver.steps < MOST_STEPS / 3
        assert normal_residual(problem, cost, solution) < (5e-5 if kind == np.float32 else 1e-8)


def check_gain(sharp: np.ndarray, kernel: np.ndarray, noise: float, method: str) -> None:
    """Raise an error if a method's result is below its input by more than 0.1 dB."""
    blur, truth = blurred(sharp, kernel, noise)
    # Richardson-Lucy knows no noise: it amplifies it from one iteration to the next.
    options = {"iterations": 5 if noise > 0.005 else 30} if method == "rl" else {"noise": max(noise, ROUNDING)}
    assert psnr(METHODS[method](blur, kernel, **options), truth) > psnr(blur, truth) - 0.1


def photograph(size: tuple[int, int], kernel: np.ndarray) -> np.ndarray:
    """A part of a photograph whose blurred part is of this size."""
    height, width = (side + edge - 1 for side, edge in zip(size, kernel.shape, strict=True))
    return np.float32(skimage.data.astronaut()[60 : 60 + height, 40 : 40 + width]) / 255


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_tolerance_is_reached(name, noise):
    kernel = kernel_of(name)
    check_residual(photograph((61, 84), kernel), kernel, noise)


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", KERNELS)
def test_tolerance_is_reached_on_a_grid(name, noise):
    kernel = kernel_of(name)
    for size in [(200, 240), (127, 93), tuple(side + 1 for side in kernel.shape)]:
        check_residual(photograph(size, kernel), kernel, noise)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["motion 25 10", "disk 10"])
def test_the_result_is_not_below_its_input(name, method):
    kernel = kernel_of(name)
    check_gain(photograph((96, 120), kernel), kernel, 0.0, method)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", KERNELS)
def test_the_result_is_not_below_its_input_on_a_grid(name, noise, method):
    if method == "rl" and noise > 0.02:
        pytest.skip("one iteration amplifies so much noise by more than it sharpens, where kernels are small")
    kernel = kernel_of(name)
    check_gain(photograph((200, 240), kernel), kernel, noise, method)


@pytest.mark.slow
def test_measured_kernels():
    if not MEASURED.exists():
        pytest.skip(f"{MEASURED} with measured kernels is not there")
    with np.load(MEASURED) as kernels:
        for name, noise in itertools.product(sorted(kernels)[::3], (0.0, 0.01)):
            kernel = np.pad(kernels[name], [(0, 1 - side % 2) for side in kernels[name].shape])
            sharp = photograph((150, 170), kernel)
            check_residual(sharp, kernel, noise)
            for method in ("wiener", "hyper-laplacian"):
                check_gain(sharp, kernel, noise, method)


@pytest.mark.parametrize("method", [wiener, tikhonov])
def test_noise_of_0_is_solved_for_too(method):
    kernel = linear_motion(9, 20)
    sharp = photograph((64, 64), kernel).astype(np.float64)
    blur = np.stack([signal.convolve2d(sharp[..., c], kernel, mode="valid") for c in range(3)], -1)[None]
    top, left = (side // 2 for side in kernel.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        restored = method(blur, kernel, noise=0)
    truth = sharp[None, top : top + 64, left : left + 64]
    assert psnr(restored, truth) > psnr(blur, truth) + 4


@pytest.mark.parametrize("method", ["wiener", "tikhonov", "tv", "hyper-laplacian"])
@pytest.mark.parametrize("name", ["motion 25 10", "disk 10"])
def test_float32_is_as_good_as_float64(name, method):
    kernel = kernel_of(name)
    blur, truth = blurred(photograph((96, 120), kernel), kernel, 0.0)
    found = [METHODS[method](blur.astype(kind), kernel, noise=ROUNDING) for kind in (np.float32, np.float64)]
    assert [result.dtype for result in found] == [np.float32, np.float64]
    assert psnr(found[0], truth) == pytest.approx(psnr(found[1], truth), abs=0.01)


def test_a_weight_of_0_is_refused():
    with pytest.raises(ValueError, match="unknown border needs one above 0"):
        tikhonov(np.ones((1, 16, 16, 1)), disk(2), weight=0)


def test_a_tolerance_that_is_not_reached_is_said(monkeypatch):
    monkeypatch.setattr("tfdeblur.classical.unknown_border.MOST_STEPS", 2)
    kernel = linear_motion(25, 10)
    blur = blurred(photograph((64, 80), kernel), kernel, 0)[0]
    with pytest.warns(UserWarning, match="after 2 steps"):
        assert np.isfinite(wiener(blur, kernel)).all()


@pytest.mark.parametrize("method", ["tv", "hyper-laplacian"])
def test_few_steps_on_the_way_are_as_good_as_many(method, monkeypatch):
    kernel = linear_motion(25, 10)
    blur, sharp = blurred(photograph((96, 120), kernel), kernel, 0.0)
    few = METHODS[method](blur, kernel)
    monkeypatch.setattr("tfdeblur.classical.sparse.STEPS", 100)
    assert psnr(few, sharp) == pytest.approx(psnr(METHODS[method](blur, kernel), sharp), abs=0.1)
