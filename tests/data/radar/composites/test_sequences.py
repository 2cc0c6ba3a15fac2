import h5py
import numpy as np
import pytest

from mindcast.data import DATASETS, open_split, prepare
from mindcast.refusal import Refusal
from tests.data.radar.composites.sets import START, STEP, period, shanghai, window, write


def stored(path, split):
    """Codes and attributes of the sequences of a split."""
    with h5py.File(path) as file:
        group = file[split]
        names = sorted((name for name in group if name.isdigit()), key=int)
        return [(group[name][()], dict(group[name].attrs)) for name in names]


def test_windows_with_every_start_become_sequences(tmp_path):
    source = write(tmp_path / "radar", range(6))
    settings = shanghai(tmp_path / "a.h5", source, train=[period(0, 5)])
    prepare(settings)
    found = stored(tmp_path / "a.h5", "train")
    # six frames, three long: starts 0, 1, 2, 3
    assert [attributes["first_frame_utc"] for _, attributes in found] == [
        (START + k * STEP).isoformat() for k in range(4)
    ]
    for k, (codes, attributes) in enumerate(found):
        row, column = attributes["origin_row_col"]
        assert (row, column) == (0, 8)  # the first of the tiles that are wholly wet
        # grey code = dBZ x 255 / 90
        expected = np.rint((30 + k + np.arange(3)) * 255 / 90)
        np.testing.assert_array_equal(codes, np.broadcast_to(expected[:, None, None], (3, 4, 4)))


def test_the_set_is_read_by_the_data_set_that_it_is_named_for(tmp_path):
    source = write(tmp_path / "radar", range(12))
    settings = shanghai(
        tmp_path / "set", source, train=[period(0, 5)], val=[period(6, 8)], test=[period(9, 11)]
    )
    prepare(settings)
    for split, count in (("train", 4), ("val", 1), ("test", 1)):
        samples = open_split(settings, split, window(3))
        assert len(samples) == count
    sample = open_split(settings, "test", window(3))[0]
    np.testing.assert_allclose(sample.input.context[..., 0] * 90, _dbz(39, 40), atol=0.18)


def _dbz(*values):
    return np.broadcast_to(np.array(values)[:, None, None], (len(values), 4, 4))


@pytest.mark.parametrize(("stride", "starts"), [(1, [0, 1, 2, 3, 4]), (2, [0, 1, 4]), (3, [0, 1])])
def test_a_thinned_series_gives_windows_of_every_phase(tmp_path, stride, starts):
    source = write(tmp_path / "radar", range(9))
    settings = shanghai(
        tmp_path / "a.h5", source, train=[period(0, 8)], stride=stride, interval_minutes=10
    )
    prepare(settings)
    found = stored(tmp_path / "a.h5", "train")
    # three frames 10 minutes apart span five of the files'
    expected = [(START + k * STEP).isoformat() for k in starts]
    assert [attributes["first_frame_utc"] for _, attributes in found] == expected
    np.testing.assert_array_equal(found[0][0][:, 0, 0], np.rint(np.array([30, 32, 34]) * 255 / 90))


def test_no_window_reaches_across_a_gap_or_a_frame_that_is_wholly_missing(tmp_path):
    source = write(tmp_path / "radar", [0, 1, 2, 4, 5, 6, 8, 9, 10])
    write(tmp_path / "radar", [5], value=np.nan)
    path = tmp_path / "radar" / "radar_20200701_1225.npy"
    np.save(path, np.full((12, 16), np.nan))
    prepare(shanghai(tmp_path / "a.h5", source, train=[period(0, 10)]))
    found = stored(tmp_path / "a.h5", "train")
    expected = [(START + k * STEP).isoformat() for k in (0, 8)]
    assert [attributes["first_frame_utc"] for _, attributes in found] == expected


def test_a_window_with_a_missing_pixel_is_left_out_unless_a_share_is_allowed(tmp_path):
    source = write(tmp_path / "radar", range(5))
    path = tmp_path / "radar" / "radar_20200701_1200.npy"
    frame = np.load(path)
    frame[1, 9] = np.nan
    np.save(path, frame)
    train, origins = [period(0, 4)], [[0, 8]]
    prepare(shanghai(tmp_path / "a.h5", source, train=train, origins=origins))
    assert len(stored(tmp_path / "a.h5", "train")) == 2
    prepare(shanghai(tmp_path / "b.h5", source, train=train, origins=origins, missing_share=0.1))
    found = stored(tmp_path / "b.h5", "train")
    assert len(found) == 3
    assert found[0][0][0, 1, 1] == 0


def test_dry_windows_are_left_out(tmp_path):
    source = write(tmp_path / "radar", range(3))
    write(tmp_path / "radar", range(3, 6), value=0)
    # a window with one dry frame is wet in 2/3 of its pixels, with two in 1/3
    settings = shanghai(
        tmp_path / "a.h5", source, train=[period(0, 5)], rain=[[20, 0.5]], origins=[[0, 8]]
    )
    prepare(settings)
    assert len(stored(tmp_path / "a.h5", "train")) == 2


def test_no_frame_is_in_two_splits(tmp_path):
    source = write(tmp_path / "radar", range(20))
    settings = shanghai(
        tmp_path / "a.h5", source, train=[period(0, 9)], val=[period(10, 14)], test=[period(15, 19)]
    )
    prepare(settings)
    frames = {
        split: {frame.tobytes() for codes, _ in stored(tmp_path / "a.h5", split) for frame in codes}
        for split in ("train", "val", "test")
    }
    assert not frames["train"] & frames["val"]
    assert not frames["val"] & frames["test"]
    assert not frames["train"] & frames["test"]


def test_the_same_files_give_the_same_set(tmp_path):
    source = write(tmp_path / "radar", range(6))
    for name in ("a.h5", "b.h5"):
        prepare(shanghai(tmp_path / name, source, train=[period(0, 5)], tiles=3, rain=[]))
    one, other = (stored(tmp_path / name, "train") for name in ("a.h5", "b.h5"))
    assert len(one) == 12
    for (codes, attributes), (codes_b, attributes_b) in zip(one, other, strict=True):
        np.testing.assert_array_equal(codes, codes_b)
        assert str(attributes) == str(attributes_b)


def test_a_finished_set_is_kept_and_one_of_changed_files_refused(tmp_path):
    source = write(tmp_path / "radar", range(6))
    settings = shanghai(tmp_path / "a.h5", source, train=[period(0, 5)])
    prepare(settings)
    before = (tmp_path / "a.h5").stat().st_mtime_ns
    prepare(settings)
    assert (tmp_path / "a.h5").stat().st_mtime_ns == before
    with pytest.raises(Refusal, match="holds something else than this preparation makes"):
        prepare(shanghai(tmp_path / "a.h5", source, train=[period(0, 4)]))
    write(tmp_path / "radar", [6])
    with pytest.raises(Refusal, match="before that changed"):
        prepare(settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": [["2021-01-01", "2021-01-02"]]}, "no train window of 3 frames in 2021-01-01"),
        ({"rain": [[80, 0.5]]}, "no train window .* with the rain"),
        ({"tile": [4, 16]}, "no tile of 4 x 16 pixels lies wholly where the radar sees"),
        ({"tile": [13, 4]}, "no tile of 13 x 4 pixels"),
        ({"origins": [[9, 0]]}, r"origins = \[\[9, 0\]\]: tiles of 4 x 4 do not all lie in its 12"),
        ({"interval_minutes": 7}, "frames are 5 minutes apart, expected data.interval_minutes = 7"),
        ({"input": {}}, "set input.unit"),
        ({"inputs": ["nowhere"]}, "data.composites.inputs nowhere: no such file"),
    ],
)
def test_what_gives_no_set_is_refused_and_leaves_nothing(tmp_path, options, message):
    source = write(tmp_path / "radar", range(6))
    with pytest.raises(Refusal, match=message):
        prepare(
            shanghai(tmp_path / "a.h5", **{"inputs": source, "train": [period(0, 5)], **options})
        )
    assert [path.name for path in tmp_path.iterdir()] == ["radar"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "train, val and test are empty"),
        ({"train": [["2020-07-02", "2020-07-01"]]}, "ends before it starts"),
        (
            {"train": [["2020-07-01", "2020-07-03"]], "test": [["2020-07-02", "2020-07-04"]]},
            "a period of test starts at 2020-07-02 00:00:00, before one of train ends",
        ),
        (
            {"train": [["2020-07-01", "2020-07-02"]], "input": {"origin": [0, 0]}},
            "give tiles in origins",
        ),
    ],
)
def test_settings_that_contradict_themselves_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        shanghai(tmp_path / "a.h5", "radar", **options)


def test_a_set_is_made_in_one_way(tmp_path):
    from mindcast.data.radar.sequences.settings import ShanghaiSettings

    how = {"inputs": ["radar"], "train": [["2020-07-01", "2020-07-02"]]}
    with pytest.raises(ValueError, match="prepare and composites are both given"):
        ShanghaiSettings(
            name="shanghai",
            root_dir="a.h5",
            composites=how,
            prepare={"source_dir": "frames", "physical_per_code": 1},
        )


def test_what_was_assumed_and_converted_is_said(tmp_path, capsys):
    source = write(tmp_path / "radar", range(6))
    prepare(shanghai(tmp_path / "a.h5", source, train=[period(0, 5)]))
    said = capsys.readouterr().err
    assert f"mindcast: {source}: the files do not say where they lie" in said
    assert "below 5 dBZ is 0" in said


@pytest.mark.parametrize(
    ("name", "expected", "step"),
    [
        ("shanghai", [30, 31, 32], 90 / 255),
        ("cikm", [30, 31, 32], 90 / 255),
        ("meteonet", [30, 31, 32], 1),
        # code = -47.18 + 5.118 dBZ
        ("sevir_h5", [106, 111, 117], 1),
    ],
)
def test_every_layout_stores_what_its_data_set_reads(tmp_path, name, expected, step):
    source = write(tmp_path / "radar", range(3))
    how = shanghai("unused", source, train=[period(0, 2)]).composites
    settings = DATASETS[name].settings_type.model_validate(
        {
            "name": name,
            "root_dir": str(tmp_path / "a.h5"),
            "interval_minutes": 5,
            "val_fraction": 0,
            "check_values": False,
            "composites": how.model_dump(),
        }
    )
    prepare(settings)
    samples = open_split(settings, "train", window(3, context=3))
    values = samples[0].input.context[:, 0, 0, 0] * settings.value_scale
    np.testing.assert_allclose(values, expected, atol=step / 2 + 1e-3)
