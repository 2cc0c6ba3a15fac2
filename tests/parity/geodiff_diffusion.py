"""Golden files of the diffusion: buffers, single steps, whole sampling runs, and the losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from src.diffusion.noising import ForwardNoising
from src.diffusion.prediction import ToX0, target_coefficients, x0_coefficients
from src.diffusion.process import DiffusionProcess
from src.diffusion.samplers.base import SamplerStep, endpoint_times
from src.diffusion.samplers.ddim import step_between
from src.diffusion.samplers.ddpm import plan
from src.diffusion.sampling import SamplingStep
from src.diffusion.schedules import beta_schedule
from src.models.geodiff.losses import LossTerms, adjacent_correlation, over_batch
from src.models.geodiff.public_diffusion import PublicLoss, sample_public
from src.models.geodiff.settings import LARGEST_BETA, LossSettings
from tests.parity.cells import differentiate
from tests.parity.geodiff_network import VolumeNetwork, network_of, tensor
from tests.parity.golden import Comparison, GoldenFile
from tests.parity.prediff_diffusion import BUFFERS

FOLDER = Path(__file__).parents[3] / "shared" / "golden" / "geodiff"
BUFFER, LOSS, STEP, TRAJECTORY = 1e-5, 1e-5, 5e-5, 1e-3
FLOAT64 = 1e-9
KINK = 1e-6
