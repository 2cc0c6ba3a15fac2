from datetime import datetime

import pytest
from pydantic import ValidationError

from mindcast.data import DATASETS, find_dataset, open_split, prepare
from mindcast.data.radar.archive.settings import SevirLRSettings, SevirSettings, SyntheticSettings
from mindcast.data.radar.sequences.settings import CikmSettings, MeteoNetSettings, ShanghaiSettings
from mindcast.refusal import Refusal
from tests.data.radar.archive import archives


def refused(**changes):
    with pytest.raises(ValidationError) as caught:
        SevirLRSettings(name="sevir_lr", root_dir="x", **changes)
    return str(caught.value)


def test_every_data_set_in_the_table_has_settings_that_name_it():
    for name, spec in DATASETS.items():
        settings = spec.settings_type(name=name, root_dir="x")
        assert settings.name == name
        assert settings.workers == 1
        assert spec.task in ("nowcast", "downscale")


@pytest.mark.parametrize("folder", ["", "  ", "\t"])
def test_a_folder_without_a_name_is_refused(folder):
    with pytest.raises(ValidationError, match=r"root_dir"):
        SevirLRSettings(name="sevir_lr", root_dir=folder)
    with pytest.raises(ValidationError, match=r"source_dir"):
        archives.settings("x", prepare={"source_dir": folder})


def test_settings_survive_their_json_form():
    settings = archives.settings("x", val_start_date="2019-01-02", prepare={"source_dir": "y"})
    assert SevirLRSettings.model_validate(settings.model_dump(mode="json")) == settings


def test_defaults_are_the_shapes_of_the_published_archives():
    small, full = (
        SevirLRSettings(name="sevir_lr", root_dir="x"),
        SevirSettings(name="sevir", root_dir="x"),
    )
    assert (small.frame_size, small.frames_per_event, small.interval_minutes) == (
        (128, 128),
        25,
        10,
    )
    assert (full.frame_size, full.frames_per_event, full.interval_minutes) == ((384, 384), 49, 5)
    assert small.train_test_split_date == datetime(2019, 6, 1)


def test_a_date_with_a_zone_becomes_utc():
    settings = archives.settings("x", train_test_split_date="2019-06-01T02:00:00+02:00")
    assert settings.train_test_split_date == datetime(2019, 6, 1)


def test_a_bare_number_is_no_date():
    assert "20190601 is not a date" in refused(train_test_split_date=20190601)


def test_dates_out_of_order_are_refused():
    message = refused(val_start_date="2020-01-01")
    assert "val_start_date = 2020-01-01 00:00:00 comes after train_test_split_date" in message


@pytest.mark.parametrize(
    "change",
    [
        {"val_fraction": 1.0},
        {"workers": 0},
        {"frame_size": (0, 4)},
        {"year": 1},
    ],
)
def test_values_out_of_range_and_unknown_keys_are_refused(change):
    assert next(iter(change)) in refused(**change)


def test_synthetic_frames_must_be_square():
    with pytest.raises(ValidationError, match="frame_size = 8 x 16: must be square"):
        SyntheticSettings(name="synthetic", root_dir="x", frame_size=(8, 16))


def test_an_unknown_data_set_is_refused_with_the_nearest_name_first():
    with pytest.raises(Refusal, match=r"'sevir-lr': unknown data set, expected one of sevir_lr, "):
        find_dataset("sevir-lr")


def test_an_unknown_split_is_refused():
    with pytest.raises(Refusal, match="split = 'dev', expected one of train, val, test"):
        open_split(archives.settings("x"), "dev", archives.window())


def test_preparing_a_data_set_that_cannot_be_made_is_refused():
    with pytest.raises(Refusal, match="'sevir': nothing to prepare; only sevir_lr, "):
        prepare(SevirSettings(name="sevir", root_dir="x"))


def test_each_sequence_set_brings_its_scale_thresholds_and_interval():
    meteonet, shanghai, cikm = (
        kind(name=name, root_dir="x")
        for kind, name in (
            (MeteoNetSettings, "meteonet"),
            (ShanghaiSettings, "shanghai"),
            (CikmSettings, "cikm"),
        )
    )
    assert (meteonet.value_scale, meteonet.thresholds) == (90, (12, 18, 24, 32))
    assert (shanghai.value_scale, shanghai.thresholds) == (90, (20, 30, 35, 40))
    assert (cikm.value_scale, cikm.thresholds, cikm.fit) == (90, (20, 30, 35, 40), "crop")
    assert [s.interval_minutes for s in (meteonet, shanghai, cikm)] == [5, 6, 6]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"thresholds": (30, 20)}, "thresholds = [30.0, 20.0]: must be some, rising"),
        ({"thresholds": (20, 95)}, "must lie above 0 and not above value_scale = 90"),
        ({"thresholds": ()}, "thresholds = []: must be some"),
        ({"value_scale": 0}, "value_scale"),
        ({"fit": "stretch"}, "fit"),
        ({"prepare": {"source_dir": "y"}}, "physical_per_code"),
        (
            {"prepare": {"source_dir": "y", "physical_per_code": 1, "test_fraction": 0.95}},
            "leave nothing for the training",
        ),
    ],
)
def test_settings_of_sequences_that_cannot_be_are_refused(changes, text):
    with pytest.raises(ValidationError) as caught:
        ShanghaiSettings(name="shanghai", root_dir="x", **changes)
    assert text in str(caught.value)
