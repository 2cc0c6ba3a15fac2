import inspect
import warnings

import numpy as np
import pytest

from mindcast import load_forecaster
from mindcast.motion.pysteps import pysteps
from mindcast.refusal import Refusal

SIZE = (16, 16)


@pytest.fixture(scope="module")
def nowcaster(nowcast_run):
    return load_forecaster(nowcast_run, settings=["data.pixel_km=2"], device="CPU")


@pytest.fixture(scope="module")
def method(nowcaster):
    return nowcaster.pysteps_method("mm/h")


@pytest.fixture(scope="module")
def single(nowcaster):
    """Of the backbone alone, which costs little."""
    return nowcaster.pysteps_method("mm/h", "advection")


def rain():
    field = np.zeros((3, *SIZE))
    field[:, 5:9, 3:8] = 4.0
    field[:, 7, 5] = 20.0
    return field


def velocity(columns, rows):
    return np.stack([np.full(SIZE, float(columns)), np.full(SIZE, float(rows))])


def test_the_first_arguments_are_those_of_pysteps_methods(method):
    theirs = inspect.signature(pysteps("nowcasts.steps").forecast).parameters
    ours = inspect.signature(method).parameters
    assert list(ours)[:3] == list(theirs)[:3] == ["precip", "velocity", "timesteps"]
    for name in ("n_ens_members", "timestep", "kmperpixel", "seed", "callback", "return_output"):
        assert name in theirs
        assert name in ours


def test_an_ensemble_has_the_axes_of_theirs(method):
    made = method(rain(), velocity(1, 0), 4, n_ens_members=3, seed=2)
    assert made.shape == (3, 4, *SIZE)
    np.testing.assert_array_equal(
        method(rain(), velocity(1, 0), [2, 4], 3, seed=2), made[:, [1, 3]]
    )


def test_rain_goes_along_the_velocity_in_columns_and_rows(nowcaster):
    still = load_like(nowcaster, "model.advection.motion.learned_share=0", "spread=0")
    made = still.pysteps_method("mm/h")(rain(), velocity(2, -1), 2, n_ens_members=1)
    row, column = np.unravel_index(made[0, 1].argmax(), SIZE)
    assert (row, column) == (7 - 2, 5 + 4)  # after two steps


def load_like(nowcaster, *changes):
    share, spread = changes
    motion = "model.advection.motion"
    settings = [share, f"{motion}.{spread}", f"{motion}.local_spread=0"]
    return load_forecaster(nowcaster.settings.ckpt_path or place(nowcaster), settings=settings)


def place(nowcaster):
    return str(next(iter(nowcaster.model.checkpoints.values()))["path"]).rsplit("/", 2)[0]


def test_decibels_are_those_of_pysteps_transformation(nowcaster, single):
    transform = pysteps("utils.transformation").dB_transform
    decibels, _ = transform(rain(), threshold=0.1, zerovalue=-15.0)
    back = single(rain(), velocity(1, 0), 3)
    made = nowcaster.pysteps_method("dB", "advection")(decibels, velocity(1, 0), 3)
    expected, _ = transform(back.astype(np.float64), threshold=0.1, zerovalue=-15.0)
    np.testing.assert_allclose(made, expected, atol=1e-3)


def test_what_is_asked_for_beside_the_output_is_given(single):
    seen = []
    assert single(rain(), None, 2, callback=seen.append, return_output=False) is None
    assert [frame.shape for frame in seen] == [SIZE] * 2
    made, first, loop = single(rain(), None, 1, measure_time=True)
    assert made.shape == (1, *SIZE)
    assert first >= 0
    assert loop > 0


def test_a_model_that_goes_by_no_motion_says_so(nowcaster, monkeypatch):
    monkeypatch.setattr(type(nowcaster), "goes_by_motion", False)
    with pytest.warns(UserWarning, match="velocity is not used"):
        nowcaster.pysteps_method("mm/h", "advection")(rain(), velocity(1, 0), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        nowcaster.pysteps_method("mm/h", "advection")(rain(), None, 1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"timesteps": 7}, "timesteps: got 7, expected whole time steps from 1 to 6"),
        ({"timesteps": 0}, "timesteps: got 0"),
        ({"timesteps": [1.5]}, "timesteps: got"),
        ({"timesteps": [2, 1]}, "rising"),
        ({"timestep": 5}, "timestep: got 5, the model's is 10 minutes"),
        ({"kmperpixel": 1.0}, "kmperpixel: got 1, the model's is 2 km"),
        ({"precip": rain()[0]}, "frames: got (16, 16), expected (T, H, W)"),
        ({"velocity": np.zeros((16, 16, 2))}, "velocity: got (16, 16, 2), expected (2, m, n)"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(method, options, told):
    given = {"precip": rain(), "velocity": None, "timesteps": 2, **options}
    with pytest.raises(Refusal) as caught:
        method(**given)
    assert told in str(caught.value)


def test_what_steers_their_methods_alone_is_no_keyword(method):
    with pytest.raises(TypeError, match="n_cascade_levels"):
        method(rain(), None, 1, n_cascade_levels=6)


def test_a_unit_that_is_unknown_is_refused(nowcaster):
    with pytest.raises(Refusal, match="unit: got 'dBR', expected mm/h, dBZ, VIL or dB"):
        nowcaster.pysteps_method("dBR")
