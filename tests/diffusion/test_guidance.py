import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindcast.diffusion.guidance import AlignmentGuidance


class Reader(nn.Cell):
    """(N, 3, 4) -> (N, 3, values), or (N, values); depends on t."""

    def __init__(self, values, per_frame=True):
        super().__init__()
        weight = np.random.default_rng(5).standard_normal((4, values), np.float32)
        self.weight, self.per_frame = Tensor(weight), per_frame

    def construct(self, z, t):
        read = ops.tanh(ops.matmul(z, self.weight)) * (1 + 0.01 * t.reshape(-1, 1, 1))
        return read if self.per_frame else read.mean(axis=1)


def inputs(values):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2, 3, 4), np.float32)
    return z, np.array([3, 40], np.int32), rng.standard_normal((2, values), np.float32)


def evaluate(guidance, z, t, target):
    gradient, violation = guidance(Tensor(z), Tensor(t), Tensor(target))
    return gradient.asnumpy(), violation.asnumpy()


@pytest.mark.parametrize(("values", "per_frame"), [(1, True), (2, True), (2, False)])
def test_gradient_agrees_with_finite_differences(values, per_frame):
    guidance = AlignmentGuidance(Reader(values, per_frame))
    z, t, target = inputs(values)
    gradient, _ = evaluate(guidance, z, t, target)
    assert np.abs(gradient).max() > 0.05
    step = 1e-2
    for index in [(0, 0, 0), (0, 2, 3), (1, 1, 2)]:
        moved = [z.copy(), z.copy()]
        moved[0][index] += step
        moved[1][index] -= step
        above, below = (evaluate(guidance, m, t, target)[1].sum() for m in moved)
        assert gradient[index] == pytest.approx((above - below) / (2 * step), rel=0.02, abs=1e-3)


def test_violation_of_several_values_is_their_distance_per_sample():
    reader = Reader(2)
    z, t, target = inputs(2)
    _, violation = evaluate(AlignmentGuidance(reader), z, t, target)
    read = reader(Tensor(z), Tensor(t)).asnumpy().mean(axis=1)
    np.testing.assert_allclose(violation, np.linalg.norm(read - target, axis=1), rtol=1e-5)


def test_a_sample_is_guided_alone_as_in_a_batch():
    guidance = AlignmentGuidance(Reader(1))
    z, t, target = inputs(1)
    together, _ = evaluate(guidance, z, t, target)
    alone, _ = evaluate(guidance, z[1:], t[1:], target[1:])
    np.testing.assert_allclose(alone[0], together[1], rtol=1e-5)


def test_a_met_target_gives_no_gradient():
    reader = Reader(1)
    z, t, _ = inputs(1)
    target = reader(Tensor(z), Tensor(t)).mean(axis=1).asnumpy()
    gradient, violation = evaluate(AlignmentGuidance(reader), z, t, target)
    np.testing.assert_array_equal(gradient, np.zeros_like(z))
    assert violation.max() < 1e-9


def test_compiled_guidance_agrees_with_pynative():
    guidance = AlignmentGuidance(Reader(2))
    expected = evaluate(guidance, *inputs(2))

    def call(z, t, target):
        return guidance(z, t, target)

    compiled = evaluate(ms.jit(call), *inputs(2))
    for one, other in zip(expected, compiled, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
