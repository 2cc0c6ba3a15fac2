import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.cuboid_attention import AttentionOptions
from mindcast.layers.frame_cross_attention import FrameCrossAttention


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def stirred(frames, memory_frames, **options):
    cell = FrameCrossAttention(4, frames, memory_frames, AttentionOptions(heads=2, **options))
    for k, p in enumerate(cell.get_parameters()):
        p.set_data(Tensor(normal(*p.shape, seed=k)))
    return cell


@pytest.mark.parametrize("relative_position", [True, False])
def test_each_pixel_follows_the_formula(relative_position):
    cell = stirred(3, 2, relative_position=relative_position)
    w = {p.name: p.asnumpy().astype(np.float64) for p in cell.get_parameters()}
    x, memory = normal(1, 3, 2, 2, 4), normal(1, 2, 2, 2, 4, seed=1)
    got = cell(Tensor(x), Tensor(memory)).asnumpy()
    tokens, known = x[0, :, 1, 0].astype(np.float64), memory[0, :, 1, 0]
    centred = tokens - tokens.mean(1, keepdims=True)
    normed = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    query = (normed * w["norm.weight"] + w["norm.bias"]) @ w["q_proj.weight"].T
    key, value = np.split(known @ w["kv_proj.weight"].T, 2, 1)
    mixed = np.empty((3, 4))
    for head in range(2):
        part = slice(2 * head, 2 * head + 2)
        scores = query[:, part] @ key[:, part].T / np.sqrt(2)
        if relative_position:
            # offsets run from -4 to 4 for 3 + 2 frames, row 0 is -4
            table = w["relative_position_bias_table"][:, head]
            scores += [[table[i - j + 4] for j in range(2)] for i in range(3)]
        weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        mixed[:, part] = weights @ value[:, part]
    expected = mixed @ w["proj.weight"].T + w["proj.bias"]
    np.testing.assert_allclose(got[0, :, 1, 0], expected, atol=1e-4)


def test_pixels_and_samples_do_not_mix():
    cell = stirred(3, 2)
    x, memory = normal(2, 3, 2, 2, 4), normal(2, 2, 2, 2, 4, seed=1)
    before = cell(Tensor(x), Tensor(memory)).asnumpy()
    memory[1, :, 0, 1] += 1
    changed = np.abs(cell(Tensor(x), Tensor(memory)).asnumpy() - before).max(axis=(1, 4)) > 1e-5
    np.testing.assert_array_equal(np.argwhere(changed), [[1, 0, 1]])
