"""A GeoDiff of a few hundred parameters and a sample for it."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor

from mindcast.compiled import arguments
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.physics import priors
from mindcast.physics.horizontal import Metric
from mindcast.physics.resample import block_mean
from mindcast.samples import DownscaleInput, Sample

LEVELS, FACTOR, FINE = (1000, 850, 500), 2, (8, 12)
UNET = {"dim": 4, "multiples": (1, 2), "heads": 2, "head_size": 4, "first_kernel": 3}


def settings_of(**changes):
    given = {
        "name": "geodiff",
        "levels_hpa": LEVELS,
        "factor": FACTOR,
        "frame_size": FINE,
        "deterministic": UNET,
        "denoiser": UNET,
        "diffusion": {"timesteps": 20, "prediction": "v"},
    }
    return GeoDiffSettings(**{**given, **changes})


def built(cell_type, settings, stir=0.0, seed=0):
    """A network in evaluation mode; `stir` adds noise, so that nothing is zero."""
    ms.set_seed(seed)
    cell = cell_type(settings)
    rng = np.random.default_rng(seed + 10)
    for parameter in cell.trainable_params() if stir else ():
        noise = stir * rng.standard_normal(parameter.shape)
        parameter.set_data(Tensor(parameter.asnumpy() + noise.astype(np.float32)))
    return cell.set_train(False)


def sample(cases=2, seed=0, size=FINE):
    """A batch of smooth random fields of `size`."""
    rng = np.random.default_rng(seed)
    height, width = size
    shape = (cases, len(LEVELS), height, width)
    column = np.array([288.0, 280.0, 255.0]).reshape(1, -1, 1, 1)
    truth = column + smooth(rng, shape, 3.0)
    wind = np.stack([smooth(rng, shape, 8.0), smooth(rng, shape, 8.0), smooth(rng, shape, 0.2)])
    coarse, coarse_wind = block_mean(truth, FACTOR), block_mean(wind, FACTOR)
    step = np.full((height, width), 2.5e4)
    metric = Metric(FACTOR * step[::FACTOR, ::FACTOR], -FACTOR * step[::FACTOR, ::FACTOR])
    fields = priors.prior_channels(
        coarse, priors.Winds(*coarse_wind), np.array(LEVELS) * 100.0, metric
    )
    inputs = DownscaleInput(
        temperature_lr=coarse[..., None],
        wind_lr=np.moveaxis(coarse_wind, 0, -1),
        priors_lr=np.concatenate([fields, np.ones((*fields.shape[:-1], 1))], -1),
        statics=rng.uniform(0, 1, (cases, height, width, 3)),
        metric=metric_array(Metric(step, -step), cases),
        weight=np.ones((*shape, 1)),
    )
    made = Sample(inputs, truth[..., None])
    return made.mapped(lambda array: np.ascontiguousarray(array, np.float32))


def metric_array(metric, cases, row_weights=None):
    """The array "metric" of `DownscaleInput`, alike in all cases."""
    shape = metric.h_x.shape
    weights = np.ones(shape[0]) if row_weights is None else row_weights
    planes = (metric.h_x, metric.h_y, np.full(shape, metric.periodic), weights[:, None])
    array = np.stack([np.broadcast_to(plane, shape) for plane in planes], -1)
    return np.ascontiguousarray(np.broadcast_to(array, (cases, *array.shape)), np.float32)


def smooth(rng, shape, amplitude):
    """A few long waves a level."""
    y = np.linspace(0, 1, shape[-2])[:, None]
    x = np.linspace(0, 1, shape[-1])
    a, b, c = rng.normal(size=(3, *shape[:-2], 1, 1))
    return amplitude * (a * np.sin(3 * x + b) + c * np.cos(2 * y + a))


def tensors(arrays):
    return [Tensor(array) for array in arrays]


def primary_of(network, samples):
    """T_det of a deterministic network, (N, Z, H, W) K."""
    return network(*arguments(network, samples.named)).asnumpy() + SHIFT_K
