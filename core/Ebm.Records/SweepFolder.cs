namespace Ebm.Records;

/// <summary>What a sweep's folder holds besides runs, in folders of its own.</summary>
public static class SweepFolder
{
    /// <summary>A <see cref="LaunchRecord"/> a file.</summary>
    public const string Launches = "launches";

    /// <summary>What was handed to SLURM.</summary>
    public const string Slurm = "slurm";

    /// <summary>Whether a folder of this name below a sweep's is the sweep's own.</summary>
    public static bool IsOwn(string name) => name is Launches or Slurm;
}
