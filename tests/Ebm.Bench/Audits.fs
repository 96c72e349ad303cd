/// The cost of an audit of hashes: a thousand run folders with checkpoints and samples, of which every byte is read.
module Ebm.Bench.Audits

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open Ebm.Audits
open Ebm.Records

[<DllImport("libc")>]
extern void private sync()

[<DllImport("libc")>]
extern int private posix_fadvise(nativeint file, int64 offset, int64 length, int advice)

/// Writes all data to the disk, and removes these files from the system's cache.
let private forget (paths: string[]) =
    sync ()

    for path in paths do
        use file = File.OpenRead path
        let dontNeed = 4
        posix_fadvise (file.SafeFileHandle.DangerousGetHandle(), 0L, 0L, dontNeed) |> ignore

let private random (seed: int) (bytes: int) =
    let content = Array.zeroCreate bytes
    Random(seed).NextBytes content
    content

/// Writes a completed run of about 0.9 MB.
let private write (sweep: string) (seed: int) =
    let hashed = $"""{{"seed":{seed}}}"""
    let id = $"toy-s{seed}-{(Canonical.Sha256 hashed).Substring(0, 12)}"
    let folder = Path.Combine(sweep, id)
    let at (name: string) =
        let path = Path.Combine(folder, name)
        Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
        path

    File.WriteAllText(at "config.json", hashed)
    File.WriteAllText(at "config.yaml", $"seed: {seed}\n")

    for name, kilobytes in
        [
            "checkpoint/averages.safetensors", 140
            "checkpoint/method.safetensors", 300
            "checkpoint/optimizers.safetensors", 280
            "samples.npy", 32
            "events.jsonl", 105
            "trace.jsonl", 4
            "arrays/landscape.npy", 64
            "arrays/truth.npy", 64
            "arrays/trajectories.npy", 38
            "arrays/index.json", 1
            "metrics.json", 2
        ] do
        File.WriteAllBytes(at name, random seed (1000 * kilobytes))

    // Not with RunFolder.Write, which waits for the disk.
    let manifest =
        RunManifest(
            State = RunState.Completed,
            Step = 100L,
            RunId = id,
            GroupId = "toy-000000000000",
            SweepId = string (Path.GetFileName sweep),
            Seed = int64 seed,
            ConfigSha256 = Canonical.Sha256 hashed,
            Artefacts = (RunFolder.Open folder).Artefacts()
        )

    File.WriteAllText(at "manifest.json", manifest.Sealed().ToJson())

/// Files, megabytes, and the seconds of two audits of this number of runs in a row; only the first one reads from the disk.
let verifying (count: int) =
    let folder = Directory.CreateTempSubdirectory "ebm-bench-"

    try
        let runs = Path.Combine(folder.FullName, "runs")
        let sweep = Path.Combine(runs, "many")
        Seq.iter (write sweep) (seq { 0 .. count - 1 })
        Manifests.enterRuns runs (RunFolder.Under sweep) |> ignore
        Directory.GetFiles(runs, "*", SearchOption.AllDirectories) |> forget

        let seconds () =
            let clock = Stopwatch.StartNew()
            let found = Verify.verify folder.FullName None None runs []
            if not found.Alterations.IsEmpty then failwith $"%A{found.Alterations.Head}"
            found, clock.Elapsed.TotalSeconds

        let found, first = seconds ()
        let _, second = seconds ()
        found.Files, float found.Bytes / 1e6, first, second
    finally
        folder.Delete true
