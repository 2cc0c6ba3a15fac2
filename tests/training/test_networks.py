import pytest

from mindcast.models import load_spec
from mindcast.refusal import Refusal
from mindcast.settings import load_settings
from mindcast.training.networks import checkpoint_files

SPEC = load_spec("prediff")
STAGES = ("vae", "diffusion")


@pytest.fixture
def run(tmp_path):
    """A run whose training began with another's networks and that trained one of its own."""
    for place in ("run", "other"):
        (tmp_path / place / "checkpoints").mkdir(parents=True)
    for name in ("other/checkpoints/vae_best", "other/checkpoints/diffusion_best"):
        (tmp_path / f"{name}.ckpt").touch()
    (tmp_path / "run/checkpoints/diffusion_best.ckpt").touch()
    return tmp_path / "run"


def files(run, began_with):
    settings = load_settings("configs/smoke/prediff.yaml", [f"ckpt_path={run.parent / 'other'}"])
    found = checkpoint_files(SPEC, settings, STAGES, run, began_with)
    return {stage: path.parts[-3] for stage, path in found.items()}


def test_what_a_run_trained_itself_comes_before_what_its_training_began_with(run):
    assert files(run, began_with=True) == {"vae": "other", "diffusion": "run"}


def test_what_is_named_for_a_command_comes_first(run):
    assert files(run, began_with=False) == {"vae": "other", "diffusion": "other"}


def test_a_lost_network_of_the_run_is_not_replaced_by_the_one_it_began_with(run):
    (run / "checkpoints/diffusion_best.ckpt").rename(run / "checkpoints/vae_best.ckpt")
    (run / "checkpoints/diffusion_last.ckpt").touch()
    with pytest.raises(Refusal, match=r"run/checkpoints/diffusion_best\.ckpt: no such checkpoint"):
        files(run, began_with=True)
