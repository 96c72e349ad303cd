"""The workloads of Ebm.Bench as one would write them in plain PyTorch.

A request is a line "<count> <workload> <arguments>"; the answer is the seconds that <count> steps took, or "lacks <reason>". The first argument of the
program is the number of threads. Further ones are --cpu, for the CPU time of this process instead of wall time, and folders of other packages as
<name>=<folder>.
"""
import math
import sys
import time

import torch
from torch import nn

import peers
import twins

threads, *options = sys.argv[1:]
torch.set_num_threads(int(threads))
clock = time.process_time if "--cpu" in options else time.perf_counter
folders = dict(option.split("=", 1) for option in options if option != "--cpu")
torch.manual_seed(0)


def mlp(inputs, outputs, depth, width=128):
    widths = [inputs] + [width] * depth
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def langevin(batch, frozen, width=128):
    """Unadjusted Langevin on the energy of an MLP 2-128-128-1; at its best, parameters are frozen and the update is in place."""
    net = mlp(2, 1, 2, width).requires_grad_(not frozen)
    eps = 0.01
    state = {"x": torch.randn(batch, 2)}

    def usual():
        x = state["x"].requires_grad_(True)
        (slope,) = torch.autograd.grad(net(x).sum(), x)
        state["x"] = (x - eps * slope + math.sqrt(2 * eps) * torch.randn_like(x)).detach()

    def best():
        x = state["x"].requires_grad_(True)
        (slope,) = torch.autograd.grad(net(x).sum(), x)
        with torch.no_grad():
            state["x"] = x.detach().sub_(slope, alpha=eps).add_(torch.randn_like(x), alpha=math.sqrt(2 * eps))

    return best if frozen else usual


def chains(batch, width, kernel):
    """Metropolis-adjusted Langevin, or Hamiltonian Monte Carlo with five leapfrog steps, at their best."""
    net = mlp(2, 1, 2, width).requires_grad_(False)
    energy = lambda x: net(x).squeeze(1)
    state = {"x": torch.randn(batch, 2)}

    def mala():
        state["x"], _ = twins.langevin(energy, state["x"], torch.full((batch,), 0.01), 1)

    def hmc():
        x, eps = state["x"], 0.1
        e, slope = twins.with_slope(energy, x)
        p = torch.randn_like(x)
        there, q = x, p
        for _ in range(5):
            q = q - eps / 2 * slope
            there = there + eps * q
            e2, slope = twins.with_slope(energy, there)
            q = q - eps / 2 * slope
        log = e - e2 + (p.square() - q.square()).sum(1) / 2
        accept = torch.rand(batch) < log.clamp(max=0).exp()
        state["x"] = torch.where(accept[:, None], there, x)

    return mala if kernel == "mala" else hmc


def levels(batch):
    """A level's draw for each row."""
    net = mlp(2, 7, 3).requires_grad_(False)
    x = torch.randn(batch, 2)
    return lambda: torch.distributions.Categorical(logits=-net(3 * x), validate_args=False).sample()


def slope(of, batch):
    """Energy and slope of a denoising autoencoder, of rows or of codes; of a spline flow's density."""
    x, sigma = torch.randn(batch, 2), torch.full((batch,), 0.2)
    if of == "flow":
        flow = twins.Spline().requires_grad_(False)
        return lambda: twins.with_slope(lambda x: -flow.log_density(x), x)
    net, decoder = twins.Autoencoder().requires_grad_(False), mlp(2, 2, 3).requires_grad_(False)
    texture = lambda x: (x - net(x, sigma)).square().sum(1) / (2 * sigma.square())
    return lambda: twins.with_slope(texture if of == "texture" else lambda z: texture(decoder(z)), x)


def add():
    """One operator on one number: what calling costs."""
    x, y = torch.ones(1), torch.ones(1)

    def step():
        x + y

    return step


workloads = {}


def workload(words):
    name, *arguments = words
    if name == "langevin":
        return langevin(int(arguments[0]), arguments[1] == "best", int(arguments[2]))
    if name in ("mala", "hmc"):
        return chains(int(arguments[0]), int(arguments[1]), name)
    if name == "levels":
        return levels(int(arguments[0]))
    if name == "step":
        return twins.TWINS[arguments[0]]().step
    if name == "slope":
        return slope(arguments[0], int(arguments[1]))
    if name == "peer":
        return peers.langevin(arguments[0], folders.get(arguments[0]), mlp(2, 1, 2), int(arguments[1]))
    if name == "add":
        return add()
    raise ValueError(f"no workload is called {name}")


print(f"PyTorch {torch.__version__}, Python {sys.version.split()[0]}", flush=True)
for line in sys.stdin:
    count, *words = line.split()
    if words == ["forget"]:
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
        print(0, flush=True)
        continue
    key = tuple(words)
    try:
        if key not in workloads:
            workloads[key] = workload(words)
        step = workloads[key]
        begun = clock()
        if words[0] == "peer":
            step(int(count))
        else:
            for _ in range(int(count)):
                step()
        print(clock() - begun, flush=True)
    except (peers.Lacks, ImportError) as reason:
        print("lacks", reason, flush=True)
