"""Eager PyTorch, as its users have it: inference mode, fused AdamW, all cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from tests.bench import inputs, torch_networks


class TorchSide:
    """One network, in evaluation or in training.

    channels_last: keep the weights of 2-D convolutions, and so what they compute, channels last,
    which oneDNN is faster with; otherwise as PyTorch has them unless it is asked.
    """

    version = f"torch {torch.__version__}"

    def __init__(self, channels_last: bool) -> None:
        self.channels_last = channels_last

    def prepare(self, case: dict[str, Any]) -> dict[str, Any]:
        """Build the network and the inputs."""
        torch.manual_seed(0)
        self.case = case
        self.network = torch_networks.build(case["network"], case["settings"])
        for module in self.network.modules() if self.channels_last else ():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                module.to(memory_format=torch.channels_last)
        self.network.train(case["training"])
        given = inputs.arrays([*case["inputs"], case["target"]])
        *self.inputs, self.target = (torch.from_numpy(array) for array in given)
        learning = case["learning"]
        self.limit = learning["clip_norm"]
        if case["training"]:
            self.optimiser = torch.optim.AdamW(
                self.network.parameters(),
                lr=learning["learning_rate"],
                betas=tuple(learning["betas"]),
                weight_decay=learning["weight_decay"],
                fused=True,
            )
        return {"parameters": sum(p.numel() for p in self.network.parameters())}

    def call(self) -> dict[str, Any]:
        """One forward pass or training step."""
        if self.case["training"]:
            return self._step()
        self._output()
        return {}

    def _step(self) -> dict[str, Any]:
        self.optimiser.zero_grad()
        loss = F.mse_loss(self.network(*self.inputs), self.target)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.limit)
        self.optimiser.step()
        return {"loss": loss.item(), "gradient_norm": norm.item()}

    def _output(self) -> np.ndarray:
        with torch.inference_mode():
            return self._function()(*self.inputs).numpy()

    def _function(self) -> Callable[..., torch.Tensor]:
        method = self.case["method"]
        return self.network if method == "forward" else getattr(self.network, method)

    def outputs(self, weights: str, into: str) -> dict[str, Any]:
        """With the weights of a file .npz: the output into another; of a training, its step."""
        own = self.network.state_dict()
        with np.load(weights) as file:
            state = {
                name: torch.from_numpy(file[name]).reshape(own[name].shape if name in own else -1)
                for name in file.files
            }
        self.network.load_state_dict(state)
        if self.case["training"]:
            return self._step()
        np.save(into, self._output())
        return {}

    def flops(self) -> dict[str, Any]:
        """Operations of a forward pass as PyTorch itself counts them."""
        with FlopCounterMode(display=False) as counter:
            self._function()(*self.inputs)
        return {"flops": counter.get_total_flops()}

    def product_rate(self, side: int, rounds: int) -> dict[str, Any]:
        """FLOPs a second of a product of square matrices of that side, the best of some."""
        return {
            "rate": inputs.product_rate(
                lambda a, b: (a @ b).numpy(), torch.from_numpy, side, rounds
            )
        }


def start(channels_last: bool = False) -> TorchSide:
    """The side, with a thread for each core."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    return TorchSide(channels_last)
