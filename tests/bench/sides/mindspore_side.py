"""MindCast's networks as its commands run them: compiled, trained by the trainer's own step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindcast.compiled import compiled
from mindcast.config.schema import StageTraining
from mindcast.models.base import Objective
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.diffcast.unet import DenoiserUNet
from mindcast.models.geodiff.positions import level_positions
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.unet3d import UNet3d
from mindcast.models.prediff import stages as prediff
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.training.train_step import ObjectiveStep
from tests.bench import inputs
from tests.bench.sides.losses import LOSSES

STIR = 0.05  # of the weights that are compared: nothing starts at zero then


def _diffcast_denoiser(given: dict[str, Any]) -> nn.Cell:
    model = DiffCastSettings.model_validate(given)
    denoiser = model.denoiser
    return DenoiserUNet(denoiser.dim, denoiser.multiples, model.context_frames, model.channels)


def _geodiff_unet(given: dict[str, Any]) -> nn.Cell:
    channels = given["image_channels"]
    named = {name: value for name, value in given.items() if name != "image_channels"}
    model = GeoDiffSettings.model_validate(named)
    levels = level_positions(np.asarray(model.levels_hpa), model.denoiser.level_coordinate)
    return UNet3d(model.denoiser, channels, channels, levels)


NETWORKS: dict[str, Callable[[dict[str, Any]], nn.Cell]] = {
    "prediff_denoiser": lambda s: prediff.build_denoiser(PreDiffSettings.model_validate(s)),
    "prediff_autoencoder": lambda s: prediff.build_autoencoder(PreDiffSettings.model_validate(s)),
    "prediff_alignment": lambda s: prediff.build_alignment(PreDiffSettings.model_validate(s)),
    "diffcast_denoiser": _diffcast_denoiser,
    "geodiff_unet": _geodiff_unet,
}


class MindSporeSide:
    """One network, in evaluation or in training."""

    version = f"mindspore {ms.__version__}"

    def prepare(self, case: dict[str, Any]) -> dict[str, Any]:
        """Build the network and the inputs."""
        self.case = case
        self.network = NETWORKS[case["network"]](case["settings"])
        self.network.set_train(case["training"])
        self.inputs = inputs.arrays([*case["inputs"], case["target"]])
        self.target = self.inputs.pop()
        self.steps = 0
        if case["training"]:
            self._prepare_step(case["learning"])
        else:
            method = case["method"]
            cell = self.network if method == "forward" else getattr(self.network, method)
            self.forward = compiled(cell, True)
        count = sum(p.size for p in self.network.get_parameters())
        return {"parameters": count}

    def _prepare_step(self, learning: dict[str, Any]) -> None:
        loss, names = LOSSES[self.case["network"]]
        parameters = self.network.trainable_params()
        objective = Objective("bench", parameters, ((0, loss(self.network)),))
        self.learning_rate = learning["learning_rate"]
        self.step = ObjectiveStep(objective, StageTraining(**learning), (), graph=True)
        self.batch = dict(zip(names, self.inputs, strict=True)) | {"target": self.target}

    def call(self) -> dict[str, Any]:
        """One forward pass or training step."""
        if self.case["training"]:
            return self._step()
        self._output()
        return {}

    def _step(self) -> dict[str, Any]:
        values = self.step.run(self.steps, [self.batch], self.learning_rate)
        assert values is not None
        self.steps += 1
        self.step.objective.parameters[-1].asnumpy()  # the update is done
        return {name: float(value.asnumpy()) for name, value in values.items()}

    def _output(self) -> np.ndarray:
        return self.forward(*self.inputs).asnumpy()

    def outputs(self, weights: str, into: str) -> dict[str, Any]:
        """With stirred weights, written as .npz: the output into another; of a training, its
        step."""
        rng = np.random.default_rng(1)
        state = {}
        for name, parameter in self.network.parameters_and_names():
            noise = STIR * rng.standard_normal(parameter.shape, np.float32)
            state[name] = parameter.asnumpy() + noise
            parameter.set_data(Tensor(state[name]))
        np.savez(weights, **state)
        if self.case["training"]:
            return self._step()
        np.save(into, self._output())
        return {}

    def product_rate(self, side: int, rounds: int) -> dict[str, Any]:
        """FLOPs a second of a product of square matrices of that side, the best of some."""
        multiply = compiled(ms.ops.MatMul(), True)

        def product(a: Tensor, b: Tensor) -> np.ndarray:
            return multiply(a, b).asnumpy()

        return {"rate": inputs.product_rate(product, Tensor, side, rounds)}


def start() -> MindSporeSide:
    """The side; the device is started."""
    return MindSporeSide()
