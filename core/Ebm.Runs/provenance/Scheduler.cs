using Ebm.Records;

namespace Ebm.Runs;

/// <summary>The scheduler job of this process, from SLURM's variables, without the user who submitted it.</summary>
public static class Scheduler
{
    static readonly (string Limit, string Variable)[] Limits =
    [
        ("cpus", "SLURM_CPUS_PER_TASK"),
        ("cpus-on-node", "SLURM_CPUS_ON_NODE"),
        ("memory-mb", "SLURM_MEM_PER_NODE"),
        ("memory-mb-per-cpu", "SLURM_MEM_PER_CPU"),
        ("gpus", "SLURM_GPUS_ON_NODE"),
        ("starts-unix-seconds", "SLURM_JOB_START_TIME"),
        ("ends-unix-seconds", "SLURM_JOB_END_TIME"),
    ];

    /// <param name="environment">Variables by name.</param>
    /// <returns>Null outside a scheduler.</returns>
    public static SchedulerState? Of(IReadOnlyDictionary<string, string> environment)
    {
        string? Said(string name) => environment.GetValueOrDefault(name) is { Length: > 0 } value ? value : null;
        if ((Said("SLURM_ARRAY_JOB_ID") ?? Said("SLURM_JOB_ID")) is not { } job)
            return null;
        var limits = Limits
            .Where(limit => Said(limit.Variable) is not null)
            .ToDictionary(limit => limit.Limit, limit => Said(limit.Variable)!);
        return new SchedulerState(
            "slurm",
            job,
            Said("SLURM_ARRAY_TASK_ID"),
            Said("SLURMD_NODENAME"),
            Said("SLURM_JOB_PARTITION"),
            limits.Count == 0 ? null : limits
        );
    }
}
