"""One training step of each method in the plane, written plainly in PyTorch as its paper's author would, with the settings of our default configs.

Chains run at PyTorch's best: parameters are frozen, states are updated without a graph. Every step ends as ours does: the gradient's norm is
clipped to 5, Adam steps, and the average of the weights follows.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

BATCH, WIDTH, ROWS = 256, 128, 20000


def mlp(inputs, outputs, depth=3, width=WIDTH, activation=nn.SiLU):
    widths = [inputs] + [width] * depth
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def column(x):
    return x[:, None]


class Training:
    """Parts of a model, each with Adam, clipping and an average of the weights."""

    def __init__(self, **parts):
        self.parts = {name: list(part.parameters()) for name, part in parts.items()}
        self.optimizers = {name: torch.optim.Adam(parameters, lr=3e-3) for name, parameters in self.parts.items()}
        self.averages = {name: [p.detach().clone() for p in parameters] for name, parameters in self.parts.items()}
        self.data = torch.randn(ROWS, 2)

    def batch(self):
        return self.data[torch.randint(ROWS, (BATCH,))]

    def update(self, name, loss):
        parameters = self.parts[name]
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters, allow_unused=True)):
            p.grad = g
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        self.optimizers[name].step()
        with torch.no_grad():
            torch._foreach_mul_(self.averages[name], 0.998)
            torch._foreach_add_(self.averages[name], parameters, alpha=0.002)


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
    return x.square().sum(1) / 200


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
    s = column(step)
    total = torch.zeros(len(x))
    e, slope = with_slope(energy, x)
    for _ in range(count):
        noise = (2 * temperature * s).sqrt() * torch.randn_like(x)
        there = x - s * slope + noise
        e2, slope2 = with_slope(energy, there)
        back = x - there + s * slope2
        log = (e - e2) / temperature + ((noise.square() - back.square()) / (4 * temperature * s)).sum(1)
        probability = torch.where(e2.isfinite(), log.clamp(max=0).exp(), torch.zeros_like(log)).nan_to_num(0)
        accept = torch.rand_like(probability) < probability
        x = torch.where(accept[:, None], there, x)
        e = torch.where(accept, e2, e)
        slope = torch.where(accept[:, None], slope2, slope)
        total += probability
    return x, total / count


def leap(energy, x, length, count):
    with torch.no_grad():
        e = energy(x)
        for _ in range(count):
            there = x + column(length) * torch.randn_like(x)
            e2 = energy(there)
            accept = torch.rand_like(e) < (e - e2).clamp(max=0).exp()
            x, e = torch.where(accept[:, None], there, x), torch.where(accept, e2, e)
    return x


class Chains:
    """Persistent chains."""

    def __init__(self, count=10000):
        self.points, self.levels = torch.randn(count, 2), torch.zeros(count, dtype=torch.int64)

    def begin(self, given, at, anew, of, fresh, top):
        slots = torch.randperm(len(self.points))[: BATCH - len(given)]
        x, level = self.points[slots], self.levels[slots]
        restarts = torch.rand(len(x)) * of < anew
        x = torch.where(restarts[:, None], fresh(x), x)
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

    def __init__(self):
        self.signal, self.noise = variance_preserving(LEVELS["joint-cd"])
        self.levels = len(self.noise)
        self.net, self.chains = mlp(2, self.levels), Chains()
        self.steps = Steps(0.15 * (self.noise.square() + 0.01))
        super().__init__(energy=self.net)

    def all(self, x):
        return self.net(3 * x)

    def at(self, x, level):
        return self.all(x).gather(1, level[:, None]).squeeze(1)

    def step(self):
        batch = self.batch()
        level = torch.randint(self.levels, (BATCH,))
        risen = column(self.signal[level]) * batch + column(self.noise[level]) * torch.randn_like(batch)
        data = round(0.3 * BATCH)
        x, l, slots = self.chains.begin(risen[:data], level[:data], 0.05, 0.7, torch.randn_like, self.levels - 1)
        with frozen(self.net):
            x, accepted = langevin(lambda x: self.at(x, l) + confinement(x), x, self.steps.of(l), 4)
        self.steps.learn(l, accepted)
        table = self.all(x)
        landed = torch.distributions.Categorical(logits=-table.detach(), validate_args=False).sample()
        self.chains.store(slots, x, landed)
        self.update("energy", contrast(self.at(risen, level), -torch.logsumexp(-table, 1)))


class RecoveryLikelihood(Training):
    """Diffusion recovery likelihood: four energies, three adjusted steps from the data."""

    def __init__(self):
        self.noise = torch.cat([torch.tensor([0.01]), torch.logspace(math.log10(0.2), math.log10(2.5), 4)])
        self.sigma = (self.noise[1:].square() - self.noise[:-1].square()).sqrt()
        self.net = mlp(2, 4)
        self.steps = Steps(0.1 * self.sigma.square())
        super().__init__(energy=self.net)
        self.count, self.mean, self.covariance = torch.zeros(1, dtype=torch.float64), torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)

    def at(self, x, t):
        return self.net(3 * x).gather(1, t[:, None]).squeeze(1)

    def learn(self, batch):
        x = batch.double()
        total = self.count + len(x)
        known, share = self.count / total, len(x) / total
        apart, centred = x.mean(0) - self.mean, x - x.mean(0)
        self.covariance = self.covariance * known + centred.t() @ centred / total + known * share * torch.outer(apart, apart)
        self.mean += share * apart
        self.count = total

    def step(self):
        batch = self.batch()
        self.learn(batch)
        t = torch.randint(4, (BATCH,))
        sigma = self.sigma[t]
        y = batch + column(self.noise[t]) * torch.randn_like(batch)
        above = y + column(sigma) * torch.randn_like(y)

        def tethered(x):
            return self.at(x, t) + confinement(x) + ((x - above) / column(sigma)).square().sum(1) / 2

        with frozen(self.net):
            x, accepted = langevin(tethered, y, self.steps.of(t), 3)
        self.steps.learn(t, accepted)
        self.update("energy", contrast(self.at(y, t), self.at(x, t)))


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

    def step(self):
        self.age += 1
        if self.age % 4 == 0:
            clean, at = self.batch(), torch.randint(16, (BATCH,))
            sigma = self.sigmas[at]
            noisy = clean + column(sigma) * torch.randn_like(clean)
            misfit = (self.net(noisy, sigma) - clean).square().sum(1)
            self.update("denoise", (misfit / (2 * sigma.square())).mean())
            z = self.encode(noisy, sigma, learn=True)
            self.update("decode", (self.decoder(z) - clean).square().sum(1).mean())
        batch = self.batch()
        level = torch.full((BATCH,), 16)
        sigma = self.sigmas[level]
        decoded, data = round(0.1 * BATCH), round(0.3 * BATCH)

        own, rows = sigma[:decoded], batch[:decoded]
        codes = self.encode(rows + column(own) * torch.randn_like(rows), own)

        def semantic(z):
            return self.texture(self.decoder(z), own)

        with frozen(self.net, self.decoder):
            z, accepted = langevin(lambda z: semantic(z) + confinement(z), torch.randn(decoded, 2), self.code_steps.of(level[:decoded]), 3)
        self.code_steps.learn(level[:decoded], accepted)
        with torch.no_grad():
            imagined = self.decoder(z)
        real, dreamt = semantic(codes), semantic(z)
        self.update("semantic", contrast(real, dreamt) + 0.01 * magnitude(real, dreamt))

        given = torch.cat([imagined, batch[decoded : decoded + data]])
        x, _, slots = self.chains.begin(given, torch.zeros(len(given), dtype=torch.int64), 0.01, 1, lambda x: 1.5 * torch.randn_like(x), 0)
        with frozen(self.net):
            target = lambda x: self.texture(x, sigma) + confinement(x)
            x = leap(target, x, self.noise[torch.randint(16, (BATCH,))], 2)
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
        super().__init__(base=self.flow, energy=self.net)

    def step(self):
        batch = self.batch()
        if self.phase == "flow":
            self.update("base", -self.flow.log_density(batch).mean())
            with torch.no_grad():
                means = list(self.base.parameters())
                torch._foreach_mul_(means, 0.998)
                torch._foreach_add_(means, self.parts["base"], alpha=0.002)
            return
        with torch.no_grad():
            drawn = self.base(torch.randn(BATCH, 2))
        positive, negative = self.net(3 * batch).squeeze(1), self.net(3 * drawn).squeeze(1)
        self.update("energy", positive.mean() + log_mean_exp(-negative))


class ContrastiveDivergence(Training):
    """Contrastive divergence with persistent chains."""

    def __init__(self):
        self.net, self.chains, self.steps = mlp(2, 1), Chains(), Steps(torch.tensor([0.01]))
        super().__init__(energy=self.net)

    def energy(self, x):
        return self.net(3 * x).squeeze(1)

    def step(self):
        batch = self.batch()
        none = torch.zeros(0, dtype=torch.int64)
        x, level, slots = self.chains.begin(batch[:0], none, 0.05, 1, lambda x: 1.5 * torch.randn_like(x), 0)
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

    def step(self):
        batch, level = self.batch(), torch.randint(8, (BATCH,))
        spread, xi = column(self.noise[level]), torch.randn(BATCH, 2)
        energy = lambda x: self.net(3 * x).gather(1, level[:, None]).squeeze(1) + confinement(x)
        self.update("energy", (spread * score(energy, batch + spread * xi) + xi).square().sum(1).mean())


class EnergyMatching(Training):
    """Energy matching: flow matching between pairs of optimal transport, then contrastive divergence too."""

    def __init__(self, phase):
        self.phase, self.net, self.steps = phase, mlp(2, 1), Steps(torch.tensor([0.02]))
        super().__init__(potential=self.net)

    def energy(self, x):
        return self.net(3 * x).squeeze(1) + 0.15 * confinement(x)

    def step(self):
        from scipy.optimize import linear_sum_assignment

        batch, origin = self.batch(), torch.randn(BATCH, 2)
        rows, columns = linear_sum_assignment(torch.cdist(batch, origin).square().numpy())
        origin, t = origin[torch.from_numpy(columns)], torch.rand(BATCH)
        between = column(1 - t) * origin + column(t) * batch + 0.1 * torch.randn(BATCH, 2)
        misfit = (score(self.energy, between) - (batch - origin)).square().sum(1)
        if self.phase == "matching":
            return self.update("potential", misfit.mean())
        half = BATCH // 2
        with frozen(self.net):
            x = torch.randn(half, 2)
            for _ in range(5):
                x = x - with_slope(self.energy, x)[1] / 5
            level = torch.zeros(BATCH, dtype=torch.int64)
            x, accepted = langevin(self.energy, torch.cat([batch[:half], x]), self.steps.of(level), 5, 0.15)
        self.steps.learn(level, accepted)
        positive, negative = self.energy(batch), self.energy(x)
        self.update("potential", (((1 - t) / 0.2).clamp(max=1) * misfit).mean() + 10 * contrast(positive, negative))


class Flow(Training):
    """A spline flow by maximum likelihood."""

    def __init__(self):
        self.flow = Spline()
        super().__init__(flow=self.flow)

    def step(self):
        self.update("flow", -self.flow.log_density(self.batch()).mean())


class Gan(Training):
    """A GAN: three critic steps with a penalty on the slope, then one of the generator."""

    def __init__(self):
        self.generator, self.net = mlp(2, 2, activation=lambda: nn.LeakyReLU(0.2)), mlp(2, 1)
        super().__init__(generator=self.generator, critic=self.net)

    def energy(self, x):
        return self.net(3 * x).squeeze(1)

    def step(self):
        for _ in range(3):
            batch = self.batch()
            with torch.no_grad():
                drawn = self.generator(torch.randn(BATCH, 2))
            share = torch.rand(BATCH, 1)
            steep = score(self.energy, share * batch + (1 - share) * drawn).square().sum(1).mean()
            loss = F.softplus(self.energy(batch)).mean() + F.softplus(-self.energy(drawn)).mean() + 0.05 * steep
            self.update("critic", loss)
        self.update("generator", F.softplus(self.energy(self.generator(torch.randn(BATCH, 2)))).mean())


class LevelClassifier(Training):
    """A classifier of the noise level."""

    def __init__(self):
        self.signal, self.noise = variance_preserving(LEVELS["level-classifier"])
        self.net = mlp(2, len(self.noise))
        super().__init__(energy=self.net)

    def step(self):
        batch, level = self.batch(), torch.randint(len(self.noise), (BATCH,))
        risen = column(self.signal[level]) * batch + column(self.noise[level]) * torch.randn_like(batch)
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
}
