// Losses of predictions against targets, averaged, summed or left as they are.
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>What becomes of the losses of the entries: kept, averaged or summed.</summary>
            public enum Reduction : long
            {
                None = 0,
                Mean = 1,
                Sum = 2,
            }

            /// <summary>(x − y)².</summary>
            public static MSELoss MSELoss(Reduction reduction = Reduction.Mean) => new(reduction);

            /// <summary>|x − y|.</summary>
            public static L1Loss L1Loss(Reduction reduction = Reduction.Mean) => new(reduction);

            /// <summary>−log softmax(x)_y of (B, K, …) logits, against classes (B, …) int64 or probabilities (B, K, …).</summary>
            public static CrossEntropyLoss CrossEntropyLoss(
                Tensor? weight = null,
                long? ignore_index = null,
                Reduction reduction = Reduction.Mean
            ) => new(weight, ignore_index, reduction);

            /// <summary>−x_y of (B, K, …) log-probabilities, against classes (B, …) int64.</summary>
            public static NLLLoss NLLLoss(Tensor? weight = null, Reduction reduction = Reduction.Mean) => new(weight, reduction);

            /// <summary>−y log x − (1 − y) log(1 − x) of probabilities x.</summary>
            public static BCELoss BCELoss(Tensor? weight = null, Reduction reduction = Reduction.Mean) => new(weight, reduction);

            /// <summary>−y log σ(x) − (1 − y) log(1 − σ(x)) of logits x.</summary>
            public static BCEWithLogitsLoss BCEWithLogitsLoss(
                Tensor? weight = null,
                Reduction reduction = Reduction.Mean,
                Tensor? pos_weights = null
            ) => new(weight, reduction, pos_weights);

            public static partial class functional
            {
                /// <inheritdoc cref="MSELoss"/>
                public static Tensor mse_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) =>
                    Aten.mse_loss.Tensor(input, target, (long)reduction);

                /// <inheritdoc cref="L1Loss"/>
                public static Tensor l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) =>
                    Aten.l1_loss.Tensor(input, target, (long)reduction);

                /// <summary>(x − y)² / 2β where |x − y| &lt; β, else |x − y| − β/2.</summary>
                public static Tensor smooth_l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean, double beta = 1.0) =>
                    Aten.smooth_l1_loss.Tensor(input, target, (long)reduction, beta);

                /// <summary>(x − y)² / 2 where |x − y| ≤ δ, else δ (|x − y| − δ/2).</summary>
                public static Tensor huber_loss(Tensor input, Tensor target, double delta = 1.0, Reduction reduction = Reduction.Mean) =>
                    Aten.huber_loss.Tensor(input, target, (long)reduction, delta);

                /// <inheritdoc cref="CrossEntropyLoss"/>
                public static Tensor cross_entropy(
                    Tensor input,
                    Tensor target,
                    Tensor? weight = null,
                    long ignore_index = -100,
                    Reduction reduction = Reduction.Mean,
                    double label_smoothing = 0.0
                ) => Aten.cross_entropy_loss.Tensor(input, target, weight, (long)reduction, ignore_index, label_smoothing);

                /// <inheritdoc cref="NLLLoss"/>
                public static Tensor nll_loss(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) =>
                    Aten.nll_loss_nd.Tensor(input, target, weight, (long)reduction);

                /// <inheritdoc cref="BCELoss"/>
                public static Tensor binary_cross_entropy(
                    Tensor input,
                    Tensor target,
                    Tensor? weight = null,
                    Reduction reduction = Reduction.Mean
                ) => Aten.binary_cross_entropy.Tensor(input, target, weight, (long)reduction);

                /// <inheritdoc cref="BCEWithLogitsLoss"/>
                public static Tensor binary_cross_entropy_with_logits(
                    Tensor input,
                    Tensor target,
                    Tensor? weight = null,
                    Reduction reduction = Reduction.Mean,
                    Tensor? pos_weights = null
                ) => Aten.binary_cross_entropy_with_logits.Tensor(input, target, weight, pos_weights, (long)reduction);

                /// <summary>y (log y − x) of log-probabilities x; y is given as log y where <paramref name="log_target"/>.</summary>
                public static Tensor kl_div(Tensor input, Tensor target, bool log_target = true, Reduction reduction = Reduction.Mean) =>
                    Aten.kl_div.Tensor(input, target, (long)reduction, log_target);
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator mse_loss = new("mse_loss(self, target, reduction)");
            public static readonly Operator l1_loss = new("l1_loss(self, target, reduction)");
            public static readonly Operator smooth_l1_loss = new("smooth_l1_loss(self, target, reduction, beta)");
            public static readonly Operator huber_loss = new("huber_loss(self, target, reduction, delta)");
            public static readonly Operator nll_loss_nd = new("nll_loss_nd(self, target, weight, reduction)");
            public static readonly Operator cross_entropy_loss = new(
                "cross_entropy_loss(self, target, weight, reduction, ignore_index, label_smoothing)"
            );
            public static readonly Operator binary_cross_entropy = new("binary_cross_entropy(self, target, weight, reduction)");
            public static readonly Operator binary_cross_entropy_with_logits = new(
                "binary_cross_entropy_with_logits(self, target, weight, pos_weight, reduction)"
            );
            public static readonly Operator kl_div = new("kl_div(self, target, reduction, log_target)");
        }
    }

    /// <summary>A loss of two inputs.</summary>
    public abstract class Loss<T1, T2, TResult>(torch.nn.Reduction reduction = torch.nn.Reduction.Mean)
        : torch.nn.Module<T1, T2, TResult>("Loss")
    {
        public torch.nn.Reduction reduction { get; } = reduction;
    }

    /// <summary>A loss of two inputs whose classes or entries have weights.</summary>
    public abstract class WeightedLoss<T1, T2, TResult>(torch.Tensor? weight = null, torch.nn.Reduction reduction = torch.nn.Reduction.Mean)
        : Loss<T1, T2, TResult>(reduction)
    {
        public torch.Tensor? weight { get; } = weight;
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <inheritdoc cref="torch.nn.MSELoss"/>
    public sealed class MSELoss(Reduction reduction = Reduction.Mean) : Loss<Tensor, Tensor, Tensor>(reduction)
    {
        public override Tensor forward(Tensor input, Tensor target) => functional.mse_loss(input, target, reduction);
    }

    /// <inheritdoc cref="torch.nn.L1Loss"/>
    public sealed class L1Loss(Reduction reduction = Reduction.Mean) : Loss<Tensor, Tensor, Tensor>(reduction)
    {
        public override Tensor forward(Tensor input, Tensor target) => functional.l1_loss(input, target, reduction);
    }

    /// <inheritdoc cref="torch.nn.CrossEntropyLoss"/>
    public sealed class CrossEntropyLoss(
        Tensor? weight = null,
        long? ignore_index = null,
        Reduction reduction = Reduction.Mean,
        double label_smoothing = 0.0
    ) : WeightedLoss<Tensor, Tensor, Tensor>(weight, reduction)
    {
        public long? ignore_index { get; } = ignore_index;
        public double label_smoothing { get; } = label_smoothing;

        public override Tensor forward(Tensor input, Tensor target) =>
            functional.cross_entropy(input, target, weight, ignore_index ?? -100, reduction, label_smoothing);
    }

    /// <inheritdoc cref="torch.nn.NLLLoss"/>
    public sealed class NLLLoss(Tensor? weight = null, Reduction reduction = Reduction.Mean)
        : WeightedLoss<Tensor, Tensor, Tensor>(weight, reduction)
    {
        public override Tensor forward(Tensor input, Tensor target) => functional.nll_loss(input, target, weight, reduction);
    }

    /// <inheritdoc cref="torch.nn.BCELoss"/>
    public sealed class BCELoss(Tensor? weight = null, Reduction reduction = Reduction.Mean)
        : WeightedLoss<Tensor, Tensor, Tensor>(weight, reduction)
    {
        public override Tensor forward(Tensor input, Tensor target) => functional.binary_cross_entropy(input, target, weight, reduction);
    }

    /// <inheritdoc cref="torch.nn.BCEWithLogitsLoss"/>
    public sealed class BCEWithLogitsLoss(Tensor? weight = null, Reduction reduction = Reduction.Mean, Tensor? pos_weights = null)
        : WeightedLoss<Tensor, Tensor, Tensor>(weight, reduction)
    {
        public Tensor? pos_weights { get; } = pos_weights;

        public override Tensor forward(Tensor input, Tensor target) =>
            functional.binary_cross_entropy_with_logits(input, target, weight, reduction, pos_weights);
    }
}
