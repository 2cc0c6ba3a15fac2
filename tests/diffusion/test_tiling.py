import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import SAMPLERS, make_plan
from mindcast.diffusion.sampling import MemberNoise, SamplingStep, sample
from mindcast.diffusion.schedules import beta_schedule
from mindcast.diffusion.tiling import Spans, TiledStep, Tiles

PROCESS = DiffusionProcess(beta_schedule("cosine", 50, largest=0.9999))
FIELD = (20, 28)
TILES = Tiles(FIELD, (8, 12), 4)
BOXES = [
    (slice(row, row + 8), slice(column, column + 12))
    for row in TILES.rows.starts
    for column in TILES.columns.starts
]


@pytest.mark.parametrize(("length", "size", "overlap"), [(20, 8, 4), (28, 8, 2), (40, 16, 8)])
def test_weights_are_positive_and_sum_to_one_everywhere(length, size, overlap):
    spans = Spans(length, size, overlap)
    total = np.zeros(length)
    for start, weights in zip(spans.starts, spans.weights, strict=True):
        total[start : start + size] += weights
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    assert spans.weights.min() > 0
    np.testing.assert_array_equal(Spans(size, size, overlap).weights, 1)


def test_spans_lie_over_each_other_by_the_overlap_at_least():
    assert Spans(29, 8, 3).starts == (0, 5, 10, 15, 20, 21)


def test_a_tile_is_no_longer_than_the_field():
    tiles = Tiles((4, 30), (8, 8), 4)
    assert tiles.cut(Tensor(np.zeros((1, 4, 30), np.float32))).shape[2:] == (4, 8)


@pytest.mark.parametrize("tiles", [TILES, Tiles(FIELD, (8, 28), 3), Tiles(FIELD, FIELD, 0)])
def test_what_is_cut_comes_back_blended(tiles):
    fields = np.random.default_rng(0).normal(size=(2, 3, *FIELD)).astype(np.float32)
    parts = tiles.cut(Tensor(fields))
    assert parts.shape == (len(tiles), 2, 3, tiles.rows.size, tiles.columns.size)
    np.testing.assert_allclose(tiles.blend(parts).asnumpy(), fields, rtol=1e-6, atol=1e-7)
    last = tiles.cut(Tensor(np.moveaxis(fields, 1, -1)), channels_last=True)
    np.testing.assert_array_equal(np.moveaxis(last.asnumpy(), -1, 2), parts.asnumpy())


def test_blending_weighs_tiles_with_the_product_of_hann_windows():
    tiles = np.random.default_rng(0).normal(size=(len(TILES), 1, 8, 12)).astype(np.float32)
    hann = [np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in (8, 12)]
    field, total = np.zeros(FIELD), np.zeros(FIELD)
    for box, tile in zip(BOXES, tiles[:, 0], strict=True):
        field[box] += np.outer(*hann) * tile
        total[box] += np.outer(*hann)
    np.testing.assert_allclose(TILES.blend(Tensor(tiles)).asnumpy()[0], field / total, atol=1e-5)


class Pointwise(nn.Cell):
    """Predicts a noise that depends on x and the condition at the same point alone."""

    def construct(self, x, t, condition):
        return 0.3 * x + condition


class Known(nn.Cell):
    """Predicts the noise that separates x from the true x_0, its condition."""

    def __init__(self):
        super().__init__()
        self.signal = Tensor(PROCESS.sqrt_alpha_bar.astype(np.float32))
        self.spread = Tensor(PROCESS.sqrt_one_minus_alpha_bar.astype(np.float32))

    def construct(self, x, t, x0):
        return (x - self.signal[t].reshape(-1, 1, 1) * x0) / self.spread[t].reshape(-1, 1, 1)


def of_tiles(tiles, condition):
    """One case's tiles."""
    return tiles.cut(Tensor(condition))[:, 0]


def draw(tiles, denoise, condition, members=3, size=4, sampler="ddpm", first=0):
    step = SamplingStep(denoise, PROCESS, clip=(-1.5, 1.5))
    rows = [(7, first + member) for member in range(members)]
    tiled = TiledStep(step, tiles, [of_tiles(tiles, condition)], size)
    plan = make_plan(sampler, PROCESS, 50 if sampler == "ddpm" else 5, 0.0, "endpoints")
    return sample(tiled, plan, MemberNoise(0, rows, FIELD))


@pytest.fixture
def condition():
    return np.random.default_rng(1).uniform(-1, 1, (1, *FIELD)).astype(np.float32)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_pointwise_denoiser_makes_the_same_of_tiles_as_of_the_whole(sampler, condition):
    whole = draw(Tiles(FIELD, FIELD, 0), Pointwise(), condition, sampler=sampler)
    tiled = draw(TILES, Pointwise(), condition, sampler=sampler)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    assert np.abs(whole).max() > 0.1


def test_one_tile_is_the_plain_step(condition):
    step = SamplingStep(Pointwise(), PROCESS)
    plan = make_plan("ddpm", PROCESS, 50, 0.0, "endpoints")
    rows = [(7, 0), (7, 1)]
    seen = Tensor(np.repeat(condition, 2, axis=0))
    plain = sample(step, plan, MemberNoise(0, rows, FIELD), [seen])
    tiles = Tiles(FIELD, FIELD, 0)
    tiled = sample(
        TiledStep(step, tiles, [Tensor(condition)], 2), plan, MemberNoise(0, rows, FIELD)
    )
    np.testing.assert_array_equal(tiled, plain)


def test_a_denoiser_that_knows_the_truth_recovers_it_through_tiles(condition):
    made = draw(TILES, Known(), condition, members=1, sampler="ddim")
    np.testing.assert_allclose(made, condition, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 3, 16])
def test_a_member_does_not_depend_on_the_others_nor_on_how_many_tiles_go_at_a_time(size, condition):
    together = draw(TILES, Pointwise(), condition, members=3, size=4)
    alone = draw(TILES, Pointwise(), condition, members=1, size=size, first=2)
    np.testing.assert_allclose(alone[0], together[2], atol=1e-6)


def test_the_step_sees_the_tiles_of_one_common_noise(condition):
    seen = []

    def step(x, t, coefficients, noise, field):
        seen.append((x.asnumpy(), noise.asnumpy()))
        return x, noise

    rng = np.random.default_rng(2)
    x, noise = (rng.normal(size=(1, *FIELD)).astype(np.float32) for _ in range(2))
    tiled = TiledStep(step, TILES, [of_tiles(TILES, condition)], 1)
    made = tiled(Tensor(x), Tensor([3], ms.int32), Tensor([1.0] * 4), Tensor(noise))
    for box, (of_x, of_noise) in zip(BOXES, seen, strict=True):
        np.testing.assert_array_equal(of_x[0], x[0][box])
        np.testing.assert_array_equal(of_noise[0], noise[0][box])
    for blended, whole in zip(made, (x, noise), strict=True):
        np.testing.assert_allclose(blended.asnumpy(), whole, atol=1e-6)
