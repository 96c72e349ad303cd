namespace Ebm.Nets;

/// <summary>
/// RealNVP for images (Dinh, Sohl-Dickstein and Bengio 2017): affine couplings whose networks are convolutional, at several scales. In the direction from x to
/// z:
/// <code>
/// each scale but the last            3 couplings over a checkerboard, in turn over its two colours
///                                    squeeze: 2×2 pixels become 4 channels, C × H × W → 4C × H/2 × W/2
///                                    3 couplings over channels, in turn over the two halves
///                                    split: half of the channels is done and joins z, the rest goes on
/// the last scale                     4 couplings over a checkerboard
/// </code>
/// A coupling maps a part of the numbers by x ↦ x exp(s) + t, with |s| bounded, where a small residual net computes s and t from the other part. The Jacobian is
/// triangular, so its log-determinant is the sum of all s. Ours: no normalisation over the batch, nets that begin near s = t = 0, and data in [−1, 1]
/// without the logit of the paper, which chains of an energy that leave the box could not compute.
/// </summary>
public sealed class MultiScaleFlow : FlowNet
{
    readonly long[] shape;
    readonly Coupling[][] board,
        halves;

    public MultiScaleFlow(MultiScaleFlowSpec settings, Rng rng, long[] shape)
        : base(nameof(MultiScaleFlow), shape.Size())
    {
        if (!settings.Takes(shape))
            throw new SettingException(
                "net",
                $"multi-scale-flow needs {settings.Needed}; these rows have shape ({string.Join(", ", shape)})"
            );
        this.shape = shape;
        (board, halves) = (new Coupling[settings.Scales][], new Coupling[settings.Scales - 1][]);
        var channels = shape[0];
        for (var s = 0; s < settings.Scales; s++)
        {
            var isLast = s == settings.Scales - 1;
            board[s] = Couplings($"board{s}", isLast ? settings.Couplings + 1 : settings.Couplings, channels, channels);
            if (isLast)
                break;
            halves[s] = Couplings($"halves{s}", settings.Couplings, 2 * channels, 2 * channels);
            channels *= 2;
        }
        this.DrawnFrom(rng);
        foreach (var coupling in board.Concat(halves).SelectMany(couplings => couplings))
            coupling.Begin();

        Coupling[] Couplings(string name, int count, long from, long to)
        {
            var couplings = new Coupling[count];
            for (var i = 0; i < count; i++)
            {
                couplings[i] = new(settings, from, to, rng.Stream($"{name}_{i}"));
                register_module($"{name}_{i}", couplings[i]);
            }
            return couplings;
        }
    }

    protected override (Tensor Z, Tensor LogVolume) Pulled(Tensor x)
    {
        var done = new List<Tensor>();
        var volume = zeros(x.shape[0], dtype: x.dtype, device: x.device);
        var h = x;
        for (var s = 0; s < board.Length; s++)
        {
            for (var i = 0; i < board[s].Length; i++)
                Take(OverBoard(board[s][i], h, i % 2, inverted: true));
            if (s == board.Length - 1)
                break;
            h = Squeezed(h);
            for (var i = 0; i < halves[s].Length; i++)
                Take(OverHalves(halves[s][i], h, i % 2, inverted: true));
            var parts = h.chunk(2, 1);
            done.Add(parts[0].flatten(1));
            h = parts[1];
        }
        return (cat([.. done, h.flatten(1)], 1), volume);

        void Take((Tensor H, Tensor LogVolume) moved) => (h, volume) = (moved.H, volume + moved.LogVolume);
    }

    protected override (Tensor X, Tensor LogVolume) Pushed(Tensor z)
    {
        var (count, last) = (z.shape[0], board.Length - 1);
        var volume = zeros(count, dtype: z.dtype, device: z.device);
        // Scale s takes half of what is left.
        var starts = Enumerable.Range(0, last + 1).Select(s => Latent - (Latent >> s)).ToArray();
        var h = z.narrow(1, starts[last], Latent >> last).reshape(SideAt(last).Rows(count));
        for (var s = last; s >= 0; s--)
        {
            if (s < last)
            {
                var own = z.narrow(1, starts[s], Latent >> (s + 1)).reshape(h.shape);
                h = cat([own, h], 1);
                for (var i = halves[s].Length - 1; i >= 0; i--)
                    Take(OverHalves(halves[s][i], h, i % 2, inverted: false));
                h = nn.functional.pixel_shuffle(h, 2);
            }
            for (var i = board[s].Length - 1; i >= 0; i--)
                Take(OverBoard(board[s][i], h, i % 2, inverted: false));
        }
        return (h, volume);

        void Take((Tensor H, Tensor LogVolume) moved) => (h, volume) = (moved.H, volume + moved.LogVolume);
    }

    /// <summary>Shape of one row of what goes on at a scale.</summary>
    long[] SideAt(int scale) => [shape[0] << scale, shape[1] >> scale, shape[2] >> scale];

    static Tensor Squeezed(Tensor h) => nn.functional.pixel_unshuffle(h, 2);

    /// <summary>Moves the pixels of one colour.</summary>
    static (Tensor, Tensor) OverBoard(Coupling coupling, Tensor h, int colour, bool inverted)
    {
        var (rows, columns) = (arange(h.shape[2], device: h.device), arange(h.shape[3], device: h.device));
        var moves = ((rows.unsqueeze(1) + columns) % 2).eq(colour).to(h.dtype);
        var (s, t) = coupling.Of(h * (1 - moves));
        s = s * moves;
        var moved = inverted ? (h - t * moves) * (-s).exp() : h * s.exp() + t * moves;
        return (moved, (inverted ? -s : s).SumPerRow());
    }

    /// <summary>Moves the channels of one half.</summary>
    static (Tensor, Tensor) OverHalves(Coupling coupling, Tensor h, int half, bool inverted)
    {
        var parts = h.chunk(2, 1);
        var (moving, other) = (parts[half], parts[1 - half]);
        var (s, t) = coupling.Of(other);
        var moved = inverted ? (moving - t) * (-s).exp() : moving * s.exp() + t;
        return (cat(half == 0 ? [moved, other] : [other, moved], 1), (inverted ? -s : s).SumPerRow());
    }

    /// <summary>s and t from the numbers that do not move: conv 3×3, residual blocks, conv 3×3.</summary>
    sealed class Coupling : nn.Module
    {
        readonly NormedLayer first,
            last;
        readonly ResidualBlock[] blocks;
        readonly double bound;

        public Coupling(MultiScaleFlowSpec settings, long from, long to, Rng rng)
            : base(nameof(Coupling))
        {
            bound = settings.Bound;
            var (w, style) = ((long)settings.Width, new ResidualStyle(Activation.Silu, NearZero: false));
            first = NormedLayer.Conv(from, w, rng.Stream("first"));
            blocks = [.. Enumerable.Range(0, settings.Blocks).Select(i => new ResidualBlock(style, w, w, rng.Stream($"block{i}")))];
            last = NormedLayer.Conv(w, 2 * to, rng.Stream("last"));
            for (var i = 0; i < blocks.Length; i++)
                register_module($"block{i}", blocks[i]);
            RegisterComponents();
        }

        public (Tensor S, Tensor T) Of(Tensor other)
        {
            var h = first.call(ConvTrunk.ChannelsLast(other));
            foreach (var block in blocks)
                h = block.Of(h);
            var parts = last.call(nn.functional.silu(h)).chunk(2, 1);
            return (bound * (parts[0] / bound).tanh(), parts[1]);
        }

        public void Begin()
        {
            using var free = no_grad();
            foreach (var parameter in last.parameters())
                parameter.mul_(.01);
        }
    }
}

/// <summary>A flow for square images with convolutional couplings at several scales; it has a density. The defaults are small.</summary>
/// <param name="Scales">Scales; the side halves, and half of the numbers are done, from each to the next.</param>
/// <param name="Couplings">Couplings over the checkerboard and over channels at each scale; the last scale has one more over the checkerboard.</param>
/// <param name="Width">Channels of a coupling's net.</param>
/// <param name="Blocks">Residual blocks of a coupling's net.</param>
/// <param name="Bound">Largest |s| of one coupling.</param>
[Kind("multi-scale-flow")]
public sealed record MultiScaleFlowSpec(int Scales = 2, int Couplings = 3, int Width = 16, int Blocks = 1, double Bound = 2)
    : IGeneratorSpec<FlowNet>,
        INeedsShape
{
    public int Scales { get; } = Require.Between(1, 8, Scales);
    public int Couplings { get; } = Require.Layers(Couplings);
    public int Width { get; } = Require.Units(Width);
    public int Blocks { get; } = Require.Layers(Blocks, least: 0);
    public double Bound { get; } = Require.Positive(Bound);

    public bool Takes(long[] shape) => ResidualTrunk.Takes(shape) && shape[1] % (1L << (Scales - 1)) == 0 && shape[1] > 1;

    public string Needed => $"square images whose side is a multiple of {1 << (Scales - 1)} and more than one pixel";

    public FlowNet Build(Rng rng, long[] shape) => new MultiScaleFlow(this, rng, shape);
}
