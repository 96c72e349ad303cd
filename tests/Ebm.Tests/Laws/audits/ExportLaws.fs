/// An export is described as the profiles require, is complete, and can be repeated on its own.
module Ebm.Tests.Laws.ExportLaws

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Audits
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes

// ── A small world ───────────────────────────────────────────────────────────────────────────

/// A repository with a history, a snapshot of uncommitted sources, and three runs from it.
type private World = { Root: string; Runs: string; Data: string; Snapshot: string }

let private git (folder: string) arguments =
    match Git.tell folder [ "GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z"; "GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z" ] "" arguments with
    | Ok said -> said.Trim()
    | Error says -> broken $"""git {String.Join(' ', arguments)}: {says}"""

let private write (folder: string) (name: string) (text: string) =
    let path = Path.Combine(folder, name)
    Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
    File.WriteAllText(path, text)

let private map (pairs: (string * string) list) : IReadOnlyDictionary<string, string> = readOnlyDict pairs
let private at (text: string) = DateTime.Parse(text, Globalization.CultureInfo.InvariantCulture).ToUniversalTime()

let private run (world: World) (seed: int) (state: RunState) (reason: string | null) =
    let yaml =
        $"seed: {seed}\nrate: 0.5\nfast: true\nname: \"a b\"\nfactors: [1, 100]\nnothing: null\nmethod:\n  kind: toy\n  steps: {seed + 1}\n"

    let config = Document.Parse(yaml, "config.yaml")
    let hashed = Canonical.Json config
    let id = $"toy-s{seed}-{(Canonical.Sha256 hashed).Substring(0, 12)}"
    let folder = RunFolder.Create(Path.Combine(world.Runs, "toys-and-all"), id, config, hashed)
    folder.Append [ Trace(1L, "energy/loss", $"%016x{seed}") ]
    folder.Append [ Event(1L, "energy/loss", float seed) ]

    if state = RunState.Completed then
        folder.WriteSamples([| 1f; 2f |], 2L, 1L)
        folder.Write [ NamedArray("landscape", [| "x" |], [| 2L |], [| 0f; float32 seed |]) ]
        folder.Write [ Measurement("grid-kl", 0.125, "nats", Direction.Lower); Measurement("energies", nan, "nats", Direction.Lower) ]

    File.WriteAllText(folder.In "stdout.log", "ended")
    let data name =
        DataFile(
            $"toy/{name}",
            FileInfo(Path.Combine(world.Data, "toy", name)).Length,
            at "2026-01-01T00:00:00Z",
            Canonical.Sha256OfFile(Path.Combine(world.Data, "toy", name))
        )

    folder.Write(
        RunManifest(
            State = state,
            Step = 1L,
            Reason = reason,
            RunId = id,
            GroupId = "toy-000000000000",
            SweepId = "toys-and-all",
            Seed = int64 seed,
            Attempt = folder.NextAttempt(),
            ConfigSha256 = folder.ConfigSha256,
            Overrides = [| "method=toy"; $"seed={seed}" |],
            Script = ScriptState("experiments/sweep.fsx", "-"),
            Git =
                GitState(
                    git world.Root [ "rev-parse"; "HEAD" ],
                    Dirty = true,
                    Snapshot = SnapshotState(world.Snapshot, git world.Root [ "rev-parse"; world.Snapshot + "^{tree}" ], "refs/ebm/runs/x")
                ),
            Build = BuildState("Release", "0.1.0"),
            Runtime = RuntimeState("10.0.1", "Linux"),
            Native = NativeState "1.13.0",
            Environment = map [ "OMP_NUM_THREADS", "1" ],
            Timing = Timing(at $"2026-01-0{seed + 1}T10:00:00Z", Nullable(at $"2026-01-0{seed + 1}T10:00:01Z")),
            Data = [| DataState("rows", "d", [| data "some rows.bin"; data "large.bin" |]); DataState("computed", String('e', 64)) |]
        )
    )

/// Made once.
let private template =
    lazy
        (let folder = (Directory.CreateTempSubdirectory "ebm-law-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         let root = Path.Combine(folder, "project")
         Directory.CreateDirectory root |> ignore
         git root [ "init"; "--quiet"; "--initial-branch=work" ] |> ignore
         write root "experiments/sweep.fsx" "// sweeps\n"
         write root "LICENSE" "Some Licence\n"
         git root [ "add"; "-A" ] |> ignore
         git root [ "commit"; "--quiet"; "-m"; "first" ] |> ignore
         write root "paket.lock" "locked\n"
         write root "global.json" """{ "sdk": { "version": "10.0.100" } }"""
         git root [ "add"; "-A" ] |> ignore
         git root [ "commit"; "--quiet"; "-m"; "second" ] |> ignore
         write root "experiments/née.fs" "// never committed\n"
         git root [ "add"; "-A" ] |> ignore
         let tree = git root [ "write-tree" ]
         let snapshot = git root [ "commit-tree"; tree; "-p"; "HEAD"; "-m"; "The sources as they ran" ]
         git root [ "update-ref"; $"refs/ebm/runs/{tree.Substring(0, 12)}"; snapshot ] |> ignore
         git root [ "reset"; "--quiet" ] |> ignore
         let world = { Root = root; Runs = Path.Combine(folder, "runs"); Data = Path.Combine(folder, "data"); Snapshot = snapshot }
         write world.Data "toy/some rows.bin" "some rows"
         write world.Data "toy/large.bin" (String('x', 2000))
         write world.Runs "toys-and-all/plans.jsonl" "{}\n"
         run world 0 RunState.Completed null
         run world 1 RunState.Diverged "its loss is NaN"
         run world 2 RunState.Failed "killed"
         folder)

let private inWorld (holds: World -> unit) =
    inFolder (fun folder ->
        must "it cannot be copied" (ends "cp" [ "-r"; template.Value + "/."; folder ] = 0)
        let root = Path.Combine(folder, "project")
        let snapshot = git root [ "for-each-ref"; "--format=%(objectname)"; "refs/ebm/runs" ]
        holds { Root = root; Runs = Path.Combine(folder, "runs"); Data = Path.Combine(folder, "data"); Snapshot = snapshot })

let private wish (world: World) : Export.Wish = {
    Repository = world.Root
    Data = world.Data
    Crate = true
    Capsule = true
    Plans = true
    Largest = 1000L
}

let private made (world: World) (change: Export.Wish -> Export.Wish) (name: string) =
    let runs = List.ofSeq (RunFolder.Under world.Runs)
    Export.make (change (wish world)) "The sweep toys-and-all" runs (Path.Combine(Path.GetDirectoryName world.Root |> string, name))

// ── What the profiles require ───────────────────────────────────────────────────────────────

/// An exported folder, and the graph that describes it.
type private Exported = { Folder: string; Graph: JsonObject list }

let private readGraph (text: string) =
    (nonNull (JsonNode.Parse text)).["@graph"] |> nonNull |> _.AsArray() |> Seq.map (fun node -> (nonNull node).AsObject()) |> List.ofSeq

/// Made once, for the laws that only read it.
let private exported =
    lazy
        (let folder = (Directory.CreateTempSubdirectory "ebm-law-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         let into = Path.Combine(folder, "out")
         inWorld (fun world -> Directory.Move((made world id "out").Folder, into))
         into)

let private graphOf (folder: string) = readGraph (File.ReadAllText(Path.Combine(folder, "ro-crate-metadata.json")))

let private property (name: string) (node: JsonObject) : JsonNode list =
    match node[name] with
    | null -> []
    | :? JsonArray as several -> several |> Seq.map nonNull |> List.ofSeq
    | one -> [ one ]

let private texts name node =
    property name node
    |> List.map (fun value ->
        match value with
        | :? JsonObject as to' -> string to'["@id"]
        | value -> string value)

let private idOf (node: JsonObject) = string node["@id"]
let private isA kind node = texts "@type" node |> List.contains kind
let private find (crate: Exported) (target: string) = crate.Graph |> List.tryFind (fun node -> idOf node = target)
let private ofType kind (crate: Exported) = crate.Graph |> List.filter (isA kind)

let private descriptor (crate: Exported) =
    crate.Graph |> List.filter (fun node -> texts "conformsTo" node |> List.exists _.StartsWith("https://w3id.org/ro/crate/"))

/// The entity that the descriptor is about, as consumers find it.
let private root (crate: Exported) = descriptor crate |> List.collect (texts "about") |> List.choose (find crate)
let private mainWorkflow (crate: Exported) = root crate |> List.collect (texts "mainEntity") |> List.choose (find crate)
let private actions = ofType "CreateAction"
let private instruments (crate: Exported) = actions crate |> List.collect (texts "instrument") |> List.distinct |> List.choose (find crate)
let private folders (crate: Exported) = ofType "Dataset" crate |> List.filter (fun node -> idOf node <> "./")
let private isDate (text: string) = Regex.IsMatch(text, @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$")
let private lies (crate: Exported) (id: string) = Path.Exists(Path.Combine(crate.Folder, Uri.UnescapeDataString id))

/// All files and folders that hasPart reaches.
let private reached (crate: Exported) =
    let rec below found id =
        if Set.contains id found then
            found
        else
            match find crate id with
            | Some node -> texts "hasPart" node |> List.fold below (found.Add id)
            | None -> found.Add id

    below Set.empty "./"

type private Requirement = {
    /// The document and its requirement.
    Says: string
    Of: Exported -> JsonObject list
    Property: string
    Fits: Exported -> JsonObject -> bool
}

let private requirement says of' property fits = { Says = says; Of = of'; Property = property; Fits = fits }
let private every name (fits: string -> bool) (_: Exported) node = texts name node |> List.forall fits
let private any (_: Exported) (_: JsonObject) = true

let private roCrate = "RO-Crate 1.1"
let private workflowCrate = "Workflow RO-Crate 1.0"
let private processRun = "Process Run Crate 0.5"
let private workflowRun = "Workflow Run Crate 0.5"

/// Every property that the documents require (MUST) of entities in our crates.
let private requirements = [
    requirement
        $"{roCrate}: the metadata file descriptor's @id is ro-crate-metadata.json"
        descriptor
        "@id"
        (every "@id" ((=) "ro-crate-metadata.json"))
    requirement $"{roCrate}: the metadata file descriptor's @type is CreativeWork" descriptor "@type" (fun _ -> isA "CreativeWork")
    requirement $"{roCrate}: the metadata file descriptor is about the root data entity" descriptor "about" (fun crate node ->
        texts "about" node |> List.forall (fun id -> find crate id |> Option.exists (isA "Dataset")))
    requirement $"{roCrate}: the root data entity's @type is Dataset" root "@type" (fun _ -> isA "Dataset")
    requirement $"{roCrate}: the root data entity's @id ends with /" root "@id" (every "@id" _.EndsWith('/'))
    requirement $"{roCrate}: the root data entity has a name" root "name" any
    requirement $"{roCrate}: the root data entity has a description" root "description" any
    requirement $"{roCrate}: the root data entity has datePublished, in ISO 8601" root "datePublished" (every "datePublished" isDate)
    requirement $"{roCrate}: the root data entity has a license" root "license" any
    requirement
        $"{roCrate}: files and folders are linked to from the root by hasPart, directly or indirectly"
        root
        "hasPart"
        (fun crate _ ->
            let reached = reached crate
            ofType "File" crate @ folders crate |> List.forall (idOf >> reached.Contains))
    requirement $"{roCrate}: a file's @type is File or has it" (ofType "File") "@type" any
    requirement $"{roCrate}: a file's @id is a path relative to the crate's root, of an existing file" (ofType "File") "@id" (fun crate ->
        idOf >> lies crate)
    requirement $"{roCrate}: a folder's @type is Dataset" folders "@type" any
    requirement $"{roCrate}: a folder's @id is a path relative to the crate's root, of an existing folder" folders "@id" (fun crate ->
        idOf >> lies crate)
    requirement $"{roCrate}: a workflow's @type has File, SoftwareSourceCode and ComputationalWorkflow" mainWorkflow "@type" (fun _ node ->
        [ "File"; "SoftwareSourceCode"; "ComputationalWorkflow" ] |> List.forall (fun kind -> isA kind node))
    requirement $"{roCrate}: a workflow's @id links to its entry point" mainWorkflow "@id" (fun crate -> idOf >> lies crate)
    requirement $"{roCrate}: a workflow has a name" mainWorkflow "name" any
    for kind in [ "ComputerLanguage"; "SoftwareApplication" ] do
        for property in [ "name"; "url"; "version" ] do
            requirement $"{roCrate}: a {kind} has {property}" (ofType kind) property any
    requirement $"{roCrate}: an action's endTime is in ISO 8601" actions "endTime" (every "endTime" isDate)
    requirement $"{workflowCrate}: the crate refers to its main workflow by mainEntity" root "mainEntity" (fun crate _ ->
        (mainWorkflow crate).Length = 1)
    requirement
        $"{workflowCrate}: the main workflow refers to its type by programmingLanguage"
        mainWorkflow
        "programmingLanguage"
        (fun crate node ->
            texts "programmingLanguage" node |> List.forall (fun id -> find crate id |> Option.exists (isA "ComputerLanguage")))
    requirement $"{workflowCrate}: the crate specifies a license" root "license" any
    requirement
        $"{processRun}: the root's conformsTo references a CreativeWork with the permalink of this version"
        root
        "conformsTo"
        (fun crate node ->
            texts "conformsTo" node |> List.contains "https://w3id.org/ro/wfrun/process/0.5"
            && find crate "https://w3id.org/ro/wfrun/process/0.5" |> Option.exists (isA "CreativeWork"))
    requirement
        $"{processRun}: an executed tool has a @type: SoftwareApplication, SoftwareSourceCode or ComputationalWorkflow"
        instruments
        "@type"
        (fun _ node -> [ "SoftwareApplication"; "SoftwareSourceCode"; "ComputationalWorkflow" ] |> List.exists (fun kind -> isA kind node))
    requirement $"{processRun}: an executed tool has an @id" instruments "@id" any
    requirement $"{processRun}: an execution's @type is CreateAction" actions "@type" any
    requirement $"{processRun}: an execution's @id is its own, and the root mentions it" actions "@id" (fun crate node ->
        root crate |> List.collect (texts "mentions") |> List.contains (idOf node))
    requirement $"{processRun}: an execution's instrument is the tool that was executed" actions "instrument" (fun crate node ->
        texts "instrument" node |> List.forall (find crate >> Option.isSome))
    requirement
        $"{workflowRun}: the root's conformsTo references a CreativeWork with the permalink of this version"
        root
        "conformsTo"
        (fun crate node ->
            texts "conformsTo" node |> List.contains "https://w3id.org/ro/wfrun/workflow/0.5"
            && find crate "https://w3id.org/ro/wfrun/workflow/0.5" |> Option.exists (isA "CreativeWork"))
    requirement $"{workflowRun}: the crate has a ComputationalWorkflow as its mainEntity" root "mainEntity" (fun crate _ ->
        mainWorkflow crate |> List.forall (isA "ComputationalWorkflow"))
    requirement $"{workflowRun}: the executions of the main workflow have it as their instrument" actions "instrument" (fun crate node ->
        texts "instrument" node = (mainWorkflow crate |> List.map idOf))
    requirement
        $"{workflowRun}: parameters are FormalParameters, and the workflow references the inputs by input"
        mainWorkflow
        "input"
        (fun crate node -> texts "input" node |> List.forall (find crate >> Option.exists (isA "FormalParameter")))
    requirement
        $"{workflowRun}: parameters are FormalParameters, and the workflow references the outputs by output"
        mainWorkflow
        "output"
        (fun crate node ->
            let referenced = set (texts "input" node @ texts "output" node)
            ofType "FormalParameter" crate |> List.forall (idOf >> referenced.Contains))
    requirement $"{workflowRun}: a FormalParameter has an additionalType" (ofType "FormalParameter") "additionalType" any
]

/// Each entity that the requirement concerns fits it, and there is one at least.
let private fits (requirement: Requirement) (crate: Exported) =
    let entities = requirement.Of crate
    must "it concerns no entity of the crate" (not entities.IsEmpty)

    for entity in entities do
        must $"{idOf entity} has no {requirement.Property}" (not (isNull entity[requirement.Property]))
        must $"{idOf entity} has {entity[requirement.Property]}" (requirement.Fits crate entity)

/// The crate without the required property of one entity.
let private without (requirement: Requirement) (folder: string) =
    let whole = { Folder = folder; Graph = graphOf folder }
    let named = requirement.Of whole |> List.map (fun entity -> entity.ToJsonString())
    let graph = graphOf folder

    for entity in graph do
        if List.contains (entity.ToJsonString()) named then entity.Remove requirement.Property |> ignore

    { Folder = folder; Graph = graph }

let private profile =
    requirements
    |> List.map (fun requirement ->
        law requirement.Says (fun () -> fits requirement { Folder = exported.Value; Graph = graphOf exported.Value })
        |> breaks $"no {requirement.Property}" (fun () -> fits requirement (without requirement exported.Value))
        |> needsGit)

/// Requirements of the whole graph.
let private wholeGraph (text: string) =
    let document = nonNull (JsonNode.Parse text)
    let contexts = property "@context" (document.AsObject()) |> List.map string
    must "the context" (List.contains "https://w3id.org/ro/crate/1.1/context" contexts)
    let graph = readGraph text

    match graph |> List.countBy idOf |> List.filter (fun (_, count) -> count > 1) with
    | [] -> ()
    | twice -> broken $"%A{twice} are described twice"

    for node in graph do
        for entry in node do
            for value in property entry.Key node do
                match value with
                | :? JsonObject as nested -> must $"{idOf node}: {entry.Key} is not flat" (nested.Count = 1 && nested.ContainsKey "@id")
                | _ -> ()

    let known = graph |> List.map idOf |> set

    for node in graph do
        for entry in node do
            for value in property entry.Key node do
                match value with
                | :? JsonObject as reference ->
                    let target = string reference["@id"]
                    must
                        $"{idOf node}: {entry.Key} refers to {target}, which is not described"
                        (known.Contains target || target.StartsWith "http")
                | _ -> ()

let private examples (text: string) =
    for node in readGraph text do
        let name = idOf node
        let is = not (texts "exampleOfWork" node).IsEmpty

        if name.EndsWith "config.yaml" || name.EndsWith "config.json" then must $"{name} is an example" (not is)
        elif name.StartsWith "#setting/" || isA "File" node && name.EndsWith "samples.npy" then must $"{name} is not an example" is

let private metadata () = File.ReadAllText(Path.Combine(exported.Value, "ro-crate-metadata.json"))

let private action (seed: int) =
    graphOf exported.Value |> List.filter (fun node -> isA "CreateAction" node && (idOf node).Contains $"toy-s{seed}-") |> List.exactlyOne

// ── Capsules ────────────────────────────────────────────────────────────────────────────────

/// A clone from the bundle has the sources at launch, also files that were never committed.
let private clones (world: World) (bundle: string) =
    inFolder (fun folder ->
        must "git init" (ends "git" [ "init"; "--quiet"; folder ] = 0)
        must "it lacks commits" (ends "git" [ "-C"; folder; "bundle"; "verify"; "--quiet"; bundle ] = 0)
        let clone = Path.Combine(folder, "src")
        must "it cannot be cloned" (ends "git" [ "clone"; "--quiet"; bundle; clone ] = 0)
        must "other sources" (git clone [ "rev-parse"; "HEAD^{tree}" ] = git world.Root [ "rev-parse"; world.Snapshot + "^{tree}" ])
        must "untracked sources" (File.ReadAllText(Path.Combine(clone, "experiments", "née.fs")) = "// never committed\n"))

/// The script with another program in place of dotnet, which prints its arguments.
let private asked (folder: string) (arguments: string list) =
    let bin = Path.Combine(Path.GetDirectoryName folder |> string, "bin")
    Directory.CreateDirectory bin |> ignore
    let dotnet = Path.Combine(bin, "dotnet")
    File.WriteAllText(dotnet, "#!/bin/sh\necho \"asked $*\"\n")
    File.SetUnixFileMode(dotnet, UnixFileMode.UserRead ||| UnixFileMode.UserExecute ||| UnixFileMode.UserWrite)

    let start =
        ProcessStartInfo("sh", Path.Combine(folder, "rerun.sh") :: arguments, RedirectStandardOutput = true, RedirectStandardError = true)

    start.Environment["PATH"] <- $"""{bin}:{Environment.GetEnvironmentVariable "PATH"}"""
    use child = nonNull (Process.Start start)
    finished child

let private refuses (world: World) (parts: string list) =
    throws<InvalidDataException, _> parts (fun () -> made world id "out")
    must "something is left behind" (Directory.GetFileSystemEntries(Path.GetDirectoryName world.Root |> string, "out*") = [||])

let private firstRun (world: World) = RunFolder.Under world.Runs |> Seq.find (fun run -> run.Id.StartsWith "toy-s0")

let all = [
    yield! profile

    law
        $"{roCrate}: the metadata is one flat graph in its context, no entity is described twice, and every reference has a description"
        (fun () -> wholeGraph (metadata ()))
    |> breaks "an entity is described twice" (fun () ->
        let document = nonNull (JsonNode.Parse(metadata ()))
        let graph = (nonNull document["@graph"]).AsArray()
        graph.Add((nonNull graph[1]).DeepClone())
        wholeGraph (document.ToJsonString()))
    |> breaks "an entity within another" (fun () -> wholeGraph ((metadata ()).Replace("\"about\": {", "\"about\": { \"name\": \"x\",")))
    |> breaks "a parameter that is not described" (fun () ->
        wholeGraph ((metadata ()).Replace("\"@id\": \"#parameter/rate\",", "\"@id\": \"#other\",")))
    |> needsGit

    law $"{workflowRun}: every setting and result is a parameter's example, and a settings file is not" (fun () -> examples (metadata ()))
    |> breaks "a settings file as an example" (fun () ->
        examples (
            (metadata ())
                .Replace("\"name\": \"config.yaml\",", "\"name\": \"config.yaml\", \"exampleOfWork\": { \"@id\": \"#parameter/rate\" },")
        ))
    |> breaks "settings that are not examples" (fun () -> examples (Regex.Replace(metadata (), "\"exampleOfWork\"", "\"other\"")))
    |> needsGit

    law "every file that a crate describes exists with its size and hash, with any name" (fun () ->
        let files = graphOf exported.Value |> List.filter (isA "File")
        must $"{files.Length} files" (files.Length > 20 && files |> List.exists (fun file -> (idOf file).Contains "some%20rows.bin"))

        for file in files do
            let path = Path.Combine(exported.Value, Uri.UnescapeDataString(idOf file))
            must $"{path}: its size" (string file["contentSize"] = string (FileInfo path).Length)
            must $"{path}: its hash" (string file["sha256"] = Canonical.Sha256OfFile path)
            must $"{path}: its format" (not (isNull file["encodingFormat"])))
    |> needsGit

    law "a completed run has its state, times, settings, data and metrics; another one has the reason" (fun () ->
        let completed = action 0
        must
            "completed"
            (texts "actionStatus" completed = [ "http://schema.org/CompletedActionStatus" ] && (texts "error" completed).IsEmpty)
        must
            "times"
            (texts "startTime" completed = [ "2026-01-01T10:00:00.000Z" ] && texts "endTime" completed = [ "2026-01-01T10:00:01.000Z" ])
        let objects = texts "object" completed
        for due in [ "#setting/rate=0.5"; "#setting/method.steps=1"; "data/toy/some%20rows.bin"; "#data/toy/large.bin" ] do
            must $"{due} is not among %A{objects}" (List.contains due objects)
        let results = texts "result" completed
        must $"%A{results}" (results |> List.exists _.EndsWith("samples.npy") && results |> List.exists _.EndsWith("/grid-kl"))
        let metric name =
            graphOf exported.Value |> List.find (fun node -> (idOf node).StartsWith "#metric/" && (idOf node).EndsWith $"/{name}")
        must "a metric" (texts "value" (metric "grid-kl") = [ "0.125" ] && texts "unitText" (metric "grid-kl") = [ "nats" ])
        must "a metric that is not a number" (texts "value" (metric "energies") = [ "NaN" ])
        let diverged = action 1
        must "failed" (texts "actionStatus" diverged = [ "http://schema.org/FailedActionStatus" ])
        must "why" (texts "error" diverged = [ "diverged: its loss is NaN" ]))
    |> needsGit

    law "the same runs give the same bytes" (fun () ->
        inWorld (fun world ->
            let a, b = made world id "a", made world id "b"
            must "SHA256SUMS differ" (a.Seal = b.Seal)
            let sums folder = ends "sh" [ "-c"; $"cd '{folder}' && sha256sum --quiet --check SHA256SUMS" ]
            must "the sums do not hold" (sums a.Folder = 0)
            File.AppendAllText(Path.Combine(a.Folder, "README.md"), ".")
            must "a change is not noticed" (sums a.Folder <> 0)))
    |> needsGit

    law
        "a capsule's bundle is complete: it verifies and clones, and its tree is the snapshot's, with files that were never committed"
        (fun () ->
            inWorld (fun world ->
                let folder = (made world id "out").Folder
                clones world (Path.Combine(folder, "sources.bundle"))
                must "plans" (File.Exists(Path.Combine(folder, "runs", "toys-and-all", "plans.jsonl")))
                must "small data" (File.ReadAllText(Path.Combine(folder, "data", "toy", "some rows.bin")) = "some rows")
                must "large data" (not (File.Exists(Path.Combine(folder, "data", "toy", "large.bin"))))
                let readme = File.ReadAllText(Path.Combine(folder, "README.md"))
                must readme (readme.Contains(Canonical.Sha256OfFile(Path.Combine(world.Data, "toy", "large.bin"))))
                let verified = Verify.verify folder (Some(Path.Combine(folder, "data"))) None (Path.Combine(folder, "runs")) []
                must $"%A{verified.Alterations}" (verified.Runs = 3 && verified.Alterations.IsEmpty)))
    |> breaks "a bundle without the history of the sources" (fun () ->
        inWorld (fun world ->
            let bundle = Path.Combine(world.Root, "thin.bundle")
            git world.Root [ "branch"; "snapshot"; world.Snapshot ] |> ignore
            git world.Root [ "bundle"; "create"; "--quiet"; bundle; "snapshot"; "^HEAD" ] |> ignore
            clones world bundle))
    |> breaks "a bundle of the last commit" (fun () ->
        inWorld (fun world ->
            let bundle = Path.Combine(world.Root, "head.bundle")
            git world.Root [ "bundle"; "create"; "--quiet"; bundle; "HEAD" ] |> ignore
            clones world bundle))
    |> needsGit

    law "a capsule's command checks every hash, clones the sources, and repeats the named run" (fun () ->
        inWorld (fun world ->
            let folder = (made world id "out").Folder
            let code, said = asked folder []
            must $"{code}: {said}" (code = 2 && said.Contains "toy-s1-")
            let code, said = asked folder [ "toy-s0"; "--threads"; "2" ]
            must
                $"{code}: {said}"
                (code = 0 && said.Contains "audit.fsx rerun toy-s0 --runs /" && said.Contains "/runs --data data --threads 2")
            let code, said = asked folder [ "toy-s0" ]
            must $"again: {code}: {said}" (code = 0)
            File.AppendAllText(Path.Combine(folder, "data", "toy", "some rows.bin"), ".")
            let code, said = asked folder [ "toy-s0" ]
            must $"altered: {code}: {said}" (code <> 0 && said.Contains "some rows.bin" && not (said.Contains "asked"))))
    |> needsGit

    law "rerun.sh is the same in every export, and uses nothing of a folder that has other files than SHA256SUMS" (fun () ->
        let isRefused (name: string) (harm: string -> unit) =
            inFolder (fun folder ->
                let folder = Path.Combine(folder, "out")
                must "it cannot be copied" (ends "cp" [ "-r"; exported.Value; folder ] = 0)
                harm folder
                let code, said = asked folder [ "toy-s0" ]
                must $"{name}: {code}: {said}" (code = 2 && not (said.Contains "asked")))

        let sums (folder: string) = Path.Combine(folder, "SHA256SUMS")
        let listed name folder = File.AppendAllText(sums folder, $"{Canonical.Sha256 String.Empty}  {name}\n")

        let added (name: string) folder =
            write folder name ""
            listed name folder

        for name, harm in
            [
                "a further file", (fun folder -> write folder "runs/toys-and-all/more" "")
                "settings of dotnet", added "global.json"
                "settings of git", added ".git/config"
                "a run of a hostile name", added "runs/toys-and-all/$(touch hacked)/config.json"
                "a run that is an option", added "runs/toys-and-all/--json/config.json"
                "a name with a line break", (fun folder -> write folder "data/a\nb" "")
                "a link", (fun folder -> File.CreateSymbolicLink(Path.Combine(folder, "data", "x"), "/etc/passwd") |> ignore)
                "a link to a folder", (fun folder -> Directory.CreateSymbolicLink(Path.Combine(folder, "src"), "/tmp") |> ignore)
                "a file above", listed "../x"
                "a file above, inside", listed "data/../../x"
                "an absolute path", listed "/etc/passwd"
                "no sums", (fun folder -> File.Delete(sums folder))
                "a file that is gone", (fun folder -> File.Delete(Path.Combine(folder, "README.md")))
                "another line", (fun folder -> File.AppendAllText(sums folder, "$(touch hacked)\n"))
            ] do
            isRefused name harm

        // In a folder with any name.
        for name in [ "$(touch hacked)"; "-x"; "a b"; "a\n"; "'\"" ] do
            inFolder (fun folder ->
                let at = Path.Combine(folder, name)
                must "it cannot be copied" (ends "cp" [ "-r"; "--"; exported.Value; at ] = 0)
                must "another script" (File.ReadAllText(Path.Combine(at, "rerun.sh")) = Export.script)
                let code, said = asked at [ "toy-s0" ]
                must $"{name}: {code}: {said}" (code = 0 && said.Contains "rerun toy-s0 --runs /" && said.Contains "/runs --data data")
                must "it is not as before" (not (Path.Exists(Path.Combine(at, "src"))))))
    |> needsGit

    law "a run of a hostile name, a link in a run, and a manifest that names files or commits elsewhere are not exported" (fun () ->
        for name in [ "$(touch hacked)"; "a b"; "a\nb"; "-rf"; "'"; ".hidden"; "rіngs" ] do
            // Such a folder is not a run, so an export of its sweep leaves it out; asked for the folder itself, an export refuses it.
            let isRefused (world: World) (at: string) =
                throws<InvalidDataException, _> [ "letters, digits" ] (fun () ->
                    Export.make (wish world) "x" [ RunFolder.Open at ] (Path.Combine(Path.GetDirectoryName world.Root |> string, "out")))

                must "it counts as a run" (RunFolder.Under world.Runs |> Seq.forall (fun run -> run.Path <> at))

            inWorld (fun world ->
                let run = firstRun world
                let at = Path.Combine(Path.GetDirectoryName run.Path |> string, name + run.Id.Substring(run.Id.LastIndexOf '-'))
                Directory.Move(run.Path, at)
                isRefused world at)

            inWorld (fun world ->
                let run = firstRun world
                Directory.Move(Path.Combine(world.Runs, "toys-and-all"), Path.Combine(world.Runs, name))
                isRefused world (Path.Combine(world.Runs, name, run.Id)))

        inWorld (fun world ->
            File.CreateSymbolicLink((firstRun world).In "stderr.log", "/etc/passwd") |> ignore
            refuses world [ "stderr.log"; "link" ])

        inWorld (fun world ->
            Directory.CreateSymbolicLink((firstRun world).In "attempts", "/etc/apt") |> ignore
            refuses world [ "attempts"; "link" ])

        inWorld (fun world ->
            write (firstRun world).Path "notes.txt" "a secret"
            refuses world [ "notes.txt"; "was not there when the run ended" ])

        let claims (change: string -> string) parts =
            inWorld (fun world ->
                let path = (firstRun world).In "manifest.json"
                let text = change (File.ReadAllText path)
                must "nothing was changed" (text <> File.ReadAllText path)
                File.WriteAllText(path, (RunManifest.Parse(text, path)).Sealed().ToJson())
                refuses world parts)

        for elsewhere in [ "../x"; "/etc/passwd"; "experiments/../../x"; "a\\u000ab" ] do
            claims _.Replace("experiments/sweep.fsx", elsewhere) [ "manifest.json"; "not a valid path" ]
            claims _.Replace("toy/some rows.bin", elsewhere) [ "data"; "not a valid path" ]

        inWorld (fun world ->
            let snapshot = world.Snapshot
            for commit in [ "--output=x"; "HEAD"; snapshot.Substring(0, 12); snapshot + "\\n"; "" ] do
                claims _.Replace(snapshot, commit) [ "hash of a commit" ]))
    |> needsGit

    law "an export replaces no folder of another name" (fun () ->
        inWorld (fun world ->
            let beside = Path.Combine(Path.GetDirectoryName world.Root |> string, "out.new")
            write beside "mine" "kept"
            made world id "out" |> ignore
            must "it is gone" (File.ReadAllText(Path.Combine(beside, "mine")) = "kept")))
    |> needsGit

    law "no export contains text that looks like a secret, in a log, in the sources or in their history" (fun () ->
        let key = "ghp_" + String('a', 36)

        inWorld (fun world ->
            File.AppendAllText((firstRun world).In "stdout.log", key)
            refuses world [ "stdout.log, line 1: github-token"; "looks like a secret"; "- { path: \"runs/"; "because" ])

        let later (change: World -> unit) (parts: string list) =
            inWorld (fun world ->
                change world
                git world.Root [ "add"; "-A" ] |> ignore
                git world.Root [ "commit"; "--quiet"; "-m"; "more" ] |> ignore
                git world.Root [ "rm"; "--quiet"; "-r"; "--ignore-unmatch"; "settings.cs"; "deploy.pem" ] |> ignore
                git world.Root [ "commit"; "--quiet"; "--allow-empty"; "-m"; "gone again" ] |> ignore
                let head = git world.Root [ "rev-parse"; "HEAD" ]

                match Withheld.inHistory Secrets.Standard world.Root [ head ] |> Result.map (List.map Withheld.say), parts with
                | Ok [], [] -> ()
                | Ok found, parts ->
                    must $"%A{found}" (parts <> [] && found |> List.exists (fun found -> parts |> List.forall found.Contains))
                | Error says, _ -> broken says)

        later (fun world -> write world.Root "settings.cs" $"token = {key}") [ "settings.cs"; "commit" ]
        later (fun world -> write world.Root "deploy.pem" "anything") [ "deploy.pem" ]
        later (fun world -> write world.Root "settings.cs" "token = none") [])
    |> needsGit

    law "altered or unavailable files are refused with a message, and no file is left behind" (fun () ->
        inWorld (fun world ->
            File.AppendAllText((firstRun world).In "metrics.json", " ")
            refuses world [ "metrics.json was altered"; "audit verify" ])

        inWorld (fun world ->
            File.Delete((firstRun world).In "samples.npy")
            refuses world [ "samples.npy is gone" ])

        inWorld (fun world ->
            Directory.Delete(Path.Combine(world.Root, ".git"), true)
            git world.Root [ "init"; "--quiet" ] |> ignore
            refuses world [ "not in this repository"; "refs/ebm" ])

        inWorld (fun world ->
            made world id "out" |> ignore
            throws<InvalidDataException, _> [ "already exists"; "--out" ] (fun () -> made world id "out")))
    |> needsGit

    law "an export leaves its repository unchanged" (fun () ->
        inWorld (fun world ->
            let state () =
                git world.Root [ "for-each-ref" ], git world.Root [ "status"; "--porcelain" ], git world.Root [ "count-objects"; "-v" ]
            let before = state ()
            made world id "out" |> ignore
            must "something changed" (state () = before)))
    |> needsGit

    law "without the capsule there are no sources, no data and no command, and the crate describes its files" (fun () ->
        inWorld (fun world ->
            let folder = (made world (fun wish -> { wish with Capsule = false }) "out").Folder
            for name in [ "sources.bundle"; "rerun.sh"; "data" ] do
                must name (not (Path.Exists(Path.Combine(folder, name))))
            let crate = { Folder = folder; Graph = graphOf folder }
            requirements |> List.iter (fun requirement -> fits requirement crate)
            let folder = (made world (fun wish -> { wish with Crate = false }) "bare").Folder
            must "a crate" (not (File.Exists(Path.Combine(folder, "ro-crate-metadata.json"))))))
    |> needsGit

    law "an export of a sweep has its imported runs and its retired runs, and says that the former cannot be repeated" (fun () ->
        inWorld (fun world ->
            let sweep = Path.Combine(world.Runs, "toys-and-all")
            let imported = RunFolders.imported sweep

            write sweep "retired.jsonl" "{}\n"
            let made = made world id "out"
            let has name = File.Exists(Path.Combine(made.Folder, "runs", "toys-and-all", name))
            must "its metrics" (has $"{imported.Id}/metrics.json")
            must "the retired runs" (has "retired.jsonl")
            must "README.md" ((File.ReadAllText(Path.Combine(made.Folder, "README.md"))).Contains $"{imported.Id} | imported |")
            let said (note: string) = note.Contains imported.Id && note.Contains "a paper, table 2" && note.Contains "cannot be repeated"
            must $"%A{made.Notes}" (List.exists said made.Notes)

            throws<InvalidDataException, _> [ "every run was imported" ] (fun () ->
                Export.make (wish world) "The run" [ imported ] (Path.Combine(world.Root, "alone")))))
    |> needsGit

    law "a capsule of a real run is reproduced bit for bit in an empty folder with an empty home" (fun () ->
        inFolder (fun folder ->
            let typed (at: string) (variables: (string * string) list) (line: string) =
                let start =
                    ProcessStartInfo(
                        "bash",
                        [ "-c"; line ],
                        WorkingDirectory = at,
                        RedirectStandardOutput = true,
                        RedirectStandardError = true
                    )
                for name, value in variables do
                    start.Environment[name] <- value
                use shell = nonNull (Process.Start start)
                let code, said = finished shell
                must $"`{line}` ends with {code}; it says:\n{said}" (code = 0)
                said

            let runs = $"--runs {folder}/runs --reports {folder}/reports"
            typed Folder.root [] $"dotnet fsi experiments/sweep.fsx experiment=gaussians method=joint-cd train.steps=40 seed=0 {runs}"
            |> ignore
            typed Folder.root [] $"dotnet fsi analysis/audit.fsx export gaussians-joint-cd-s0 {runs} --out {folder}/here" |> ignore
            let variables = [ "HOME", $"{folder}/home"; "NUGET_PACKAGES", $"{folder}/packages" ]
            Directory.CreateDirectory $"{folder}/home" |> ignore
            let said = typed $"{folder}/here" variables "sh rerun.sh"
            must said (said.Contains "BITWISE: gaussians/gaussians-joint-cd-s0-")))
    |> needs (fun () ->
        match Environment.GetEnvironmentVariable "EBM_LONG" with
        | null
        | "" -> Some "it builds and repeats everything, which takes minutes; set EBM_LONG=1"
        | _ -> None)
    |> needsGit
]
