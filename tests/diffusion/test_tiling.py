import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import make_plan
from mindcast.diffusion.sampling import MemberNoise, SamplingStep, sample
from mindcast.diffusion.schedules import beta_schedule
from mindcast.diffusion.tiling import TiledStep, tiles_of

PROCESS = DiffusionProcess(beta_schedule("cosine", 50, largest=0.9999))
FIELD = (20, 28)


@pytest.mark.parametrize(
    ("field", "size", "overlap"),
    [((20, 28), (8, 12), 4), ((20, 28), (8, 8), 2), ((8, 40), (8, 16), 8)],
)
def test_weights_are_positive_and_sum_to_one_everywhere(field, size, overlap):
    tiles = tiles_of(field, size, overlap)
    total = np.zeros(field)
    for box, weights in zip(tiles.boxes, tiles.weights, strict=True):
        assert total[box].shape == weights.shape == size
        total[box] += weights
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    assert tiles.weights.min() > 0
    alone = tiles_of(size, size, overlap).weights
    np.testing.assert_array_equal(alone, 1)


def test_tiles_lie_over_each_other_by_the_overlap_at_least():
    starts = sorted({rows.start for rows, _ in tiles_of((29, 8), (8, 8), 3).boxes})
    assert starts == [0, 5, 10, 15, 20, 21]


def test_a_tile_is_no_longer_than_the_field():
    tiles = tiles_of((4, 30), (8, 8), 4)
    assert tiles.weights.shape[1:] == (4, 8)


def test_what_is_cut_comes_back_blended():
    field = np.random.default_rng(0).normal(size=(1, 3, *FIELD)).astype(np.float32)
    tiles = tiles_of(FIELD, (8, 12), 4)
    parts = tiles.cut(field)
    assert parts.shape == (len(tiles), 3, 8, 12)
    np.testing.assert_allclose(tiles.blend(parts), field, rtol=1e-6)
    last = np.moveaxis(field, 1, -1)
    np.testing.assert_array_equal(np.moveaxis(tiles.cut(last, channels_last=True), -1, 1), parts)


class Pointwise(nn.Cell):
    """Says a noise that depends on x and the condition at the same point alone."""

    def construct(self, x, t, condition):
        return 0.3 * x + condition


class Known(nn.Cell):
    """Says the noise that separates x from the true x_0, its condition."""

    def __init__(self):
        super().__init__()
        self.signal = Tensor(PROCESS.sqrt_alpha_bar.astype(np.float32))
        self.spread = Tensor(PROCESS.sqrt_one_minus_alpha_bar.astype(np.float32))

    def construct(self, x, t, x0):
        return (x - self.signal[t].reshape(-1, 1, 1) * x0) / self.spread[t].reshape(-1, 1, 1)


def draw(tiles, denoise, condition, members=3, size=4, sampler="ddpm", first=0):
    step = SamplingStep(denoise, PROCESS, clip=(-1.5, 1.5))
    rows = [(7, first + member) for member in range(members)]
    tiled = TiledStep(step, tiles, [tiles.cut(condition)], size)
    plan = make_plan(sampler, PROCESS, 50 if sampler == "ddpm" else 5, 0.0, "endpoints")
    return sample(tiled, plan, MemberNoise(0, rows, FIELD))


@pytest.fixture
def condition():
    return np.random.default_rng(1).uniform(-1, 1, (1, *FIELD)).astype(np.float32)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_pointwise_denoiser_makes_the_same_of_tiles_as_of_the_whole(sampler, condition):
    whole = draw(tiles_of(FIELD, FIELD, 0), Pointwise(), condition, sampler=sampler)
    tiled = draw(tiles_of(FIELD, (8, 12), 4), Pointwise(), condition, sampler=sampler)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    assert np.abs(whole).max() > 0.1


def test_one_tile_is_the_plain_step(condition):
    step = SamplingStep(Pointwise(), PROCESS)
    plan = make_plan("ddpm", PROCESS, 50, 0.0, "endpoints")
    rows = [(7, 0), (7, 1)]
    seen = Tensor(np.repeat(condition, 2, axis=0))
    plain = sample(step, plan, MemberNoise(0, rows, FIELD), [seen])
    tiles = tiles_of(FIELD, FIELD, 0)
    tiled = sample(TiledStep(step, tiles, [condition], 2), plan, MemberNoise(0, rows, FIELD))
    np.testing.assert_array_equal(tiled, plain)


def test_a_denoiser_that_knows_the_truth_recovers_it_through_tiles(condition):
    made = draw(tiles_of(FIELD, (8, 12), 4), Known(), condition, members=1, sampler="ddim")
    np.testing.assert_allclose(made, condition, atol=1e-3)


@pytest.mark.parametrize("size", [1, 3, 16])
def test_a_member_does_not_depend_on_the_others_nor_on_how_many_tiles_go_at_a_time(size, condition):
    tiles = tiles_of(FIELD, (8, 12), 4)
    together = draw(tiles, Pointwise(), condition, members=3, size=4)
    alone = draw(tiles, Pointwise(), condition, members=1, size=size, first=2)
    np.testing.assert_allclose(alone[0], together[2], atol=1e-6)


def test_the_step_sees_the_tiles_of_one_common_noise(condition):
    seen = []

    def step(x, t, coefficients, noise, field):
        seen.append((x.asnumpy(), noise.asnumpy()))
        return x

    tiles = tiles_of(FIELD, (8, 12), 4)
    rng = np.random.default_rng(2)
    x, noise = (rng.normal(size=(1, *FIELD)).astype(np.float32) for _ in range(2))
    tiled = TiledStep(step, tiles, [tiles.cut(condition)], 1)
    tiled(Tensor(x), Tensor([3], ms.int32), Tensor([1.0] * 4), Tensor(noise))
    for box, (of_x, of_noise) in zip(tiles.boxes, seen, strict=True):
        np.testing.assert_array_equal(of_x[0], x[0][box])
        np.testing.assert_array_equal(of_noise[0], noise[0][box])
