/// Bisect finds the commit that changed what a run computes, even next to commits that cannot be built, and changes nothing else.
module Ebm.Tests.Laws.BisectLaws

open System
open System.IO
open System.Text.Json.Nodes
open Ebm.Records
open Ebm.Audits
open Ebm.Audits.Bisect
open Ebm.Audits.Comparison
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes

let private parting = { Step = Some 3L; What = "energy/loss" }

/// A history of nine commits. `changed` changed the numbers (10: none, 0: the run's own sources), and those of `broken` cannot be built.
let private nine (changed: int) (broken: int list) : (int -> Outcome) =
    fun place ->
        if List.contains place broken then Untold("it does not build", true)
        elif place >= changed then Parts parting
        else Same

let private searched (judge: int -> Outcome) =
    let asked = ResizeArray<int>()

    let found =
        search 9 (fun place _ ->
            asked.Add place
            judge place)

    must $"%A{List.ofSeq asked} asks twice" (asked.Count = (Seq.distinct asked |> Seq.length))
    found, List.ofSeq asked

let private finds (judge: int -> int list -> int -> Outcome) =
    for changed in 1..9 do
        for broken in 1..8 do
            let found, asked = searched (judge changed [ broken ])

            // A commit right before the first different one that cannot be tested may be the cause.
            let due =
                if changed = broken then Changed(broken + 1, parting, [ broken ])
                elif changed = broken + 1 then Changed(changed, parting, [ broken ])
                else Changed(changed, parting, [])

            must $"change at {changed}, not buildable {broken}: %A{found}" (found = due)
            // At most: the last one, the halvings, one that cannot be tested, and at the start the run's own.
            must $"%A{asked}" (asked.Length <= 1 + 3 + 1 + 1)

// ── A history of its own ────────────────────────────────────────────────────────────────────

let private git (folder: string) arguments =
    match Git.ask folder arguments with
    | Ok said -> said
    | Error says -> broken $"""git {String.Join(' ', arguments)}: {says}"""

let private write (folder: string) (name: string) (text: string) =
    let path = Path.Combine(folder, name)
    Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
    File.WriteAllText(path, text)

/// The build of these histories: it takes no time, and fails where the sources are broken.
let private build =
    """set -e
echo "$(git rev-parse HEAD)" >> ../../built
[ ! -e core/broken ] || { echo "core/x.cs(1,1): error CS1002: ; expected"; exit 1; }
mkdir -p artifacts/bin/Ebm.Runner/release
sed "s/NUMBER/$(cat core/number)/" core/runner.sh > artifacts/bin/Ebm.Runner/release/ebm-runner
chmod +x artifacts/bin/Ebm.Runner/release/ebm-runner
"""

/// The runner: four steps; the sources determine the bits of the third one.
let private runner =
    """#!/bin/sh
folder=$2
for step in 1 2 3 4; do
    bits=$step; [ $step -lt 3 ] || bits=NUMBER
    echo "{\"step\":$step,\"what\":\"energy/loss\",\"bits\":\"$bits\"}" >> "$folder/trace.jsonl"
done
echo '{"state":"interrupted","step":4,"runId":"x","groupId":"g","sweepId":"toys","configSha256":"0"}' > "$folder/manifest.json"
"""

type private History = { Root: string; Runs: string; Commits: string list; Run: RunFolder }

/// Nine commits after a run's own: `changed` sets another number, `broken` does not build, the sixth changes no sources.
let private history (folder: string) (changed: int) (broken: int) =
    let root, runs = Path.Combine(folder, "project"), Path.Combine(folder, "runs")
    Directory.CreateDirectory root |> ignore
    git root [ "init"; "--quiet"; "--initial-branch=work" ] |> ignore
    write root "core/build.sh" build
    write root "core/runner.sh" runner
    write root "global.json" "{}"

    let commits = [
        for place in 0..9 do
            write root "core/number" (if place >= changed then "7" else "5")
            if place = broken then write root "core/broken" "" else File.Delete(Path.Combine(root, "core", "broken"))
            if place = 6 then write root "docs/page.md" "words" else write root "core/comment" (string place)
            git root [ "add"; "-A" ] |> ignore
            git root [ "commit"; "--quiet"; "-m"; $"commit {place}" ] |> ignore
            git root [ "rev-parse"; "HEAD" ]
    ]

    let hashed = """{"device":"cpu"}"""
    let id = "toy-" + (Canonical.Sha256 hashed).Substring(0, 12)
    let run = RunFolder.Create(Path.Combine(runs, "toys"), id, Document.Parse("device: cpu\n", "config.yaml"), hashed)
    run.Append [ for step in 1L .. 4L -> Trace(step, "energy/loss", (if step < 3L then string step else "5")) ]

    run.Write(
        RunManifest(
            State = RunState.Completed,
            Step = 4L,
            RunId = id,
            GroupId = "g",
            SweepId = "toys",
            ConfigSha256 = run.ConfigSha256,
            Git = GitState(commits.Head)
        )
    )

    { Root = root; Runs = runs; Commits = commits; Run = run }

let private inHistory changed broken (holds: History -> unit) = inFolder (fun folder -> holds (history folder changed broken))

/// The printed JSON and the exit code; `built` counts the builds.
let private bisected (world: History) (bad: string) =
    let built = Path.Combine(Path.GetDirectoryName world.Root |> string, "built")
    let building () = { Programs = [ "sh", [ "-c"; build.Replace("../../built", built) ] ]; Variables = [] }

    let workspace = { Workspace.at world.Root with Runs = world.Runs; Json = true }

    let before = Console.Out
    use text = new StringWriter()

    let code =
        try
            Console.SetOut text
            (BisectCommand.verbOf building).Perform workspace [ world.Run.Id; "--steps=4"; "--bad"; bad ]
        finally
            Console.SetOut before

    let count = if File.Exists built then (File.ReadAllLines built).Length else 0
    code, nonNull (JsonNode.Parse(text.ToString())), count

let private text (json: JsonNode) (path: string) : string =
    let rec walk (node: JsonNode) (keys: string list) =
        match keys with
        | [] -> string node
        | key :: rest -> walk (nonNull (if Char.IsDigit key[0] then node[int key] else node[key])) rest

    walk json (List.ofArray (path.Split '.'))

let all = [
    law "bisect finds the commit that changed the numbers in few probes, for each of nine and with others that cannot be built" (fun () ->
        finds nine)
    |> breaks "a commit that cannot be built counts as changed" (fun () ->
        finds (fun changed broken place ->
            match nine changed broken place with
            | Untold _ -> Parts parting
            | outcome -> outcome))
    |> breaks "a commit that cannot be built counts as unchanged" (fun () ->
        finds (fun changed broken place ->
            match nine changed broken place with
            | Untold _ -> Same
            | outcome -> outcome))
    |> breaks "it changed one commit later" (fun () -> finds (fun changed -> nine (min 9 (changed + 1))))

    law "a history without a change takes one test; if the run's own sources differ here, the code is not blamed" (fun () ->
        must "nothing" (searched (nine 10 []) = (Unchanged, [ 9 ]))
        must "no commits" (search 0 (fun _ _ -> failwith "asked") = Unchanged)
        let found, asked = searched (nine 0 [])
        must $"%A{found}" (found = NotTheCode parting && List.last asked = 0)
        let found, _ = searched (nine 3 [ 9 ])
        must $"%A{found}" (found = NotTold "it does not build")
        let found, _ = searched (nine 5 [ 1; 2; 3; 4 ])
        must $"%A{found}" (found = Changed(5, parting, [ 1; 2; 3; 4 ])))

    law "bisect builds each commit in a separate folder, names the commit, its date and the first difference, and keeps outcomes" (fun () ->
        inHistory 3 5 (fun world ->
            write world.Root "core/number" "uncommitted"
            write world.Root "untracked" "mine"
            git world.Root [ "checkout"; "--quiet"; "-b"; "elsewhere" ] |> ignore
            let state () =
                git world.Root [ "status"; "--porcelain" ],
                git world.Root [ "for-each-ref" ],
                git world.Root [ "symbolic-ref"; "HEAD" ],
                git world.Root [ "worktree"; "list" ]
            let before = state ()
            let code, json, built = bisected world "work"
            must $"{json}" (code = 3 && text json "verdict" = "CHANGED")
            must $"{json}" (text json "first.hash" = world.Commits[3] && text json "first.subject" = "commit 3")
            must "its date" ((text json "first.date").Length >= 19)
            must $"{json}" (text json "parting.step" = "3" && text json "parting.what" = "energy/loss")
            must $"{built} built" (built > 0 && built <= 5)
            let (status, refs, head, trees), (status', refs', head', trees') = before, state ()
            must "the tree, a ref or the branch changed" ((refs, head, trees) = (refs', head', trees'))
            must $"{status'} was {status}" (status'.Replace("?? artifacts/\n", "") = status)
            let again, json', rebuilt = bisected world "work"
            must $"{rebuilt - built} built again" (again = 3 && rebuilt = built && json'.ToJsonString() = json.ToJsonString())))
    |> breaks "a search for another run's steps" (fun () ->
        inHistory 3 5 (fun world ->
            let _, _, built = bisected world "work"
            Directory.Delete(Path.Combine(world.Root, "artifacts"), true)
            let _, _, rebuilt = bisected world "work"
            must "built again" (rebuilt = built)))
    |> needsGit

    law "commits that change no compiled file are not built, and commits that do not build are named" (fun () ->
        inHistory 10 4 (fun world ->
            let code, json, built = bisected world world.Commits[6]
            // The sixth has the sources of the fifth.
            must $"{json}" (code = 0 && built = 1 && text json "probes.0.hash" <> "")
            let code, json, _ = bisected world world.Commits[0]
            must $"{json}" (code = 0 && (nonNull json["probes"]).AsArray().Count = 0))

        inHistory 4 5 (fun world ->
            let code, json, _ = bisected world "HEAD"
            must $"{json}" (code = 3 && text json "first.hash" = world.Commits[4])
            let code, json, _ = bisected world world.Commits[5]
            must $"{json}" (code = 2 && text json "verdict" = "NOT-TOLD" && (text json "reason").Contains "error CS1002")))
    |> needsGit

    law "a run that did not run on the CPU, or left no trace, is refused with a sentence" (fun () ->
        inHistory 3 5 (fun world ->
            File.Delete(world.Run.In "trace.jsonl")
            throws<InvalidDataException, _> [ "trace.jsonl" ] (fun () -> bisected world "HEAD")
            write world.Run.Path "config.yaml" "device: cuda:0\n"
            throws<InvalidDataException, _> [ "cuda:0"; "CPU" ] (fun () -> bisected world "HEAD")))
    |> needsGit
]
