/// Artificial runs for laws and benchmarks about tables: as records, and as the folders of a sweep. They have files, but were not
/// trained.
module Ebm.Tests.RunFolders

open System
open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Runs

let metric better value : Metric = {
    Value = value
    Unit = "nats"
    Better = better
    Importance = Importance.Secondary
    Order = None
    ComparedWith = None
    Scale = "linear"
    Se = None
    N = Some 1000L
    Protocol = Some "p"
}

/// A completed run of a method on data, with its seed and its metrics, lower being better. x/gaussian is the comparison value of x.
let run data method (seed: int) (metrics: (string * float) list) : Run = {
    nothing with
        Id = $"{data}-{method}-s{seed}"
        Sweep = "laws"
        Group = $"{data}-{method}"
        State = RunState.Completed
        Step = 100L
        Seed = string seed
        Config = Map [ "data.kind", data; "method.kind", method; "seed", string seed ]
        Asked = Map [ "data", data; "method", method ]
        Metrics =
            Map [
                for name, value in metrics ->
                    let reference = metrics |> List.tryFind (fst >> (=) (name + "/gaussian")) |> Option.map fst
                    name, { metric Direction.Lower value with ComparedWith = reference }
            ]
        TrainUnits = Some 1000L
        SampleUnits = Some 10L
        Seconds = Some 1.5
        Data = [ data, Canonical.Sha256 $"{data} {seed}" ]
        Code = Some "0123456789ab"
}

/// The same run, not completed.
let ended state (run: Run) = { run with State = state; Metrics = Map.empty; Reason = Some "planted" }

/// Writes a run's folder: config.json, manifest.json and, if it completed, metrics.json. Its id follows from its config.
/// Returns the folder's path.
let write (sweep: string) (run: Run) =
    let config =
        (Document.Empty, Map.toSeq run.Config)
        ||> Seq.fold (fun document (key, value) -> document.With(key, Document.Plain(value, Source.Code)))

    let hashed = Canonical.Json config
    let sha = Canonical.Sha256 hashed
    let id = RunName.Of(run.Config["data.kind"], run.Config["method.kind"], int64 run.Seed, sha)
    let folder = Path.Combine(sweep, id)
    Directory.CreateDirectory folder |> ignore
    File.WriteAllText(Path.Combine(folder, "config.json"), hashed)

    let manifest =
        RunManifest(
            State = run.State,
            Step = run.Step,
            Reason = Option.toObj run.Reason,
            RunId = id,
            GroupId = run.Group,
            SweepId = string (Path.GetFileName sweep),
            Seed = int64 run.Seed,
            ConfigSha256 = sha,
            Overrides = [| for KeyValue(key, value) in run.Asked -> $"{key}={value}" |],
            Data = [| for name, digest in run.Data -> DataState(name, digest, Loss = (run.Losses |> List.tryHead |> Option.toObj)) |],
            Build = BuildState("Release", "0.1.0", dict [ "Ebm.Core", defaultArg run.Code "" ] |> System.Collections.Generic.Dictionary),
            Cost = Spent(1000L, 10L, 1L)
        )

    if run.State = RunState.Completed then
        let fields = [
            for KeyValue(name, metric) in run.Metrics do
                let protocol = metric.Protocol |> Option.map (fun protocol -> $", \"protocol\": \"{protocol}\"") |> Option.defaultValue ""
                let n = metric.N |> Option.map (fun n -> $", \"n\": {n}") |> Option.defaultValue ""
                let value = if Double.IsFinite metric.Value then Table.number metric.Value else $"\"{Table.number metric.Value}\""
                $"  \"{name}\": {{ \"value\": {value}, \"unit\": \"{metric.Unit}\", \"better\": \"{metric.Better}\"{n}{protocol} }}"
        ]

        File.WriteAllText(Path.Combine(folder, "metrics.json"), "{\n" + String.Join(",\n", fields) + "\n}\n")

    RunFolder.Open(folder).Write manifest
    folder

/// The table of a sweep's folder, whose files it writes to reports/<sweep>, and the skipped folders.
let ofSweep (folder: string) (reports: string) : Table.Table option * Skipped list =
    let table, skipped = Report.tableOf folder
    table |> Option.iter (fun table -> Report.write (Path.Combine(reports, table.Sweep)) table |> ignore)
    table, skipped

/// Many runs of a sweep: methods × values × seeds on one data set, with eight metrics each, and `settings` further settings.
let many methods values seeds settings = [
    for method in 1..methods do
        for value in 1..values do
            for seed in 1..seeds do
                let generator = Generator.Of("many", $"{method}/{value}/{seed}")
                let draw () = float (generator.Next() >>> 11) / 9007199254740992.0
                let metrics = [ for i in 1..8 -> $"metric-{i}", float method + 0.1 * float value + draw () ]
                let run = run "rings" $"method-{method}" seed metrics

                {
                    run with
                        Id = $"{run.Id}-{value}"
                        Group = $"{run.Group}-{value}"
                        Config =
                            (run.Config.Add("method.steps", string value), [ 1..settings ])
                            ||> List.fold (fun config i -> config.Add($"train.setting-{i}", string (10 * i)))
                }
]

/// A small trained run: a learned landscape next to the true one, energies, samples, a path, and recorded values.
let trained (sweep: string) kind (seed: int) state reason (extra: (string * string) list) =
    let text (value: string) = System.Text.Json.JsonSerializer.Serialize value
    let more = extra |> List.map (fun (key, value) -> $",{text key}:{text value}") |> String.concat ""
    let config = $"{{\"data\":{{\"kind\":\"rings\"}},\"method\":{{\"kind\":{text kind}{more}}},\"seed\":{seed}}}"
    let folder = Path.Combine(sweep, RunName.Of("rings", kind, int64 seed, Canonical.Sha256 config))
    Directory.CreateDirectory folder |> ignore
    File.WriteAllText(Path.Combine(folder, "config.json"), config)
    let run = RunFolder.Open folder

    run.Write(
        RunManifest(
            State = state,
            Step = 40L,
            Reason = reason,
            RunId = run.Id,
            GroupId = "g-" + (Canonical.Sha256(kind + more)).Substring(0, 12),
            SweepId = string (Path.GetFileName sweep),
            ConfigSha256 = run.ConfigSha256,
            Seed = int64 seed,
            Git = GitState("0123456789abcdef"),
            Cost = Spent(1000L + int64 seed, (if kind = "two" then 300L else 100L), 0L),
            Timing = Timing(DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), Wall = 3.0),
            Origins = readOnlyDict [ "method.kind", "configs/method/one.yaml" ]
        )
    )

    run.Append [
        for step in 10L..10L..40L do
            Event(step, "energy/gap", 1.0 / float (step + int64 seed))
            Event(step, "energy/accepted/0", 0.8)
            Event(step, "energy/accepted/1", 0.6)
            Event(step, "units", 25.0 * float step)
    ]

    run.Append [
        for step in [ 20L; 40L ] -> MeasuredAt(step, Measurement("grid-kl", 1.0 / float (step + int64 seed), "nats", Direction.Lower))
    ]

    if state = RunState.Completed then
        let side = 8
        let axis = [| for i in 0 .. side - 1 -> (float32 i - 3.5f) / 2.0f |]
        let log spread = [|
            for y in axis do
                for x in axis -> -(x * x + y * y) / spread
        |]
        let array name (axes: string list) (shape: int list) values =
            NamedArray(name, Array.ofList axes, [| for n in shape -> int64 n |], values)

        run.Write [
            Measurement(
                "grid-kl",
                0.1 + 0.01 * float seed,
                "nats",
                Direction.Lower,
                Arrays = [|
                    array "landscape" [ "y"; "x" ] [ side; side ] (log 1.5f)
                    array "truth" [ "y"; "x" ] [ side; side ] (log 1.0f)
                    array "landscape-axis" [ "midpoint" ] [ side ] axis
                    array "energy-test" [ "row" ] [ side * side ] (log -1.0f)
                    array "energy-samples" [ "row" ] [ side * side ] (log -1.2f)
                    array "level-jumps" [ "from"; "to" ] [ 2; 2 ] [| 0.25f; 0.75f; 0.5f; 0.5f |]
                    array
                        "trajectories"
                        [ "round"; "chain"; "coordinate, then level" ]
                        [ 3; 2; 3 ]
                        (Array.init 18 (fun i -> float32 (i % 3) / 3.0f))
                |]
            )
            Measurement("grid-kl/gaussian", 2.0, "nats", Direction.None)
            Measurement("energy-distance", 0.02 + 0.001 * float seed, "length", Direction.Lower)
        ]

        run.WriteSamples([| for i in 0..199 -> float32 (sin (float i)) |], 100L, 2L)

    run

// ── runs for diagnoses ──────────────────────────────────────────────────────────────────────

/// Three round Gaussians in the plane as truth, a model of them, and draws: a law changes what it plants, and the folder has everything else of
/// a sound run.
type Planted = {
    Kind: string
    State: RunState
    /// Weights of the modes in the model, and in the draws.
    Model: float list
    Drawn: float list
    /// The model's energies are those of its mixture times this.
    Scale: float
    /// How far all draws are displaced.
    Away: float
    /// Recorded values: names, and the value at a share of training between 0 and 1.
    Events: (string * (float -> float)) list
    Metrics: (string * float * float option) list
    Settings: (string * string) list
    /// Without it, as with images, there are no arrays of a grid.
    Grid: bool
    /// Energies of test rows and samples: their mean, standard deviation and how much higher those of the samples are.
    Energies: (float * float * float) option
}

let sound = {
    Kind = "one"
    State = RunState.Completed
    Model = [ 0.2; 0.3; 0.5 ]
    Drawn = [ 0.2; 0.3; 0.5 ]
    Scale = 1.0
    Away = 0.0
    Events = [
        "energy/gap", (fun share -> 0.3 * sin (40.0 * share))
        "energy/magnitude", (fun share -> 1.0 - exp (-5.0 * share))
        "energy/accepted", (fun share -> 0.6 + 0.05 * sin (50.0 * share))
    ]
    Metrics = [
        "grid-kl", 0.02, None
        "grid-kl/gaussian", 0.9, None
        "long-run/1", 0.001, Some 0.003
        "long-run/100", 0.002, Some 0.003
        "density-readout", 0.05, Some 0.001
    ]
    Settings = [
        "train.lr", "0.001"
        "train.budget", "1000"
        "method.sample-steps", "200"
        "method.steps", "10"
        "method.from-noise", "0.05"
    ]
    Grid = true
    Energies = None
}

/// Writes a planted run into a sweep's folder.
let plant (sweep: string) (seed: int) (planted: Planted) : RunFolder =
    let settings = [ "data.kind", "planted"; "method.kind", planted.Kind; "seed", string seed ] @ planted.Settings

    let config =
        (Document.Empty, settings) ||> Seq.fold (fun document (key, value) -> document.With(key, Document.Plain(value, Source.Code)))

    let hashed = Canonical.Json config
    let folder = Path.Combine(sweep, RunName.Of("planted", planted.Kind, int64 seed, Canonical.Sha256 hashed))
    Directory.CreateDirectory folder |> ignore
    File.WriteAllText(Path.Combine(folder, "config.json"), hashed)
    let run = RunFolder.Open folder
    let generator = Generator.Of("planted", string seed)
    let uniform () = (float (generator.Next() >>> 11) + 0.5) / 9007199254740992.0
    let normal () = sqrt (-2.0 * log (uniform ())) * cos (2.0 * Math.PI * uniform ())
    let records = 40

    run.Append [
        for i in 1..records do
            for name, value in planted.Events -> Event(int64 (10 * i), name, value (float i / float records))
    ]

    let array name (shape: int list) (values: float seq) =
        NamedArray(
            name,
            [| for i in 1 .. shape.Length -> $"axis {i}" |],
            [| for n in shape -> int64 n |],
            [| for value in values -> float32 value |]
        )

    let centres, sd = [ -1.5, 0.0; 1.5, 0.0; 0.0, 1.8 ], 0.25

    let logMixture weights x y =
        let parts = [
            for weight, (a, b) in List.zip weights centres do
                if weight > 0.0 then yield log weight - ((x - a) ** 2.0 + (y - b) ** 2.0) / (2.0 * sd * sd)
        ]

        let top = List.max parts
        top + log (parts |> List.sumBy (fun part -> exp (part - top)))

    let side, half = 64, 3.0
    let axis = [ for i in 0 .. side - 1 -> (float i + 0.5) * 2.0 * half / float side - half ]

    let field (value: float -> float -> float) = [
        for y in axis do
            for x in axis -> value x y
    ]

    let grid = [
        if planted.Grid then
            array "landscape" [ side; side ] (field (fun x y -> planted.Scale * logMixture planted.Model x y))
            array "truth" [ side; side ] (field (logMixture [ 0.2; 0.3; 0.5 ]))
            array "landscape-axis" [ side ] axis
        match planted.Energies with
        | Some(mean, spread, gap) ->
            array "energy-test" [ 500 ] [ for _ in 1..500 -> mean + spread * normal () ]
            array "energy-samples" [ 500 ] [ for _ in 1..500 -> mean + gap + spread * normal () ]
        | None -> ()
    ]

    if planted.State = RunState.Completed then
        run.Write [
            for i, (name, value, se) in List.indexed planted.Metrics ->
                Measurement(
                    name,
                    value,
                    "nats",
                    Direction.Lower,
                    Se = Option.toNullable se,
                    Arrays = if i = 0 then Array.ofList grid else [||]
                )
        ]

        if planted.Grid then
            run.WriteSamples(
                [|
                    for _ in 1..2000 do
                        let at = uniform ()
                        let bounds = List.scan (+) 0.0 planted.Drawn |> List.tail
                        let a, b = centres[bounds |> List.tryFindIndex (fun bound -> at < bound) |> Option.defaultValue 2]
                        // Draws of exp(−scale · E) near one mode.
                        float32 (a + sd / sqrt planted.Scale * normal () + planted.Away)
                        float32 (b + sd / sqrt planted.Scale * normal ())
                |],
                2000L,
                2L
            )

    run.Write(
        RunManifest(
            State = planted.State,
            Step = int64 (10 * records),
            Reason = (if planted.State = RunState.Diverged then "planted" else null),
            RunId = run.Id,
            GroupId = "g-" + planted.Kind,
            SweepId = string (Path.GetFileName sweep),
            ConfigSha256 = run.ConfigSha256,
            Seed = int64 seed,
            Cost = Spent(1000L, 10L, 1L),
            Timing = Timing(DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), Wall = 3.0)
        )
    )

    run

/// A run whose grid-kl was imported from "a paper, table 2".
let imported (sweep: string) : RunFolder =
    let config = Document.Parse("imported:\n  from: a paper, table 2\nseed: 0\n", "config.yaml")
    let hashed = Canonical.Json config
    let run = RunFolder.Create(sweep, "theirs-s0-" + (Canonical.Sha256 hashed).Substring(0, 12), config, hashed)
    run.Write [ Measurement("grid-kl", 0.5, "nats", Direction.Lower) ]

    run.Write(
        RunManifest(
            State = RunState.Completed,
            RunId = run.Id,
            GroupId = "theirs-000000000000",
            SweepId = run.Sweep,
            ConfigSha256 = run.ConfigSha256,
            Imported = Imported("a paper, table 2", "results.csv", String('a', 64), 2L)
        )
    )

    run
