import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.prediff.alignment import AlignmentNetwork
from mindcast.models.prediff.settings import AlignmentSettings

SHAPE = (3, 4, 4, 2)
TINY = {"base_units": 4, "depth": (1, 1), "heads": 2, "scale_shift": True}


def network(out_frames=None, **settings):
    ms.set_seed(0)
    return AlignmentNetwork(AlignmentSettings(**TINY, **settings), SHAPE, out_frames)


def latents(batch=2, seed=0):
    values = np.random.default_rng(seed).normal(size=(batch, *SHAPE))
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("out_frames", "per_frame", "shape"),
    [(None, True, (2, 3, 5)), (2, True, (2, 2, 5)), (None, False, (2, 5)), (2, False, (2, 5))],
)
def test_answer_is_per_frame_or_for_the_whole_sequence(out_frames, per_frame, shape):
    cell = network(out_frames, read_out_per_frame=per_frame, out_channels=5)
    assert cell(Tensor(latents()), Tensor([3, 400], ms.int32)).shape == shape


def test_input_gradient_is_the_slope_of_the_output():
    cell = network().set_train(False)
    z, direction, t = latents(1), latents(1, seed=1), Tensor([50], ms.int32)

    def total(value):
        return cell(value, t).sum()

    gradient = ms.grad(total)(Tensor(z)).asnumpy()
    # central difference: error of order step^2; float32 rounding of the sum about 1e-6 / step
    step = 1e-2
    ahead, behind = (total(Tensor(z + s * step * direction)).asnumpy() for s in (1, -1))
    slope = float((gradient * direction).sum())
    assert abs(slope) > 1e-2
    assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=1e-2)
