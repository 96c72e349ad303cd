using Ebm.Core;

namespace Ebm.Methods;

/// <summary>Generation by the joint chain of rows and levels: a chain moves up to noise and back, and emits its row on arrival at level
/// 0.</summary>
static class Travel
{
    /// <param name="x">The starts of the chains: (B, …).</param>
    /// <param name="level">Their levels: (B) int64.</param>
    /// <param name="levels">The number of levels.</param>
    /// <param name="visits">The number of the arrival at which a chain emits its row, counted from 1.</param>
    /// <param name="transition">From rows and levels to rows and levels.</param>
    /// <returns>(B, …).</returns>
    /// <exception cref="InvalidOperationException">Some chains did not return to level 0: the levels do not mix.</exception>
    public static Tensor Run(Tensor x, Tensor level, int levels, int visits, Func<Tensor, Tensor, (Tensor X, Tensor Level)> transition)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        Tensor emitted = zeros_like(x),
            seen = zeros_like(level);
        var limit = 20L * visits * levels * levels;
        for (var round = 0L; round < limit; round++)
        {
            using var inner = NewDisposeScope();
            (x, level) = transition(x, level);
            seen = seen + (level == 0).to(int64);
            var arrives = (level == 0).logical_and(seen == visits);
            emitted = where(arrives.PerRow(x), x, emitted);
            (x, level) = (x.MoveToOuterDisposeScope(), level.MoveToOuterDisposeScope());
            (emitted, seen) = (emitted.MoveToOuterDisposeScope(), seen.MoveToOuterDisposeScope());
            // Reading the answer back stops a GPU; a chain that has emitted its row does not emit again.
            var asks = x.device_type == DeviceType.CPU || round % 32 == 31 || round == limit - 1;
            if (asks && (seen >= visits).all().item<bool>())
                return emitted.MoveToOuterDisposeScope();
        }
        throw new InvalidOperationException(
            $"joint-cd: {(seen < visits).sum().item<long>()} of {x.shape[0]} chains did not return to level 0 within {limit} rounds: "
                + "the levels do not mix; generation: annealed does not need mixing"
        );
    }
}
