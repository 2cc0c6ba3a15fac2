import numpy as np
import pytest
from mindspore import Tensor

from tests.models.diffcast.backbones.small import frames, small


def changed_frames(backbone, query):
    """Which target frames differ after the position of one of them has moved."""
    before = backbone(frames(2)).asnumpy()
    table = backbone.dec_pos_embed.T_embed.weight
    moved = table.asnumpy().copy()
    moved[query] += np.random.default_rng(0).normal(size=moved.shape[1])
    table.set_data(Tensor(moved.astype(np.float32)))
    after = backbone(frames(2)).asnumpy()
    return [t for t in range(after.shape[1]) if np.abs(after - before)[:, t].max() > 1e-6]


def test_published_decoder_cuts_the_target_into_windows_as_long_as_the_context():
    assert changed_frames(small("earthformer", context=2, target=4), query=1) == [0, 1]


def test_long_cuboids_let_all_target_frames_see_each_other():
    backbone = small("earthformer", context=2, target=4, long_decoder_cuboids=True)
    assert changed_frames(backbone, query=1) == [0, 1, 2, 3]


def test_horizon_need_not_be_a_multiple_of_the_context():
    assert changed_frames(small("earthformer", context=2, target=3), query=2) == [2]


@pytest.mark.parametrize(
    ("changes", "there", "absent"),
    [
        ({"global_vectors": 0}, "encoder.blocks.0.0.attn_l.0.qkv", "init_global_vectors"),
        ({"decoder_first_self_attention": True}, "decoder.self_blocks.1.0.", "self_blocks.1.1."),
        ({"decoder_depth": (1, 2)}, "decoder.self_blocks.1.0.", "decoder.self_blocks.1.1."),
        ({"encoder_depth": (2, 1)}, "encoder.blocks.0.1.", "encoder.blocks.1.1."),
        (
            {"encoder_ffn_after_each": False, "encoder_patterns": "axial"},
            "encoder.blocks.0.0.ffn_l.0.",
            "encoder.blocks.0.0.ffn_l.1",
        ),
        ({"position_embedding": "t+hw"}, "enc_pos_embed.HW_embed", "enc_pos_embed.H_embed"),
        ({"relative_position": False}, "q_proj", "relative_position_bias_table"),
        ({"global_width_ratio": 2}, "encoder.down_layer_global_proj.0", "global_qkv."),
        ({"separate_global_projections": False}, "global_qkv", "l2g_q_net"),
    ],
)
def test_an_option_adds_and_removes_its_parameters_and_the_network_runs(changes, there, absent):
    backbone = small("earthformer", **changes)
    names = [p.name for p in backbone.get_parameters()]
    assert any(there in name for name in names)
    assert not any(absent in name for name in names)
    assert np.isfinite(backbone(frames(2)).asnumpy()).all()


def test_frames_that_the_factors_do_not_divide_are_padded_and_come_back_whole():
    backbone = small("earthformer", frame=(7, 9))
    assert backbone(frames(2, frame=(7, 9))).shape == (2, 2, 1, 7, 9)


def test_only_the_last_update_of_the_global_vectors_is_untrained():
    backbone = small("earthformer", encoder_depth=(1, 2))
    untrained = backbone.untrained_names()
    assert len(untrained) == 6
    assert all(name.startswith("encoder.blocks.1.1.attn_l.0.") for name in untrained)
    assert small("earthformer", global_vectors=0).untrained_names() == frozenset()


def test_no_linear_map_starts_at_zero():
    backbone = small("earthformer")
    weights = {p.name: p.asnumpy() for p in backbone.get_parameters() if p.name.endswith("weight")}
    assert all(w.any() for w in weights.values())
    spread = weights["encoder.blocks.1.0.ffn_l.0.ffn_2.weight"].std()
    assert spread == pytest.approx(64**-0.5, rel=0.1)  # fan in 4 x 16


def test_dropout_acts_in_training_only():
    backbone = small("earthformer", attention_dropout=0.0, projection_dropout=0.0, ffn_dropout=0.5)
    quiet = backbone(frames(2)).asnumpy()
    noisy = backbone.set_train(True)(frames(2)).asnumpy()
    assert np.abs(noisy - quiet).max() > 1e-4
    np.testing.assert_array_equal(backbone.set_train(False)(frames(2)).asnumpy(), quiet)
