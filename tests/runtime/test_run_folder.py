import itertools
import os

import pytest

from mindcast.commands.request import last_settings
from mindcast.refusal import Refusal
from mindcast.runtime import run_folder
from mindcast.settings import load_settings

SMOKE = "configs/smoke/prediff.yaml"


def test_a_new_run_holds_its_resolved_settings(tmp_path):
    settings = load_settings(SMOKE)
    folder = run_folder.create(tmp_path / "a" / "run", settings)
    assert load_settings(folder.path / "config.yaml") == settings


def test_an_existing_run_is_refused_and_left_as_it_was(tmp_path):
    run_folder.create(tmp_path / "run", load_settings(SMOKE))
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    with pytest.raises(Refusal, match="holds a run; continue it with --resume"):
        run_folder.create(tmp_path / "run", load_settings(SMOKE, ["runtime.seed=5"]))
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(Refusal, match="is not empty"):
        run_folder.create(tmp_path, load_settings(SMOKE))


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(Refusal, match="is a file, expected a folder"):
        run_folder.create(tmp_path / "run", load_settings(SMOKE))


def test_resuming_nothing_is_refused(tmp_path):
    with pytest.raises(Refusal, match="holds no run"):
        last_settings(tmp_path)


def test_resuming_with_another_model_names_the_key(tmp_path):
    run_folder.create(tmp_path / "run", load_settings(SMOKE))
    other = load_settings(SMOKE, ["model.denoiser.heads=2"])
    with pytest.raises(Refusal, match=r"configured differently \(model.denoiser.heads\)"):
        run_folder.reopen(tmp_path / "run", load_settings(SMOKE), other)


def test_resuming_with_a_longer_training_keeps_both_settings(tmp_path):
    first, longer = load_settings(SMOKE), load_settings(SMOKE, ["training.vae.max_steps=9"])
    run_folder.create(tmp_path / "run", first)
    run_folder.reopen(tmp_path / "run", first, longer)
    assert load_settings(tmp_path / "run" / "config.yaml") == first
    assert load_settings(tmp_path / "run" / "config_2.yaml") == longer


def test_the_settings_of_a_run_are_the_newest(tmp_path):
    settings = [load_settings(SMOKE, [f"training.vae.max_steps={n}"]) for n in range(5, 17)]
    run_folder.create(tmp_path, settings[0])
    for before, now in itertools.pairwise(settings):  # up to config_12: by number, not by name
        assert last_settings(tmp_path) == before
        run_folder.reopen(tmp_path, before, now)
    assert run_folder.newest_config(tmp_path) == tmp_path / "config_12.yaml"
    assert last_settings(tmp_path) == settings[-1]


def test_resuming_with_the_newest_settings_writes_none(tmp_path):
    first, longer = load_settings(SMOKE), load_settings(SMOKE, ["training.vae.max_steps=9"])
    run_folder.create(tmp_path, first)
    run_folder.reopen(tmp_path, first, longer)
    run_folder.reopen(tmp_path, longer, longer)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.yaml", "config_2.yaml"]
    run_folder.reopen(tmp_path, longer, first)  # back again: these are the newest then
    assert last_settings(tmp_path) == first


def test_other_files_are_no_settings(tmp_path):
    run_folder.create(tmp_path, load_settings(SMOKE))
    for name in ("config_old.yaml", "config_3.yaml.bak", "my_config_4.yaml", "config_.yaml"):
        (tmp_path / name).write_text("mine")
    assert run_folder.newest_config(tmp_path) == tmp_path / "config.yaml"
    assert run_folder.newest_config(tmp_path / "none") is None


def test_newest_settings_that_were_damaged_are_named(tmp_path):
    run_folder.create(tmp_path, load_settings(SMOKE))
    (tmp_path / "config_2.yaml").write_text("")
    with pytest.raises(Refusal, match=r"config_2\.yaml: holds "):
        last_settings(tmp_path)


def test_resuming_with_data_of_another_meaning_names_the_key(tmp_path):
    data = "data={{name: shanghai, root_dir: any, value_scale: {}, workers: {}}}"
    before, other, faster = (
        load_settings("configs/smoke/diffcast.yaml", [data.format(*values)])
        for values in ((90, 1), (70, 1), (90, 2))
    )
    run_folder.create(tmp_path, before)
    with pytest.raises(Refusal, match=r"data was configured differently \(data\.value_scale\)"):
        run_folder.reopen(tmp_path, before, other)
    run_folder.reopen(tmp_path, before, faster)


def test_what_a_killed_writer_left_is_gone_after_a_resume(tmp_path):
    settings = load_settings(SMOKE)
    folder = run_folder.create(tmp_path, settings)
    folder.checkpoints.mkdir()
    for place in (tmp_path / ".config_2.part.yaml", folder.checkpoints / ".vae_state.part.ckpt"):
        place.write_text("half")
    kept = folder.checkpoints / "vae_state.ckpt"
    kept.write_text("whole")
    run_folder.reopen(tmp_path, settings, settings)
    assert [p.name for p in folder.checkpoints.iterdir()] == ["vae_state.ckpt"]
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_every_test_gets_its_own_report(tmp_path):
    folder = run_folder.create(tmp_path / "run", load_settings(SMOKE))
    first, second = folder.new_results(), folder.new_results()
    assert [p.name for p in (*first, *second)] == ["report", "figures", "report_2", "figures_2"]
    assert folder.reports() == [second, first]


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    blocked = tmp_path / "blocked"
    if os.geteuid() == 0:  # root writes anywhere but below a file
        blocked.write_text("")
    else:
        blocked.mkdir(mode=0o500)
    with pytest.raises(Refusal, match="cannot make this folder"):
        run_folder.create(blocked / "run", load_settings(SMOKE))
