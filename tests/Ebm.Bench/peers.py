"""Langevin with other packages for energy-based models, each called as its documentation says, from a folder that the user names."""
import sys

import torch


class Lacks(Exception):
    """Why a package cannot be measured, on one line."""


def torchebm(net, step_size):
    from torchebm.core import BaseModel
    from torchebm.samplers import LangevinDynamics

    class Energy(BaseModel):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x).squeeze(1)

    sampler = LangevinDynamics(Energy(), step_size=step_size, noise_scale=1.0)
    return lambda x, count: sampler.sample(x=x, n_steps=count)


def ebmkit(net, step_size):
    from ebm.samplers import LangevinDynamics

    sampler = LangevinDynamics(step_size=step_size)
    return lambda x, count: sampler.sample(lambda x: net(x).squeeze(1), x, steps=count)


PEERS = {"torchebm": torchebm, "ebmkit": ebmkit}


def langevin(name, folder, net, batch):
    """A function of a number of steps, which continues the chains. The folder contains the package, or its folder src does."""
    if folder is None:
        raise Lacks(f"give the folder that contains the package: --peer {name}=FOLDER")
    sys.path[:0] = [folder, f"{folder}/src"]
    try:
        sample = PEERS[name](net.requires_grad_(False), 0.01)
        state = {"x": sample(torch.randn(batch, 2), 2)}
    # Other packages fail in their own ways, for example if they need a newer PyTorch.
    except Exception as error:
        lines = str(error).splitlines() or [""]
        raise Lacks(f"{name} in {folder}: {type(error).__name__}: {lines[0]}") from error

    def run(count):
        state["x"] = sample(state["x"], count)

    return run
