import numpy as np
import pytest

from mindcast.data.pipeline import Batches
from mindcast.data.temperature.mirror import mirror, mirrored
from mindcast.data.temperature.state import COLUMNS
from mindcast.physics.horizontal import PERIODIC, ROW_WEIGHT, Metric
from mindcast.physics.priors import known_winds, prior_channels
from mindcast.physics.resample import block_mean
from tests.data.temperature_files import LEVELS, Patch, dataset, opened, write

WHOLE = Patch(frame=None, multiple=4)


@pytest.fixture
def fields(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    return opened(tmp_path, patch=WHOLE)


@pytest.mark.parametrize(("along_x", "along_y"), [(True, False), (False, True), (True, True)])
def test_the_priors_of_a_mirror_image_are_those_of_its_own_fields_and_metric(
    fields, along_x, along_y
):
    image = dict(zip(COLUMNS, mirror(fields[0], along_x, along_y), strict=True))
    metric = fields.domains[0].coarse_grid.metric
    axes = [axis for axis, wanted in ((1, along_x), (0, along_y)) if wanted]
    sign = -1 if along_y else 1
    turned = Metric(np.flip(metric.h_x, axes), sign * np.flip(metric.h_y, axes))
    winds = known_winds(*np.moveaxis(image["wind_lr"].astype(np.float64), -1, 0), 1e2, turned)
    temperature = image["temperature_lr"][..., 0].astype(np.float64)
    priors = prior_channels(temperature, winds, 100 * np.array(LEVELS), turned)
    np.testing.assert_allclose(image["priors_lr"][..., :6], priors, rtol=2e-3, atol=2e-3)
    assert not np.allclose(image["priors_lr"], fields[0][2], rtol=0.1)


def test_a_mirror_image_closes_the_circle_as_before_and_its_rows_keep_their_weights(tmp_path):
    data = dataset().assign_coords(lon=360 / 24 * np.arange(24))
    write(data, tmp_path / "a.nc")
    sample = opened(tmp_path, patch=WHOLE, area_weight=True)[0]
    for along_x in (False, True):
        image = dict(zip(COLUMNS, mirror(sample, along_x, True), strict=True))
        metric, weights = image["metric"], image["metric"][:, 0, ROW_WEIGHT]
        assert (metric[..., PERIODIC] == 1).all()
        assert (metric[..., ROW_WEIGHT] == weights[:, np.newaxis]).all()
        means = block_mean(image["temperature"][..., 0], 4, weights)
        np.testing.assert_allclose(image["temperature_lr"][..., 0], means, rtol=1e-6)


def test_mirroring_twice_gives_the_sample_back(fields):
    again = mirror(mirror(fields[0], True, True), True, True)
    for one, other in zip(again, fields[0], strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_four_images_are_drawn_and_the_sample_itself_stays_as_it_is(fields):
    sample = fields[0]
    kept = [array.copy() for array in sample]
    images = [mirrored(sample, np.random.default_rng(seed)) for seed in range(30)]
    assert len({image[-1].tobytes() for image in images}) == 4
    for array, before in zip(sample, kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_batches_mirror_the_samples_of_a_training_anew_in_every_epoch(fields):
    batches = Batches(fields, 1, 0, augmentation=3)
    seen = {arrays[-1].tobytes() for epoch in range(8) for _, arrays in batches.epoch(epoch)}
    assert len(seen) > len(fields)
