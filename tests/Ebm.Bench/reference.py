"""The workloads of Ebm.Bench as one would write them in plain PyTorch.

A request is a line "<count> <workload> <arguments>"; the answer is the seconds that <count> steps took.
"""
import math
import sys
import time

import torch
from torch import nn

import twins

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(0)


def mlp(inputs, outputs, depth):
    widths = [inputs] + [128] * depth
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(128, outputs))


def langevin(batch, frozen):
    """Unadjusted Langevin on the energy of an MLP 2-128-128-1; at its best, parameters are frozen and the update is in place."""
    net = mlp(2, 1, 2).requires_grad_(not frozen)
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


class JointCd:
    """One training step of joint time-sample contrastive divergence with its default settings, on rows in two dimensions."""

    def __init__(self, batch, levels, frozen):
        self.batch, self.levels, self.frozen = batch, levels, frozen
        self.net = mlp(2, levels, 3)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        self.noise = torch.logspace(math.log10(0.05), 0, levels).clamp(max=0.9999)
        self.signal = (1 - self.noise**2).sqrt()
        self.log_step = (0.15 * (self.noise**2 + 0.01)).log()
        self.points, self.at = torch.randn(10000, 2), torch.randint(levels, (10000,))
        self.data = torch.randn(20000, 2)

    def energy(self, x, level):
        return self.net(3 * x).gather(1, level[:, None]).squeeze(1)

    def with_slope(self, x, level):
        x = x.detach().requires_grad_(True)
        e = self.energy(x, level) + x.square().sum(1) / 200
        (slope,) = torch.autograd.grad(e.sum(), x)
        return e.detach(), slope

    def move(self, x, level, steps=4):
        step = self.log_step[level].exp()
        s = step[:, None]
        accepted = torch.zeros(len(x))
        e, slope = self.with_slope(x, level)
        for _ in range(steps):
            noise = (2 * s).sqrt() * torch.randn_like(x)
            there = x - s * slope + noise
            e2, slope2 = self.with_slope(there, level)
            back = x - there + s * slope2
            log = e - e2 + ((noise**2 - back**2) / (4 * s)).sum(1)
            probability = log.clamp(max=0).exp().nan_to_num(0)
            accept = torch.rand_like(probability) < probability
            x = torch.where(accept[:, None], there, x)
            e = torch.where(accept, e2, e)
            slope = torch.where(accept[:, None], slope2, slope)
            accepted += probability
        excess = torch.zeros(self.levels).index_add_(0, level, accepted / steps - 0.6)
        visits = torch.zeros(self.levels).index_add_(0, level, torch.ones(len(x)))
        self.log_step += 0.1 * excess / visits.clamp(min=1)
        return x

    def step(self):
        if self.frozen:
            self.net.requires_grad_(False)
        batch = self.data[torch.randint(len(self.data), (self.batch,))]
        level = torch.randint(self.levels, (self.batch,))
        risen = self.signal[level, None] * batch + self.noise[level, None] * torch.randn_like(batch)
        slots = torch.randperm(10000)[: self.batch]
        x, l = self.points[slots], self.at[slots]
        coin = torch.rand(self.batch)
        data, fresh = coin < 0.3, coin > 0.95
        x = torch.where(data[:, None], risen, torch.where(fresh[:, None], torch.randn_like(x), x))
        l = torch.where(data, level, torch.where(fresh, torch.full_like(l, self.levels - 1), l))
        x = self.move(x, l)
        with torch.no_grad():
            l = torch.distributions.Categorical(logits=-self.net(3 * x), validate_args=False).sample()
            self.points[slots], self.at[slots] = x, l
        if self.frozen:
            self.net.requires_grad_(True)
        loss = self.energy(risen, level).mean() + torch.logsumexp(-self.net(3 * x), 1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


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
        return langevin(int(arguments[0]), arguments[1] == "best")
    if name == "joint-cd":
        return JointCd(int(arguments[0]), int(arguments[1]), arguments[2] == "best").step
    if name == "step":
        return twins.TWINS[arguments[0]]().step
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
    if key not in workloads:
        workloads[key] = workload(words)
    step, begun = workloads[key], time.perf_counter()
    for _ in range(int(count)):
        step()
    print(time.perf_counter() - begun, flush=True)
