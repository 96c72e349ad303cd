/// Runs of a sweep that differ only in settings of generation share one training: the results are those of a training of their own, byte for
/// byte, a source that is not sound is not used, and audits name a record that is wrong.
module Ebm.Tests.Laws.SharedTrainingLaws

open System
open System.Collections.Generic
open System.IO
open System.Reflection
open TorchSharp
open Ebm.Audits
open Ebm.Core
open Ebm.Devices
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.World

let private catalog = lazy (Catalog.Load [])

let private recordOf kind = nonNull (catalog.Value.Find(typeof<ISpec<Method>>, kind))
let private parameters (record: Type) = (record.GetConstructors()[0]).GetParameters()
let private keyOf (parameter: ParameterInfo) = Kebab.Case(nonNull parameter.Name)

/// The settings of a method that act after training.
let private after kind = [
    for parameter in parameters (recordOf kind) do
        if not (isNull (parameter.GetCustomAttribute<AfterTrainingAttribute>())) then keyOf parameter, parameter.ParameterType
]

/// Values of a setting that differ from each other.
let private valuesOf (t: Type) : Document list =
    let t = Nullable.GetUnderlyingType t |> Option.ofObj |> Option.defaultValue t

    if t = typeof<bool> then [ Document.Of false; Document.Of true ]
    elif t = typeof<int> then [ Document.Of 2L; Document.Of 5L ]
    elif t = typeof<float> then [ Document.Of 0.75; Document.Of 1.25 ]
    elif t.IsEnum then [ for name in Enum.GetNames t -> Document.Of(Kebab.Case name) ]
    else [ for kind in catalog.Value.Kinds t -> Document.Empty.With("kind", Document.Of kind) ]

/// Every option of the group `method` whose kind has such settings, with few persistent chains.
let private methods =
    lazy
        [
            for option, document in EveryMethod.options.Value do
                let kind = document.Text "kind"

                if not (after kind).IsEmpty then
                    let has = parameters (recordOf kind) |> Array.exists (fun parameter -> keyOf parameter = "memory")
                    option, kind, (if has then document.With("memory", Document.Of 50L) else document)
        ]

// ── a marked setting changes no training ────────────────────────────────────────────────────

/// All that a checkpoint and the records would have after the first step and one near the end of training, because methods have phases.
let private trained (document: Document) =
    let spec = catalog.Value.Build<ISpec<Method>>(document, "method")

    EveryMethod.built (fun shape ->
        use _ = torch.NewDisposeScope()
        use method = spec.Build(Site(shape, torch.CPU, new Rng(7UL, torch.CPU), dataRoot))
        let train = TrainSpec(Steps = Nullable 100L, Batch = 4L)
        let batches = Batches((rng "rows").Normal(Array.append [| 9L |] shape), 4L, rng "batches")
        use optimizers = new Optimizers(method, train)
        use averages = new Averages(method, train.Average)
        let trainer = Trainer(method, batches, optimizers, averages, Health(train.Health, 2L), train, rng "training")

        [
            for step in [ 0L; 98L ] do
                trainer.Resume(step, 0L)

                for applied in trainer.Advance(fun () -> true) do
                    $"{applied.Part} %.17g{applied.Loss} %.17g{applied.Gradient}"
            $"{trainer.Units} units"
            for KeyValue(name, tensor) in method.state_dict () do
                $"{name} {Canonical.Sha256(ReadOnlySpan(tensor.detach().contiguous().bytes.ToArray()))}"
        ])
    |> snd

/// No value of a setting changes what is trained.
let private changesNothing key (t: Type) (document: Document) =
    let found = [ for value in valuesOf t -> value, trained (document.With(key, value)) ]
    must $"{key} has one value" (found.Length > 1)

    for value, made in found.Tail do
        match List.zip (snd found.Head) made |> List.tryFind (fun (before, now) -> before <> now) with
        | Some(before, now) -> broken $"with {key}: {value}, training gives {now} in place of {before}"
        | None -> ()

// ── runs ────────────────────────────────────────────────────────────────────────────────────

let private around (method: Document) =
    Document
        .Parse(
            "data: { kind: gaussians, train: 60, test: 20 }\ntrain: { steps: 3, batch: 8, record-every: 1 }\n"
            + "measure: { samples: 6, metrics: { energy-distance: { kind: energy-distance } } }\nlogging: { progress: 0 }",
            "shared.yaml"
        )
        .With("method", method)

let private run (sweep: string) (config: Document) =
    let folder = (Experiment.Of config).Run sweep
    folder, nonNull folder.Manifest

/// Every file that a training of one's own writes, with its hash; the state of a checkpoint has seconds.
let private results (folder: RunFolder) =
    Map [
        for name in folder.ArtefactNames() do
            if name <> "checkpoint/state.json" then name, Canonical.Sha256OfFile(folder.In name)
    ]

let private tookFrom (source: RunFolder) (_: RunFolder, manifest: RunManifest) =
    match manifest.TrainedBy with
    | null -> broken "it trained itself"
    | from -> must $"it took the training of {from.Run}" (from.Run = source.Id && from.Attempt = 1 && from.Step = 3L)

let private trainedItself what (_: RunFolder, manifest: RunManifest) =
    match manifest.TrainedBy with
    | null -> ()
    | from -> broken $"{what}: it took the training of {from.Run}"

/// The first and the last value of each setting that acts after training.
let private ends kind (document: Document) =
    let at (pick: Document list -> Document) =
        after kind |> List.fold (fun (document: Document) (key, t) -> document.With(key, pick (valuesOf t))) document

    at List.head, at List.last

let private classifier =
    lazy
        (let _, kind, document = methods.Value |> List.find (fun (option, _, _) -> option = "level-classifier")
         ends kind document)

/// A run, what is done meanwhile, and its twin.
let private twins (meanwhile: RunFolder -> unit) (holds: RunFolder -> RunFolder * RunManifest -> unit) =
    World.inSingle
        (fun () ->
            inFolder (fun folder ->
                let sweep = Path.Combine(folder, "laws")
                let one, other = classifier.Value
                let first, _ = run sweep (around one)
                meanwhile first
                holds first (run sweep (around other))))
        ()

/// Changes a run's manifest, with a new seal.
let private rewrite (at: RunFolder) name (value: obj | null) =
    let manifest = nonNull at.Manifest
    (nonNull (typeof<RunManifest>.GetProperty name)).SetValue(manifest, value)
    at.Write manifest

let private flip (at: RunFolder) (name: string) =
    let bytes = File.ReadAllBytes(at.In name)
    bytes[bytes.Length - 1] <- bytes[bytes.Length - 1] ^^^ 1uy
    File.WriteAllBytes(at.In name, bytes)

let private otherCode (at: RunFolder) =
    let build = nonNull (nonNull at.Manifest).Build
    let code = Dictionary(nonNull build.Code)
    code["Ebm.Core"] <- String('0', 64)
    rewrite at "Build" (BuildState(build.Configuration, build.Version, build.Assemblies, code))

let private otherData (at: RunFolder) =
    let data = (nonNull at.Manifest).Data[0]
    rewrite at "Data" [| DataState(data.Name, String('0', 64), data.Files, data.Rows, data.Split, data.Preprocessing) |]

/// Adds a file to a run's checkpoint, and seals the manifest with it, as anyone could. A twin that took the training would copy it.
let private plant (first: RunFolder) (name: string) =
    let path = $"checkpoint/{name}"
    Directory.CreateDirectory(string (Path.GetDirectoryName(first.In path))) |> ignore
    File.WriteAllText(first.In path, "planted")
    let manifest = nonNull first.Manifest
    let planted = Artefact(path, Canonical.Sha256OfFile(first.In path), 7L)
    (nonNull (typeof<RunManifest>.GetProperty "Artefacts")).SetValue(manifest, [| yield! manifest.Artefacts; planted |])
    File.WriteAllText(first.In "manifest.json", manifest.Sealed().ToJson())

/// A twin of a run whose manifest names a file of this name, in a folder that no run may write to.
let private isNotLed (nameFor: string -> string) =
    inFolder (fun outside ->
        let target = Path.Combine(outside, "written")

        twins (fun first -> plant first (nameFor target)) (fun _ second ->
            trainedItself "a planted name" second
            must $"{target} was written" (not (File.Exists target))))

/// The alterations of a run as an audit names them.
let private altered (folder: RunFolder) =
    let sweep = string (Path.GetDirectoryName folder.Path)

    [
        for alteration in (Verify.verify sweep None None (string (Path.GetDirectoryName sweep)) []).Alterations ->
            $"{Kebab.Of alteration.What}: {alteration.Subject}: {alteration.Says}"
    ]

let private names (says: string) (plant: RunFolder -> RunFolder -> unit) =
    twins ignore (fun first (second, _) ->
        match altered second with
        | [] -> ()
        | found -> broken $"before: %A{found}"

        plant first second
        let found = altered second
        must
            $"%A{found}"
            (found |> List.exists (fun one -> one.StartsWith "training-contradicted" && one.Contains second.Id && one.Contains says)))

let private contradicted (second: RunFolder) (run: string) attempt checkpoint =
    rewrite second "TrainedBy" (ParentState(run, attempt, 3L, checkpoint))

/// An audit executes a run alone, in another folder.
let private again (meanwhile: RunFolder -> unit) () =
    twins meanwhile (fun first (second, manifest) ->
        tookFrom first (second, manifest)

        inFolder (fun folder ->
            let _, other = classifier.Value
            let repeated = run (Path.Combine(folder, "laws")) (around other)
            trainedItself "again" repeated
            let found = Comparison.compare None second (fst repeated) Comparison.nothing
            must $"%A{found}" (found.Verdict = Comparison.Bitwise && found.Drifts.IsEmpty)))

let all = [
    law "a setting that acts after training changes no weight, no state and no record of training, whatever its value" (fun () ->
        World.inSingle
            (fun () ->
                for option, kind, document in methods.Value do
                    for key, t in after kind do
                        try
                            changesNothing key t document
                        with Broken says ->
                            broken $"{option}: {says}")
            ())
    |> breaks "a setting that affects training has the mark" (fun () ->
        World.inSingle
            (fun () ->
                let _, _, document = methods.Value |> List.find (fun (option, _, _) -> option = "joint-cd")
                changesNothing "steps" typeof<int> document)
            ())

    law "a run takes the training of its twin, and gives the bytes of a training of its own" (fun () ->
        World.inSingle
            (fun () ->
                let differ = [
                    for option, kind, document in methods.Value do
                        let one, other = ends kind document
                        let mutable differs = false

                        inFolder (fun folder ->
                            let first, _ = run (Path.Combine(folder, "laws")) (around one)
                            let second = run (Path.Combine(folder, "laws")) (around other)
                            let alone = run (Path.Combine(folder, "alone")) (around other)

                            try
                                tookFrom first second
                                trainedItself "alone" alone
                                let taken, own = results (fst second), results (fst alone)
                                must $"%A{taken} in place of %A{own}" (taken = own)
                                let cost (manifest: RunManifest) = nonNull manifest.Cost
                                must "another cost" (cost (snd second) = cost (snd alone))
                                differs <- taken["samples.npy"] <> (results first)["samples.npy"]
                            with Broken says ->
                                broken $"{option}: {says}")

                        differs
                ]

                // Chains in a bounded range may end at its bounds, whatever their length.
                must $"%A{differ}" ((differ |> List.filter id).Length > differ.Length / 2))
            ())
    |> breaks "its twin has other settings of training" (fun () ->
        twins ignore (fun first _ ->
            let one, _ = classifier.Value
            let other = (around one).With("train.lr", Document.Of 0.5)
            tookFrom first (run (string (Path.GetDirectoryName first.Path)) other)))

    law "a training is not taken from a run that is gone, damaged, unfinished, or made under other conditions" (fun () ->
        for what, meanwhile in
            [
                "it was deleted", (fun (first: RunFolder) -> Directory.Delete(first.Path, true))
                "its weights were damaged", (fun first -> flip first "checkpoint/method.safetensors")
                "its state was damaged", (fun first -> flip first "checkpoint/state.json")
                "a file of its checkpoint is gone", (fun first -> File.Delete(first.In "checkpoint/averages.safetensors"))
                "its records were damaged", (fun first -> flip first "events.jsonl")
                "its trace is gone", (fun first -> File.Delete(first.In "trace.jsonl"))
                "its manifest was edited", (fun first -> flip first "manifest.json")
                "it failed", (fun first -> rewrite first "State" RunState.Failed)
                "it took its training itself", (fun first -> contradicted first first.Id 1 "0")
                "its code was another", otherCode
                "its data were others", otherData
                "its device was another", (fun first -> rewrite first "Device" "cuda:0")
                "it had other threads", (fun first -> rewrite first "Threads" (ThreadCounts(7, 1)))
                "it had another CPU", (fun first -> rewrite first "Hardware" (HardwareState("other", 1, 1L)))
                "an intervention is behind it", (fun first -> rewrite first "Interventions" [| Intervention("x", 1, "y") |])
                "it is older than the record", (fun first -> rewrite first "TrainingSha256" null)
            ] do
            twins meanwhile (fun _ (second, manifest) ->
                trainedItself what (second, manifest)
                must $"{what}: it is {manifest.State}" (manifest.State = RunState.Completed && manifest.Step = 3L)))
    |> breaks "nothing is wrong with it" (fun () -> twins ignore (fun _ second -> trainedItself "nothing" second))

    law "a manifest that names a file outside the run leads no twin there" (fun () ->
        // An absolute path: it follows the slash, and replaces the folder that it is combined with.
        isNotLed id)
    |> breaks "a name inside" (fun () -> isNotLed (fun _ -> "written"))

    law "a run that measures while it trains shares no training, because its measurements depend on every setting" (fun () ->
        World.inSingle
            (fun () ->
                inFolder (fun folder ->
                    let sweep = Path.Combine(folder, "laws")
                    let one, other = classifier.Value
                    let often (method: Document) = (around method).With("measure.every", Document.Of 1L)
                    run sweep (often one) |> ignore
                    run sweep (often other) |> trainedItself "both"
                    run sweep (around other) |> fst |> ignore))
            ())

    law "an attempt that goes on after another one took a training still names the run that trained" (fun () ->
        twins ignore (fun first (second, before) ->
            let due = results second
            second.Remove "metrics.json"
            rewrite second "State" RunState.Interrupted
            let _, other = classifier.Value
            let again, manifest = run (string (Path.GetDirectoryName first.Path)) (around other)
            must $"attempt {manifest.Attempt}" (manifest.Attempt = 2)
            tookFrom first (again, manifest)
            must "another record" (nonNull manifest.TrainedBy = nonNull before.TrainedBy)
            must $"%A{manifest.Interventions}" ((nonNull manifest.Interventions).Count = 0)
            must "other bytes" (results again = due)))

    law "an audit names a run whose record of another run's training is wrong" (fun () ->
        names "is not the one whose hash" (fun first second -> contradicted second first.Id 1 (String('0', 64)))
        names "attempt 2" (fun first second -> contradicted second first.Id 2 (nonNull (nonNull second.Manifest).TrainedBy).Checkpoint)
        names "is not below this sweep" (fun _ second -> contradicted second "../x" 1 "0")
        names "its checkpoint/method.safetensors is not that of" (fun _ second ->
            flip second "checkpoint/method.safetensors"
            rewrite second "Reason" null)
        names "with other settings" (fun first _ -> rewrite first "TrainingSha256" (String('0', 64))))
    |> breaks "nothing is wrong" (fun () -> names "" (fun _ _ -> ()))

    law "an audit that trains a run again finds the run that took its training, bit for bit" (again ignore)
    |> breaks
        "it took weights that are not those of the training, under a new seal"
        (again (fun first ->
            flip first "checkpoint/method.safetensors"
            rewrite first "Reason" null))

    law "an audit notes that a run whose training was taken is gone" (fun () ->
        twins ignore (fun first (second, _) ->
            Directory.Delete(first.Path, true)
            let sweep = string (Path.GetDirectoryName second.Path)
            let found = Verify.verify sweep None None (string (Path.GetDirectoryName sweep)) []
            must $"%A{found.Alterations}" found.Alterations.IsEmpty
            must
                $"%A{found.Notes}"
                (found.Notes |> List.exists (fun note -> note.Contains "training it took is gone" && note.Contains second.Id))))
]
