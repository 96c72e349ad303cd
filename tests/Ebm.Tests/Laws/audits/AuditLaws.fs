/// Recorded files stay unchanged, or an audit names the alteration.
module Ebm.Tests.Laws.AuditLaws

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Text.RegularExpressions
open System.Threading.Tasks
open Ebm.Records
open Ebm.Audits
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes
open Ebm.Tests.AuditWorld

// ── Alterations ─────────────────────────────────────────────────────────────────────────────

/// The alteration, its kind, a part of the report, and how it is planted.
let private alterations: (string * string * string * (World -> unit)) list = [
    "a metric's digit", "artefact-changed", "metrics.json", (fun world -> replace (world.File(1, "metrics.json")) "0.140625" "0.130625")
    "another run's metrics",
    "artefact-changed",
    "metrics.json",
    (fun world -> File.Copy(world.File(0, "metrics.json"), world.File(1, "metrics.json"), true))
    "a byte of a checkpoint",
    "artefact-changed",
    "checkpoint/method.safetensors",
    (fun world -> flip (world.File(1, "checkpoint/method.safetensors")) -1)
    "a checkpoint that is gone", "artefact-missing", "checkpoint/", (fun world -> Directory.Delete(world.File(1, "checkpoint"), true))
    "a byte of the samples", "artefact-changed", "samples.npy", (fun world -> flip (world.File(1, "samples.npy")) -3)
    "samples that are gone", "artefact-missing", "samples.npy", (fun world -> File.Delete(world.File(1, "samples.npy")))
    "an array that is gone", "artefact-missing", "arrays/landscape.npy", (fun world -> File.Delete(world.File(1, "arrays/landscape.npy")))
    "an event more",
    "artefact-changed",
    "events.jsonl",
    (fun world -> File.AppendAllText(world.File(1, "events.jsonl"), "{\"step\":4,\"what\":\"energy/loss\",\"value\":0}\n"))
    "a trace cut short",
    "artefact-changed",
    "trace.jsonl",
    (fun world -> File.WriteAllLines(world.File(1, "trace.jsonl"), Array.truncate 2 (File.ReadAllLines(world.File(1, "trace.jsonl")))))
    "a file more", "artefact-extra", "better.json", (fun world -> File.WriteAllText(world.File(1, "better.json"), "{}"))
    "a deleted completed run", "run-removed", "toy-m-s2", (fun world -> Directory.Delete((world.Run("rings", 2)).Path, true))
    "a deleted diverged run", "run-removed", "toy-m-s3", (fun world -> Directory.Delete((world.Run("rings", 3)).Path, true))
    "a deleted failed run", "run-removed", "toy-m-s4", (fun world -> Directory.Delete((world.Run("rings", 4)).Path, true))
    "a swapped seed",
    "config-edited",
    "its seed is 7, and the run's was 1",
    (fun world -> replace (world.File(1, "config.json")) "\"seed\":1" "\"seed\":7")
    "an edited setting", "config-edited", "toy-m-s1", (fun world -> replace (world.File(1, "config.json")) "0.001" "0.002")
    "an edited config.yaml", "artefact-changed", "config.yaml", (fun world -> replace (world.File(1, "config.yaml")) "0.001" "0.002")
    "a config that is gone", "config-missing", "config.json", (fun world -> File.Delete(world.File(1, "config.json")))
    "a state, diverged to completed",
    "manifest-edited",
    "toy-m-s3",
    (fun world -> replace (world.File(3, "manifest.json")) "\"diverged\"" "\"completed\"")
    "a manifest's seed", "manifest-edited", "toy-m-s1", (fun world -> replace (world.File(1, "manifest.json")) "\"seed\": 1" "\"seed\": 2")
    "a manifest's commit",
    "manifest-edited",
    "toy-m-s1",
    (fun world -> replace (world.File(1, "manifest.json")) (String('a', 40)) (String('b', 40)))
    "a manifest edited and sealed again",
    "manifest-replaced",
    "toy-m-s3",
    (fun world -> resealed (world.Run("rings", 3)) "\"diverged\"" "\"completed\"")
    "a manifest that is gone", "manifest-missing", "cannot be checked", (fun world -> File.Delete(world.File(1, "manifest.json")))
    "another run's manifest",
    "manifest-replaced",
    "toy-m-s0",
    (fun world -> File.Copy(world.File(0, "manifest.json"), world.File(1, "manifest.json"), true))
    "a manifest that is not JSON", "manifest-edited", "manifest.json", (fun world -> File.WriteAllText(world.File(1, "manifest.json"), "{"))
    "a better run of the same config in its place",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        Directory.Delete((world.Run("rings", 1)).Path, true)
        let folder, manifest = begun world "rings" 1
        folder.Write [ Measurement("grid-kl", 0.001, "nats", Direction.Lower) ]
        folder.Write(manifest.Ended(RunState.Completed, 3L)))
    "two runs' names exchanged",
    "run-renamed",
    "toy-m-s0",
    (fun world ->
        let one, other = (world.Run("rings", 0)).Path, (world.Run("rings", 1)).Path
        Directory.Move(one, one + ".away")
        Directory.Move(other, one)
        Directory.Move(one + ".away", other))
    "a run moved to another sweep",
    "run-moved",
    "but is in moons",
    (fun world ->
        let run = world.Run("rings", 2)
        Directory.Move(run.Path, Path.Combine(world.Runs, "moons", run.Id)))
    "an earlier attempt's reason",
    "attempt-edited",
    "attempts/001",
    (fun world -> replace (world.File(5, "attempts/001/manifest.json")) "\"failed\"" "\"timeout\"")
    "an earlier attempt that is gone", "attempt-missing", "toy-m-s5", (fun world -> Directory.Delete(world.File(5, "attempts"), true))
    "a changed data file", "data-changed", "toy/rows.bin", (fun world -> File.WriteAllText(world.Rows, "more of the rows"))
    "a changed data file of the same size and time",
    "data-changed",
    "toy/rows.bin",
    (fun world ->
        let time = File.GetLastWriteTimeUtc world.Rows
        File.WriteAllText(world.Rows, "some sowr")
        File.SetLastWriteTimeUtc(world.Rows, time))
    "two entries exchanged",
    "ledger-reordered",
    "4, 3",
    (fun world ->
        let all = lines world
        rewrite world (Array.concat [ all[..2]; [| all[4]; all[3] |]; all[5..] ]))
    "an entry taken out", "ledger-removed", "entry 4", (fun world -> rewrite world (Array.removeAt 4 (lines world)))
    "an entry's hash",
    "ledger-edited",
    "entry 4",
    (fun world ->
        let all = lines world
        all[4] <- Regex.Replace(all[4], "\"hash\":\".", "\"hash\":\"z")
        rewrite world all)
    "an entry put in",
    "ledger-inserted",
    "moons/other",
    (fun world ->
        let all = lines world
        rewrite world (Array.insertAt 4 (Regex.Replace(all[4], "\"subject\":\"[^\"]*\"", "\"subject\":\"moons/other#1\"")) all))
    "the ledger's last entries cut off", "ledger-removed", "at its end", (fun world -> rewrite world (Array.truncate 5 (lines world)))
    "an entry taken out, and all hashes adjusted",
    "ledger-rewritten",
    "refs/ebm/ledger",
    (fun world ->
        let all = lines world |> Array.removeAt 4 |> Array.mapi (fun i line -> Regex.Replace(line, "\"seq\":\\d+", $"\"seq\":{i}"))
        rewrite world (rechained (List.ofArray all @ [ all[3].Replace("\"seq\":3", $"\"seq\":{all.Length}") ])))
    "a line that is not an entry",
    "ledger-torn",
    "not ledger entries",
    (fun world -> rewrite world (Array.insertAt 4 "{\"seq\":4,\"ki" (lines world)))
    "a ledger that is gone",
    "ledger-removed",
    "ledger.jsonl",
    (fun world ->
        anchored world
        File.Delete world.Ledger)
    // Attacks by a user who knows how hashes are made.
    "two runs' metrics exchanged, and both sealed again",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        let one, other = world.File(0, "metrics.json"), world.File(1, "metrics.json")
        let text = File.ReadAllText one
        File.WriteAllText(one, File.ReadAllText other)
        File.WriteAllText(other, text)

        for seed in [ 0; 1 ] do
            let run = world.Run("rings", seed)
            run.Write(nonNull run.Manifest))
    "a run whose seal was taken away",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        let path = world.File(1, "manifest.json")
        File.WriteAllText(path, Regex.Replace(File.ReadAllText path, ",\n  \"hash\": \"[^\"]*\"", "")))
    "a run whose manifest says that it is still running, so that its files are not checked",
    "manifest-replaced",
    "toy-m-s1",
    (fun world ->
        resealed (world.Run("rings", 1)) "\"completed\"" "\"running\""
        replace (world.File(1, "metrics.json")) "0.140625" "0.130625")
    "an earlier attempt edited and sealed again",
    "attempt-replaced",
    "attempt 1",
    (fun world ->
        let path = world.File(5, "attempts/001/manifest.json")
        replace path "\"failed\"" "\"timeout\""
        seal path)
    "the names of arrays",
    "artefact-changed",
    "arrays/index.json",
    (fun world -> replace (world.File(1, "arrays/index.json")) "landscape" "truth")
    "samples of the same size and time",
    "artefact-changed",
    "samples.npy",
    (fun world ->
        let path = world.File(1, "samples.npy")
        let time = File.GetLastWriteTimeUtc path
        flip path -1
        File.SetLastWriteTimeUtc(path, time))
    "samples that are a link to the same bytes elsewhere",
    "artefact-linked",
    "samples.npy",
    (fun world ->
        let path, elsewhere = world.File(1, "samples.npy"), Path.Combine(world.Root, "elsewhere.npy")
        File.Move(path, elsewhere)
        File.CreateSymbolicLink(path, elsewhere) |> ignore)
    "a checkpoint behind a link",
    "artefact-linked",
    "checkpoint/method.safetensors",
    (fun world ->
        let path, elsewhere = world.File(1, "checkpoint"), Path.Combine(world.Root, "elsewhere")
        Directory.Move(path, elsewhere)
        Directory.CreateSymbolicLink(path, elsewhere) |> ignore)
    "an older ledger in place of the newer one",
    "ledger-removed",
    "at its end",
    (fun world ->
        let older = File.ReadAllText world.Ledger
        begun world "moons" 1 |> ended RunState.Completed |> entered world
        anchored world
        File.WriteAllText(world.Ledger, older))
    "a ledger started again over the same runs",
    "ledger-replaced",
    "refs/ebm/ledger",
    (fun world ->
        anchored world
        File.Delete world.Ledger
        Directory.Delete((world.Run("rings", 4)).Path, true)
        Manifests.enterRuns world.Runs (RunFolder.Under world.Runs) |> ignore
        anchored world)
    "a run entered twice",
    "ledger-inserted",
    "a second time",
    (fun world ->
        let run = world.Run("rings", 1)
        run.Write [ Measurement("grid-kl", 0.001, "nats", Direction.Lower) ]
        run.Write(nonNull run.Manifest)
        let hash = nonNull (nonNull run.Manifest).Hash
        Ledger.append world.Runs (fun _ -> [ "run", Manifests.subjectOf "rings" run.Id 1, hash ])
        must "a head is kept of it" (Result.isError (Ledger.anchor world.Root world.Runs)))
]

let private alteration (name, what, part, alter: World -> unit) =
    law $"an audit names {name}, and ends with 3" (fun () ->
        inWorld (fun world ->
            alter world
            named what part world
            let code = audited world [ "verify" ]
            must $"it ends with {code}" (code = 3)))
    |> breaks "nothing was done" (fun () -> inWorld (named what part))
    |> needsGit

// ── Changes that are not alterations ───────────────────────────────────────────────────────────────────

let private untouched: (string * (World -> unit)) list = [
    "nothing has happened", ignore
    "files were touched",
    (fun world ->
        for file in Directory.GetFiles(world.Runs, "*", SearchOption.AllDirectories) do
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow))
    "the data were touched", (fun world -> File.SetLastWriteTimeUtc(world.Rows, DateTime.UtcNow.AddDays 1.0))
    "the data are elsewhere", (fun world -> File.Delete world.Rows)
    "a run is running", (fun world -> begun world "rings" 9 |> ignore)
    "a run is running its next attempt", (fun world -> begun world "rings" 4 |> ignore)
    "a run was repeated", (fun world -> begun world "rings" 4 |> ended RunState.Completed |> entered world)
    "a run without an entry", (fun world -> begun world "rings" 9 |> ended RunState.Completed |> ignore)
    "a run was measured again",
    (fun world ->
        measured 0.5 world (world.Run("rings", 1))
        measured 0.25 world (world.Run("rings", 1)))
    "a table was written again", (fun world -> Ledger.enterTable world.Runs "rings" (Path.Combine(world.Root, "table.csv")))
    "another table was written", (fun world -> Ledger.enterTable world.Runs "rings" world.Rows)
    "logs have grown", (fun world -> File.AppendAllText(world.File(1, "stdout.log"), "more"))
    "a claim was left", (fun world -> File.WriteAllText(world.File(1, ".claim"), ""))
    "the folder has a sweep's own files", (fun world -> File.WriteAllText(Path.Combine(world.Runs, "rings", "sweep.lock"), ""))
    "a process died while it appended", (fun world -> File.AppendAllText(world.Ledger, "{\"seq\":99,\"ki"))
    "entries came after the head was kept", (fun world -> begun world "moons" 1 |> ended RunState.Completed |> entered world)
    "the head was kept twice", anchored
    "the repository does not keep the ledger's head", (fun world -> Directory.Delete(Path.Combine(world.Root, ".git"), true))
    "runs that predate sealed manifests",
    (fun world ->
        let folder, manifest = begun world "moons" 2
        let run = ended RunState.Completed (folder, manifest)
        let path = run.In "manifest.json"
        File.WriteAllText(path, Regex.Replace(File.ReadAllText path, ",\n  \"hash\": \"[^\"]*\"", "")))
    "it was audited before", (fun world -> must "the first audit" (audited world [ "verify" ] = 0))
    "the runs were moved",
    (fun world ->
        let moved = Path.Combine(world.Root, "moved")
        Directory.Move(world.Runs, moved)
        let found = Verify.verify world.Root (Some world.Data) None moved []
        must $"moved: %A{found.Alterations}" found.Alterations.IsEmpty
        Directory.Move(moved, world.Runs))
    "the folder of runs is a link",
    (fun world ->
        let elsewhere = Path.Combine(world.Root, "elsewhere")
        Directory.Move(world.Runs, elsewhere)
        Directory.CreateSymbolicLink(world.Runs, elsewhere) |> ignore)
    "a run was pruned before it began",
    (fun world ->
        let folder, manifest = begun world "rings" 9
        folder.Write(manifest.Ended(RunState.Pruned, 0L, "hopeless"))
        entered world folder)
    "a run was interrupted and resumed",
    (fun world ->
        begun world "rings" 9 |> ended RunState.Interrupted |> entered world
        begun world "rings" 9 |> ended RunState.Completed |> entered world)
    "everything was deleted and started again",
    (fun world ->
        anchored world
        Directory.Delete(world.Runs, true)
        begunAt (DateTime.UtcNow.AddSeconds 2.0) world "rings" 0 |> ended RunState.Completed |> entered world
        anchored world)
    "a sweep was confirmed in a separate folder",
    (fun world -> begun world "rings-confirm" 100 |> ended RunState.Completed |> entered world)
    "a ledger's head was fetched from the same path of another machine",
    (fun world ->
        anchored world
        let git arguments = Git.ask world.Root arguments |> Result.defaultWith failwith
        let id = (Ledger.load world.Root world.Runs).Value.Id
        let theirs = Regex.Replace(git [ "log"; "-1"; "--format=%B"; Ledger.refOf id ], "machine [0-9a-f]{4}", "machine 0123")
        let tree = git [ "rev-parse"; Ledger.refOf id + "^{tree}" ]
        let head = Git.tell world.Root [] theirs [ "commit-tree"; tree ] |> Result.defaultWith failwith
        git [ "update-ref"; "refs/ebm/ledger/0123456789abcdef"; head.Trim() ] |> ignore)
    "only one sweep is checked",
    (fun world ->
        let found = Verify.verify world.Root (Some world.Data) None world.Runs [ "moons" ]
        must $"one sweep: %A{found.Alterations}" found.Alterations.IsEmpty)
    "a sweep's name ends as that of a run does",
    (fun world ->
        begun world "fit-202611291200" 0 |> ended RunState.Completed |> entered world
        let plan: Ebm.Analysis.Plans.Plan = { Overrides = []; Metric = None; Baseline = []; Runs = []; Trainings = [] }
        let folder = Path.Combine(world.Runs, "fit-202611291200")
        Ebm.Analysis.Plans.note (Ledger.enter world.Runs Ledger.Kind.plan "fit-202611291200") folder plan
        must "its run is counted" (Seq.length (RunFolder.Under folder) = 1))
    "a measurement was begun twice",
    (fun world ->
        Manifests.enterBegun world.Runs [ world.Run("rings", 1) ]
        measured 0.5 world (world.Run("rings", 1)))
    "a run that has not begun",
    (fun world ->
        let folder, _ = begun world "rings" 8
        File.Delete(folder.In "manifest.json"))
]

// ── The command line ────────────────────────────────────────────────────────────────────────

/// The exit code of a command line, and what it prints on both outputs.
let private asked (arguments: string list) =
    let out, error = Console.Out, Console.Error
    use says = new StringWriter()
    use complains = new StringWriter()

    try
        Console.SetOut says
        Console.SetError complains
        let code = Audit.main root arguments
        code, string says, string complains
    finally
        Console.SetOut out
        Console.SetError error

let private optionsOf (verb: Workspace.Verb) = verb.Options @ [ Workspace.parser ] |> List.collect Options.names

let private refuses (name: string) (option: string) (known: string list) =
    let code, says, complains = asked [ name; $"{option}=1" ]
    must $"audit {name} {option} ends with {code}, and says {says}" (code = 2 && says = "")
    must complains (complains.Contains $"Unknown option {option} of {name}")

    must complains (known |> List.forall (fun due -> complains.Contains due) || complains.Contains $"help audit {name} lists")

let private describes (arguments: string list) (known: string list) =
    let code, says, _ = asked arguments
    must $"%A{arguments} ends with {code}" (code = 0)

    for due in known do
        must $"%A{arguments} does not describe {due}: {says}" (says.Contains $"  {due} ")

let all =
    List.map alteration alterations
    @ [
        law "an audit of unaltered files finds nothing" (fun () ->
            for name, happens in untouched do
                inWorld (fun world ->
                    happens world
                    let found = (world.Verify()).Alterations
                    must $"{name}: %A{found}" found.IsEmpty
                    let code = audited world [ "verify" ]
                    must $"{name}: it ends with {code}" (code = 0)))
        |> breaks "the first alteration" (fun () ->
            inWorld (fun world ->
                let _, _, _, alter = alterations.Head
                alter world
                must "it was found" (world.Verify()).Alterations.IsEmpty))
        |> needsGit

        law "an audit refuses the options of other audits, and names its own or the page that has them" (fun () ->
            let every = Audit.verbs |> List.collect optionsOf |> List.distinct

            for verb in Audit.verbs do
                for option in List.except (optionsOf verb) every do
                    refuses verb.Name option (optionsOf verb)

            let _, _, complains = asked [ "smoke"; "some-run"; "--step=3" ]
            must complains (complains.Contains "did you mean --steps?"))
        |> breaks "an option that it has" (fun () -> refuses "smoke" "--steps" [])

        law "an option without its value, or with a value that is not valid, is refused" (fun () ->
            for arguments in [ [ "--steps" ]; [ "--steps=many" ]; [ "--threads=0" ]; [ "--set=OMP_NUM_THREADS" ]; [ "--runs" ] ] do
                let code, says, complains = asked ("smoke" :: "some-run" :: arguments)
                must $"%A{arguments}: {code} {says}" (code = 2 && says = "")
                must complains (complains.Contains(Options.nameOf arguments.Head)))

        law "help describes each audit and each of its options, and so does --help" (fun () ->
            describes [ "help" ] (Audit.verbs |> List.map _.Name)
            describes [ "--help" ] (Audit.verbs |> List.map _.Name)

            for verb in Audit.verbs do
                describes [ "help"; verb.Name ] (optionsOf verb)
                describes [ verb.Name; "--"; "--help" ] (optionsOf verb)

            let code, _, complains = asked [ "help"; "smok" ]
            must complains (code = 2 && complains.Contains "did you mean smoke?"))
        |> breaks "an option of another audit" (fun () -> describes [ "help"; "verify" ] [ "--steps" ])

        law "a manifest's hash is the hash of its own text with an empty hash field" (fun () ->
            inWorld (fun world ->
                let text = File.ReadAllText(world.File(1, "manifest.json"))
                let seal = Regex.Match(text, "(?m)^  \"hash\": \"([0-9a-f]{64})\"")
                must "there is no seal" seal.Success
                must "the hash differs" (Canonical.Sha256(text.Replace(seal.Groups[1].Value, "")) = seal.Groups[1].Value)
                must "it does not hold" (RunManifest.IsSealed(text).Value)
                must "it holds for another text" (not (RunManifest.IsSealed(text.Replace("\"step\": 3", "\"step\": 4")).Value))
                let again = nonNull (world.Run("rings", 5)).Manifest
                let first = ((world.Run("rings", 5)).Attempts())[0]
                must "the second attempt does not name the first" (again.PrevHash = first.Hash && not (isNull first.Hash))))
        |> needsGit

        law "threads and processes that append to one ledger, one of which is killed, lose no entry and break no chain" (fun () ->
            inFolder (fun folder ->
                // The next append removes the incomplete line of a process that died.
                Ledger.append folder (fun _ -> [ "audit", "before", "hash" ])
                File.AppendAllText(Ledger.pathOf folder, "{\"seq\":2,\"ki")
                let children = [ for name in [ "a"; "b"; "c" ] -> name, again [ "append"; folder; name; "40" ] ]
                let append n = Ledger.append folder (fun _ -> [ "audit", $"own {n}", "hash" ])
                let victim = again [ "append"; folder; "victim"; "2000" ]
                let said = Text.StringBuilder()

                try
                    while said.Length < 20 do
                        said.Append(victim.StandardOutput.ReadLine()).Append(' ') |> ignore

                    Parallel.For(0, 20, ParallelOptions(MaxDegreeOfParallelism = 4), append) |> ignore
                finally
                    kill (-victim.Id, 9) |> ignore
                    victim.WaitForExit()

                for name, child in children do
                    let code, says = finished child
                    must $"{name}: {code}: {says}" (code = 0)

                append 20
                let ledger = Ledger.load folder folder |> Option.get
                must $"%A{ledger.Faults}" ledger.Faults.IsEmpty
                let counts = ledger.Entries |> List.countBy (fun entry -> (entry.Subject.Split ' ')[0]) |> Map.ofList
                must
                    $"%A{counts}"
                    (List.forall (fun name -> counts[name] = 40) [ "a"; "b"; "c" ] && counts["own"] = 21 && counts["before"] = 1)
                // The ledger has all entries that the killed process reported, in order.
                let victims = ledger.Entries |> List.filter (fun entry -> entry.Subject.StartsWith "victim ") |> List.map _.Subject
                must $"{victims.Length} and %A{said}" (victims.Length >= 9 && victims = [ for n in 1 .. victims.Length -> $"victim {n}" ])))

        law
            "one repository keeps the heads of several ledgers; a clone has them after a fetch; without git no head is kept, and the audit says so"
            (fun () ->
                inWorld (fun world ->
                    let others = Path.Combine(world.Root, "other-runs")
                    Ledger.append others (fun _ -> [ "audit", "elsewhere", "hash" ])
                    must "not kept" (Ledger.anchor world.Root others = Ok())
                    let both = [ for runs in [ world.Runs; others ] -> (Ledger.load world.Root runs).Value ]
                    must $"%A{both |> List.map _.Loose}" (both |> List.forall (fun ledger -> ledger.Loose = Some 0L))
                    let clone = Path.Combine(world.Root, "clone")
                    let git where arguments =
                        match Git.ask where arguments with
                        | Ok said -> said
                        | Error says -> broken says
                    git world.Root [ "commit"; "--quiet"; "--allow-empty"; "-m"; "first" ] |> ignore
                    git world.Root [ "clone"; "--quiet"; world.Root; clone ] |> ignore
                    let seen () = (Verify.verify clone (Some world.Data) None world.Runs [])
                    must "a clone has it without a fetch" ((seen ()).Ledger.Value.Loose.IsNone)
                    git clone [ "fetch"; "--quiet"; "origin"; "refs/ebm/*:refs/ebm/*" ] |> ignore
                    must $"%A{(seen ()).Ledger.Value.Loose}" ((seen ()).Ledger.Value.Loose = Some 0L)
                    // A cut-off end is also detected in the clone.
                    rewrite world (Array.truncate 5 (lines world))
                    must $"%A{(seen ()).Alterations}" ((seen ()).Alterations |> List.exists (fun a -> a.What = Altered.LedgerRemoved))

                    inFolder (fun bare ->
                        must "no repository" (Result.isError (Ledger.anchor bare others))
                        must "something is kept" ((Ledger.load bare others).Value.Loose.IsNone))))
        |> needsGit

        law "a ledger's head follows the last one, and the repository's index, branch and stash stay the same" (fun () ->
            inWorld (fun world ->
                let git arguments = Git.ask world.Root arguments |> Result.defaultValue "-"
                let state () =
                    git [ "status"; "--porcelain" ],
                    git [ "branch"; "--list" ],
                    git [ "stash"; "list" ],
                    File.Exists(Path.Combine(world.Root, ".git", "index"))
                let before = state ()
                begun world "moons" 1 |> ended RunState.Completed |> entered world
                anchored world
                must
                    "something moved"
                    (state () |> fun (a, b, c, d) -> let (_, b', c', d') = before in a.Contains "runs" && (b, c, d) = (b', c', d'))
                let ledger = Ledger.load world.Root world.Runs |> Option.get
                let heads = Ledger.anchored world.Root ledger.Id
                must $"%A{heads}" (heads |> List.map fst = [ 19L; 17L ] && ledger.Loose = Some 0L)))
        |> needsGit

        law "an audit lists the known verbs and sweeps" (fun () ->
            inWorld (fun world ->
                throws<ConfigException, _> [ "verify"; "did you mean" ] (fun () -> audited world [ "verfy" ])
                throws<ConfigException, _> [ "rings"; "moons" ] (fun () -> audited world [ "verify"; "ring" ])))
        |> needsGit
    ]
