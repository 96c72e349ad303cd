/// Forgeries by someone who knows how hashes are made: inside a run's folder, beside it, and in the files of a sweep. Each is named by an
/// audit, and a sweep that goes on does not enter it into the ledger.
module Ebm.Tests.Laws.ForgeryLaws

open System
open System.IO
open System.Text
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes
open Ebm.Tests.AuditWorld

let private manifestOf (world: World) seed = world.File(seed, "manifest.json")

/// Adds lines before the end of an indented object.
let private appended (path: string) (lines: string) =
    let text = (File.ReadAllText path).TrimEnd()
    File.WriteAllText(path, text.Substring(0, text.Length - 1).TrimEnd() + ",\n  " + lines + "\n}\n")

let private forgedMetric (world: World) seed =
    let path = world.File(seed, "metrics.json")
    File.WriteAllText(path, Regex.Replace(File.ReadAllText path, "\"value\": [0-9.]+", "\"value\": 0.001"))

/// Puts the hash and the size of a file, as it is now, into the manifest, and seals it.
let private covered (world: World) seed name =
    let path = world.File(seed, name)
    let text = File.ReadAllText(manifestOf world seed)
    let entry = $"\"path\": \"{name}\",\\s*\"sha256\": \"[0-9a-f]*\",\\s*\"bytes\": \\d+"
    must "the artefact is not listed" (Regex.IsMatch(text, entry))
    let now = $"\"path\": \"{name}\",\n      \"sha256\": \"{Canonical.Sha256OfFile path}\",\n      \"bytes\": {FileInfo(path).Length}"
    File.WriteAllText(manifestOf world seed, Regex.Replace(text, entry, now))
    seal (manifestOf world seed)

let private copy (from: string) (target: string) =
    Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
    must "it cannot be copied" (ends "cp" [ "-a"; from; target ] = 0)

let private second (manifest: RunManifest) =
    RunManifest.Parse(manifest.ToJson().Replace("\"attempt\": 1", "\"attempt\": 2"), "manifest.json")

/// The next attempt of a completed run, made by hand: the chain of hashes holds, and the metric is forged.
let private nextAttempt state (world: World) seed =
    let run = world.Run("rings", seed)
    let manifest = nonNull run.Manifest
    run.NextAttempt() |> ignore
    forgedMetric world seed
    run.Write((second manifest).Ended(state, 3L))

/// The state of a measurement that died while it replaced results, made by hand with a forged metric.
let private interruptedBy (world: World) seed (change: string -> string) =
    let before = File.ReadAllText(manifestOf world seed)
    forgedMetric world seed
    covered world seed "metrics.json"
    let made = world.File(seed, ".measured/manifest.json")
    Directory.CreateDirectory(string (Path.GetDirectoryName made)) |> ignore
    File.WriteAllText(made, change (File.ReadAllText(manifestOf world seed)))
    seal made
    File.WriteAllText(manifestOf world seed, before)

let private inserted (bytes: byte array) (path: string) = File.WriteAllBytes(path, Array.append bytes (File.ReadAllBytes path))

let private sweepFile (world: World) name = Path.Combine(world.Runs, "rings", name)
let private reportFile (world: World) name = Path.Combine(world.Reports, "rings", name)

let private insideRuns: (string * string * string * (World -> unit)) list = [
    "a second hash at the end of a manifest",
    "manifest-edited",
    "toy-m-s1",
    (fun world -> appended (manifestOf world 1) $"\"hash\": \"{String('0', 64)}\"")
    "a second hash with an escape",
    "manifest-edited",
    "toy-m-s1",
    (fun world -> appended (manifestOf world 1) $"\"h\\u0061sh\": \"{String('0', 64)}\"")
    "a second state, and the seal made anew",
    "manifest-edited",
    "toy-m-s3",
    (fun world ->
        appended (manifestOf world 3) "\"state\": \"completed\""
        seal (manifestOf world 3))
    "a second state with an escape, and the seal made anew",
    "manifest-edited",
    "toy-m-s3",
    (fun world ->
        appended (manifestOf world 3) "\"\\u0073tate\": \"completed\""
        seal (manifestOf world 3))
    "a key twice in a nested object, and the seal made anew",
    "manifest-edited",
    "toy-m-s1",
    (fun world ->
        replace (manifestOf world 1) "\"started\":" "\"wall\": 1,\n    \"wall\": 2,\n    \"started\":"
        seal (manifestOf world 1))
    "a key twice in an element of a list, and the seal made anew",
    "manifest-edited",
    "toy-m-s1",
    (fun world ->
        replace (manifestOf world 1) "\"path\": \"metrics.json\"" "\"path\": \"x\",\n      \"path\": \"metrics.json\""
        seal (manifestOf world 1))
    "a hash that looks like the seal in an object below",
    "manifest-edited",
    "toy-m-s1",
    (fun world -> replace (manifestOf world 1) "\"timing\": {" $"\"other\": {{\n  \"hash\": \"{String('0', 64)}\"\n  }},\n  \"timing\": {{")
    "a byte-order mark in a manifest",
    "manifest-edited",
    "toy-m-s1",
    (fun world -> inserted [| 0xEFuy; 0xBBuy; 0xBFuy |] (manifestOf world 1))
    "a manifest in UTF-16",
    "manifest-edited",
    "toy-m-s1",
    (fun world -> File.WriteAllText(manifestOf world 1, File.ReadAllText(manifestOf world 1), Encoding.Unicode))
    "a manifest with bytes that are not text",
    "manifest-edited",
    "toy-m-s4",
    (fun world ->
        let text = File.ReadAllText(manifestOf world 4)
        File.WriteAllText(manifestOf world 4, text.Replace("\"runId\"", "\"other\": \"\uFFFD\",\n  \"runId\""))
        seal (manifestOf world 4)
        let bytes = File.ReadAllBytes(manifestOf world 4)
        let at = bytes.AsSpan().IndexOf([| 0xEFuy; 0xBFuy; 0xBDuy |].AsSpan())
        File.WriteAllBytes(manifestOf world 4, Array.concat [ bytes[.. at - 1]; [| 0xFFuy |]; bytes[at + 3 ..] ]))
    "a metric twice in metrics.json, covered by the manifest",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        appended (world.File(1, "metrics.json")) "\"grid-kl\": { \"value\": 0.001, \"unit\": \"nats\", \"better\": \"lower\" }"
        covered world 1 "metrics.json")
    "a forged metric, covered by the manifest",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        forgedMetric world 1
        covered world 1 "metrics.json")
    "a forged metric under an attempt that the ledger does not have",
    "manifest-unknown",
    "attempt 7",
    (fun world ->
        forgedMetric world 1
        covered world 1 "metrics.json"
        replace (manifestOf world 1) "\"attempt\": 1" "\"attempt\": 7"
        seal (manifestOf world 1))
    "the same, said to be running",
    "manifest-unknown",
    "attempt 7",
    (fun world ->
        forgedMetric world 1
        replace (manifestOf world 1) "\"attempt\": 1" "\"attempt\": 7"
        resealed (world.Run("rings", 1)) "\"completed\"" "\"running\"")
    "the same, said to be pending",
    "manifest-unknown",
    "attempt 2",
    (fun world ->
        replace (manifestOf world 1) "\"attempt\": 1" "\"attempt\": 2"
        resealed (world.Run("rings", 1)) "\"completed\"" "\"pending\"")
    "an attempt of number 0",
    "manifest-unknown",
    "attempt 0",
    (fun world -> resealed (world.Run("rings", 1)) "\"attempt\": 1" "\"attempt\": 0")
    "an attempt of a negative number",
    "manifest-unknown",
    "attempt -3",
    (fun world -> resealed (world.Run("rings", 1)) "\"attempt\": 1" "\"attempt\": -3")
    "a next attempt with a forged metric, chained to the first",
    "manifest-unknown",
    "attempt 2",
    (fun world -> nextAttempt RunState.Completed world 1)
    "a next attempt that takes a result away, chained to the first",
    "manifest-unknown",
    "attempt 2",
    (fun world -> nextAttempt RunState.Interrupted world 1)
    "a next attempt that says diverged", "manifest-unknown", "attempt 2", (fun world -> nextAttempt RunState.Diverged world 1)
    "a next attempt in a run that failed",
    "manifest-unknown",
    "attempt 2",
    (fun world ->
        let run = world.Run("rings", 4)
        let manifest = nonNull run.Manifest
        run.NextAttempt() |> ignore
        run.Write [ Measurement("grid-kl", 0.001, "nats", Direction.Lower) ]
        run.Write((second manifest).Ended(RunState.Completed, 3L)))
    "a measurement by hand that the ledger has not begun",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        let run = world.Run("rings", 1)
        let draft = run.Draft()
        draft.Write [ Measurement("grid-kl", 0.001, "nats", Direction.Lower) ]
        run.Adopt(draft, nonNull run.Manifest))
    "the results from before the last measurement",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        let run = world.Run("rings", 1)
        copy run.Path (Path.Combine(world.Root, "before"))
        measured 0.5 world run
        Directory.Delete(run.Path, true)
        copy (Path.Combine(world.Root, "before")) run.Path)
    "the first attempt in place of the second",
    "attempt-missing",
    "attempt 2",
    (fun world ->
        File.Move(world.File(5, "attempts/001/manifest.json"), manifestOf world 5, true)
        Directory.Delete(world.File(5, "attempts"), true))
    "a folder in a run", "artefact-extra", "the folder notes", (fun world -> Directory.CreateDirectory(world.File(1, "notes")) |> ignore)
    "a run in a run",
    "artefact-extra",
    "toy-m-s0",
    (fun world ->
        let inner = world.Run("rings", 0)
        copy inner.Path (world.File(1, inner.Id)))
    "a run among the earlier attempts of another",
    "artefact-extra",
    "attempts/toy-m-s0",
    (fun world ->
        let inner = world.Run("rings", 0)
        copy inner.Path (world.File(5, $"attempts/{inner.Id}")))
    "a file among the earlier attempts",
    "artefact-extra",
    "attempts/001/metrics.json",
    (fun world -> copy (world.File(5, "metrics.json")) (world.File(5, "attempts/001/metrics.json")))
    "a folder below the checkpoint",
    "artefact-extra",
    "checkpoint/more",
    (fun world -> Directory.CreateDirectory(world.File(1, "checkpoint/more")) |> ignore)
    "links in circles in a run",
    "artefact-extra",
    "the folder one",
    (fun world ->
        for name in [ "one"; "two"; ".three"; ".four" ] do
            Directory.CreateSymbolicLink(world.File(1, name), ".") |> ignore)
    "a file in place of the earlier attempts",
    "artefact-extra",
    "attempts",
    (fun world -> File.WriteAllText(world.File(1, "attempts"), "none"))
    "an earlier attempt that is a link",
    "artefact-extra",
    "the link attempts/001",
    (fun world ->
        let elsewhere = Path.Combine(world.Root, "elsewhere")
        Directory.Move(world.File(5, "attempts/001"), elsewhere)
        Directory.CreateSymbolicLink(world.File(5, "attempts/001"), elsewhere) |> ignore)
    "an earlier attempt's manifest that is a link",
    "artefact-extra",
    "the link attempts/001/manifest.json",
    (fun world ->
        let path, elsewhere = world.File(5, "attempts/001/manifest.json"), Path.Combine(world.Root, "elsewhere")
        File.Move(path, elsewhere)
        File.CreateSymbolicLink(path, elsewhere) |> ignore)
    "a pipe in place of an empty file",
    "artefact-changed",
    "measures.jsonl",
    (fun world ->
        let folder, manifest = begun world "rings" 7
        File.WriteAllText(folder.In "measures.jsonl", "")
        ended RunState.Completed (folder, manifest) |> entered world
        File.Delete(folder.In "measures.jsonl")
        must "no pipe" (ends "mkfifo" [ folder.In "measures.jsonl" ] = 0))
    "a pipe in place of a data file",
    "data-changed",
    "toy/rows.bin",
    (fun world ->
        File.Delete world.Rows
        must "no pipe" (ends "mkfifo" [ world.Rows ] = 0))
    "an interrupted measurement made by hand", "manifest-replaced", "toy-m-s1", (fun world -> interruptedBy world 1 id)
    "an interrupted measurement made by hand, chained to the run",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        let before = (nonNull (world.Run("rings", 1)).Manifest).Hash
        interruptedBy world 1 (fun text -> text.Replace("  \"hash\": \"", $"  \"replaces\": \"{before}\",\n  \"hash\": \"")))
    "an interrupted measurement without a valid manifest",
    "manifest-edited",
    "interrupted measurement",
    (fun world ->
        Directory.CreateDirectory(world.File(1, ".measured")) |> ignore
        File.WriteAllText(world.File(1, ".measured/manifest.json"), "{"))
]

/// A run of the world in other hands: another name, with a manifest that agrees.
let private renamed (world: World) (name: string -> string) =
    let run = world.Run("rings", 1)
    let other = Path.Combine(world.Runs, "rings", name run.Id)
    copy run.Path other
    replace (Path.Combine(other, "manifest.json")) run.Id (string (Path.GetFileName other))
    seal (Path.Combine(other, "manifest.json"))

let private besideRuns: (string * string * string * (World -> unit)) list = [
    "a copy of a run in a hidden folder of its sweep",
    "run-misplaced",
    "hidden",
    (fun world ->
        let run = world.Run("rings", 1)
        copy run.Path (Path.Combine(world.Runs, "rings", ".a", run.Id)))
    "a copy of a run as a hidden folder",
    "run-misplaced",
    "hidden",
    (fun world ->
        let run = world.Run("rings", 1)
        copy run.Path (Path.Combine(world.Runs, "rings", "." + run.Id)))
    "a hidden copy of a sweep",
    "run-misplaced",
    "hidden",
    (fun world -> copy (Path.Combine(world.Runs, "rings")) (Path.Combine(world.Runs, ".rings")))
    "a run that is a link to a folder elsewhere",
    "run-misplaced",
    "link",
    (fun world ->
        let run, elsewhere = world.Run("rings", 1), Path.Combine(world.Root, "elsewhere")
        Directory.Move(run.Path, elsewhere)
        Directory.CreateSymbolicLink(run.Path, elsewhere) |> ignore)
    "a sweep that is a link to a folder elsewhere",
    "run-misplaced",
    "link",
    (fun world ->
        let sweep, elsewhere = Path.Combine(world.Runs, "moons"), Path.Combine(world.Root, "elsewhere")
        Directory.Move(sweep, elsewhere)
        Directory.CreateSymbolicLink(sweep, elsewhere) |> ignore)
    "a config that is a link",
    "artefact-linked",
    "config.json",
    (fun world ->
        let path, elsewhere = world.File(1, "config.json"), Path.Combine(world.Root, "elsewhere")
        File.Move(path, elsewhere)
        File.CreateSymbolicLink(path, elsewhere) |> ignore)
    "a manifest that is a link",
    "artefact-linked",
    "manifest.json",
    (fun world ->
        let path, elsewhere = manifestOf world 1, Path.Combine(world.Root, "elsewhere")
        File.Move(path, elsewhere)
        File.CreateSymbolicLink(path, elsewhere) |> ignore)
    "a run in a folder of its sweep",
    "run-misplaced",
    "too deep",
    (fun world ->
        let run = world.Run("rings", 1)
        copy run.Path (Path.Combine(world.Runs, "rings", "more", run.Id)))
    "a run beside the sweeps",
    "run-misplaced",
    "no sweep's folder",
    (fun world ->
        let run = world.Run("rings", 1)
        copy run.Path (Path.Combine(world.Runs, run.Id)))
    "hard links to the run of another sweep",
    "run-moved",
    "ran in the sweep moons",
    (fun world ->
        let run = Directory.GetDirectories(Path.Combine(world.Runs, "moons")) |> Array.exactlyOne
        Directory.Delete((world.Run("rings", 0)).Path, true)
        must "no links" (ends "cp" [ "-al"; run; Path.Combine(world.Runs, "rings") ] = 0))
    "a name that looks alike, with a manifest that agrees",
    "run-renamed",
    "toy-n-s1",
    (fun world -> renamed world _.Replace("toy-m", "toy-n"))
    "a name with a letter of another alphabet", "run-renamed", "tоy", (fun world -> renamed world _.Replace("toy", "tоy"))
    "a name in capitals", "run-renamed", "TOY", (fun world -> renamed world _.Replace("toy", "TOY"))
    "a name with a longer prefix", "run-renamed", "best-toy", (fun world -> renamed world (fun id -> "best-" + id))
    "a name with another seed", "run-renamed", "s9", (fun world -> renamed world _.Replace("-s1-", "-s9-"))
]

let private plan runs : Plans.Plan = { Overrides = [ [ "seed=0,1" ] ]; Metric = Some "grid-kl"; Baseline = []; Runs = runs; Trainings = [] }

/// Adds a plan, a launch and a report to the world, as a sweep does.
let private reported (world: World) =
    let note runs = Plans.note (Ledger.enter world.Runs Ledger.Kind.plan "rings") (Path.Combine(world.Runs, "rings")) (plan runs)
    let ids = [ for run in RunFolder.Under(Path.Combine(world.Runs, "rings")) -> run.Id ]
    note [ ids.Head ]
    note (ids @ [ "toy-m-s99-0123456789ab" ])
    let launch = LaunchRecord([| "sweep.fsx" |]).Write(Path.Combine(world.Runs, "rings"))
    Ledger.enter world.Runs Ledger.Kind.launch $"rings/launches/{Path.GetFileName launch}" (Canonical.Sha256OfFile launch)
    Manifests.enterBegun world.Runs [ world.Run("rings", 4) ]
    ReportFiles.write world.Root (Some None) (Path.Combine(world.Runs, "rings")) world.Reports |> ignore
    must "the audit that keeps a report" (audited world [ "verify" ] = 0)
    anchored world

let private launchOf (world: World) = Directory.GetFiles(sweepFile world "launches") |> Array.exactlyOne

let private sweepFiles: (string * string * string * (World -> unit)) list = [
    "a run taken out of the plan",
    "plans-changed",
    "rings/plans.jsonl",
    (fun world -> replace (sweepFile world "plans.jsonl") "\"toy-m-s99-0123456789ab\"" "\"toy-m-s0-0123456789ab\"")
    "the last plan cut off",
    "plans-changed",
    "rings/plans.jsonl",
    (fun world -> File.WriteAllLines(sweepFile world "plans.jsonl", Array.truncate 1 (File.ReadAllLines(sweepFile world "plans.jsonl"))))
    "another metric in the plan",
    "plans-changed",
    "rings/plans.jsonl",
    (fun world -> replace (sweepFile world "plans.jsonl") "grid-kl" "nll")
    "a plan more",
    "plans-changed",
    "rings/plans.jsonl",
    (fun world -> Plans.note ignore (Path.Combine(world.Runs, "rings")) (plan [ "toy-m-s7-0123456789ab" ]))
    "plans that are gone", "plans-missing", "rings/plans.jsonl", (fun world -> File.Delete(sweepFile world "plans.jsonl"))
    "a launch's words", "launch-changed", "launches/", (fun world -> replace (launchOf world) "sweep.fsx" "other.fsx")
    "a launch under another name",
    "launch-missing",
    "launches/",
    (fun world -> File.Move(launchOf world, Path.Combine(sweepFile world "launches", "0123456789ab.json")))
    "a launch that is gone", "launch-missing", "launches/", (fun world -> File.Delete(launchOf world))
    "a launch with a short name",
    "launch-changed",
    "launches/",
    (fun world ->
        File.Copy(
            launchOf world,
            Path.Combine(sweepFile world "launches", (Canonical.Sha256OfFile(launchOf world)).Substring(0, 1) + ".json")
        ))
    "a launch whose digits agree with its name alone",
    "launch-changed",
    "does not match entry",
    (fun world ->
        let name = $"rings/launches/{Path.GetFileName(launchOf world)}"
        Ledger.enter world.Runs Ledger.Kind.launch name (Canonical.Sha256 "what was launched"))
    "a number in a table of a report that was not finished",
    "report-changed",
    "neither the table of the runs",
    (fun world ->
        Ledger.enter world.Runs Ledger.Kind.report "rings" ""
        replace (reportFile world "table.csv") "0.125" "0.120")
    "a number in table.csv", "report-changed", "rings/table.csv", (fun world -> replace (reportFile world "table.csv") "0.125" "0.120")
    "a number in table.tex", "report-changed", "rings/table.tex", (fun world -> File.AppendAllText(reportFile world "table.tex", "% 0.1"))
    "a number in table.md", "report-changed", "rings/table.md", (fun world -> File.AppendAllText(reportFile world "table.md", "0.1"))
    "the report's page",
    "report-changed",
    "rings/index.html",
    (fun world -> File.AppendAllText(reportFile world "index.html", "<p>better</p>"))
    "a figure",
    "report-changed",
    "rings/figures/",
    (fun world -> File.AppendAllText(Directory.GetFiles(reportFile world "figures")[0], " "))
    "a table with its sum made anew",
    "report-changed",
    "SHA256SUMS",
    (fun world ->
        let path, sums = reportFile world "table.csv", reportFile world "SHA256SUMS"
        let before = Canonical.Sha256OfFile path
        replace path "0.125" "0.120"
        replace sums before (Canonical.Sha256OfFile path))
    "sums that are gone", "report-missing", "SHA256SUMS", (fun world -> File.Delete(reportFile world "SHA256SUMS"))
    "a table that is gone", "report-missing", "rings/table.csv", (fun world -> File.Delete(reportFile world "table.csv"))
    "the reports of audits, all gone", "audit-missing", "verify", (fun world -> Directory.Delete(Path.Combine(world.Runs, "audits"), true))
    "a plan behind a second key",
    "plans-changed",
    "rings/plans.jsonl",
    (fun world -> replace (sweepFile world "plans.jsonl") "\"metric\":\"grid-kl\"" "\"metric\":\"grid-kl\",\"metric\":\"nll\"")
]

let private ledgers: (string * string * string * (World -> unit)) list = [
    "a byte-order mark in the ledger", "ledger-torn", "ledger", (fun world -> inserted [| 0xEFuy; 0xBBuy; 0xBFuy |] world.Ledger)
    "a second hash in an entry",
    "ledger-torn",
    "ledger",
    (fun world ->
        let all = lines world
        all[4] <- all[4].Replace(",\"prevHash\"", $",\"hash\":\"{String('0', 64)}\",\"prevHash\"")
        rewrite world all)
    "a second hash with an escape in the last entry",
    "ledger-torn",
    "ledger",
    (fun world ->
        let all = lines world
        all[all.Length - 1] <- all[all.Length - 1].Replace(",\"prevHash\"", $",\"h\\u0061sh\":\"{String('0', 64)}\",\"prevHash\"")
        rewrite world all)
    "bytes in the ledger that are not text",
    "ledger-torn",
    "ledger",
    (fun world ->
        let bytes = File.ReadAllBytes world.Ledger
        bytes[bytes.Length - 10] <- 0xFFuy
        File.WriteAllBytes(world.Ledger, bytes))
    "a ledger in UTF-16",
    "ledger-torn",
    "ledger",
    (fun world -> File.WriteAllText(world.Ledger, File.ReadAllText world.Ledger, Encoding.Unicode))
    "a forged run entered as if it had begun twice",
    "ledger-inserted",
    "a second time",
    (fun world ->
        forgedMetric world 1
        covered world 1 "metrics.json"
        let run = world.Run("rings", 1)
        Ledger.append world.Runs (fun _ -> [ Ledger.Kind.run, Manifests.subjectOf "rings" run.Id 1, string (nonNull run.Manifest).Hash ])
        Ledger.anchor world.Root world.Runs |> ignore)
    "a measurement that is entered and had not begun",
    "ledger-inserted",
    "had not begun",
    (fun world ->
        forgedMetric world 1
        covered world 1 "metrics.json"
        let run = world.Run("rings", 1)
        Ledger.append world.Runs (fun _ -> [
            Ledger.Kind.measure, Manifests.subjectOf "rings" run.Id 1, string (nonNull run.Manifest).Hash
        ])
        Ledger.anchor world.Root world.Runs |> ignore)
    for spelt in [ "01"; " 1"; "+1"; "1 " ] do
        $"a forged run entered as attempt '{spelt}'",
        "manifest-replaced",
        "toy-m-s1",
        (fun world ->
            forgedMetric world 1
            covered world 1 "metrics.json"
            let run = world.Run("rings", 1)
            Ledger.append world.Runs (fun _ -> [ Ledger.Kind.run, $"rings/{run.Id}#{spelt}", string (nonNull run.Manifest).Hash ])
            Ledger.anchor world.Root world.Runs |> ignore)
    "the entries of one run taken out, and all hashes adjusted",
    "ledger-rewritten",
    "refs/ebm/ledger",
    (fun world ->
        let id = (world.Run("rings", 2)).Id
        let kept = lines world |> Array.filter (fun line -> not (line.Contains id))
        let numbered = kept |> Array.mapi (fun i line -> Regex.Replace(line, "\"seq\":\\d+", $"\"seq\":{i}"))
        let filled =
            Array.append numbered [| for i in kept.Length .. (lines world).Length -> kept[1].Replace("\"seq\":1", $"\"seq\":{i}") |]
        rewrite world (rechained (List.ofArray filled))
        Directory.Delete((world.Run("rings", 2)).Path, true))
]

// ── What happens next ───────────────────────────────────────────────────────────────────────

/// A sweep that goes on after a forgery: it enters everything that has ended, writes its table and keeps the head.
let private goesOn (world: World) =
    let refused = Manifests.enterRuns world.Runs (RunFolder.Under world.Runs)
    begun world "rings" 6 |> ended RunState.Completed |> entered world
    ReportFiles.write world.Root None (Path.Combine(world.Runs, "rings")) world.Reports |> ignore
    Ledger.anchor world.Root world.Runs |> ignore
    refused

let private alteration prepared (name, what, part, alter: World -> unit) =
    law $"an audit names {name}, ends with 3, and still does after the next sweep" (fun () ->
        inWorld (fun world ->
            if prepared then reported world
            alter world
            named what part world
            let code = audited world [ "verify" ]
            must $"it ends with {code}" (code = 3)

            // The next report replaces what was forged in the last one.
            if not (what.StartsWith "report") then
                Ledger.trying (fun () -> goesOn world |> ignore)
                named what part world))
    |> breaks "nothing was done" (fun () ->
        inWorld (fun world ->
            if prepared then reported world
            named what part world))
    |> needsGit

let all =
    List.map (alteration false) (insideRuns @ besideRuns @ ledgers)
    @ List.map (alteration true) sweepFiles
    @ [
        law "a forged run does not enter the ledger, a table marks it, and a strict table is refused" (fun () ->
            inWorld (fun world ->
                forgedMetric world 1
                covered world 1 "metrics.json"
                let refused = goesOn world
                must $"%A{refused}" (refused |> List.map (fun (run, _) -> run.Id) = [ (world.Run("rings", 1)).Id ])
                let table = (ReportFiles.tableOf (Path.Combine(world.Runs, "rings")) |> fst).Value
                let doubted = table.Rows |> List.collect _.Doubted
                must $"%A{doubted}" (doubted |> List.map _.Id = [ (world.Run("rings", 1)).Id ])
                let csv, md, tex, json = Csv.runs table, Markdown.table table, Latex.table table, Json.table table

                for name, text in [ "csv", csv; "md", md; "tex", tex; "json", json ] do
                    must $"{name} does not mark it: {text}" (text.Contains "manifest-replaced")))
        |> needsGit

        law "a forged page stays forged after a table is written with sums that the forger made" (fun () ->
            inWorld (fun world ->
                reported world
                let page, sums = reportFile world "index.html", reportFile world "SHA256SUMS"
                let before = Canonical.Sha256OfFile page
                File.AppendAllText(page, "<p>better</p>")
                replace sums before (Canonical.Sha256OfFile page)
                ReportFiles.write world.Root None (Path.Combine(world.Runs, "rings")) world.Reports |> ignore
                named "report-changed" "index.html" world
                ReportFiles.write world.Root (Some None) (Path.Combine(world.Runs, "rings")) world.Reports |> ignore
                let found = (world.Verify()).Alterations
                must $"after a new report: %A{found}" found.IsEmpty))
        |> breaks "nothing was forged" (fun () ->
            inWorld (fun world ->
                reported world
                ReportFiles.write world.Root None (Path.Combine(world.Runs, "rings")) world.Reports |> ignore
                named "report-changed" "index.html" world))
        |> needsGit

        law "a report that dies before its sums is no alteration, whether its page or its tables are new" (fun () ->
            for isNew in [ true; false ] do
                inWorld (fun world ->
                    reported world
                    if isNew then begun world "rings" 6 |> ended RunState.Completed |> entered world
                    let figures = reportFile world "figures"
                    Directory.Delete(figures, true)
                    // A file in place of the folder ends the report as the death of its process would.
                    File.WriteAllText(figures, "")

                    try
                        ReportFiles.write world.Root (Some None) (Path.Combine(world.Runs, "rings")) world.Reports |> ignore
                        broken "the report was written"
                    with :? IOException ->
                        ()

                    File.Delete figures
                    let found = world.Verify()
                    must $"%A{found.Alterations}" found.Alterations.IsEmpty
                    must $"%A{found.Notes}" (found.Notes |> List.exists _.Contains("not written to its end"))))
        |> breaks "a table was forged" (fun () ->
            inWorld (fun world ->
                reported world
                Ledger.enter world.Runs Ledger.Kind.report "rings" ""
                replace (reportFile world "table.md") "0.125" "0.120"
                let found = world.Verify()
                must $"%A{found.Alterations}" found.Alterations.IsEmpty))
        |> needsGit

        law "a note says that another ledger was here before, even if all runs say that they ended later" (fun () ->
            inWorld (fun world ->
                anchored world
                File.Delete world.Ledger
                Directory.Delete(Path.Combine(world.Runs, "moons"), true)

                for seed in 0..5 do
                    let path = manifestOf world seed
                    File.WriteAllText(path, Regex.Replace(File.ReadAllText path, "\"ended\": \"20..", "\"ended\": \"2099"))
                    seal path

                Manifests.enterRuns world.Runs (RunFolder.Under world.Runs) |> ignore
                let notes = (world.Verify()).Notes
                must $"%A{notes}" (notes |> List.exists _.Contains("replaced the ledger"))))
        |> breaks "the ledger is the same" (fun () ->
            inWorld (fun world -> must "a note" ((world.Verify()).Notes |> List.exists _.Contains("replaced the ledger"))))
        |> needsGit

        law "a forged run that a sweep repeats from the start counts again, and the audit says that it was altered before" (fun () ->
            inWorld (fun world ->
                forgedMetric world 1
                covered world 1 "metrics.json"
                begun world "rings" 1 |> ended RunState.Completed |> entered world
                let found = world.Verify()
                must $"%A{found.Alterations}" found.Alterations.IsEmpty
                must $"%A{found.Notes}" (found.Notes |> List.exists _.Contains("attempt 1 was altered before"))))
        |> breaks "it is not repeated" (fun () ->
            inWorld (fun world ->
                forgedMetric world 1
                covered world 1 "metrics.json"
                let found = world.Verify()
                must $"%A{found.Alterations}" found.Alterations.IsEmpty))
        |> needsGit

        law "manifests whose hashes lead in a circle end no command" (fun () ->
            inWorld (fun world ->
                let run = world.Run("rings", 1)
                let text = File.ReadAllText(manifestOf world 1)

                let forged (hash: string) (before: string) attempt =
                    let text =
                        Regex.Replace(text, "(?m)^  \"hash\": \"[^\"]*\"", $"  \"prevHash\": \"{before}\",\n  \"hash\": \"{hash}\"")
                    text.Replace("\"attempt\": 1", $"\"attempt\": {attempt}")

                for folder, hash, before in [ "001", "a", "b"; "002", "b", "a" ] do
                    Directory.CreateDirectory(run.In("attempts", folder)) |> ignore
                    File.WriteAllText(run.In("attempts", folder, "manifest.json"), forged hash before 1)

                File.WriteAllText(manifestOf world 1, forged "c" "b" 2)
                let table = (ReportFiles.tableOf (Path.Combine(world.Runs, "rings")) |> fst).Value
                must "the table does not mark it" (table.Rows |> List.collect _.Doubted |> List.exists (fun one -> one.Id = run.Id))
                must "it was entered" (Manifests.enterRuns world.Runs [ run ] |> List.length = 1)
                named "manifest-edited" run.Id world))
        |> needsGit

        law "a page with fewer figures than the one before is no alteration" (fun () ->
            inWorld (fun world ->
                reported world
                let sums = reportFile world "SHA256SUMS"
                File.AppendAllText(sums, $"{String('0', 64)}  figures/of-before.svg\n")
                Ledger.enter world.Runs Ledger.Kind.report "rings" (Canonical.Sha256OfFile sums)
                named "report-missing" "of-before" world
                ReportFiles.write world.Root (Some None) (Path.Combine(world.Runs, "rings")) world.Reports |> ignore
                let found = (world.Verify()).Alterations
                must $"%A{found}" found.IsEmpty))
        |> needsGit

        law "an audit of a ledger with twenty thousand entries of one number comes to an end" (fun () ->
            inWorld (fun world ->
                let all = lines world
                rewrite world (Seq.append all (Seq.init 20000 (fun i -> all[4].Replace("\"kind\":\"", $"\"kind\":\"{i}"))))
                named "ledger-inserted" "entry numbered 4" world))
        |> needsGit

        law "a table marks metrics that do not match the manifest, and runs without seals" (fun () ->
            inWorld (fun world ->
                forgedMetric world 0
                File.Delete world.Ledger
                let path = manifestOf world 1
                File.WriteAllText(path, Regex.Replace(File.ReadAllText path, ",\n  \"hash\": \"[^\"]*\"", ""))
                replace (manifestOf world 2) "\"seed\": 2" "\"seed\": 3"
                let table = (Report.tableOf (Path.Combine(world.Runs, "rings")) |> fst).Value
                let doubts =
                    Map [
                        for row in table.Rows do
                            for run in row.Doubted -> run.Seed, run.Doubt.Value
                    ]
                must $"%A{doubts}" (doubts.Keys |> List.ofSeq = [ "0"; "1"; "2" ])
                must doubts["0"] (doubts["0"].Contains "metrics.json was changed")
                must doubts["1"] (doubts["1"].Contains "no hash")
                must doubts["2"] (doubts["2"].Contains "manifest.json was changed")))
        |> needsGit
    ]
