import itertools

import numpy as np
import pytest
from PIL import Image

from mindcast.visualization.nowcast.animation import forecast_animation
from mindcast.visualization.nowcast.film import FRAME_MS, LAST_FRAME_MS
from tests.visualization.nowcast.views import make_view


@pytest.mark.parametrize("members", [1, 3])
def test_animation_shows_every_frame_and_stays_on_the_last(tmp_path, members):
    forecast_animation(tmp_path / "a.gif", make_view(members, context=2, frames=2))
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 4
        assert image.info["loop"] == 0
        durations, pictures = [], []
        for k in range(4):
            image.seek(k)
            durations.append(image.info["duration"])
            pictures.append(np.asarray(image.convert("RGB")))
    assert durations == [FRAME_MS] * 3 + [LAST_FRAME_MS]
    assert all((one != other).any() for one, other in itertools.pairwise(pictures))
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]
