"""Adversarial training: what penalty, losses and updates must obey, whatever the networks."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfdeblur.devices.on_tensorflow import OnTensorFlow
from tfdeblur.experiments import EXPERIMENTS
from tfdeblur.losses import logcosh, mse, over_scales
from tfdeblur.models import build_model, discriminator, patchgan
from tfdeblur.training import checkpoints
from tfdeblur.training.build import as_steps, batches_per_step, build
from tfdeblur.training.gan import GAN, cross_entropy
from tfdeblur.training.wgan_gp import EPSILON, WGANGP, gradient_norm, penalty

RNG = np.random.default_rng(0)
DRAWS = tf.constant(RNG.random((4, 2), np.float32))
SMALL = dataclasses.replace(
    EXPERIMENTS["sample_wgan"], model="unet3", upsampling=None, features=4, critic_features=4, schedule="constant"
)


def pictures(count: int = 4, size: int = 32, channels: int = 3) -> np.ndarray:
    return RNG.random((count, size, size, channels), np.float32)


def linear_critic(shape: tuple[int, int, int], weights: np.ndarray) -> keras.Model:
    """Return the critic whose score is the scalar product with some weights."""
    inputs = keras.Input(shape)
    critic = keras.Model(inputs, layers.Reshape(())(layers.Dense(1, use_bias=False)(layers.Flatten()(inputs))))
    critic.set_weights([weights.reshape(-1, 1)])
    return critic


def step_of(model: keras.Model, experiment, batch: int = 2, count: int = 1, devices=None) -> dict:
    """Take training steps on the same pictures, as `train` does or eagerly, which takes less time to begin."""
    batches = batches_per_step(experiment)
    found = [np.random.default_rng(i).integers(0, 256, (batch * batches, 32, 32, 3), np.uint8) for i in (0, 1)]
    steps = as_steps(tf.data.Dataset.from_tensors(tuple(found)).repeat(), experiment)
    iterator = devices.batches(lambda host, hosts: steps) if devices else iter(steps)
    compiled = devices and devices.compiled(model.train_step, [])
    for _ in range(count):
        logs = compiled(iterator) if compiled else model.train_step(next(iterator))
    return {key: float(value) for key, value in logs.items()}


@pytest.mark.parametrize("size", [4, 9])
def test_penalty_of_a_linear_critic(size):
    """(norm(w) - 1)^2, for every picture."""
    weights = RNG.normal(size=(size, size, 3)).astype(np.float32)
    critic = linear_critic((size, size, 3), weights)
    norm = gradient_norm(critic, tf.constant(pictures(5, size)))
    np.testing.assert_allclose(norm, np.full(5, np.linalg.norm(weights)), rtol=1e-6)
    np.testing.assert_allclose(penalty(norm), np.full(5, (np.linalg.norm(weights) - 1) ** 2), rtol=1e-5)


def test_penalty_of_a_constant_critic_has_a_gradient():
    """There the norm is 0, where the derivative of the root is not finite."""
    critic = linear_critic((4, 4, 3), np.zeros(48, np.float32))
    with tf.GradientTape() as tape:
        norm = gradient_norm(critic, tf.constant(pictures(2, 4)))
        loss = tf.reduce_mean(penalty(norm))
    np.testing.assert_allclose(norm, EPSILON**0.5)
    assert np.isfinite(tape.gradient(loss, critic.trainable_variables)[0]).all()


@pytest.mark.parametrize("size", [32, 48])
def test_penalty_depends_on_neither_batch_size_nor_patch_count(size):
    """The score is the mean over the patches, so its gradient is that of the map of scores over their number."""
    keras.utils.set_random_seed(0)
    critic, x = patchgan(features=4), tf.constant(pictures(4, size))
    norm = gradient_norm(critic, x)
    np.testing.assert_allclose(norm, [gradient_norm(critic, x[i : i + 1])[0] for i in range(4)], rtol=1e-4)
    scores = keras.Model(critic.input, critic.get_layer("scores").output)
    with tf.GradientTape() as tape:
        tape.watch(x)
        by_patch = scores(x)
    assert by_patch.shape == (4, size // 8, size // 8, 1)
    gradient = tape.gradient(by_patch, x) / (size // 8) ** 2
    np.testing.assert_allclose(norm, np.sqrt(np.sum(np.square(gradient), (1, 2, 3))), rtol=1e-4)
    np.testing.assert_allclose(critic(x), np.mean(by_patch, (1, 2, 3)), rtol=1e-5, atol=1e-6)


def test_gradient_of_the_critics_loss_is_that_of_finite_differences():
    """In float64; the penalty's part is a derivative of a derivative."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6, 6, 1), dtype="float64")
    x = layers.Conv2D(2, 3, strides=2, activation="tanh", dtype="float64")(inputs)
    x = layers.GlobalAveragePooling2D(dtype="float64")(layers.Conv2D(1, 1, activation="tanh", dtype="float64")(x))
    critic = keras.Model(inputs, layers.Reshape((), dtype="float64")(x))
    model = WGANGP(build_model("unet3", channels=1, features=2), critic, mse)
    sharp, restored = (tf.constant(RNG.random((3, 6, 6, 1))) for _ in range(2))
    draws = tf.constant(RNG.random((3, 2)))
    loss = lambda: tf.reduce_mean(model.critic_losses(sharp, restored, draws)["critic_loss"])  # noqa: E731
    with tf.GradientTape() as tape:
        value = loss()
    for variable, gradient in zip(
        critic.trainable_variables, tape.gradient(value, critic.trainable_variables), strict=True
    ):
        original = variable.numpy()
        numeric = np.zeros_like(original)
        for index in np.ndindex(original.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = original.copy()
                moved[index] += step
                variable.assign(moved)
                ends.append(float(loss()))
            numeric[index] = (ends[0] - ends[1]) / 2e-6
        variable.assign(original)
        np.testing.assert_allclose(
            np.zeros_like(numeric) if gradient is None else gradient, numeric, rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize("reuse_batch", [False, True])
def test_the_critic_moves_n_critic_times_as_often(reuse_batch):
    experiment = dataclasses.replace(SMALL, n_critic=2, reuse_batch=reuse_batch)
    model = build(experiment, 10, 10, "float32")
    step_of(model, experiment, count=2)
    assert (int(model.critic_optimizer.iterations), int(model.optimizer.iterations)) == (4, 2)


def test_reusing_the_batch_is_giving_it_to_every_update():
    """The generator's pictures, made once, are those that each update would make: it does not move in between."""
    weights = []
    for reuse_batch in (False, True):
        keras.utils.set_random_seed(0)
        experiment = dataclasses.replace(SMALL, n_critic=2, reuse_batch=reuse_batch)
        model = build(experiment, 10, 10, "float32")
        x, y = (tf.constant(np.random.default_rng(i).integers(0, 256, (2, 32, 32, 3), np.uint8)) for i in (0, 1))
        draws = tf.constant(np.random.default_rng(2).random((2, 2, 2), np.float32))
        every = [(x, y, draws)] if reuse_batch else [(x, y, draws[:, k : k + 1]) for k in (0, 1, 1)]
        model.train_step(every)
        weights.append(model.get_weights())
    for fresh, reused in zip(*weights, strict=True):
        np.testing.assert_allclose(fresh, reused, atol=1e-6)


@pytest.mark.parametrize("kind", [WGANGP, GAN])
def test_updates_of_the_critic_leave_the_generator_alone(kind):
    network = build_model("rednet30", features=4, depth=4)  # has batch normalisation
    model = kind(network, patchgan(features=4), mse)
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    model.build_optimizers()
    generator, critic = network.get_weights(), model.critic.get_weights()
    model.update_critic(tf.constant(pictures()), tf.constant(pictures()), DRAWS)
    for before, after in zip(generator, network.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert any(np.any(a != b) for a, b in zip(critic, model.critic.get_weights(), strict=True))


@pytest.mark.parametrize("kind", [WGANGP, GAN])
def test_two_replicas_take_the_step_of_one(kind, two_replicas):
    """Half the batch each on two devices: the same update of both networks, where none normalises by the batch."""
    experiment = dataclasses.replace(SMALL, n_critic=1, reuse_batch=kind is GAN)
    options = {"n_critic": 1} if kind is WGANGP else {}
    weights = []
    for devices in (OnTensorFlow.default(), OnTensorFlow(two_replicas)):
        keras.utils.set_random_seed(0)
        with devices.scope():
            model = kind(build_model("unet3", features=4), patchgan(features=4), mse, wrong_labels=0.3, **options)
            model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))  # Adam would hide a constant factor
            model.build((None, None, None, 3))
            model.build_optimizers()
        step_of(model, experiment, batch=4, count=2, devices=devices)
        weights.append(model.get_weights())
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_bfloat16_agrees_with_float32():
    """To 2 % in the losses after three steps; the critic is float32 in both."""
    logs = []
    for policy in ("float32", "mixed_bfloat16"):
        keras.utils.set_random_seed(0)
        experiment = dataclasses.replace(SMALL, n_critic=2)
        model = build(experiment, 10, 10, policy)
        assert all(layer.compute_dtype == "float32" for layer in model.critic.layers)
        logs.append(step_of(model, experiment, count=3))
    for key in ("loss", "content", "critic_loss", "psnr"):
        assert logs[0][key] == pytest.approx(logs[1][key], rel=0.02), key


def test_wasserstein_distance_of_shifted_gaussians():
    """Between two Gaussians of equal covariance it is the length of the shift; the critic finds it to 10 %."""
    keras.utils.set_random_seed(0)
    shape, length = (8, 8, 1), 0.5
    shift = RNG.normal(size=shape).astype(np.float32)
    shift *= length / np.linalg.norm(shift)
    inputs = keras.Input(shape)
    x = layers.Dense(32, activation="elu")(layers.Flatten()(inputs))
    critic = keras.Model(inputs, layers.Reshape(())(layers.Dense(1)(x)))
    model = WGANGP(build_model("unet3", channels=1, features=2), critic, mse)
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam(2e-3, 0.5, 0.9))
    model.build_optimizers()

    @tf.function
    def update(step):
        noise = tf.random.stateless_normal((64, *shape), [1, step], stddev=0.1)
        draws = tf.random.stateless_uniform((64, 2), [2, step])
        return model.update_critic(shift + noise, tf.reverse(noise, [0]), draws)

    estimates = [float(update(step)["wasserstein"]) for step in tf.range(600)]
    assert np.mean(estimates[-100:]) == pytest.approx(length, rel=0.1)


def test_wrong_labels_swap_the_pictures_of_a_sample():
    sharp, restored = tf.constant(pictures(400, 2)), tf.constant(pictures(400, 2))
    model = WGANGP(build_model("unet3", features=2), patchgan(features=2), mse, wrong_labels=0.1)
    real, fake = (np.asarray(p) for p in model.labelled(sharp, restored, RNG.random((400, 2), np.float32)))
    swapped = np.all(real == restored, axis=(1, 2, 3))
    np.testing.assert_array_equal(np.where(swapped[:, None, None, None], sharp, restored), fake)
    assert 0.05 < swapped.mean() < 0.15


def test_every_pair_of_every_step_has_its_own_draws():
    """Uniform, other ones at every step and on every host, and the same when a run goes on at a step."""
    experiment = dataclasses.replace(SMALL, reuse_batch=False, n_critic=3)
    pairs = tf.data.Dataset.from_tensors((np.zeros((400, 1, 1, 3), np.uint8),) * 2).repeat()

    def drawn(**where):
        return [np.stack([part[2] for part in parts]) for parts in as_steps(pairs, experiment, **where).take(3)]

    steps = drawn()
    assert steps[0].shape == (4, 100, 1, 2)
    values = np.concatenate([steps, drawn(host=1)])
    assert len(np.unique(values)) > 0.99 * values.size and values.min() >= 0 and values.max() < 1
    assert np.mean(values) == pytest.approx(0.5, abs=0.03) and np.std(values) == pytest.approx(12**-0.5, abs=0.02)
    np.testing.assert_array_equal(drawn(first_step=2)[0], steps[2])


def test_a_picture_between_two():
    sharp, restored, draws = pictures(5), pictures(5), RNG.random((5, 2), np.float32)
    model = WGANGP(build_model("unet3", features=2), patchgan(features=2), mse)
    for found, epsilon, one, other in zip(model.between(sharp, restored, draws), draws, sharp, restored, strict=True):
        np.testing.assert_allclose(found, epsilon[0] * one + (1 - epsilon[0]) * other, atol=1e-6)


def test_content_alone_comes_first():
    """As long as it does, the generator is where the content loss alone takes it."""
    weights = []
    for changes in (
        {"content_steps": 1, "adversarial_weight": 1.0},
        {"adversarial_weight": 0.0},
        {"adversarial_weight": 1.0},
    ):
        keras.utils.set_random_seed(0)
        experiment = dataclasses.replace(SMALL, n_critic=1, **changes)
        model = build(experiment, 10, 10, "float32")
        step_of(model, experiment)
        weights.append(np.concatenate([w.ravel() for w in model.network.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.any(weights[0] != weights[2])


def test_cross_entropy_is_keras_own():
    logits = RNG.normal(size=20).astype(np.float32) * 5
    for real in (True, False):
        expected = keras.losses.binary_crossentropy(np.full((20, 1), float(real)), logits[:, None], from_logits=True)
        np.testing.assert_allclose(cross_entropy(logits, real), expected, rtol=1e-5)


def test_the_vanilla_gans_discriminator_learns():
    experiment = dataclasses.replace(SMALL, training="gan", learning_rate=1e-3)
    model = build(experiment, 10, 10, "float32")
    assert (
        step_of(model, experiment, batch=4, count=1)["critic_loss"]
        > step_of(model, experiment, batch=4, count=15)["critic_loss"]
    )


def test_loss_over_scales_is_equation_4_3():
    sharp = pictures(2, 8)
    restored = [pictures(2, size) for size in (8, 4, 2)]
    half = sharp.reshape(2, 4, 2, 4, 2, 3).mean((2, 4))
    quarter = half.reshape(2, 2, 2, 2, 2, 3).mean((2, 4))
    expected = sum(np.asarray(logcosh(a, b)) for a, b in zip((sharp, half, quarter), restored, strict=True)) / 6
    np.testing.assert_allclose(over_scales(logcosh)(sharp, restored), expected, rtol=1e-5)
    np.testing.assert_allclose(over_scales(logcosh)(sharp, restored[:1]), logcosh(sharp, restored[0]))


@pytest.mark.parametrize(("critic", "count"), [(patchgan, 2_766_657), (discriminator, 6_965_441)])
def test_critics_give_one_score_a_picture_at_any_size(critic, count):
    assert critic().count_params() == count and f"{count:,}" in critic.__doc__.replace("\n    ", " ")
    small = critic(features=4)
    for size in (8, 33, 64):
        assert small(pictures(3, size)).shape == (3,)


def test_a_checkpoint_holds_both_optimisers_and_the_random_states(tmp_path):
    """A model loaded from it goes on as the one it was saved from: moments, counts, and dropout's draws."""
    experiment = dataclasses.replace(SMALL, model="deblurgan", depth=1, n_critic=1, wrong_labels=0.3)
    first, second = build(experiment, 10, 10, "float32"), build(experiment, 10, 10, "float32")
    step_of(first, experiment)
    checkpoints.save(str(tmp_path), first, 1, {"best": 2.0})
    found = checkpoints.newest(str(tmp_path))
    checkpoints.restore(found, second)
    assert found.step == 1 and found.state["best"] == 2.0
    for model in (first, second):
        step_of(model, experiment)
    for one, two in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
