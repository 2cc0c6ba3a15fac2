import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.diffusion.ensembles import EnsembleSampler, equal_batches
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import SAMPLERS, make_plan
from mindcast.diffusion.sampling import SamplingStep, sample
from mindcast.diffusion.schedules import beta_schedule

PROCESS = DiffusionProcess(beta_schedule("cosine", 20))
KEYS, SHAPE = (4, 9), (2, 3)
CONDITIONING = np.random.default_rng(0).standard_normal((2, *SHAPE), np.float32)


class Dummy(nn.Cell):
    """Predicts something that depends on all it is given, and remembers how many rows that was."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def construct(self, x, t, conditioning):
        self.rows.append(len(x))
        return 0.3 * x + 0.01 * t.reshape(-1, 1, 1) + conditioning


def draw(batch_size=4, members=3, keys=KEYS, network=None, name="ddpm", graph=False, **options):
    network = Dummy() if network is None else network
    plan = make_plan(name, PROCESS, 4)
    sampler = EnsembleSampler([network], plan, batch_size, seed=7, graph=graph)
    step = sampler.compiled(SamplingStep(network, PROCESS))
    given = [Tensor(CONDITIONING[-len(keys) :])]
    return sampler.draw(step, keys, members, SHAPE, given, **options)


@pytest.mark.parametrize(
    ("rows", "size", "lengths", "counts"),
    [
        (12, 8, [6, 6], [6, 6]),  # not 8 and 8, half of which would be padding
        (1, 8, [1], [1]),
        (5, 4, [3, 3], [3, 2]),
        (9, 4, [3, 3, 3], [3, 3, 3]),
        (4, 1, [1, 1, 1, 1], [1, 1, 1, 1]),
    ],
)
def test_rows_come_in_the_fewest_batches_and_those_are_equal(rows, size, lengths, counts):
    batches = list(equal_batches(range(rows), size))
    assert [len(batch) for _, batch in batches] == lengths
    assert [count for count, _ in batches] == counts
    assert [row for count, batch in batches for row in batch[:count]] == list(range(rows))


def test_the_last_batch_is_filled_up_with_its_first_row():
    assert list(equal_batches("abcde", 4)) == [(3, ["a", "b", "c"]), (2, ["d", "e", "d"])]


def lengths_of(counts, graph, batch_size=4):
    """Of the batches that forecasts of so many members are drawn in, one after the other."""
    sampler = EnsembleSampler([], (), batch_size, seed=0, graph=graph)
    made = []

    def run(step, plan, noise, conditioning, done):
        made.append(len(noise.streams))
        return noise.draw()

    drawn = [sampler.draw(Dummy(), (4,), members, SHAPE, run=run) for members in counts]
    assert [members.shape[1] for members in drawn] == list(counts)
    return made


def test_a_shorter_part_is_filled_up_rather_than_compiled_anew():
    # 9 members at most 4 at a time are 3 x 3; what follows has two rows, then one
    assert lengths_of((9, 2), graph=True) == [3, 3, 3, 3]
    assert lengths_of((3, 1), graph=True) == [3, 1]  # more than twice the work: a graph of its own
    assert lengths_of((2, 3, 2), graph=True) == [2, 3, 3]
    assert lengths_of((9, 2), graph=False) == [3, 3, 3, 2]  # nothing is compiled


def test_no_more_rows_are_computed_than_are_asked_for():
    network = Dummy()
    draw(batch_size=8, members=1, keys=(4,), network=network)
    assert network.rows == [1] * 4


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("batch_size", [1, 4, 8])
def test_a_member_depends_on_its_case_and_number_alone(name, batch_size):
    together = draw(name=name)
    assert together.shape == (2, 3, *SHAPE)
    alone = draw(batch_size, members=2, keys=KEYS[1:], name=name)
    np.testing.assert_allclose(alone[0], together[1, :2], rtol=1e-5, atol=1e-6)
    assert len({member.tobytes() for case in together for member in case}) == 6


@pytest.mark.parametrize("batch_size", [1, 4, 8])
def test_conditioning_of_members_goes_to_the_member_it_is_for(batch_size):
    class Given(nn.Cell):
        def construct(self, x, t, conditioning):
            return 0 * x + conditioning

    network, plan = Given(), make_plan("ddim", PROCESS, 4)
    sampler = EnsembleSampler([network], plan, batch_size, seed=7, graph=False)
    step = SamplingStep(network, PROCESS, "x0")
    own = np.random.default_rng(1).standard_normal((6, *SHAPE), np.float32)  # members fastest
    made = sampler.draw(step, KEYS, 3, SHAPE, [Tensor(own)], per_member=True)
    np.testing.assert_allclose(made, own.reshape(2, 3, *SHAPE), rtol=1e-5, atol=1e-6)


def test_progress_counts_the_steps_of_members_without_the_padding():
    done = []
    draw(progress=done.append)
    assert done == [3] * 8
    done.clear()
    draw(members=5, keys=KEYS[1:], progress=done.append)
    assert done == [3] * 4 + [2] * 4


def test_several_runs_of_the_plan_make_one_step_of_a_member():
    def twice(*given):
        return sample(*given) + sample(*given)

    done = []
    draw(members=1, keys=KEYS[1:], progress=done.append, run=twice, runs=2)
    assert done == [1] * 4


def test_networks_are_put_in_evaluation_mode():
    network = nn.Dropout(p=0.5).set_train(True)
    EnsembleSampler([network], (), 1, seed=0, graph=False)
    assert not network.training


def test_compiled_steps_draw_the_same():
    class Silent(nn.Cell):
        def construct(self, x, t, conditioning):
            return 0.3 * x + conditioning

    one, other = (draw(network=Silent(), graph=graph) for graph in (False, True))
    np.testing.assert_allclose(one, other, atol=1e-5)
