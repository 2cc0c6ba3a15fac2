import numpy as np
import pytest

from mindcast.data.pipeline import Batches
from mindcast.data.temperature.mirror import mirror, mirrored_fields
from mindcast.physics.horizontal import PERIODIC, ROW_WEIGHT, Metric
from mindcast.physics.priors import known_winds, prior_channels
from mindcast.physics.resample import block_mean
from tests.data.temperature.files import LEVELS, Patch, dataset, opened, write

WHOLE = Patch(frame=None)


@pytest.fixture
def fields(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    return opened(tmp_path, patch=WHOLE)


@pytest.mark.parametrize(("along_x", "along_y"), [(True, False), (False, True), (True, True)])
def test_the_priors_of_a_mirror_image_are_those_of_its_own_fields_and_metric(
    fields, along_x, along_y
):
    image = mirror(fields[0], along_x, along_y).named
    metric = fields.domains[0].coarse_grid.metric
    axes = [axis for axis, wanted in ((1, along_x), (0, along_y)) if wanted]
    sign = -1 if along_y else 1
    turned = Metric(np.flip(metric.h_x, axes), sign * np.flip(metric.h_y, axes))
    winds = known_winds(*np.moveaxis(image["wind_lr"].astype(np.float64), -1, 0), 1e2, turned)
    temperature = image["temperature_lr"][..., 0].astype(np.float64)
    priors = prior_channels(temperature, winds, 100 * np.array(LEVELS), turned)
    np.testing.assert_allclose(image["priors_lr"][..., :6], priors, rtol=2e-3, atol=2e-3)
    assert not np.allclose(image["priors_lr"], fields[0].input.priors_lr, rtol=0.1)


def test_a_mirror_image_closes_the_circle_as_before_and_its_rows_keep_their_weights(tmp_path):
    data = dataset().assign_coords(lon=360 / 24 * np.arange(24))
    write(data, tmp_path / "a.nc")
    sample = opened(tmp_path, patch=WHOLE, area_weight=True)[0]
    for along_x in (False, True):
        image = mirror(sample, along_x, True).named
        metric, weights = image["metric"], image["metric"][:, 0, ROW_WEIGHT]
        assert (metric[..., PERIODIC] == 1).all()
        assert (metric[..., ROW_WEIGHT] == weights[:, np.newaxis]).all()
        means = block_mean(image["truth"][..., 0], 4, weights)
        np.testing.assert_allclose(image["temperature_lr"][..., 0], means, rtol=1e-6)


def test_mirroring_twice_gives_the_sample_back(fields):
    again = mirror(mirror(fields[0], True, True), True, True)
    for name, array in again.named.items():
        np.testing.assert_array_equal(array, fields[0].named[name])


def test_all_four_images_are_drawn_and_the_sample_itself_stays_as_it_is(fields):
    sample = fields[0]
    kept = sample.mapped(np.copy)
    images = [mirrored_fields(sample, np.random.default_rng(seed)) for seed in range(30)]
    assert len({image.truth.tobytes() for image in images}) == 4
    for name, array in sample.named.items():
        np.testing.assert_array_equal(array, kept.named[name])


def test_batches_mirror_the_samples_of_a_training_anew_in_every_epoch(fields):
    batches = Batches(fields, 1, 0, mirrored_fields)
    seen = {batch.truth.tobytes() for epoch in range(8) for _, batch in batches.epoch(epoch)}
    assert len(seen) > len(fields)
