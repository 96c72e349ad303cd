"""One training step of each method in the plane, and of two on 28×28 pictures, written plainly in PyTorch as its paper's author would, with the settings of our default configs.

Chains run at PyTorch's best: parameters are frozen, states are updated without a graph. Every update ends as ours does: the gradient's norm is
clipped and Adam steps; at the end of a step, the average of the weights follows. A law runs these steps on our numbers (compared.py).
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

BATCH, WIDTH, ROWS = 256, 128, 20000
# The precision of convolutions.
LOW = torch.bfloat16


def mlp(inputs, outputs, depth=3, width=WIDTH, activation=nn.SiLU):
    widths = [inputs] + [width] * depth
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def column(x):
    return x[:, None]


def per_row(number, rows):
    return number.view(-1, *[1] * (rows.dim() - 1))


def total(x):
    return x.flatten(1).sum(1)


class Draws:
    """The random numbers of a step, from PyTorch. A law replaces them by those that our step drew."""

    def normal(self, *shape):
        return torch.randn(shape)

    def uniform(self, *shape):
        return torch.rand(shape)

    def integers(self, below, count):
        return torch.randint(below, (count,))

    def category(self, logits):
        return torch.distributions.Categorical(logits=logits, validate_args=False).sample()

    def rows(self, data, count):
        return data[torch.randint(len(data), (count,))]

    def slots(self, of, count):
        return torch.randperm(of)[:count]

    def unused(self, times, *shape):
        """Deviates that our chains number although they are at temperature 0."""


draws = Draws()


class Training:
    """Parts of a model, each with Adam and clipping, and an average of all weights. Two parts may share weights."""

    # What lasts from step to step besides weights: our name, and the attribute here.
    LASTS = {}
    SIZE, SHAPE = BATCH, (2,)

    def __init__(self, apart=None, **parts):
        self.parts = {name: list(part.parameters()) for name, part in parts.items()}
        self.apart = list(apart.parameters()) if apart else []
        self.optimizers = {name: torch.optim.Adam(parameters, lr=3e-3) for name, parameters in self.parts.items()}
        self.clip = {name: 5.0 for name in parts}
        self.weights = list({id(p): p for p in sum(self.parts.values(), self.apart)}.values())
        self.averages = [p.detach().clone() for p in self.weights]
        self.data = torch.randn(ROWS, 2) if self.SHAPE == (2,) else torch.randn(2000, *self.SHAPE).tanh()
        self.losses = []

    def batch(self):
        return draws.rows(self.data, self.SIZE)

    def update(self, name, loss):
        parameters = self.parts[name]
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters, allow_unused=True)):
            p.grad = g
        torch.nn.utils.clip_grad_norm_(parameters, self.clip[name])
        self.optimizers[name].step()
        self.losses.append(loss.item())

    def step(self):
        self.losses.clear()
        self.updates()
        with torch.no_grad():
            torch._foreach_mul_(self.averages, 0.998)
            torch._foreach_add_(self.averages, self.weights, alpha=0.002)


class frozen:
    """Chains need no gradient of the weights."""

    def __init__(self, *nets):
        self.nets = nets

    def __enter__(self):
        for net in self.nets:
            net.requires_grad_(False)

    def __exit__(self, *_):
        for net in self.nets:
            net.requires_grad_(True)


def with_slope(energy, x):
    x = x.detach().requires_grad_(True)
    e = energy(x)
    (slope,) = torch.autograd.grad(e.sum(), x)
    return e.detach(), slope


def confinement(x):
    return total(x.square()) / 200


def score(energy, x):
    x = x.detach().requires_grad_(True)
    return -torch.autograd.grad(energy(x).sum(), x, create_graph=True)[0]


class Steps:
    """Step sizes by level, adapted to the acceptance."""

    def __init__(self, step, target=0.6):
        self.log = step.log()
        self.first, self.target = self.log.clone(), target

    def of(self, level):
        return self.log[level].exp()

    def learn(self, level, accepted):
        excess = torch.zeros_like(self.log).index_add_(0, level, accepted - self.target)
        visits = torch.zeros_like(self.log).index_add_(0, level, torch.ones_like(accepted))
        self.log += 0.1 * excess / visits.clamp(min=1)
        self.log = torch.minimum(torch.maximum(self.log, self.first - math.log(100)), self.first + math.log(100))


def langevin(energy, x, step, count, temperature=1.0):
    """Metropolis-adjusted Langevin; the slope at the accepted position is carried."""
    s = per_row(step, x)
    accepted = torch.zeros(len(x))
    e, slope = with_slope(energy, x)
    for _ in range(count):
        noise = (2 * temperature * s).sqrt() * draws.normal(*x.shape)
        there = x - s * slope + noise
        e2, slope2 = with_slope(energy, there)
        back = x - there + s * slope2
        log = (e - e2) / temperature + total((noise.square() - back.square()) / (4 * temperature * s))
        probability = torch.where(e2.isfinite(), log.clamp(max=0).exp(), torch.zeros_like(log)).nan_to_num(0)
        accept = draws.uniform(len(x)) < probability
        x = torch.where(per_row(accept, x), there, x)
        e = torch.where(accept, e2, e)
        slope = torch.where(per_row(accept, x), slope2, slope)
        accepted += probability
    return x, accepted / count


def unadjusted(energy, x, step, count):
    """Langevin without an accept test."""
    s = per_row(step, x)
    spread = (2 * s).sqrt()
    for _ in range(count):
        _, slope = with_slope(energy, x)
        x = x - s * slope + spread * draws.normal(*x.shape)
    return x


def leap(energy, x, length, count):
    with torch.no_grad():
        e = energy(x)
        for _ in range(count):
            there = x + column(length) * draws.normal(*x.shape)
            e2 = energy(there)
            accept = draws.uniform(len(x)) < (e - e2).clamp(max=0).exp()
            x, e = torch.where(accept[:, None], there, x), torch.where(accept, e2, e)
    return x


class Chains:
    """Persistent chains."""

    def __init__(self, count=10000, shape=(2,)):
        self.points, self.levels = torch.randn(count, *shape), torch.zeros(count, dtype=torch.int64)

    def begin(self, given, at, anew, of, fresh, top, count=BATCH):
        slots = draws.slots(len(self.points), count - len(given))
        x, level = self.points[slots], self.levels[slots]
        restarts = draws.uniform(len(x)) * of < anew
        x = torch.where(per_row(restarts, x), fresh(x), x)
        level = torch.where(restarts, torch.full_like(level, top), level)
        return torch.cat([given, x]), torch.cat([at, level]), slots

    def store(self, slots, x, level):
        self.points[slots], self.levels[slots] = x[-len(slots) :].detach(), level[-len(slots) :]


def contrast(positive, negative):
    return positive.mean() - negative.mean()


def magnitude(positive, negative):
    return positive.square().mean() + negative.square().mean()


def variance_preserving(levels=5, low=0.03, high=0.95):
    noise = torch.cat([torch.logspace(math.log10(low), math.log10(high), levels - 1), torch.tensor([0.9999])])
    return (1 - noise.square()).sqrt(), noise


class JointCd(Training):
    """Joint time-sample contrastive divergence."""

    LASTS = {"chains.points": "chains.points", "chains.levels": "chains.levels", "steps.log_step": "steps.log"}
    FROM_DATA, FROM_NOISE = 0.3, 0.05

    def __init__(self):
        self.signal, self.noise = variance_preserving(LEVELS["joint-cd"])
        self.steps = Steps(0.15 * (self.noise.square() + 0.01))
        self.net, self.chains = mlp(2, len(self.noise)), Chains()
        super().__init__(energy=self.net)

    def all(self, x):
        return self.net(3 * x)

    def at(self, x, level):
        return self.all(x).gather(1, level[:, None]).squeeze(1)

    def move(self, x, level):
        with frozen(self.net):
            x, accepted = langevin(lambda x: self.at(x, level) + confinement(x), x, self.steps.of(level), 4)
        self.steps.learn(level, accepted)
        return x

    def updates(self):
        batch = self.batch()
        level, top = draws.integers(len(self.noise), self.SIZE), len(self.noise) - 1
        risen = per_row(self.signal[level], batch) * batch + per_row(self.noise[level], batch) * draws.normal(*batch.shape)
        data, fresh = round(self.FROM_DATA * self.SIZE), lambda x: draws.normal(*x.shape)
        x, l, slots = self.chains.begin(risen[:data], level[:data], self.FROM_NOISE, 1 - self.FROM_DATA, fresh, top, self.SIZE)
        x = self.move(x, l)
        table = self.all(x)
        landed = draws.category(-table.detach())
        self.chains.store(slots, x, landed)
        self.update("energy", contrast(self.at(risen, level), -torch.logsumexp(-table, 1)))


class RecoveryLikelihood(Training):
    """Diffusion recovery likelihood: four energies, three adjusted steps from the data."""

    LASTS = {
        "steps.log_step": "steps.log",
        "moments.count": "count",
        "moments.mean": "mean",
        "moments.covariance": "covariance",
    }

    def __init__(self):
        self.noise = torch.cat([torch.tensor([0.01]), torch.logspace(math.log10(0.2), math.log10(2.5), 4)])
        self.sigma = (self.noise[1:].square() - self.noise[:-1].square()).sqrt()
        self.net = self.network()
        self.steps = Steps(0.1 * self.sigma.square())
        super().__init__(energy=self.net)
        size = math.prod(self.SHAPE)
        self.count, self.mean = torch.zeros(1, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
        self.covariance = torch.eye(size, dtype=torch.float64)

    def network(self):
        return mlp(2, 4)

    def at(self, x, t):
        return self.net(3 * x).gather(1, t[:, None]).squeeze(1)

    def learn(self, batch):
        x = batch.flatten(1).double()
        all = self.count + len(x)
        known, share = self.count / all, len(x) / all
        apart, centred = x.mean(0) - self.mean, x - x.mean(0)
        self.covariance = self.covariance * known + centred.t() @ centred / all + known * share * torch.outer(apart, apart)
        self.mean += share * apart
        self.count = all

    def updates(self):
        batch = self.batch()
        self.learn(batch)
        t = draws.integers(4, self.SIZE)
        sigma = per_row(self.sigma[t], batch)
        y = batch + per_row(self.noise[t], batch) * draws.normal(*batch.shape)
        above = y + sigma * draws.normal(*y.shape)

        def tethered(x):
            return self.at(x, t) + confinement(x) + total(((x - above) / sigma).square()) / 2

        with frozen(self.net):
            x, accepted = langevin(tethered, y, self.steps.of(t), 3)
        self.steps.learn(t, accepted)
        self.update("energy", contrast(self.at(y, t), self.at(x, t)))


class Convolutional(nn.Module):
    """Layers whose arithmetic is in the low precision, with weights in the default one; the channels of a pixel are adjacent in memory."""

    def conv(self, layer, x):
        return F.conv2d(x.to(LOW), layer.weight.to(LOW), layer.bias.to(LOW), layer.stride, layer.padding)

    def dense(self, layer, x):
        return F.linear(x.to(LOW), layer.weight.to(LOW), layer.bias.to(LOW))

    @staticmethod
    def last(x):
        return x.contiguous(memory_format=torch.channels_last)


class LevelReconstruction(Convolutional):
    """A U-shaped net: the misfit of its reconstruction, and one number per level."""

    def __init__(self, noise, width, bottleneck, side=7):
        super().__init__()
        w, self.side = width, side
        self.down1 = nn.Conv2d(1, w, 4, stride=2, padding=1)
        self.down2 = nn.Conv2d(w, 2 * w, 4, stride=2, padding=1)
        self.inner = nn.Conv2d(2 * w, 2 * w, 3, padding=1)
        self.outer = nn.Conv2d(2 * w, 2 * w, 3, padding=1)
        self.up1 = nn.Conv2d(2 * w, 4 * w, 1)
        self.join = nn.Conv2d(2 * w, w, 3, padding=1)
        self.up2 = nn.Conv2d(w, 4, 3, padding=1)
        flat = 2 * w * side * side
        self.narrow, self.wide, self.heads = nn.Linear(flat, bottleneck), nn.Linear(bottleneck, flat), nn.Linear(bottleneck, len(noise))
        self.precision, self.volume = 1 / (2 * noise.square()), 16 * side * side * noise.log()

    def forward(self, x):
        leaky = lambda x: F.leaky_relu(x, 0.2)
        fine = leaky(self.conv(self.down1, self.last(x)))
        coarse = leaky(self.conv(self.inner, leaky(self.conv(self.down2, fine))))
        code = leaky(self.dense(self.narrow, coarse.flatten(1)))
        back = self.last(leaky(self.dense(self.wide, code)).view(len(x), -1, self.side, self.side))
        up = leaky(F.pixel_shuffle(self.conv(self.up1, leaky(self.conv(self.outer, back))), 2))
        r = F.pixel_shuffle(self.conv(self.up2, leaky(self.conv(self.join, torch.cat([up, fine], 1)))), 2)
        return total((x - r.to(x.dtype)).square()), self.dense(self.heads, code).to(x.dtype)


class JointCdOfPictures(JointCd):
    """With the settings for digits: eight unadjusted moves, three chains of four from the data."""

    SIZE, SHAPE = 64, (1, 28, 28)
    FROM_DATA, FROM_NOISE = 0.75, 0.005
    NET = {"width": 32, "bottleneck": 256}

    def __init__(self):
        self.signal, self.noise = variance_preserving(40, 0.15, 0.9995)
        self.steps = Steps(0.05 * self.noise.square())
        self.net, self.chains = LevelReconstruction(self.noise, **self.NET), Chains(2000, self.SHAPE)
        Training.__init__(self, energy=self.net)

    def all(self, x):
        misfit, heads = self.net(x)
        return column(misfit) * self.net.precision + self.net.volume - heads

    def at(self, x, level):
        misfit, heads = self.net(x)
        return misfit * self.net.precision[level] + self.net.volume[level] - heads.gather(1, level[:, None]).squeeze(1)

    def move(self, x, level):
        with frozen(self.net):
            return unadjusted(lambda x: self.at(x, level) + confinement(x), x, self.steps.of(level), 8)


class LevelConv(nn.Module):
    """Three convolutions, a dense layer, and one number per level."""

    def __init__(self, levels, width=16, hidden=128, side=7):
        super().__init__()
        w = width
        self.down1 = nn.Conv2d(1, w, 4, stride=2, padding=1)
        self.down2 = nn.Conv2d(w, 2 * w, 4, stride=2, padding=1)
        self.inner = nn.Conv2d(2 * w, 2 * w, 3, padding=1)
        self.hidden, self.heads = nn.Linear(2 * w * side * side, hidden), nn.Linear(hidden, levels)

    def forward(self, x):
        h = x.contiguous(memory_format=torch.channels_last)
        for layer in self.down1, self.down2, self.inner:
            h = F.silu(F.conv2d(h, layer.weight, layer.bias, layer.stride, layer.padding))
        return self.heads(F.silu(self.hidden(h.flatten(1))))


class RecoveryLikelihoodOfPictures(RecoveryLikelihood):
    SIZE, SHAPE = 32, (1, 28, 28)

    def network(self):
        return LevelConv(4)

    def at(self, x, t):
        return self.net(x).gather(1, t[:, None]).squeeze(1)


class Autoencoder(nn.Module):
    def __init__(self, codes=2):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(3, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU())
        self.code, self.skip = nn.Linear(WIDTH, codes), nn.Linear(WIDTH, WIDTH)
        self.join, self.last = nn.Linear(codes, WIDTH), nn.Linear(WIDTH, 2)

    def hidden(self, x, sigma):
        return self.trunk(torch.cat([3 * x, column(sigma.log())], 1))

    def encode(self, x, sigma):
        return self.code(self.hidden(x, sigma))

    def forward(self, x, sigma):
        h = self.hidden(x, sigma)
        return x + column(sigma) * self.last(F.silu(self.skip(h) + self.join(self.code(h))))


class DenoisingEbm(Training):
    """Denoising-EBM after its warm-up, with reconstruction at every fourth step."""

    LASTS = {
        "chains.points": "chains.points",
        "chains.levels": "chains.levels",
        "code_steps.log_step": "code_steps.log",
        "row_steps.log_step": "row_steps.log",
        "scale.mean": "mean",
        "scale.covariance": "covariance",
        "age": "age",
    }

    def __init__(self):
        noise = torch.logspace(math.log10(0.1), 0, 16)
        self.noise, self.sigmas = noise, torch.cat([noise, torch.tensor([0.2])])
        self.net, self.decoder, self.chains = Autoencoder(), mlp(2, 2), Chains()
        steps = (0.5 * self.sigmas.square())
        self.code_steps, self.row_steps = Steps(steps.clamp(max=0.1)), Steps(steps.clamp(max=0.02))
        self.mean, self.covariance, self.age = torch.zeros(2), torch.eye(2), 0
        super().__init__(denoise=self.net, decode=self.decoder, semantic=self.decoder, texture=self.net)

    def texture(self, x, sigma):
        return (x - self.net(x, sigma)).square().sum(1) / (2 * sigma.square())

    def encode(self, x, sigma, learn=False):
        with torch.no_grad():
            z = self.net.encode(x, sigma)
            if learn:
                centred = z - z.mean(0)
                self.mean = 0.98 * self.mean + 0.02 * z.mean(0)
                self.covariance = 0.98 * self.covariance + 0.02 / len(z) * centred.t() @ centred
            factor = torch.linalg.cholesky(self.covariance + 1e-6 * self.covariance.diagonal().mean() * torch.eye(2))
            return (z - self.mean) @ torch.linalg.inv(factor).t()

    def updates(self):
        self.age += 1
        if self.age % 4 == 0:
            clean, at = self.batch(), draws.integers(16, BATCH)
            sigma = self.sigmas[at]
            noisy = clean + column(sigma) * draws.normal(*clean.shape)
            misfit = (self.net(noisy, sigma) - clean).square().sum(1)
            self.update("denoise", (misfit / (2 * sigma.square())).mean())
            z = self.encode(noisy, sigma, learn=True)
            self.update("decode", (self.decoder(z) - clean).square().sum(1).mean())
        batch = self.batch()
        level = torch.full((BATCH,), 16)
        sigma = self.sigmas[level]
        decoded, data = round(0.1 * BATCH), round(0.3 * BATCH)

        own, rows = sigma[:decoded], batch[:decoded]
        codes = self.encode(rows + column(own) * draws.normal(*rows.shape), own)

        def semantic(z):
            return self.texture(self.decoder(z), own)

        with frozen(self.net, self.decoder):
            z, accepted = langevin(lambda z: semantic(z) + confinement(z), draws.normal(decoded, 2), self.code_steps.of(level[:decoded]), 3)
        self.code_steps.learn(level[:decoded], accepted)
        with torch.no_grad():
            imagined = self.decoder(z)
        real, dreamt = semantic(codes), semantic(z)
        self.update("semantic", contrast(real, dreamt) + 0.01 * magnitude(real, dreamt))

        given = torch.cat([imagined, batch[decoded : decoded + data]])
        x, _, slots = self.chains.begin(given, torch.zeros(len(given), dtype=torch.int64), 0.01, 1, lambda x: 1.5 * draws.normal(*x.shape), 0)
        with frozen(self.net):
            target = lambda x: self.texture(x, sigma) + confinement(x)
            x = leap(target, x, self.noise[draws.integers(16, BATCH)], 2)
            x, accepted = langevin(target, x, self.row_steps.of(level), 4)
        self.row_steps.learn(level, accepted)
        self.chains.store(slots, x, level)
        positive, negative = self.texture(batch, sigma), self.texture(x, sigma)
        self.update("texture", contrast(positive, negative) + 0.01 * magnitude(positive, negative))


class Spline(nn.Module):
    """Rational-quadratic spline couplings of the two coordinates (Durkan et al. 2019)."""

    def __init__(self, couplings=4, bins=16, bound=4.0, width=64):
        super().__init__()
        self.bins, self.bound = bins, bound
        self.nets = nn.ModuleList(mlp(1, 3 * bins - 1, 2, width) for _ in range(couplings))
        for net in self.nets:
            with torch.no_grad():
                net[-1].weight.mul_(0.01)
                net[-1].bias.zero_()

    def map(self, x, parameters, inverted):
        k, bound, least = self.bins, self.bound, 1e-3
        w, h, d = parameters.split([k, k, k - 1], 1)
        xs = F.pad((least + (1 - least * k) * w.softmax(1)).cumsum(1), (1, 0)) * 2 * bound - bound
        ys = F.pad((least + (1 - least * k) * h.softmax(1)).cumsum(1), (1, 0)) * 2 * bound - bound
        d = F.pad(F.softplus(d, beta=math.log(2)), (1, 1), value=1.0)
        held = x.clamp(-bound, bound)
        bin = (held[:, None] >= (ys if inverted else xs)[:, 1:-1]).sum(1, keepdim=True)
        pick = lambda a, at: a.gather(1, at).squeeze(1)
        x0, x1, y0, y1, d0, d1 = pick(xs, bin), pick(xs, bin + 1), pick(ys, bin), pick(ys, bin + 1), pick(d, bin), pick(d, bin + 1)
        w, h = x1 - x0, y1 - y0
        s = h / w
        bend = d0 + d1 - 2 * s
        if inverted:
            rise = held - y0
            a, b, c = h * (s - d0) + rise * bend, h * d0 - rise * bend, s * rise
            xi = 2 * c / (b + (b.square() + 4 * a * c).sqrt())
            out = x0 + xi * w
        else:
            xi = (held - x0) / w
            out = y0 + h * (s * xi.square() + d0 * xi * (1 - xi)) / (s + bend * xi * (1 - xi))
        mixed = xi * (1 - xi)
        slope = s.square() * (d1 * xi.square() + 2 * s * mixed + d0 * (1 - xi).square()) / (s + bend * mixed).square()
        log = slope.log() * (-1 if inverted else 1)
        return out + (x - held), log

    def through(self, rows, inverted):
        a, b = rows[:, 0], rows[:, 1]
        total = torch.zeros(len(rows))
        order = range(len(self.nets))
        for k in reversed(order) if inverted else order:
            if k % 2 == 0:
                a, log = self.map(a, self.nets[k](3 * column(b)), inverted)
            else:
                b, log = self.map(b, self.nets[k](3 * column(a)), inverted)
            total = total + log
        return torch.stack([a, b], 1), total

    def forward(self, z):
        return self.through(z, False)[0]

    def log_density(self, x):
        z, volume = self.through(x, True)
        return -z.square().sum(1) / 2 - math.log(2 * math.pi) + volume


def log_mean_exp(x):
    return x.logsumexp(0) - math.log(len(x))


class GeneralizedEbm(Training):
    """A generalized energy-based model on a flow: the flow's likelihood, then the energy's bound with the flow held fixed."""

    def __init__(self, phase):
        self.phase, self.flow, self.base, self.net = phase, Spline(), Spline(), mlp(2, 1)
        super().__init__(apart=self.base, base=self.flow, energy=self.net)

    def updates(self):
        batch = self.batch()
        if self.phase == "flow":
            self.update("base", -self.flow.log_density(batch).mean())
            with torch.no_grad():
                means = list(self.base.parameters())
                torch._foreach_mul_(means, 0.998)
                torch._foreach_add_(means, self.parts["base"], alpha=0.002)
            return
        with torch.no_grad():
            drawn = self.base(draws.normal(BATCH, 2))
        positive, negative = self.net(3 * batch).squeeze(1), self.net(3 * drawn).squeeze(1)
        self.update("energy", positive.mean() + log_mean_exp(-negative))


class ContrastiveDivergence(Training):
    """Contrastive divergence with persistent chains."""

    LASTS = {"chains.points": "chains.points", "chains.levels": "chains.levels", "steps.log_step": "steps.log"}

    def __init__(self):
        self.net, self.chains, self.steps = mlp(2, 1), Chains(), Steps(torch.tensor([0.01]))
        super().__init__(energy=self.net)

    def energy(self, x):
        return self.net(3 * x).squeeze(1)

    def updates(self):
        batch = self.batch()
        none = torch.zeros(0, dtype=torch.int64)
        x, level, slots = self.chains.begin(batch[:0], none, 0.05, 1, lambda x: 1.5 * draws.normal(*x.shape), 0)
        with frozen(self.net):
            x, accepted = langevin(lambda x: self.energy(x) + confinement(x), x, self.steps.of(level), 10)
        self.steps.learn(level, accepted)
        self.chains.store(slots, x, level)
        positive, negative = self.energy(batch), self.energy(x)
        self.update("energy", contrast(positive, negative) + 1e-3 * magnitude(positive, negative))


class DenoisingScore(Training):
    """Denoising score matching on the gradient of an energy."""

    def __init__(self):
        self.noise = torch.logspace(math.log10(0.05), math.log10(2), 8)
        self.net = mlp(2, 8)
        super().__init__(energy=self.net)

    def updates(self):
        batch, level = self.batch(), draws.integers(8, BATCH)
        spread, xi = column(self.noise[level]), draws.normal(BATCH, 2)
        energy = lambda x: self.net(3 * x).gather(1, level[:, None]).squeeze(1) + confinement(x)
        self.update("energy", (spread * score(energy, batch + spread * xi) + xi).square().sum(1).mean())


class EnergyMatching(Training):
    """Energy matching: flow matching between pairs of optimal transport, then contrastive divergence too."""

    LASTS = {"steps.log_step": "steps.log"}

    def __init__(self, phase):
        self.phase, self.net, self.steps = phase, mlp(2, 1), Steps(torch.tensor([0.02]))
        super().__init__(potential=self.net)

    def energy(self, x):
        return self.net(3 * x).squeeze(1) + 0.15 * confinement(x)

    def updates(self):
        from scipy.optimize import linear_sum_assignment

        batch, origin = self.batch(), draws.normal(BATCH, 2)
        rows, columns = linear_sum_assignment(torch.cdist(batch, origin).square().numpy())
        origin, t = origin[torch.from_numpy(columns)], draws.uniform(BATCH)
        between = column(1 - t) * origin + column(t) * batch + 0.1 * draws.normal(BATCH, 2)
        misfit = (score(self.energy, between) - (batch - origin)).square().sum(1)
        if self.phase == "matching":
            return self.update("potential", misfit.mean())
        half = BATCH // 2
        with frozen(self.net):
            x = draws.normal(half, 2)
            for _ in range(5):
                x = x - with_slope(self.energy, x)[1] / 5
            level = torch.zeros(BATCH, dtype=torch.int64)
            draws.unused(5, half, 2)
            x, accepted = langevin(self.energy, torch.cat([batch[:half], x]), self.steps.of(level), 5, 0.15)
        self.steps.learn(level, accepted)
        positive, negative = self.energy(batch), self.energy(x)
        self.update("potential", (((1 - t) / 0.2).clamp(max=1) * misfit).mean() + 10 * contrast(positive, negative))


class Flow(Training):
    """A spline flow by maximum likelihood."""

    def __init__(self):
        self.flow = Spline()
        super().__init__(flow=self.flow)

    def updates(self):
        self.update("flow", -self.flow.log_density(self.batch()).mean())


class Gan(Training):
    """A GAN: three critic steps with a penalty on the slope, then one of the generator."""

    def __init__(self):
        self.generator, self.net = mlp(2, 2, activation=lambda: nn.LeakyReLU(0.2)), mlp(2, 1)
        super().__init__(generator=self.generator, critic=self.net)

    def energy(self, x):
        return self.net(3 * x).squeeze(1)

    def updates(self):
        for _ in range(3):
            batch = self.batch()
            with torch.no_grad():
                drawn = self.generator(draws.normal(BATCH, 2))
            share = draws.uniform(BATCH, 1)
            steep = score(self.energy, share * batch + (1 - share) * drawn).square().sum(1).mean()
            loss = F.softplus(self.energy(batch)).mean() + F.softplus(-self.energy(drawn)).mean() + 0.05 * steep
            self.update("critic", loss)
        self.update("generator", F.softplus(self.energy(self.generator(draws.normal(BATCH, 2)))).mean())


class LevelClassifier(Training):
    """A classifier of the noise level."""

    def __init__(self):
        self.signal, self.noise = variance_preserving(LEVELS["level-classifier"])
        self.net = mlp(2, len(self.noise))
        super().__init__(energy=self.net)

    def updates(self):
        batch, level = self.batch(), draws.integers(len(self.noise), BATCH)
        risen = column(self.signal[level]) * batch + column(self.noise[level]) * draws.normal(*batch.shape)
        self.update("energy", F.cross_entropy(-self.net(3 * risen), level))


# As the schedule chooses them in the plane.
LEVELS = {"joint-cd": 7, "level-classifier": 7}

TWINS = {
    "joint-cd": JointCd,
    "recovery-likelihood": RecoveryLikelihood,
    "denoising-ebm": DenoisingEbm,
    "generalized-ebm/flow": lambda: GeneralizedEbm("flow"),
    "generalized-ebm/energy": lambda: GeneralizedEbm("energy"),
    "contrastive-divergence": ContrastiveDivergence,
    "denoising-score": DenoisingScore,
    "energy-matching/matching": lambda: EnergyMatching("matching"),
    "energy-matching/contrast": lambda: EnergyMatching("contrast"),
    "flow": Flow,
    "gan": Gan,
    "level-classifier": LevelClassifier,
    "joint-cd-of-pictures": JointCdOfPictures,
    "recovery-likelihood-of-pictures": RecoveryLikelihoodOfPictures,
}
