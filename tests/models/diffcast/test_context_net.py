import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, ops

from mindcast.models.diffcast.context_net import ContextNet

FRAMES, LOCAL = 5, 2


@pytest.fixture(scope="module")
def network():
    ms.set_seed(0)
    return ContextNet(8, (1, 2), channels=1)


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).standard_normal((2, FRAMES, 1, 8, 12), np.float32)


def scan(network, frames, local_index=LOCAL):
    return [
        [feature.asnumpy() for feature in features]
        for features in network(Tensor(frames), local_index)
    ]


def frame_after_frame(network, frames):
    """The states of all levels after each frame, each frame sent through all levels at once."""
    states = [None] * len(network.downs)
    for t in range(frames.shape[1]):
        x = network.init_conv(Tensor(frames[:, t]))
        for level, (block, unit, further) in enumerate(network.downs):
            x = block(x)
            h = ops.zeros_like(x) if states[level] is None else states[level]
            gates = ops.sigmoid(unit.conv_gates(ops.cat((x, h), 1)))
            reset, update = ops.chunk(gates, 2, 1)
            new = ops.tanh(unit.conv_cans(ops.cat((x, reset * h), 1)))
            states[level] = (1 - update) * h + update * new
            x = further(states[level])
        yield [state.asnumpy() for state in states]


def test_features_have_the_widths_and_sizes_of_their_levels(network, frames):
    for features in scan(network, frames):
        assert [f.shape for f in features] == [(2, 8, 8, 12), (2, 8, 4, 6)]


def test_scanning_level_by_level_equals_scanning_frame_by_frame(network, frames):
    local, whole = scan(network, frames)
    states = list(frame_after_frame(network, frames))
    for level in range(2):
        np.testing.assert_allclose(local[level], states[LOCAL][level], atol=1e-5)
        np.testing.assert_allclose(whole[level], states[-1][level], atol=1e-5)


def test_only_the_global_context_knows_the_frames_after_the_local_one(network, frames):
    other = frames.copy()
    other[:, LOCAL + 1 :] += 1
    (local, whole), (same, different) = scan(network, frames), scan(network, other)
    for level in range(2):
        np.testing.assert_array_equal(local[level], same[level])
        assert np.abs(whole[level] - different[level]).max() > 1e-3
