import pytest

from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.prediff.settings import PreDiffSettings
from tests.bench import sameness
from tests.bench.flops import diffcast, geodiff, prediff
from tests.bench.flops.count import Count, of_step

NETWORKS = {
    "prediff denoiser": (prediff.denoiser, PreDiffSettings, sameness.PREDIFF),
    "prediff alignment": (prediff.alignment, PreDiffSettings, sameness.PREDIFF),
    "prediff encode": (prediff.encoding, PreDiffSettings, sameness.PREDIFF),
    "prediff decode": (prediff.decoding, PreDiffSettings, sameness.PREDIFF),
    "diffcast denoiser": (diffcast.denoiser, DiffCastSettings, sameness.DIFFCAST),
    "geodiff u-net": (geodiff.public_unet, GeoDiffSettings, sameness.GEODIFF),
}


def test_a_product_counts_a_multiplication_and_an_addition_of_each_pair():
    count = Count()
    count.product(rows=5, channels=3, out_channels=7)
    # 5 x 7 results of 3 products and 3 sums; 15 numbers read, 21 weights, 35 results written
    assert count == Count(flops=2 * 5 * 3 * 7, moved=4 * (15 + 21 + 35))


def test_a_convolution_counts_every_tap_of_every_output():
    count = Count()
    count.convolution(positions=4 * 4, channels=2, out_channels=6, taps=9, read=8 * 8)
    # 16 outputs of 6 channels, each of 2 x 9 products; 64 x 2 read, 108 weights, 96 written
    assert count == Count(flops=2 * 16 * 6 * 18, moved=4 * (128 + 108 + 96))


def test_a_depthwise_convolution_meets_one_channel_an_output():
    count = Count()
    count.convolution(positions=10, channels=8, out_channels=8, taps=25, groups=8)
    assert count.flops == 2 * 10 * 8 * 25


def test_an_attention_counts_its_scores_and_its_mixing():
    count = Count()
    count.attention(sets=3, queries=4, keys=5, channels=6, heads=2)
    # each set: 4 x 5 scores of 6 products over all heads, and 4 x 6 results of 5; 2 FLOPs each
    assert count.flops == 3 * (2 * 4 * 5 * 6 + 2 * 4 * 6 * 5)
    # query and result 4 x 6, key and value 5 x 6 a set; scores of 2 heads written and read
    assert count.moved == 4 * (3 * (2 * 24 + 2 * 30) + 2 * 3 * 2 * 20)


def test_a_training_step_is_three_forward_passes_and_the_update_of_the_weights():
    # of each weight the gradient is read for the norm and again, weight and two moments read,
    # and three of them written: 8 float32
    assert of_step(Count(10.0, 100.0), parameters=2) == Count(30.0, 300.0 + 4 * 8 * 2)


@pytest.mark.parametrize("name", NETWORKS)
def test_operations_of_a_network_are_proportional_to_the_batch(name):
    counted, settings, tree = NETWORKS[name]
    model = settings.model_validate(tree)
    one, three = counted(model, 1), counted(model, 3)
    assert three.flops == pytest.approx(3 * one.flops)
    assert one.moved < three.moved < 3 * one.moved  # weights are read once
