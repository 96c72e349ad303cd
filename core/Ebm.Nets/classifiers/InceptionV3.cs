namespace Ebm.Nets;

/// <summary>
/// The Inception network (version 3, Szegedy et al. 2016) whose features define the Fréchet inception distance and the inception score: weights of 2015-12-05,
/// 1008 classes. Every layer is a convolution without a bias, a batch norm and a rectification, here folded into a convolution with a bias:
/// <code>
/// layer            from → to                                                                      side
/// Conv2d_1a_3x3       3 →   32   3×3, 2                                                           299 → 149
/// Conv2d_2a_3x3      32 →   32   3×3                                                              147
/// Conv2d_2b_3x3      32 →   64   3×3, padded; then the maximum of 3×3, 2                          147 → 73
/// Conv2d_3b_1x1      64 →   80   1×1                                                              73
/// Conv2d_4a_3x3      80 →  192   3×3; then the maximum of 3×3, 2                                  71 → 35
/// Mixed_5b          192 →  256   1×1 | 1×1, 5×5 | 1×1, 3×3, 3×3 | mean, 1×1                       35
/// Mixed_5c          256 →  288   the same
/// Mixed_5d          288 →  288   the same
/// Mixed_6a          288 →  768   3×3, 2 | 1×1, 3×3, 3×3, 2 | maximum, 2                           35 → 17
/// Mixed_6b … 6e     768 →  768   1×1 | 1×1, 1×7, 7×1 | 1×1, 7×1, 1×7, 7×1, 1×7 | mean, 1×1        17
/// Mixed_7a          768 → 1280   1×1, 3×3, 2 | 1×1, 1×7, 7×1, 3×3, 2 | maximum, 2                 17 → 8
/// Mixed_7b         1280 → 2048   1×1 | 1×1, (1×3 | 3×1) | 1×1, 3×3, (1×3 | 3×1) | mean, 1×1       8
/// Mixed_7c         2048 → 2048   the same, with the maximum in place of the mean                  8
/// mean, fc         2048 → 1008                                                                    1
/// </code>
/// Branches between bars are concatenated; means leave the padding out. The names of layers and branches are those of the usual PyTorch port, whose
/// file has these weights.
/// </summary>
public sealed class InceptionV3 : IDisposable
{
    /// <summary>The side of the images that it takes.</summary>
    public const long Side = 299;

    /// <summary>Features of an image.</summary>
    public const long FeatureCount = 2048;

    const long Classes = 1008;
    const double Epsilon = 1e-3;

    readonly Dictionary<string, (Tensor Kernel, Tensor Bias, Convolution Shape)> layers = [];
    readonly Tensor classes,
        constants;

    /// <summary>A convolution with its batch norm: the name, channels, kernel, stride and padding.</summary>
    public sealed record Convolution(string Name, long From, long To, (long High, long Wide) Kernel, long Stride = 1, bool Padded = false)
    {
        /// <summary>Weights of the kernel, and two numbers of the norm for each channel.</summary>
        public long Weights => To * (From * Kernel.High * Kernel.Wide + 2);
    }

    /// <summary>All convolutions.</summary>
    public static IReadOnlyList<Convolution> Convolutions { get; } =
    [
        One("Conv2d_1a_3x3", 3, 32, 3, stride: 2),
        One("Conv2d_2a_3x3", 32, 32, 3),
        One("Conv2d_2b_3x3", 32, 64, 3, padded: true),
        One("Conv2d_3b_1x1", 64, 80, 1),
        One("Conv2d_4a_3x3", 80, 192, 3),
        .. A("Mixed_5b", 192, 32),
        .. A("Mixed_5c", 256, 64),
        .. A("Mixed_5d", 288, 64),
        One("Mixed_6a.branch3x3", 288, 384, 3, stride: 2),
        One("Mixed_6a.branch3x3dbl_1", 288, 64, 1),
        One("Mixed_6a.branch3x3dbl_2", 64, 96, 3, padded: true),
        One("Mixed_6a.branch3x3dbl_3", 96, 96, 3, stride: 2),
        .. C("Mixed_6b", 128),
        .. C("Mixed_6c", 160),
        .. C("Mixed_6d", 160),
        .. C("Mixed_6e", 192),
        One("Mixed_7a.branch3x3_1", 768, 192, 1),
        One("Mixed_7a.branch3x3_2", 192, 320, 3, stride: 2),
        One("Mixed_7a.branch7x7x3_1", 768, 192, 1),
        Line("Mixed_7a.branch7x7x3_2", 192, 192, (1, 7)),
        Line("Mixed_7a.branch7x7x3_3", 192, 192, (7, 1)),
        One("Mixed_7a.branch7x7x3_4", 192, 192, 3, stride: 2),
        .. E("Mixed_7b", 1280),
        .. E("Mixed_7c", 2048),
    ];

    static Convolution One(string name, long from, long to, long side, long stride = 1, bool padded = false) =>
        new(name, from, to, (side, side), stride, padded);

    static Convolution Line(string name, long from, long to, (long, long) kernel) => new(name, from, to, kernel, Padded: true);

    static Convolution[] A(string name, long from, long pooled) =>
        [
            One($"{name}.branch1x1", from, 64, 1),
            One($"{name}.branch5x5_1", from, 48, 1),
            One($"{name}.branch5x5_2", 48, 64, 5, padded: true),
            One($"{name}.branch3x3dbl_1", from, 64, 1),
            One($"{name}.branch3x3dbl_2", 64, 96, 3, padded: true),
            One($"{name}.branch3x3dbl_3", 96, 96, 3, padded: true),
            One($"{name}.branch_pool", from, pooled, 1),
        ];

    static Convolution[] C(string name, long inner) =>
        [
            One($"{name}.branch1x1", 768, 192, 1),
            One($"{name}.branch7x7_1", 768, inner, 1),
            Line($"{name}.branch7x7_2", inner, inner, (1, 7)),
            Line($"{name}.branch7x7_3", inner, 192, (7, 1)),
            One($"{name}.branch7x7dbl_1", 768, inner, 1),
            Line($"{name}.branch7x7dbl_2", inner, inner, (7, 1)),
            Line($"{name}.branch7x7dbl_3", inner, inner, (1, 7)),
            Line($"{name}.branch7x7dbl_4", inner, inner, (7, 1)),
            Line($"{name}.branch7x7dbl_5", inner, 192, (1, 7)),
            One($"{name}.branch_pool", 768, 192, 1),
        ];

    static Convolution[] E(string name, long from) =>
        [
            One($"{name}.branch1x1", from, 320, 1),
            One($"{name}.branch3x3_1", from, 384, 1),
            Line($"{name}.branch3x3_2a", 384, 384, (1, 3)),
            Line($"{name}.branch3x3_2b", 384, 384, (3, 1)),
            One($"{name}.branch3x3dbl_1", from, 448, 1),
            One($"{name}.branch3x3dbl_2", 448, 384, 3, padded: true),
            Line($"{name}.branch3x3dbl_3a", 384, 384, (1, 3)),
            Line($"{name}.branch3x3dbl_3b", 384, 384, (3, 1)),
            One($"{name}.branch_pool", from, 192, 1),
        ];

    /// <summary>The tensors that a file of weights has, with their shapes.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Expected =>
        [
            .. Convolutions.SelectMany(one =>
                new[] { ($"{one.Name}.conv.weight", new[] { one.To, one.From, one.Kernel.High, one.Kernel.Wide }) }.Concat(
                    new[] { "weight", "bias", "running_mean", "running_var" }.Select(part => ($"{one.Name}.bn.{part}", new[] { one.To }))
                )
            ),
            ("fc.weight", [Classes, FeatureCount]),
            ("fc.bias", [Classes]),
        ];

    /// <param name="weights">A tensor for each name of <see cref="Expected"/>, float32; they are copied.</param>
    public InceptionV3(IReadOnlyDictionary<string, Tensor> weights, Device device)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        Tensor Kept(Tensor one) => one.to(device).clone().DetachFromDisposeScope();
        foreach (var one in Convolutions)
        {
            Tensor Norm(string part) => weights[$"{one.Name}.bn.{part}"];
            var scale = Norm("weight") / (Norm("running_var") + Epsilon).sqrt();
            layers[one.Name] = (
                Kept(weights[$"{one.Name}.conv.weight"] * scale.reshape(-1, 1, 1, 1)),
                Kept(Norm("bias") - Norm("running_mean") * scale),
                one
            );
        }
        (classes, constants) = (Kept(weights["fc.weight"]), Kept(weights["fc.bias"]));
    }

    /// <summary>(B, 3, 299, 299) in [−1, 1], red, green, blue → features (B, 2048) and class scores before the softmax (B, 1008).</summary>
    public (Tensor Features, Tensor Scores) Of(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        // Channels last in memory, which convolutions are faster with.
        x = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        x = Through(x, "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3");
        x = Through(Maximum(x, 2), "Conv2d_3b_1x1", "Conv2d_4a_3x3");
        x = Maximum(x, 2);
        foreach (var name in new[] { "Mixed_5b", "Mixed_5c", "Mixed_5d" })
            x = Block(x, name, "branch1x1", "branch5x5_1 branch5x5_2", "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3", "mean branch_pool");
        x = Block(x, "Mixed_6a", "branch3x3", "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3", "maximum2");
        foreach (var name in new[] { "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e" })
            x = Block(
                x,
                name,
                "branch1x1",
                "branch7x7_1 branch7x7_2 branch7x7_3",
                "branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 branch7x7dbl_5",
                "mean branch_pool"
            );
        x = Block(x, "Mixed_7a", "branch3x3_1 branch3x3_2", "branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4", "maximum2");
        foreach (var (name, pool) in new[] { ("Mixed_7b", "mean"), ("Mixed_7c", "maximum") })
            x = Block(
                x,
                name,
                "branch1x1",
                "branch3x3_1 branch3x3_2a",
                "branch3x3_1 branch3x3_2b",
                "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a",
                "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3b",
                $"{pool} branch_pool"
            );
        var features = x.mean([2, 3]);
        var scores = nn.functional.linear(features, classes, constants);
        return (features.MoveToOuterDisposeScope(), scores.MoveToOuterDisposeScope());
    }

    /// <summary>Branches of layers side by side; a layer that two branches begin with is computed once.</summary>
    Tensor Block(Tensor x, string name, params string[] branches)
    {
        using var scope = NewDisposeScope();
        var known = new Dictionary<string, Tensor> { [""] = x };
        Tensor Upto(string path)
        {
            if (known.TryGetValue(path, out var found))
                return found;
            var cut = path.LastIndexOf(' ');
            var (before, last) = (Upto(path[..Math.Max(0, cut)]), path[(cut + 1)..]);
            return known[path] = last switch
            {
                "mean" => nn.functional.avg_pool2d(before, 3, stride: 1, padding: 1, count_include_pad: false),
                "maximum" => nn.functional.max_pool2d(before, 3, stride: 1, padding: 1),
                "maximum2" => Maximum(before, 2),
                _ => Through(before, $"{name}.{last}"),
            };
        }
        return cat([.. branches.Select(Upto)], 1).MoveToOuterDisposeScope();
    }

    Tensor Through(Tensor x, params string[] names)
    {
        foreach (var name in names)
        {
            var (kernel, bias, shape) = layers[name];
            var around = shape.Padded ? ((long)shape.Kernel.High / 2, (long)shape.Kernel.Wide / 2) : (0L, 0L);
            x = Nets.Convolution.Of(x, kernel, bias, shape.Stride, around).relu_();
        }
        return x;
    }

    static Tensor Maximum(Tensor x, long stride) => nn.functional.max_pool2d(x, 3, stride);

    public void Dispose()
    {
        foreach (var (kernel, bias, _) in layers.Values)
        {
            kernel.Dispose();
            bias.Dispose();
        }
        classes.Dispose();
        constants.Dispose();
    }
}
