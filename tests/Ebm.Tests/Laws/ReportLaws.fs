/// The report: one page that says all there is to say, asks nobody, and shows what came from outside as text.
module Ebm.Tests.Laws.ReportLaws

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Ebm.Analysis
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law

let private number (value: float) = value.ToString("R", Globalization.CultureInfo.InvariantCulture)

/// A run as training leaves it, small: a learned square beside the true one, energies, samples, a path, and what was watched.
let private write (sweep: string) kind (seed: int) state reason (extra: (string * string) list) =
    let text (value: string) = JsonSerializer.Serialize value
    let more = extra |> List.map (fun (key, value) -> $",{text key}:{text value}") |> String.concat ""
    let config = $"{{\"data\":{{\"kind\":\"rings\"}},\"method\":{{\"kind\":{text kind}{more}}},\"seed\":{seed}}}"
    let folder = Path.Combine(sweep, $"rings-s{seed}-{(Canonical.Sha256 config).Substring(0, 12)}")
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
            Cost = Spent(1000L + int64 seed, (if kind = "one" then 100L else 300L), 0L),
            Timing = Timing(DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), Wall = 3.0)
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
        for step in [ 20L; 40L ] -> MeasuredAt(step, Measurement("grid-kl", 1.0 / float (step + int64 seed), "nats", "lower"))
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
                "lower",
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
            Measurement("grid-kl/gaussian", 2.0, "nats", "none")
            Measurement("energy-distance", 0.02 + 0.001 * float seed, "length", "lower")
        ]

        run.WriteSamples([| for i in 0..199 -> float32 (sin (float i)) |], 100L, 2L)

    run

/// A sweep of two methods on three seeds, one of them diverged.
let private sweep (folder: string) name =
    let sweep = Path.Combine(folder, name)

    for seed in 0..2 do
        write sweep "one" seed RunState.Completed null [] |> ignore
        write sweep "two" seed RunState.Completed null [] |> ignore

    write sweep "two" 3 RunState.Diverged "the loss is NaN" [] |> ignore
    sweep

let private reported (plotly: string option) (folder: string) (sweep: string) =
    let reports = Path.Combine(folder, "reports")

    match Report.ofSweep sweep reports with
    | Some table, skipped -> Report.page plotly sweep reports (table, skipped)
    | None, _ -> broken $"{sweep} has no run"

let private page plotly folder name = File.ReadAllText(reported plotly folder (sweep folder name))

/// Every figure that these runs have the data for.
let private drawn = [
    "seeds"
    "densities"
    "energies"
    "samples"
    "energy-histograms"
    "fronts"
    "learning"
    "gap"
    "acceptance"
    "trajectories"
    "level-jumps"
    "outcomes"
]

let private sameBytes (change: string -> unit) =
    Folder.inFolder (fun here ->
        Folder.inFolder (fun there ->
            let first = page None here "methods"
            let moved = sweep there "methods"
            change moved
            let again = File.ReadAllText(reported None there moved)
            must "the page changed" (first = again)))

/// What would leave the page: addresses in attributes, styles and scripts.
let private asks (html: string) = [
    for found in Regex.Matches(html, "(?:src|href|url)\\s*[=(]\\s*[\"']?(?!#|data:)[^\"'\\s)>]+") -> found.Value
]

let all = [
    law "a report has every figure for which its runs have data, and no other" (fun () ->
        Folder.inFolder (fun folder ->
            let html = page None folder "methods"
            let found = [ for m in Regex.Matches(html, "<figure id=\"([a-z-]+)\"") -> m.Groups[1].Value ]
            must $"figures are %A{found}" (Set.ofList found = Set.ofList drawn)
            let files = Directory.GetFiles(Path.Combine(folder, "reports", "methods", "figures")) |> Array.map Path.GetFileName
            must $"files are %A{files}" (Set.ofArray files = Set.ofList [ for id in drawn -> id + ".svg" ])))

    law "the same runs give the same report, wherever they lie" (fun () -> sameBytes ignore)
    |> breaks "a seed less" (fun () -> sameBytes (fun sweep -> Directory.Delete((Directory.GetDirectories sweep)[0], true)))

    law "a report refers to nothing outside itself" (fun () ->
        Folder.inFolder (fun folder ->
            match asks (page None folder "methods") with
            | [] -> ()
            | found -> broken $"the page asks for %A{found}"))
    |> breaks "a script of another host" (fun () ->
        match asks "<script src=\"https://example.org/a.js\">" with
        | [] -> ()
        | found -> broken $"%A{found}")
]
