import h5py
import numpy as np
import pytest

from mindcast.data import open_split, prepare
from mindcast.data.radar.sequences import prepare_from_sevir
from mindcast.data.radar.sequences.prepare_from_sevir import prepare_sevir_h5
from mindcast.data.radar.sequences.settings import SevirH5Settings, SevirPrepareSettings
from mindcast.refusal import Refusal
from tests.data.radar.archive.archives import row, write_catalogue, write_events
from tests.data.radar.sequences.sequence_sets import settings, window
from tests.data.radar.windows import frames_of

SHAPE = (12, 9, 49)
FILES = ("vil/2018/A.h5", "vil/2019/B.h5")
TIMES = {
    "A0": "2018-05-01 12:00:00",
    "A1": "2019-01-01 00:00:00",  # on the border: still training
    "B0": "2019-03-01 12:00:00",
    "B1": "2019-07-01 12:00:00",  # test on paper, validation in the code
    "B2": "2019-11-01 12:00:00",
}


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    root = tmp_path / "sevir"
    for name, count in zip(FILES, (2, 3), strict=True):
        write_events(root, rng.integers(0, 256, (count, *SHAPE), dtype=np.uint8), name)
    rows = [
        row(event, int(event[1]), time, file=FILES[event[0] == "B"])
        for event, time in TIMES.items()
    ]
    write_catalogue(root, rows)
    return root


def codes(root, name, index):
    with h5py.File(root / "data" / name) as file:
        return np.moveaxis(file["vil"][index], -1, 0)


def made(source, target, **changes):
    how = {"source_dir": str(source), "frame_size": (4, 3), **changes}
    prepare_sevir_h5(SevirPrepareSettings.model_validate(how), target, SHAPE)
    return target


def refusal(source, target, **changes):
    with pytest.raises(Refusal) as caught:
        made(source, target, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def opened(target, split, length=25):
    return open_split(settings(target, "sevir_h5"), split, window(length, 1, (4, 3)))


def test_every_event_becomes_its_sequences_of_smaller_frames(source, tmp_path):
    target = made(source, tmp_path / "small")
    train = opened(target, "train")
    # paper: stride 12, so 1 + (49 - 25) // 12 = 3 of each of the 2 events
    assert len(train) == 6
    expected = codes(source, FILES[0], 1)[12:37, 1::3, 1::3]
    np.testing.assert_allclose(frames_of(train[4])[..., 0] * 255, expected, atol=1e-4)
    # frame 24 of 49 has the catalogue's time, frame 12 is an hour earlier
    assert str(train.times(4)[0]) == "2018-12-31T23:00"
    with h5py.File(target / "A.h5") as file:
        assert file["train/4"].attrs["source"] == "A1"
        assert file["train/0"].dtype == np.uint8
        assert "test" not in file


@pytest.mark.parametrize(
    ("changes", "events", "pieces"),
    [
        ({}, (2, 1, 2), 3),
        ({"preset": "code"}, (2, 2, 1), 5),
        ({"preset": "code", "stride": 24}, (2, 2, 1), 2),
        ({"test_start_date": "2019-10-01"}, (2, 2, 1), 3),
        ({"val_start_date": "2018-06-01", "length": 49}, (1, 2, 2), 1),
    ],
)
def test_presets_and_dates_share_the_events_out(source, tmp_path, changes, events, pieces):
    target = made(source, tmp_path / "small", **changes)
    length = changes.get("length", 25)
    found = [len(opened(target, split, length)) for split in ("train", "val", "test")]
    assert found == [count * pieces for count in events]


def test_labels_name_the_file_where_there_are_several(source, tmp_path):
    dates = {"val_start_date": "2019-04-01", "test_start_date": "2019-10-01"}
    target = made(source, tmp_path / "small", **dates)
    train = opened(target, "train")
    assert [train.label(i) for i in (0, 5, 6)] == ["A_train_0_00", "A_train_5_00", "B_train_0_00"]


def test_an_interrupted_run_is_not_taken_for_a_set_and_goes_on(source, tmp_path, monkeypatch):
    target = tmp_path / "small"
    whole, calls = prepare_from_sevir.resize, []

    def resize(*arguments):
        calls.append(1)
        if len(calls) > 3:  # in the second of three events of the second file
            raise KeyboardInterrupt
        return whole(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(prepare_from_sevir, "resize", resize)
        with pytest.raises(KeyboardInterrupt):
            made(source, target)
    assert [path.name for path in target.iterdir()] == ["A.h5"]
    with pytest.raises(Refusal, match=r"A\.h5: is part of a set that is not finished"):
        opened(target, "train")
    first = (target / "A.h5").stat().st_mtime_ns
    made(source, target)
    assert (target / "A.h5").stat().st_mtime_ns == first  # kept, not made again
    assert sorted(path.name for path in target.iterdir()) == ["A.h5", "B.h5", "set.json"]


def test_a_file_of_another_preparation_is_refused_and_kept(source, tmp_path):
    target = made(source, tmp_path / "small")
    before = (target / "A.h5").read_bytes()
    message = refusal(source, target, stride=5)
    assert "A.h5: holds something else than this preparation makes" in message
    assert (target / "A.h5").read_bytes() == before


def test_a_missing_source_is_refused(tmp_path):
    message = refusal(tmp_path / "none", tmp_path / "small")
    assert f"{tmp_path / 'none'}: no such folder, expected CATALOG.csv" in message


def test_the_source_may_not_be_the_target(source):
    assert "must be a folder of its own" in refusal(source, source)


def test_sequences_longer_than_an_event_are_refused(source, tmp_path):
    message = refusal(source, tmp_path / "small", length=50)
    assert "data.prepare.length = 50: SEVIR's events have 49 frames" in message


def test_dates_out_of_order_are_refused(source, tmp_path):
    message = refusal(source, tmp_path / "small", test_start_date="2018-01-01")
    assert "val_start_date = 2019-01-01 00:00:00 comes after test_start_date = 2018" in message


def test_frames_of_another_size_are_refused(source, tmp_path):
    how = SevirPrepareSettings(source_dir=str(source))
    with pytest.raises(Refusal, match=r"expected \(events, 384, 384, 49"):
        prepare_sevir_h5(how, tmp_path / "small")
    assert not [path for path in (tmp_path / "small").glob("*") if path.is_file()]


def test_prepare_needs_to_know_its_source(tmp_path):
    with pytest.raises(Refusal, match=r"data\.prepare is missing; give data\.prepare\.source_dir"):
        prepare(SevirH5Settings(name="sevir_h5", root_dir=str(tmp_path)))


# -- values, minutes and the state of the source -------------------------------------------------


def as_floats(source, change):
    for name in FILES:
        with h5py.File(source / "data" / name, "a") as file:
            values = change(file["vil"][...].astype(np.float32))
            del file["vil"]
            file["vil"] = values


def test_values_beyond_the_codes_are_refused_or_cut_off_as_asked(source, tmp_path):
    plain = codes(source, FILES[0], 0).astype(np.float32)

    def change(values):
        return np.where(values < 9, -3, np.where(values > 250, 300, values))

    as_floats(source, change)
    message = refusal(source, tmp_path / "small")
    assert "A.h5: event 0 holds values from -3 to 300, expected codes 0..255; fix it" in message
    assert "set data.prepare.clip=true" in message
    target = made(source, tmp_path / "small", clip=True)
    with h5py.File(target / "A.h5") as file:
        found = file["train/0"][...]
    expected = np.clip(change(plain), 0, 255)[:25, 1::3, 1::3]
    np.testing.assert_array_equal(found, expected)


def test_values_of_another_scale_are_refused(source, tmp_path):
    as_floats(source, lambda values: values / 255)
    assert "which looks like values already divided into 0..1" in refusal(source, tmp_path / "s")


def test_a_catalogue_of_other_minutes_is_refused(source, tmp_path):
    offsets = ":".join(str(10 * k) for k in range(49))
    rows = [
        {**row(event, int(event[1]), time, file=FILES[event[0] == "B"]), "minute_offsets": offsets}
        for event, time in TIMES.items()
    ]
    write_catalogue(source, rows)
    message = refusal(source, tmp_path / "small")
    assert "event A0: minute_offsets are 10 minutes apart, expected data.interval_" in message


def test_a_set_knows_its_minutes(source, tmp_path):
    target = made(source, tmp_path / "small")
    with pytest.raises(Refusal, match=r"A\.h5: its frames are 5 minutes apart, expected"):
        open_split(
            settings(target, "sevir_h5", interval_minutes=10), "train", window(25, 1, (4, 3))
        )


def test_a_source_that_has_changed_since_is_refused(source, tmp_path):
    target = made(source, tmp_path / "small")
    write_events(source, np.full((2, *SHAPE), 99, np.uint8), FILES[0])
    before = (target / "A.h5").read_bytes()
    assert "A.h5: was made from" in refusal(source, target)
    assert (target / "A.h5").read_bytes() == before
