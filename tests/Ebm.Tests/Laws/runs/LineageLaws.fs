/// What a result depends on besides its config: the checkpoint that it resumed from and interventions. And: measuring again leaves the run complete
/// at every moment.
module Ebm.Tests.Laws.LineageLaws

open System
open System.Collections.Generic
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

type private Silent() =
    interface IAudience with
        member _.Progress _ = ()
        member _.Note _ = ()

let private text =
    """
data: { kind: gaussians, train: 300, test: 50 }
method: { kind: contrastive-divergence, energy: { kind: mlp, width: 8, depth: 1 } }
train: { steps: 30, batch: 32, record-every: 5, checkpoint-every: 100 }
measure: { samples: 20, metrics: { energy-distance: { kind: energy-distance } } }
logging: { progress: 0 }
"""

let private made (folder: string) (text: string) =
    let experiment = Experiment.Of(Document.Parse(text, "lineage.yaml"))
    RunFolder.Create(Path.Combine(folder, "laws"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)

/// An attempt up to a step or to the end; the manifest at its start.
let private attempt (at: RunFolder) (until: int64 option) =
    use stop = new Stop()
    use execution = new Execution(at, Catalog.Load [], dataRoot, stop, Silent(), Until = Option.toNullable until)
    must "the attempt must start" (execution.Begin())
    let began = nonNull at.Manifest
    execution.Run(fun error -> raise error) |> ignore
    began

/// Changes the manifest of an earlier attempt, or of the last one.
let private rewrite (at: RunFolder) (change: RunManifest -> unit) =
    let manifest = nonNull at.Manifest
    change manifest
    at.Write manifest

let private inRun (holds: RunFolder -> unit) () = World.inSingle (fun () -> inFolder (fun folder -> holds (made folder text))) ()

let private kinds (manifest: RunManifest) = [ for found in nonNull manifest.Interventions -> found.What ]

let private set (manifest: RunManifest) name (value: obj | null) =
    (nonNull (typeof<RunManifest>.GetProperty name)).SetValue(manifest, value)

/// The output of `sha256sum *` in the checkpoint's folder.
let private sums (at: RunFolder) =
    Directory.GetFiles(at.In "checkpoint")
    |> Array.sortWith (fun a b -> String.CompareOrdinal(Path.GetFileName a, Path.GetFileName b))
    |> Array.map (fun file -> $"{Canonical.Sha256OfFile file}  {Path.GetFileName file}\n")
    |> String.concat ""

let private resumes (meanwhile: RunFolder -> unit) (due: string list) =
    inRun
        (fun at ->
            let first = attempt at (Some 10L)
            must "the first attempt has a parent" (isNull first.Parent && kinds first = [])
            let left = Canonical.Sha256(sums at)
            meanwhile at
            let second = attempt at (Some 20L)
            let parent = nonNull second.Parent
            must $"the parent is %A{parent}" (parent.Run = at.Id && parent.Attempt = 1 && parent.Step = 10L && parent.Checkpoint = left)
            must $"%A{kinds second}" (kinds second = due)
            let third = attempt at None
            must $"then %A{kinds third}" ((nonNull third.Parent).Attempt = 2 && kinds third = due)
            must "the final manifest must have it too" (kinds (nonNull at.Manifest) = due))
        ()

/// Changes a property of the first attempt.
let private madeBy name value (at: RunFolder) = rewrite at (fun manifest -> set manifest name value)

let private otherCode (at: RunFolder) =
    rewrite at (fun manifest ->
        let build = nonNull manifest.Build
        let code = Dictionary(nonNull build.Code)
        code["Ebm.Core"] <- String('0', 64)
        set manifest "Build" (BuildState(build.Configuration, build.Version, build.Assemblies, code)))

let private edited (at: RunFolder) =
    let file = at.In "config.yaml"
    File.WriteAllText(file, at.Config.With("train.batch", Document.Of 16L).ToYaml())

/// A diverged run that is repeated, with given events before it and during the second attempt.
let private redone (at: RunFolder) (second: unit -> RunManifest list) =
    let first = attempt at (Some 10L)
    rewrite at (fun manifest ->
        set manifest "State" RunState.Diverged
        set manifest "Reason" "the loss of energy is NaN")
    must "the first attempt must have no intervention" (kinds first = [])

    for manifest in second () do
        must $"a redo must not have a parent" (isNull manifest.Parent || (nonNull manifest.Parent).Attempt > 1)
        must $"%A{kinds manifest}" (kinds manifest = [ Intervention.AfterDivergence ])
        let says = (Seq.head (nonNull manifest.Interventions)).Says
        must says (says = "attempt 1 diverged at step 10: the loss of energy is NaN")

// ── In a table ──────────────────────────────────────────────────────────────────────────────

let private inTable (interventions: RunFolder -> unit) (due: string option) =
    inRun
        (fun at ->
            interventions at
            attempt at None |> ignore
            let table = Report.tableOf (string (Path.GetDirectoryName at.Path)) |> fst |> Option.get
            let notes = String.Join('\n', Notes.all table)

            match due with
            | Some due -> must notes (notes.Contains due && (Markdown.table table).Contains "1\\*")
            | None -> must notes (not (notes.Contains "intervention") && not ((Markdown.table table).Contains "1\\*")))
        ()

let private diverged (at: RunFolder) =
    attempt at (Some 10L) |> ignore
    rewrite at (fun manifest -> set manifest "State" RunState.Diverged)

/// Makes the manifest like those written before interventions were recorded.
let private before (at: RunFolder) =
    diverged at
    rewrite at (fun manifest -> set manifest "Interventions" null)

// ── Measuring again ─────────────────────────────────────────────────────────────────────────

/// A metric that throws.
[<Kind("law-throws")>]
type ThrowsSpec() =
    interface IMetricSpec

    interface ISpec<IMetric> with
        member _.Build _ = {
            new IMetric with
                member _.Measure _ = raise (InvalidOperationException "planted")
        }

let private throwing =
    Document.Parse(
        "{ samples: 30, metrics: { energy-distance: { kind: energy-distance }, throws: { kind: law-throws } } }",
        "throwing.yaml"
    )

let private measure (at: RunFolder) (group: Document) =
    use stop = new Stop()
    use execution = new Execution(at, Catalog.Load [ typeof<ThrowsSpec>.Assembly.Location ], dataRoot, stop, Silent(), null, group)
    execution.Measure() |> ignore

let private altered (at: RunFolder) =
    let runs = string (Path.GetDirectoryName(Path.GetDirectoryName at.Path))
    (Verify.verify runs None None runs []).Alterations |> List.map (_.What >> Kebab.Of) |> List.distinct

/// All files of the run, by path.
let private published (at: RunFolder) = [
    for name in "manifest.json" :: List.ofSeq (at.ArtefactNames()) -> name, Canonical.Sha256OfFile(at.In name)
]

let private throwsAndStays (measure: RunFolder -> unit) =
    inRun
        (fun at ->
            attempt at None |> ignore
            let was = published at

            try
                measure at
                broken "no exception was thrown"
            with :? InvalidOperationException as error ->
                must error.Message (error.Message = "planted")

            must "the run must not change" (published at = was)
            must $"%A{altered at}" (altered at = []))
        ()

/// Refuses to measure a run whose manifest names other data than there are now.
let private refusesOtherData isOther =
    inRun
        (fun at ->
            attempt at None |> ignore
            let data = (nonNull at.Manifest).Data[0]
            if isOther then rewrite at (fun manifest -> set manifest "Data" [| DataState(data.Name, String('0', 64)) |])
            let was = published at

            try
                measure at (Document.Parse("{ samples: 30, metrics: { energy-distance: { kind: energy-distance } } }", "again.yaml"))
                broken "it was measured"
            with :? InvalidOperationException as error ->
                must error.Message (error.Message.Contains "were changed after the run was trained")

            must "the run must not change" (published at = was))
        ()

exception private Died

/// What a measurement does after it has its values, without the time to compute them.
let private adopt (at: RunFolder) (values: float list) =
    let taken = at.Taken(RunFolder.StagingsOf at.Path)

    try
        taken.FinishAdopting()
        let draft = taken.Draft()
        draft.WriteSamples([| for value in values -> float32 value |], int64 values.Length)
        let axis = [| "row" |]
        draft.Write [
            for value in values ->
                let array = NamedArray($"array-{value}", axis, [| 1L |], [| float32 value |])
                Measurement($"metric-{value}", value, "nats", Direction.Lower, Arrays = [ array ])
        ]
        taken.Adopt(draft, nonNull taken.Manifest)
    finally
        taken.Release()

/// Dies at each step of writing in turn; each time the run is complete or an audit reports it, and the next measurement finishes it.
let private diesEverywhere () =
    inRun
        (fun at ->
            attempt at None |> ignore
            let values step = [ float step; float step + 0.5 ]
            let mutable step, died, interrupted = 0, true, 0

            while died do
                step <- step + 1
                let dying = step
                let reached = ref 0

                let reach (_: string) =
                    reached.Value <- reached.Value + 1
                    if reached.Value = dying then raise Died

                try
                    try
                        AtomicFile.Reached <- Action<string> reach

                        adopt at (values step)
                        died <- false
                    with Died ->
                        ()
                finally
                    AtomicFile.Reached <- null

                match altered at with
                | [] -> ()
                | [ "measure-interrupted" ] -> interrupted <- interrupted + 1
                | other -> broken $"dead at step {step}: %A{other}"

            must $"it died {step} times, {interrupted} of them while moving files into place" (step > 20 && interrupted > 0)
            must "the values must be the new ones" ((at.Measurements() |> Seq.map _.Value |> List.ofSeq) = values step)
            must
                "the arrays must be those of this measurement"
                (List.ofSeq (at.ArrayNames()) = [ for value in values step -> $"array-{value}" ])
            must $"%A{altered at}" (altered at = [])
            must "no draft may remain" (Directory.GetDirectories(at.Path, ".measure*").Length = 0))
        ()

let all = [
    law
        "a resumed attempt names the attempt, the step and the bytes of the checkpoint that it resumes from, and is not an intervention"
        (fun () -> resumes ignore [])
    |> breaks "a checkpoint that was changed before it was resumed" (fun () ->
        resumes
            (fun at ->
                let file = at.In("checkpoint", "state.json")
                File.WriteAllText(file, File.ReadAllText(file).Replace("\"best\": null", "\"best\":  null")))
            [])

    law "resuming from a checkpoint of other code, libraries, threads or settings is an intervention, recorded to the end" (fun () ->
        resumes otherCode [ Intervention.OtherCode ]
        resumes (madeBy "Native" (NativeState "0.0.1")) [ Intervention.OtherLibraries ]
        resumes (madeBy "Threads" (ThreadCounts 7)) [ Intervention.OtherConditions ]
        resumes (madeBy "Device" "cuda:0") [ Intervention.OtherConditions ]
        resumes edited [ Intervention.OtherSettings ])
    |> breaks "a plain resume" (fun () -> resumes ignore [ Intervention.OtherCode ])

    law "a redo after a divergence is an intervention, even if the redo was stopped and resumed" (fun () ->
        inRun (fun at -> redone at (fun () -> [ attempt at None ])) ()
        inRun (fun at -> redone at (fun () -> [ attempt at (Some 10L); attempt at (Some 20L); attempt at None ])) ())
    |> breaks "a run that was only stopped" (fun () ->
        inRun
            (fun at ->
                attempt at (Some 10L) |> ignore
                must "none" (kinds (attempt at None) = [ Intervention.AfterDivergence ]))
            ())

    law "a table counts runs with an intervention, but not runs that were only stopped and resumed" (fun () ->
        inTable diverged (Some "1 of 1 run needed an intervention: 1 repeated after diverging.")
        inTable before (Some "1 repeated after diverging")
        inTable
            (fun at ->
                attempt at (Some 10L) |> ignore
                otherCode at)
            (Some "1 finished with other code than at the start")
        inTable (fun at -> attempt at (Some 10L) |> ignore) None)
    |> breaks "a plain resume" (fun () -> inTable (fun at -> attempt at (Some 10L) |> ignore) (Some "intervention"))

    law "a measurement whose metric throws leaves the run as it was, byte for byte" (fun () ->
        throwsAndStays (fun at -> measure at throwing))
    |> breaks "samples that are written before the metrics are computed" (fun () ->
        throwsAndStays (fun at ->
            at.WriteSamples([| 1.0f |], 1L)
            measure at throwing))

    law "a run whose data were changed is not measured again, because its manifest would then name data that it did not train on" (fun () ->
        refusesOtherData true)
    |> breaks "the data are the same" (fun () -> refusesOtherData false)

    law
        "a run whose measurement dies at any step of writing is complete, or an audit reports an interrupted measurement; the next one finishes it"
        (fun () -> diesEverywhere ())
    |> breaks "results that overwrite the old ones one by one" (fun () ->
        inRun
            (fun at ->
                attempt at None |> ignore
                at.WriteSamples([| 1.0f |], 1L)
                must "it must not be altered" (altered at = []))
            ())
]
