/// Compares two folders of one run: their first difference, the results that agree, and the differences in how they were made. The verdict
/// follows from these and from what was declared before the run; nothing can be chosen at the audit.
module Ebm.Audits.Comparison

open System
open System.IO
open MathNet.Numerics.Distributions
open MathNet.Numerics.Statistics
open Ebm.Records
open Ebm.Analysis

type Verdict =
    /// Every traced bit, every file of results and every tensor of the checkpoint is the same.
    | Bitwise
    /// Every metric is within the tolerance that the run's own config declares.
    | Tolerance
    /// Every metric is in the 95 % range of another seed of the original group.
    | Statistical
    | Different
    /// The results differ, and so do config, data or code.
    | NotComparable
    /// The repeated run did not reach the last step of the first one.
    | Failed

/// The verdict's name in reports and on the terminal: `NOT-COMPARABLE`.
let nameOf (verdict: Verdict) = (Kebab.Case(string verdict)).ToUpperInvariant()

/// The verdict of a name; None if the name is unknown.
let verdictOf name = [ Bitwise; Tolerance; Statistical; Different; NotComparable; Failed ] |> List.tryFind (nameOf >> (=) name)

/// Whether the verdict is one of the three that reproduce the run.
let reproduces verdict =
    match verdict with
    | Bitwise
    | Tolerance
    | Statistical -> true
    | Different
    | NotComparable
    | Failed -> false

/// A difference in how two runs of one config were made.
type Drift = {
    /// config, data, code, dependency, environment or determinism.
    Kind: string
    Says: string
}

// ── Drifts ──────────────────────────────────────────────────────────────────────────────────

let private entries (map: Collections.Generic.IReadOnlyDictionary<string, string> | null) =
    match map with
    | null -> Map.empty
    | map -> Map [ for KeyValue(key, value) in map -> key, value ]

/// The differences between two maps; none if one of them is empty, because its values are then unknown.
let private differing what before after =
    if Map.isEmpty before || Map.isEmpty after then
        []
    else
        [
            for key in Set.union (Set.ofSeq before.Keys) (Set.ofSeq after.Keys) do
                match before.TryFind key, after.TryFind key with
                | Some a, Some b when a = b -> ()
                | a, b -> $"""{what} {key} was {defaultArg a "absent"} and is {defaultArg b "absent"}"""
        ]

/// The differences in keys that both maps have, because a missing value may be unknown.
let private contradicting what before after =
    let said = before |> Map.filter (fun key _ -> Map.containsKey key after)
    differing what said (after |> Map.filter (fun key _ -> said.ContainsKey key))

let private short (hash: string) = if hash.Length > 12 then hash.Substring(0, 12) else hash

/// Whether a variable affects the order of sums: numbers of threads and the choice of kernels do, a telemetry switch does not.
let private decides (name: string) =
    name.EndsWith "_NUM_THREADS"
    || name = "ATEN_CPU_CAPABILITY"
    || name = "CUBLAS_WORKSPACE_CONFIG"
    || name = "NVIDIA_TF32_OVERRIDE"
    || name.StartsWith "MKL_"
    || name.StartsWith "KMP_"

/// Compares what the two manifests record from before the first step. `sources` gives the source files that changed an assembly's code, if
/// they are known.
let drifts (sources: string -> string list) (was: RunManifest) (is: RunManifest) : Drift list = [
    let drift kind says = { Kind = kind; Says = says }
    let both (a: 'a | null) (b: 'a | null) (say: 'a -> 'a -> string list) =
        match a, b with
        | null, _
        | _, null -> []
        | a, b -> say a b

    let changed what (a: string | null) (b: string | null) =
        match a, b with
        | null, _
        | _, null -> []
        | a, b when a = b -> []
        | a, b -> [ $"{what} was {a} and is {b}" ]

    let listed (names: Collections.Generic.IReadOnlyList<string> | null) : string | null =
        match names with
        | null -> null
        | names when names.Count = 0 -> "none"
        | names -> String.Join(", ", names)

    if was.ConfigSha256 <> is.ConfigSha256 then
        drift "config" $"the config's hash was {short was.ConfigSha256} and is {short is.ConfigSha256}"

    let files (manifest: RunManifest) =
        Map [
            for set in manifest.Data do
                match set.Files with
                | null -> ()
                | files ->
                    for file in files do
                        file.Path, $"{short file.Sha256} of {file.Bytes} bytes"
        ]

    let rows (manifest: RunManifest) =
        Map [
            for set in manifest.Data do
                match set.Rows with
                | null -> ()
                | rows ->
                    for KeyValue(part, count) in rows do
                        $"{set.Name} {part}", string count
        ]

    let parts (hash: DataState -> string | null) (manifest: RunManifest) =
        Map [
            for set in manifest.Data do
                match hash set with
                | null -> ()
                | hash -> set.Name, short hash
        ]

    for says in
        differing
            "the digest of"
            (Map [ for set in was.Data -> set.Name, short set.Digest ])
            (Map [ for set in is.Data -> set.Name, short set.Digest ])
        @ differing "the data file" (files was) (files is)
        @ contradicting "the number of rows of" (rows was) (rows is)
        @ contradicting "the split of" (parts _.Split was) (parts _.Split is)
        @ contradicting "the preprocessing of" (parts _.Preprocessing was) (parts _.Preprocessing is) do
        drift "data" says

    for says in
        both was.Build is.Build (fun a b ->
            let before, after = entries a.Code, entries b.Code

            [
                for name in (if before.IsEmpty || after.IsEmpty then [] else List.ofSeq before.Keys) do
                    match after.TryFind name with
                    | Some hash when hash = before[name] -> ()
                    | None -> $"the code of {name} was {short before[name]} and is absent"
                    | Some hash ->
                        let where =
                            match sources name with
                            | [] -> ""
                            | files -> $""": {String.Join("; ", files)}"""

                        $"the code of {name} was {short before[name]} and is {short hash}{where}"
            ]
            @ (if before.IsEmpty then
                   []
               else
                   [
                       for name in after.Keys do
                           if not (before.ContainsKey name) then $"the code of {name} was absent and is {short after[name]}"
                   ])) do
        drift "code" says

    let libraries (native: NativeState) =
        match native.Libraries with
        | null -> Map.empty
        | files ->
            Map [
                for file in files do
                    // A copy that was adapted to a machine counts as the package's file.
                    string (Path.GetFileName file.Path), short (file.Original |> Option.ofObj |> Option.defaultValue file.Sha256)
            ]

    for says in
        differing "the package" (entries was.Packages) (entries is.Packages)
        @ contradicting "the content of the package" (entries was.PackageHashes) (entries is.PackageHashes)
        @ both was.Build is.Build (fun a b -> changed "the compiler" a.Compiler b.Compiler)
        @ both was.Native is.Native (fun a b ->
            changed "libtorch" a.Libtorch b.Libtorch
            @ changed "how libtorch was built" a.Build b.Build
            @ changed "BLAS" a.Blas b.Blas
            @ differing "the library" (libraries a) (libraries b)) do
        drift "dependency" says

    let gpus (machine: HardwareState) : string | null =
        match machine.Accelerators with
        | null -> null
        | gpus -> listed [| for gpu in gpus -> $"{gpu.Name} (driver {gpu.Driver})" |]

    let ranks (manifest: RunManifest) : string | null =
        match manifest.Ranks with
        | null -> "1"
        | ranks -> $"{ranks.Count} by {ranks.Library}"

    let deciding (manifest: RunManifest) = entries manifest.Environment |> Map.filter (fun name _ -> decides name)

    for says in
        both was.Hardware is.Hardware (fun a b ->
            changed "the CPU" a.Cpu b.Cpu
            @ changed "the instruction set" (listed a.Features) (listed b.Features)
            @ changed "the list of GPUs" (gpus a) (gpus b))
        @ both was.Threads is.Threads (fun a b ->
            (if a.IntraOp = b.IntraOp then [] else [ $"threads were {a.IntraOp} and are {b.IntraOp}" ])
            @ (if not a.InterOp.HasValue || not b.InterOp.HasValue || a.InterOp = b.InterOp then
                   []
               else
                   [ $"parallel operators were {a.InterOp.Value} and are {b.InterOp.Value}" ]))
        @ changed "the number of processes that trained" (ranks was) (ranks is)
        @ both was.Native is.Native (fun a b ->
            changed "the vector capability" a.Capability b.Capability
            @ (if not a.VectorLanes.HasValue || not b.VectorLanes.HasValue || a.VectorLanes = b.VectorLanes then
                   []
               else
                   [ $"vectors had {a.VectorLanes.Value} lanes and have {b.VectorLanes.Value}" ]))
        @ both was.Runtime is.Runtime (fun a b ->
            changed ".NET" a.Dotnet b.Dotnet
            @ changed "the system" a.Os b.Os
            @ changed "the kernel" a.Kernel b.Kernel
            @ changed "the C library" a.Libc b.Libc)
        @ changed "the device" was.Device is.Device
        @ differing "the variable" (deciding was) (deciding is) do
        drift "environment" says

    for says in
        contradicting "the flag" (entries was.Determinism) (entries is.Determinism)
        @ both was.DeterminismLevel is.DeterminismLevel (fun a b ->
            changed "the requested level" a.Requested b.Requested @ changed "the effective level" a.Effective b.Effective) do
        drift "determinism" says
]

// ── Where they part ─────────────────────────────────────────────────────────────────────────

/// The first difference, in the order in which a run writes: trace, then tensors of the checkpoint, then results.
type Parting = { Step: int64 option; What: string }

/// The first step up to `last` whose traced bits differ, or that `is` lacks.
let private tracesPart (was: RunFolder) (is: RunFolder) (last: int64) =
    let lines (folder: RunFolder) =
        folder.Traces()
        |> Seq.filter (fun trace -> trace.Step <= last)
        |> Seq.map (fun trace -> (trace.Step, trace.What), trace.Bits)
        |> List.ofSeq

    let before, after = lines was, Map.ofList (lines is)

    before
    |> List.tryPick (fun ((step, what), bits) ->
        match after.TryFind((step, what)) with
        | Some same when same = bits -> None
        // The runner always traces all values, so a missing one is a difference.
        | _ -> Some { Step = Some step; What = what })

let private tensorsPart (was: RunFolder) (is: RunFolder) =
    let files (folder: RunFolder) = folder.ArtefactNames() |> Seq.filter _.EndsWith(".safetensors") |> List.ofSeq

    files was
    |> List.tryPick (fun name ->
        if not (File.Exists(is.In name)) then
            Some { Step = None; What = name }
        else
            let there = Safetensors.Read(is.In name) |> Seq.map (fun tensor -> tensor.Name, tensor) |> Map.ofSeq

            Safetensors.Read(was.In name)
            |> Seq.sortBy _.Name
            |> Seq.tryPick (fun tensor ->
                match there.TryFind tensor.Name with
                | Some other when tensor.Bytes.Span.SequenceEqual other.Bytes.Span -> None
                | _ -> Some { Step = None; What = $"{tensor.Name} in {name}" }))

/// Files that a run of the same config, data and code writes byte by byte: those without times and paths.
let private isResult (name: string) =
    name = "events.jsonl" || name = "measures.jsonl" || name = "metrics.json" || name = "samples.npy" || name.StartsWith "arrays/"

let private resultsPart (was: RunFolder) (is: RunFolder) =
    let results (folder: RunFolder) = folder.ArtefactNames() |> Seq.filter isResult |> List.ofSeq
    let before = results was

    before
    |> List.tryFind (fun name -> not (File.Exists(is.In name)) || Canonical.Sha256OfFile(was.In name) <> Canonical.Sha256OfFile(is.In name))
    |> Option.orElseWith (fun () -> results is |> List.tryFind (fun name -> not (List.contains name before)))
    |> Option.map (fun name -> { Step = None; What = name })

// ── Metrics ─────────────────────────────────────────────────────────────────────────────────

type MetricAudit = { Name: string; Was: float; Is: float; Agrees: Verdict }

/// The tolerances that the run's own config declares: metric to absolute and relative tolerance.
let tolerances (folder: RunFolder) : Map<string, float * float> =
    match folder.Config.Find "measure.tolerance" with
    | null -> Map.empty
    | node when not node.IsMap -> Map.empty
    | node ->
        let number (entry: Document) key =
            match entry.Find key with
            | null -> 0.0
            | value -> Double.Parse(string value, Globalization.CultureInfo.InvariantCulture)

        Map [ for entry in node.Entries -> entry.Key, (number entry.Value "absolute", number entry.Value "relative") ]

/// The 95 % prediction interval for one more seed, given at least three: mean ± t · sd · √(1 + 1/n), of the logarithms if `log`.
let predicts (log: bool) (values: float list) : (float * float) option =
    if values.Length < 3 || values |> List.exists (Double.IsFinite >> not) then
        None
    else
        let log = log && values |> List.forall (fun value -> value > 0.0)
        let values = if log then List.map Math.Log values else values
        let n = float values.Length
        let half = StudentT.InvCDF(0.0, 1.0, n - 1.0, 0.975) * Statistics.StandardDeviation values * sqrt (1.0 + 1.0 / n)
        let centre = Statistics.Mean values
        let back = if log then exp else id
        Some(back (centre - half), back (centre + half))

/// Compares each metric of the two runs; `group` has the values of the other seeds.
let metrics (was: RunFolder) (is: RunFolder) (group: string -> float list) : MetricAudit list =
    let declared = tolerances was
    let after = is.Measurements() |> Seq.map (fun m -> m.Name, m) |> Map.ofSeq

    [
        for m in was.Measurements() do
            let found = after.TryFind m.Name
            let value = found |> Option.map _.Value |> Option.defaultValue nan
            // NaN and infinite values are within no tolerance.
            let isFinite = Double.IsFinite value && Double.IsFinite m.Value

            let within =
                match declared.TryFind m.Name with
                | Some(absolute, relative) -> isFinite && abs (value - m.Value) <= absolute + relative * abs m.Value
                | None -> false

            let likely =
                match predicts (m.Scale = "log") (group m.Name) with
                | Some(low, high) -> isFinite && value >= low && value <= high
                | None -> false

            {
                Name = m.Name
                Was = m.Value
                Is = value
                Agrees =
                    match found with
                    | None -> Different
                    | Some found when not (isNull m.Protocol) && not (isNull found.Protocol) && m.Protocol <> found.Protocol ->
                        NotComparable
                    | Some _ when BitConverter.DoubleToInt64Bits m.Value = BitConverter.DoubleToInt64Bits value -> Bitwise
                    | Some _ when within -> Tolerance
                    | Some _ when likely -> Statistical
                    | Some _ -> Different
            }
    ]

// ── The verdict ─────────────────────────────────────────────────────────────────────────────

type Comparison = {
    Verdict: Verdict
    Parting: Parting option
    Drifts: Drift list
    Metrics: MetricAudit list
    /// Why it failed, or cannot be compared.
    Reason: string option
    /// The manifests of the run and of its repetition; None if the repetition did not start.
    Made: (RunManifest * RunManifest) option
    /// What could not be determined.
    Notes: string list
}

/// The inputs of a comparison besides the two folders.
type Around = {
    /// The values of a metric for the other seeds of the group.
    Group: string -> float list
    /// The source files that changed an assembly's code.
    Sources: string -> string list
    /// Drifts that the two manifests do not show. The repetition used the run's own config and the code that its manifest names, so these
    /// drifts explain no difference and do not affect the verdict.
    Further: Drift list
    Notes: string list
}

let nothing: Around = { Group = (fun _ -> []); Sources = (fun _ -> []); Further = []; Notes = [] }

let private inputs = set [ "config"; "data"; "code" ]

/// Compares two whole runs, or their traces up to the step `until`.
let compare (until: int64 option) (was: RunFolder) (is: RunFolder) (around: Around) : Comparison =
    let before, after =
        match was.Manifest, is.Manifest with
        | null, _ -> raise (InvalidDataException $"{was}: it has no manifest, so there is nothing to compare with.")
        | _, null -> raise (InvalidDataException $"{is}: it wrote no manifest.")
        | before, after -> before, after

    let drifts = drifts around.Sources before after
    let found = {
        Verdict = Bitwise
        Parting = None
        Drifts = drifts @ around.Further
        Metrics = []
        Reason = None
        Notes = around.Notes
        Made = Some(before, after)
    }

    let reached =
        match until with
        | Some step when after.Step >= step -> true
        | _ -> after.State = before.State

    if not reached then
        let why = after.Reason |> Option.ofObj |> Option.map (fun reason -> $": {reason}") |> Option.defaultValue ""
        let isShort = after.Step < before.Step || after.State <> RunState.Completed

        {
            found with
                Verdict = if isShort then Failed else Different
                Reason =
                    Some
                        $"it ended {Kebab.Of after.State} at step {after.Step}{why}; the first one ended {Kebab.Of before.State} at step {before.Step}"
        }
    else
        let parting =
            match tracesPart was is (defaultArg until Int64.MaxValue) with
            | Some parting -> Some parting
            | None when until.IsSome -> None
            | None -> tensorsPart was is |> Option.orElseWith (fun () -> resultsPart was is)

        let metrics = if until.IsSome then [] else metrics was is around.Group
        let all allowed = not metrics.IsEmpty && metrics |> List.forall (fun metric -> List.contains metric.Agrees allowed)
        let otherwise = metrics |> List.filter (fun metric -> metric.Agrees = NotComparable) |> List.map _.Name

        {
            found with
                Verdict =
                    if parting.IsNone then Bitwise
                    elif drifts |> List.exists (fun drift -> inputs.Contains drift.Kind) then NotComparable
                    elif not otherwise.IsEmpty then NotComparable
                    elif all [ Bitwise; Tolerance ] then Tolerance
                    elif all [ Bitwise; Tolerance; Statistical ] then Statistical
                    else Different
                Parting = parting
                Metrics = metrics
                Reason =
                    if parting.IsSome && not otherwise.IsEmpty then
                        Some $"""{String.Join(", ", otherwise)} had been measured again, with other settings than its config's"""
                    else
                        None
        }
