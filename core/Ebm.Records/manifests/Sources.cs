namespace Ebm.Records;

// What a manifest says of the code: the commit, the sources as they were at launch, and the program that was built of them.

/// <summary>The commit a run was started from.</summary>
/// <param name="Dirty">Files differed from the commit.</param>
/// <param name="Describe">The nearest tag, and how far from it.</param>
/// <param name="Remote">Where it came from, without credentials; null for a folder of this machine.</param>
/// <param name="Snapshot">The sources as they were at launch, what was not committed too.</param>
/// <param name="Submodules">The commit that each is at, by its path; null without any.</param>
public sealed record GitState(
    string Commit,
    string? Branch = null,
    bool Dirty = false,
    string? Describe = null,
    string? Remote = null,
    SnapshotState? Snapshot = null,
    IReadOnlyDictionary<string, string>? Submodules = null
) : Extensible;

/// <summary>The sources of a launch as a commit of its own, which no branch has.</summary>
/// <param name="Tree">Its content's hash: two launches of one tree share one snapshot.</param>
/// <param name="Ref">What keeps it from being collected.</param>
/// <param name="Refused">Files that were left out, each with the reason.</param>
public sealed record SnapshotState(string Commit, string Tree, string Ref, IReadOnlyList<string>? Refused = null) : Extensible;

/// <summary>The script that declared a sweep.</summary>
/// <param name="Path">Relative to the repository, or the file's name alone.</param>
public sealed record ScriptState(string Path, string Sha256) : Extensible;

/// <summary>The program that ran.</summary>
/// <param name="Configuration">Release or Debug.</param>
/// <param name="Version">The project's version.</param>
/// <param name="Assemblies">SHA-256 of each assembly of the project, by its name.</param>
/// <param name="Code">What each of them computes, as a hash that comments and line numbers do not change.</param>
/// <param name="Sdk">The version of the .NET SDK that built them, as the build wrote it into them.</param>
/// <param name="Compiler">The compiler's own version, from its debug information.</param>
/// <param name="Deterministic">Whether the same sources give each of them byte for byte: what their headers say.</param>
/// <param name="Tree">The hash of the sources that the launch built, as git has it; null for a run by itself.</param>
public sealed record BuildState(
    string Configuration,
    string Version,
    IReadOnlyDictionary<string, string>? Assemblies = null,
    IReadOnlyDictionary<string, string>? Code = null,
    string? Sdk = null,
    string? Compiler = null,
    bool? Deterministic = null,
    string? Tree = null
) : Extensible;
