import struct

import mindspore  # noqa: F401  first: it chooses the kind of protobuf that it needs
import numpy as np
import pytest
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from mindcast.refusal import Refusal
from mindcast.training.curves import Curves
from tests.training.dummy import run_settings, trainer


def events(folder):
    """Records of length (8 bytes), check sum (4), text, check sum (4), of the only file."""
    (path,) = folder.iterdir()
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield Event.FromString(data[at + 12 : at + 12 + length])
        at += length + 16


def no_space(*_):
    raise OSError(28, "No space left on device")


def test_points_and_pictures_are_in_the_file_at_once(tmp_path):
    curves = Curves(tmp_path / "fit", first=0)
    curves.scalars({"train/loss": 0.5, "train/rate": 2.0}, step=3)
    curves.picture("validation", np.zeros((3, 4, 4), np.uint8), step=3)
    version, *points, picture = events(tmp_path / "fit")
    assert version.file_version == "brain.Event:2"
    found = [(e.summary.value[0].tag, e.summary.value[0].simple_value, e.step) for e in points]
    assert found == [("train/loss", 0.5, 3), ("train/rate", 2.0, 3)]
    assert picture.summary.value[0].image.width == 4
    curves.close()


def test_a_file_beside_earlier_ones_says_from_which_step_on_it_counts(tmp_path):
    (tmp_path / "earlier").write_text("")
    Curves(tmp_path, first=7).close()
    (tmp_path / "earlier").unlink()
    _, start = events(tmp_path)
    assert (start.step, start.session_log.status) == (8, SessionLog.START)


@pytest.mark.parametrize("where", ["write_event", "flush"])
def test_a_full_disk_ends_a_training_with_one_line(tmp_path, monkeypatch, where):
    run = trainer(tmp_path, run_settings())
    monkeypatch.setattr(EventsWriter, where, no_space)
    with pytest.raises(Refusal) as caught:
        run.run()
    assert str(caught.value) == (
        f"{tmp_path / 'tensorboard' / 'fit'}: cannot be written (No space left on device); free "
        "some space and continue with --resume"
    )


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="file: cannot be written"):
        Curves(tmp_path / "file", first=0)
