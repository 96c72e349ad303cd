namespace Ebm.Data;

/// <summary>Fashion-MNIST's articles of clothing as (1, 28, 28), from gzipped IDX files under fashion-mnist/ in the data root (Xiao et al. 2017).</summary>
/// <param name="Train">How many of the 60,000 training images to use, from the first on.</param>
/// <param name="Test">How many of the 10,000 test images to use, from the first on.</param>
/// <param name="Dequantise">uniform: noise of one grey value's width makes the grey values continuous; none: they stay discrete.</param>
/// <param name="Scale">symmetric: values in [−1, 1]; unit: in [0, 1].</param>
/// <param name="Flip">Whether training mirrors images left to right, each time with probability ½.</param>
[Kind("fashion-mnist")]
public sealed record FashionMnistSpec(
    long Train = 60_000,
    long Test = 10_000,
    [OldRunsHad(Dequantise.Uniform)] Dequantise Dequantise = Dequantise.Uniform,
    [OldRunsHad(Scale.Symmetric)] Scale Scale = Scale.Symmetric,
    [OldRunsHad(false)] bool Flip = false
) : DigitsSpec(Train, Test, Dequantise, Scale, Flip)
{
    static readonly Digits Set = Digits.In(
        "fashion-mnist",
        "\"Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms\" (H. Xiao, K. Rasul and R. Vollgraf)",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    );

    public static readonly Published Published = Set.From(
        "60,000 + 10,000 articles of clothing, 28×28 grey",
        "https://github.com/zalandoresearch/fashion-mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        )
    );

    private protected override Digits Files => Set;
}
