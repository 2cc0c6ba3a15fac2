import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.prediff.earthformer_unet import EarthformerUNet
from mindcast.models.prediff.settings import DenoiserSettings

CONTEXT, TARGET = (2, 4, 4, 3), (1, 4, 4, 3)
TINY = {"base_units": 4, "depth": (1,), "heads": 2, "patterns": "full"}


def normal(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def inputs(batch=2):
    steps = Tensor(np.arange(batch) * 300 + 5, ms.int32)
    return normal(batch, *TARGET), steps, normal(batch, *CONTEXT, seed=1)


def unet(stir=True, **settings):
    ms.set_seed(0)
    cell = EarthformerUNet(DenoiserSettings(**{**TINY, **settings}), CONTEXT, TARGET)
    rng = np.random.default_rng(2)
    for p in cell.get_parameters() if stir else ():
        p.set_data(Tensor(p.asnumpy() + 0.1 * rng.normal(size=p.shape).astype(np.float32)))
    return cell.set_train(False)


def test_untrained_network_answers_zero():
    answer = unet(stir=False, depth=(1, 1), patterns="axial")(*inputs())
    assert answer.shape == (2, *TARGET)
    assert not answer.asnumpy().any()


def test_samples_of_a_batch_do_not_mix():
    cell = unet(depth=(1, 1), patterns="video_swin_2x2", scale_shift=True)
    x, t, condition = inputs()
    together = cell(x, t, condition).asnumpy()
    alone = cell(x[1:], t[1:], condition[1:]).asnumpy()
    np.testing.assert_allclose(together[1:], alone, atol=1e-5)


@pytest.mark.parametrize("settings", [{"base_units": 64}, {"base_units": 8, "scale_shift": True}])
def test_step_changes_the_answer(settings):
    cell = unet(**settings)
    x, t, condition = inputs()
    change = cell(x, t, condition) - cell(x, t + 200, condition)
    assert np.abs(change.asnumpy()).max() > 1e-3


def test_context_changes_the_answer():
    cell = unet()
    x, t, condition = inputs()
    change = cell(x, t, condition) - cell(x, t, condition + normal(2, *CONTEXT, seed=3))
    assert np.abs(change.asnumpy()).max() > 1e-3


def test_graph_mode_and_pynative_agree():
    cell = unet()
    np.testing.assert_allclose(
        ms.jit(cell.construct)(*inputs(1)).asnumpy(), cell(*inputs(1)).asnumpy(), atol=1e-5
    )


def test_blocks_of_a_level_share_their_resblock():
    names = [p.name for p in unet(stir=False, depth=(2,)).get_parameters()]
    assert any(name.startswith("down_self_blocks.0.1.") for name in names)
    assert {n.split(".")[1] for n in names if n.startswith("down_time_embed_blocks.")} == {"0"}


def test_same_seed_builds_the_same_network():
    first, second = unet(stir=False), unet(stir=False)
    for a, b in zip(first.get_parameters(), second.get_parameters(), strict=True):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


def test_unknown_pattern_is_refused():
    with pytest.raises(ValueError, match=r"patterns: 'diagonal', expected one of axial"):
        DenoiserSettings(patterns="diagonal")


def test_context_and_target_of_other_frames_are_refused():
    with pytest.raises(ValueError, match="must agree in H, W and C"):
        EarthformerUNet(DenoiserSettings(**TINY), CONTEXT, (1, 4, 5, 3))


def test_training_with_dropout_drops_the_same_entries_again_and_others_for_other_data():
    rates = dict.fromkeys(("attention_dropout", "projection_dropout", "ffn_dropout"), 0.3)
    x, t, condition = inputs()
    one, again = (unet(**rates).set_train(True)(x, t, condition).asnumpy() for _ in range(2))
    np.testing.assert_array_equal(one, again)
    quiet = unet(**rates)(x, t, condition).asnumpy()
    assert not np.allclose(one, quiet, atol=1e-3)
