// A tensor filled with random numbers, or drawn from it. The generator is an argument; without one it is libtorch's default.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor uniform_(double from, double to, Generator? generator = null) => Aten.uniform_.InPlace(this, from, to, generator);

        public Tensor normal_(double mean = 0.0, double std = 1.0, Generator? generator = null) =>
            Aten.normal_.InPlace(this, mean, std, generator);

        /// <summary>Integers in [from, to).</summary>
        public Tensor random_(double from, double to, Generator? generator = null) =>
            Aten.random__from.InPlace(this, (long)from, (long)to, generator);

        public Tensor exponential_(double lambda = 1.0, Generator? generator = null) => Aten.exponential_.InPlace(this, lambda, generator);

        public Tensor cauchy_(double median = 0.0, double sigma = 1.0, Generator? generator = null) =>
            Aten.cauchy_.InPlace(this, median, sigma, generator);

        public Tensor log_normal_(double mean = 0.0, double std = 1.0, Generator? generator = null) =>
            Aten.log_normal_.InPlace(this, mean, std, generator);

        public Tensor geometric_(double p, Generator? generator = null) => Aten.geometric_.InPlace(this, p, generator);

        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => Aten.bernoulli__float.InPlace(this, p, generator);

        public Tensor bernoulli_(Tensor p, Generator? generator = null) => Aten.bernoulli__Tensor.InPlace(this, p, generator);

        /// <summary>1 with the probability that stands here, else 0.</summary>
        public Tensor bernoulli(Generator? generator = null) => Aten.bernoulli.Tensor(this, generator);

        /// <summary>As many successes as this tensor says trials, with these probabilities.</summary>
        public Tensor binomial(Tensor prob, Generator? generator = null) => Aten.binomial.Tensor(this, prob, generator);

        public Tensor poisson(Generator? generator = null) => Aten.poisson.Tensor(this, generator);

        /// <summary>Indices drawn from each row's weights: (…, K) → (…, num_samples) int64.</summary>
        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) =>
            Aten.multinomial.Tensor(this, num_samples, replacement, generator);
    }

    internal static partial class Aten
    {
        public static readonly Operator uniform_ = new("uniform_(self, from, to, generator)"),
            normal_ = new("normal_(self, mean, std, generator)"),
            random__from = new("random_.from(self, from, to, generator)"),
            exponential_ = new("exponential_(self, lambd, generator)"),
            cauchy_ = new("cauchy_(self, median, sigma, generator)"),
            log_normal_ = new("log_normal_(self, mean, std, generator)"),
            geometric_ = new("geometric_(self, p, generator)"),
            bernoulli__float = new("bernoulli_.float(self, p, generator)"),
            bernoulli__Tensor = new("bernoulli_.Tensor(self, p, generator)"),
            bernoulli = new("bernoulli(self, generator)"),
            binomial = new("binomial(count, prob, generator)"),
            poisson = new("poisson(self, generator)"),
            multinomial = new("multinomial(self, num_samples, replacement, generator)");
    }
}
