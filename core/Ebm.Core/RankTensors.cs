using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Ebm.Core;

/// <summary>Operations of <see cref="Ranks"/> on tensors, which pass through the host's memory.</summary>
public static class RankTensors
{
    /// <summary>The means of tensors over ranks, by one sum of all their numbers: same shapes, on the same devices.</summary>
    /// <param name="tensors">All of one type, float32 or float64.</param>
    public static IReadOnlyList<Tensor> Mean(this Ranks ranks, IReadOnlyList<Tensor> tensors)
    {
        if (ranks.Count == 1 || tensors.Count == 0)
            return tensors;
        var flat = cat([.. tensors.Select(t => t.detach().reshape(-1))]);
        var sum = flat.cpu();
        if (sum.dtype == float32)
            ranks.Sum(MemoryMarshal.Cast<byte, float>(sum.bytes));
        else
            ranks.Sum(MemoryMarshal.Cast<byte, double>(sum.bytes));
        var mean = sum.div_(ranks.Count).to(flat.device);
        var (found, at) = (new List<Tensor>(), 0L);
        foreach (var tensor in tensors)
        {
            found.Add(mean.narrow(0, at, tensor.numel()).reshape(tensor.shape));
            at += tensor.numel();
        }
        return found;
    }

    /// <summary>The rows of all ranks in the order of ranks: (B, …) → (Count · B, …), on the same device.</summary>
    public static Tensor Rows(this Ranks ranks, Tensor share)
    {
        if (ranks.Count == 1)
            return share;
        var all = empty([ranks.Count * share.shape[0], .. share.shape[1..]], dtype: share.dtype, device: CPU);
        if (all.numel() > 0)
            ranks.Gather(share.detach().cpu().contiguous().bytes).CopyTo(all.bytes);
        return all.to(share.device);
    }

    /// <summary>Takes the chains that other ranks have moved, and checks that all ranks have the same weights.</summary>
    /// <exception cref="InvalidOperationException">The weights of two ranks differ, so that they no longer train one model.</exception>
    public static void Agree(this Ranks ranks, Method method)
    {
        if (ranks.Count == 1)
            return;
        foreach (var chains in method.modules().OfType<Memory>())
            chains.Collect();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var weight in method.parameters())
            using (var here = weight.detach().cpu().contiguous())
                hash.AppendData(here.bytes);
        var own = hash.GetHashAndReset();
        var all = ranks.Gather(own);
        for (var rank = 0; rank < ranks.Count; rank++)
            if (!own.AsSpan().SequenceEqual(all.AsSpan(rank * own.Length, own.Length)))
                throw new InvalidOperationException(
                    $"rank {ranks.Rank} and rank {rank} have different weights: a method draws or computes a parameter that depends on the rank"
                );
    }

    /// <summary>
    /// log mean exp(x) over the rows of all ranks, (B) → a scalar. Its gradient on each rank is such that the mean of gradients over ranks is that of one
    /// process with all rows: a rank whose rows have more weight has a larger one.
    /// </summary>
    public static Tensor LogMeanExp(this Ranks ranks, Tensor x)
    {
        var own = x.logsumexp(0) - Math.Log(x.shape[0]);
        if (ranks.Count == 1)
            return own;
        var each = ranks.Rows(own.detach().reshape(1));
        var all = each.logsumexp(0) - Math.Log(ranks.Count);
        var weight = (own.detach() - all).exp();
        return weight * own + (all - weight * own).detach();
    }
}
