namespace Ebm.Data;

/// <summary>MNIST's handwritten digits as (1, 28, 28), from gzipped IDX files under mnist/ in the data root (LeCun et al. 1998).</summary>
/// <param name="Train">How many of the 60,000 training digits to use, from the first on.</param>
/// <param name="Test">How many of the 10,000 test digits to use, from the first on.</param>
/// <param name="Dequantise">uniform: noise of one grey value's width makes the grey values continuous; none: they stay discrete.</param>
/// <param name="Scale">symmetric: values in [−1, 1]; unit: in [0, 1].</param>
/// <param name="Flip">Whether training mirrors digits left to right, each time with probability ½.</param>
[Kind("mnist")]
public sealed record MnistSpec(
    long Train = 60_000,
    long Test = 10_000,
    [OldRunsHad(Dequantise.Uniform)] Dequantise Dequantise = Dequantise.Uniform,
    [OldRunsHad(Scale.Symmetric)] Scale Scale = Scale.Symmetric,
    [OldRunsHad(false)] bool Flip = false
) : DigitsSpec(Train, Test, Dequantise, Scale, Flip)
{
    static readonly Digits Set = Digits.In(
        "mnist",
        "\"The MNIST database of handwritten digits\" (Y. LeCun, C. Cortes and C. J. C. Burges)",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    );

    /// <summary>Its author's page no longer serves the files; the mirror is that of the CVDF.</summary>
    public static readonly Published Published = Set.From(
        "60,000 + 10,000 handwritten digits, 28×28 grey",
        "http://yann.lecun.com/exdb/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        (
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        )
    );

    private protected override Digits Files => Set;
}
