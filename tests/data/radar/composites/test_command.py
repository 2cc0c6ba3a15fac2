from mindcast.cli import main
from tests.data.radar.composites.sets import START, STEP, write

SETTINGS = """
model: {{name: diffcast, frame_size: [32, 32], context_frames: 1, target_frames: 2, stride: 1}}
training: {{}}
data:
  name: shanghai
  root_dir: {root}
  interval_minutes: 5
  composites:
    inputs: [{source}]
    input: {{unit: dBZ}}
    train: [[{start}, {stop}]]
    tile: [4, 4]
    length: 3
"""


def run(tmp_path, *options):
    source = write(tmp_path / "radar", range(6))
    stop = START + 6 * STEP
    text = SETTINGS.format(root=tmp_path / "a.h5", source=source, start=START, stop=stop)
    (tmp_path / "a.yaml").write_text(text)
    return main(["--mode", "prepare", "--cfg", str(tmp_path / "a.yaml"), *options])


def test_the_command_makes_a_set(tmp_path, capsys):
    assert run(tmp_path) == 0
    assert (tmp_path / "a.h5").is_file()
    assert "composites" in capsys.readouterr().err  # the bar


def test_paths_may_be_relative_or_absolute_and_the_same_set_is_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, "--set", "data.composites.inputs=[radar]") == 0
    before = (tmp_path / "a.h5").stat().st_mtime_ns
    assert run(tmp_path, "--set", "data.composites.inputs=[radar]") == 0
    assert (tmp_path / "a.h5").stat().st_mtime_ns == before
    two = f"data.composites.inputs=[radar, {write(tmp_path / 'other', range(6))}]"
    assert run(tmp_path, "--set", two, "--set", "data.root_dir=b.h5") == 0
    assert (tmp_path / "b.h5").is_file()


def test_the_command_refuses_in_one_line(tmp_path, capsys):
    assert run(tmp_path, "--set", "data.composites.length=20") == 2
    captured = capsys.readouterr()
    last = captured.err.strip().splitlines()[-1]
    assert "no train window of 20 frames" in last
    assert "Traceback" not in captured.err
    assert not (tmp_path / "a.h5").exists()
