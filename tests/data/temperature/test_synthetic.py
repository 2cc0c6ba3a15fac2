import numpy as np
import pytest

from mindcast.data import open_split, prepare
from mindcast.data.temperature import synthetic
from mindcast.data.temperature.atmosphere import PRESSURE
from mindcast.data.temperature.scan import scan
from mindcast.data.temperature.settings import SyntheticTemperatureSettings
from mindcast.data.temperature.synthetic import Recipe, write_archive
from mindcast.physics import resample, vertical
from mindcast.physics.horizontal import divergence
from mindcast.physics.wind import geostrophic_wind, omega_from_continuity
from mindcast.refusal import Refusal
from tests.data.temperature.files import Patch

LEVELS = tuple(PRESSURE / 100)
SIZE = (32, 48)


def settings(root, **changes):
    tree = {"grid_size": SIZE, "states": 4, "seed": 3, "crop_stride": 16, **changes}
    return SyntheticTemperatureSettings(name="synthetic_temperature", root_dir=str(root), **tree)


@pytest.fixture(scope="module")
def drawn():
    recipe = Recipe(states=6, seed=1)
    where = recipe.country()
    return where, [recipe.state(number, where) for number in range(6)]


def test_a_state_is_fixed_by_its_seed_and_number(drawn):
    where, states = drawn
    again = Recipe(states=50, seed=1)
    np.testing.assert_array_equal(again.country().orography, where.orography)
    np.testing.assert_array_equal(again.state(2, where)["t"], states[2]["t"])
    assert not np.array_equal(states[1]["t"], states[2]["t"])
    assert not np.array_equal(Recipe(states=6, seed=2).state(2, where)["t"], states[2]["t"])


def test_heights_are_hydrostatic(drawn):
    for state in drawn[1]:
        layers = vertical.along_levels(vertical.thickness(PRESSURE), state["t"])
        np.testing.assert_allclose(np.diff(state["gh"], axis=0), layers, rtol=1e-10)


def test_the_wind_is_mostly_geostrophic_and_omega_continuous(drawn):
    where, states = drawn
    grid = where.grid
    for state in states:
        u, _ = geostrophic_wind(state["gh"], grid.latitude, grid.metric)
        assert np.corrcoef(u.ravel(), state["u"].ravel())[0, 1] > 0.7
        omega = omega_from_continuity(divergence(state["u"], state["v"], grid.metric), PRESSURE)
        np.testing.assert_allclose(state["w"], omega)


def test_layers_are_stable_but_for_a_few(drawn):
    unstable = [
        vertical.along_levels(vertical.pair_stability(PRESSURE), state["t"]) < 0
        for state in drawn[1]
    ]
    assert np.mean(unstable) < 0.03


def test_surface_pressure_falls_with_the_ground(drawn):
    where, states = drawn
    for state in states:
        assert 50000 < state["sp"].min() < state["sp"].max() < 108000
        high = where.orography > 1000
        assert state["sp"][high].max() < state["sp"][~high].max()


def test_there_is_detail_to_be_restored_and_more_of_it_near_the_ground(drawn):
    t = np.stack([state["t"] for state in drawn[1]])
    error = (resample.bicubic(resample.block_mean(t, 4), 4) - t) ** 2
    by_level = np.sqrt(error.mean(axis=(0, 2, 3)))
    assert 0.2 < by_level[-1] < by_level[0] < 1.5


def test_the_archive_is_written_once_and_read_by_the_ordinary_reader(tmp_path, monkeypatch):
    root = tmp_path / "demo" / "fields"
    patch = Patch(levels_hpa=LEVELS, frame=(16, 16))
    train = open_split(settings(root), "train", patch)
    assert len(train) == 2 * 2 * 3  # 4 states, one each for val and test; 2 x 3 crops
    recipe = Recipe(4, 3, SIZE)
    expected = recipe.state(0, recipe.country())["t"][:, :16, :16].astype(np.float32)
    np.testing.assert_array_equal(train[0].truth[..., 0], expected)
    assert train[0].input.statics[..., :2].any()  # the ground is there
    assert [p.name for p in root.parent.iterdir()] == ["fields"]
    monkeypatch.setattr(synthetic, "draw_state", None)  # would fail if it were drawn again
    prepare(settings(root))


def test_many_states_are_spread_over_files(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "STATES_A_FILE", 2)
    write_archive(tmp_path / "a", Recipe(3, 0, (16, 16)))
    files = sorted((tmp_path / "a").glob("*.nc"))
    days = [[str(s.time)[:10] for s in scan(file).states] for file in files]
    assert days == [["2019-01-01", "2019-01-02"], ["2019-01-03"]]


def test_an_archive_of_another_recipe_is_refused(tmp_path):
    write_archive(tmp_path / "a", Recipe(3, 0, (16, 16)))
    with pytest.raises(Refusal, match=r"archive of states 3, seed 0, .* expected states 4, seed 0"):
        write_archive(tmp_path / "a", Recipe(4, 0, (16, 16)))


def test_grids_that_are_too_small_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"grid_size = \[8, 96\], must be at least 16 x 16"):
        settings(tmp_path, grid_size=(8, 96))
