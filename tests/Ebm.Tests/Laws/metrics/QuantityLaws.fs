/// Metrics return exactly the quantities that they declare, for a method and data that have everything a metric can use.
module Ebm.Tests.Laws.QuantityLaws

open System
open System.Collections.Generic
open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Metrics
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private catalog = lazy (Catalog.Load [])

let private never () : 'a = raise (InvalidOperationException "a metric must not call this")

/// E(x) = |x|² / 2v + ½ d log 2πv: a density.
let private bell (variance: float) (x: Tensor) =
    let d = float (x.flatten(1L).shape[1])
    x.flatten(1L).square().sum(1L) / (2.0 * variance) + d / 2.0 * log (2.0 * Math.PI * variance)

/// Everything that a metric can use of a method.
type private Everything(shape: int64[]) =
    inherit Method("everything", shape)
    let draw count (rng: Rng) = rng.Normal(Array.append [| count |] shape)
    let noise = NoiseSchedule.Geometric(0.1, 1.0, 2)
    override _.Parts = Dictionary<string, torch.nn.Module>()
    override _.Iterate(_, _) = never ()
    override _.Sample(count, rng) = draw count rng

    interface IDensity with
        member _.Density = Energy(bell 0.25)

    interface IWeighted with
        member _.Weigh(count, rng) =
            let rows = draw count rng
            struct (rows, bell 1.0 rows - bell 0.25 rows)

    interface IOnBase with
        member _.Base = Energy(bell 1.0)

    interface IChains with
        member _.Run(count, _, rng) = draw count rng

    interface IDensityReadout with
        member _.Noise = noise
        member _.Top = Energy(bell 1.0)
        member _.Visit(count, rng) = [| draw count rng * 0.5; draw count rng |]
        member _.Readout x = -(bell 0.25 x)

        member _.Levels =
            let all (x: Tensor) = torch.stack ([| bell 0.25 x; bell 1.0 x |], 1L)

            {
                new ILevelEnergy with
                    member _.Levels = 2
                    member _.At(x, level) = (all x).gather(1L, level.unsqueeze 1L).squeeze 1L
                    member _.All x = all x
            }

/// Four Gaussians, with validation rows, and as if their numbers were of eight bits.
let private plane () =
    let data = (GaussiansSpec(Train = 500, Test = 100) :> ISpec<IDataset>).Build(Site([||], device, rng "quantities", ""))
    let density, modes = data :?> IKnownDensity, data :?> IKnownModes

    {
        new IDataset with
            member _.Name = data.Name
            member _.Shape = data.Shape
            member _.Train = data.Train.``to`` torch.float64
            member _.Test = data.Test.``to`` torch.float64
            member _.Digest = data.Digest
        interface IKnownDensity with
            member _.LogDensity x = density.LogDensity x
            member _.Draw(count, rng) = density.Draw(count, rng)
            member _.HalfWidth = density.HalfWidth
        interface IKnownModes with
            member _.Weights = modes.Weights
            member _.Nearest x = modes.Nearest x
        interface IValidated with
            member _.Validation = data.Test.``to`` torch.float64
        interface IEightBit with
            member _.BitsPerDimension nats = Nullable(nats / (2.0 * log 2.0))
    }

/// Images of some name: a metric may need a side, or know a data set.
let private images name side =
    let rows = (rng "images").Normal(40L, 1L, side, side)

    {
        new IDataset with
            member _.Name = name
            member _.Shape = [| 1L; side; side |]
            member _.Train = rows
            member _.Test = rows
            member _.Digest = ""
    }

/// Less work than by default. A kind that is not here is measured as it is.
let private cheaper =
    Map [
        "ais", "{ rungs: 4, chains: 10, settle: 2 }"
        "chain-statistics", "{ chains: 10, steps: 20, warm-up: 5 }"
        "classifier-test", "{ epochs: 1 }"
        "ladder-likelihood", "{ rows: 40 }"
        "likelihood", "{ rows: 100 }"
        "long-run", "{ factors: [1, 3], chains: 10 }"
        "inception", "{ samples: 4, reference: 4 }"
        "resnet18", "{ samples: 4, reference: 4 }"
    ]

/// Whether the files that a metric reads are here.
let private isReadable (spec: IMetricSpec) =
    match box spec with
    | :? IReadsFiles as files ->
        try
            files.Check Folder.dataRoot
            true
        with :? FileNotFoundException ->
            false
    | _ -> true

/// What the configs of the group `measure` say of a kind: there a kind has the settings without which it cannot be built.
let private written kind =
    let all = [
        for file in Directory.GetFiles(Folder.under "experiments/configs/measure") |> Seq.sort do
            for entry in (nonNull ((Document.Read file).Find "metrics")).Entries do
                if string (entry.Value.Find "kind") = kind then entry.Value
    ]

    if all.IsEmpty then [ Document.Parse($"kind: {kind}", "metric.yaml") ] else all

/// A written kind with each choice of the settings that are choices: it may yield something else.
let private variants kind (written: Document) =
    let chosen =
        Option.toList (cheaper.TryFind kind)
        |> Seq.collect (fun text -> Document.Parse(text, "metric.yaml").Entries)
        |> Seq.fold (fun (document: Document) entry -> document.With(entry.Key, entry.Value)) written

    let choices = [
        for p in ((nonNull (catalog.Value.Find(typeof<IMetricSpec>, kind))).GetConstructors()[0]).GetParameters() do
            if p.ParameterType.IsEnum then for name in Enum.GetNames p.ParameterType -> Kebab.Case(nonNull p.Name), Kebab.Case name
    ]

    if choices.IsEmpty then [ chosen ] else [ for key, value in choices -> chosen.With(key, Document.From(value, Source.Of "metric.yaml")) ]

/// Rows that are handed out in parts only, at most 10,000 at once.
let private inParts (rows: Tensor) = {
    new Rows() with
        override _.Count = rows.shape[0]
        override _.At places =
            must $"{places.shape[0]} rows were asked for at once" (places.shape[0] <= 10_000L)
            rows.index_select (0L, places)
}

/// Digits that are too many to be read at once.
let private many () =
    let rows = (rng "many").Normal(12_000L, 1L, 28L, 28L).``to`` torch.float32

    {
        new IDataset with
            member _.Name = "mnist"
            member _.Shape = [| 1L; 28L; 28L |]
            member _.Train = broken "all training rows were asked for"
            member _.Test = broken "all test rows were asked for"
            member _.TrainRows = inParts rows
            member _.TestRows = inParts rows
            member _.Digest = ""
        interface IValidated with
            member _.Validation = broken "all validation rows were asked for"
            member _.ValidationRows = inParts rows
    }

/// Every metric of the project in every variant, with its measurements: in the plane, or else on images. One whose files are not here is left out.
let private everyMetric () = [
    let plane, images, digits = plane (), images "images" 8L, images "mnist" 28L

    for kind in catalog.Value.Kinds typeof<IMetricSpec> do
        if not (kind.StartsWith "law-") then
            for variant in written kind |> List.collect (variants kind) do
                let spec = catalog.Value.Build<IMetricSpec> variant

                let measured (data: IDataset) =
                    use method = new Everything(data.Shape)
                    let samples = (rng "samples").Normal(Array.append [| 40L |] data.Shape)

                    match
                        try
                            Some(spec.Build(Site(data.Shape, device, rng "metric", Folder.dataRoot)))
                        with :? SettingException ->
                            None // not for rows of this shape
                    with
                    | Some metric -> metric.Measure(Subject(method, data, samples, rng "measure")) |> List.ofSeq
                    | None -> []

                if isReadable spec then
                    match [ plane; images; digits ] |> Seq.map measured |> Seq.tryFind (List.isEmpty >> not) with
                    | Some found -> spec, found
                    | None -> spec, []
]

/// Measures kinds of metrics with little work.
let private measuresInParts (data: IDataset) (kinds: string list) =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()

    for kind in kinds do
        for variant in written kind |> List.collect (variants kind) do
            use method = new Everything(data.Shape)
            let samples = (rng "samples").Normal(Array.append [| 40L |] data.Shape).``to`` torch.float32
            let metric = (catalog.Value.Build<IMetricSpec> variant).Build(Site(data.Shape, device, rng "metric", Folder.dataRoot))
            must kind (not (List.isEmpty (metric.Measure(Subject(method, data, samples, rng "measure")) |> List.ofSeq)))

let private isDeclared (metrics: (IMetricSpec * Measurement list) list) =
    for spec, found in metrics do
        for m in found do
            match spec.Quantities |> Seq.tryFind (fun one -> one.Name = m.Name) with
            | None -> broken $"{spec} returns {m.Name} without declaring it"
            | Some one ->
                must
                    $"{m.Name} does not match its declaration"
                    ((m.Unit, m.Better, m.Scale, m.Importance, m.Order, m.ComparedWith) =
                        (one.Unit, one.Better, one.Scale, Nullable one.Importance, one.Order, one.ComparedWith))

let private isYielded (metrics: (IMetricSpec * Measurement list) list) =
    let yielded = metrics |> List.collect snd |> List.map _.Name

    for spec, _ in metrics do
        for one in Seq.append (Quantity.DeclaredBy(spec.GetType())) spec.Quantities do
            must $"{spec} declares {one.Name}, but no variant returns it" (yielded |> List.exists one.Fits)

let private named name better = Quantity(name, "nats", better, Importance.Primary, "planted 1", "planted")

let private placed name place = Quantity(name, "nats", Direction.Lower, Importance.Primary, "planted 1", "planted", Order = Nullable place)

/// Parts of a metric that say how far its other values can be trusted.
let private diagnosing = [ "floor"; "border"; "normaliser"; "top"; "log-z"; "ess"; "accepted"; "overlap"; "gap" ]

let private isPlaced (quantities: Quantity list) =
    for place, found in quantities |> List.groupBy (fun one -> Option.ofNullable one.Order) do
        must $"{found.Head.Name} declares no place" place.IsSome
        must $"{found |> List.map _.Name} have one place" (found.Length = 1)

    for one in quantities do
        match one.ComparedWith with
        | null -> ()
        | name ->
            must $"{one.Name} is compared with {name}, which nothing declares" (quantities |> List.exists (fun other -> other.Name = name))

        let part = one.Name.Substring(one.Name.LastIndexOf '/' + 1)
        let isDiagnostic = one.Name.Contains '/' && List.contains part diagnosing && not (one.Name.StartsWith "chains/ess")
        must $"{one.Name} is {one.Importance}" (not isDiagnostic || one.Importance = Importance.Diagnostic)

let private planted = named "planted" Direction.Lower

/// A metric that declares one quantity.
let private declaring = {
    new IMetricSpec with
        member _.Quantities = [| planted |]
    interface ISpec<IMetric> with
        member _.Build _ = never ()
}

let private found = planted.Found(0.5, Nullable(), 10L, 3)

let all = [
    law
        "a metric returns what it declares, with the unit, direction, scale, importance, place and comparison value that it declares"
        (fun () ->
            isDeclared (everyMetric ())
            isDeclared [ declaring, [ found ] ])
    |> breaks "a value that is not declared" (fun () ->
        isDeclared [ declaring, [ (named "other" Direction.Lower).Found(0.5, Nullable(), 10L) ] ])
    |> breaks "another direction than the declared one" (fun () ->
        isDeclared [ declaring, [ (named "planted" Direction.Higher).Found(0.5, Nullable(), 10L) ] ])

    law "every quantity of the project declares its own place in tables; a comparison value is one that the same metric declares" (fun () ->
        let all =
            catalog.Value.Kinds typeof<IMetricSpec>
            |> Seq.collect (fun kind -> Quantity.DeclaredBy(nonNull (catalog.Value.Find(typeof<IMetricSpec>, kind))))
            |> List.ofSeq
        isPlaced all)
    |> breaks "a second quantity at a place" (fun () -> isPlaced [ placed "one" 7; placed "other" 7 ])
    |> breaks "a quantity without a place" (fun () -> isPlaced [ named "planted" Direction.Lower ])
    |> breaks "a diagnostic that is called primary" (fun () -> isPlaced [ placed "one" 7; placed "one/floor" 8 ])

    law "metrics read test and training rows in parts" (fun () ->
        measuresInParts (many ()) [ "ais"; "copying"; "energies"; "kid-digits"; "ladder-likelihood"; "likelihood" ])
    |> breaks "all test rows at once" (fun () ->
        let data = many ()
        data.TestRows.All |> ignore)

    law "every declared quantity is returned for some method" (fun () ->
        isYielded (everyMetric ())
        isYielded [ declaring, [ found ] ])
    |> breaks "a quantity that no method has" (fun () -> isYielded (everyMetric () @ [ declaring, [] ]))

    law "a parameter stands for one part of a name, or for one of the words that it lists" (fun () ->
        let named name = named name Direction.Lower
        must "a set" ((named "auroc/<set>").Fits "auroc/two-moons" && not ((named "auroc/<set>").Fits "auroc/two/moons"))
        must "a word" ((named "<nll|nll-validation>/ess").Fits "nll/ess" && not ((named "<nll|nll-validation>/ess").Fits "kl/ess"))
        must "a line break must not match" (not ((named "nll").Fits "nll\n"))
        must "a point must match only a point" (not ((named "a.b").Fits "axb"))
        must "the parameter must be replaced" ((named "auroc/<set>").For("moons").Name = "auroc/moons"))

    law "a protocol is the hash of the estimator and of the choices, in any culture" (fun () ->
        // sha256sum of "planted 1 512 3.5 rows".
        let protocol = planted.Found(0.5, Nullable(), 10L, 512, 3.5, "rows").Protocol
        must $"{protocol}" (protocol = (Canonical.Sha256 "planted 1 512 3.5 rows").Substring(0, 12)))

    law "measure.best and measure.tolerance name quantities of the metrics; best has a direction and is measured during training" (fun () ->
        let metrics =
            "metrics: { test: { kind: likelihood }, validation: { kind: likelihood, split: validation }, energies: { kind: energies } }"
        let measure rest = catalog.Value.Build<MeasureSpec>(Document.Parse($"{metrics}\n{rest}\n", "measure.yaml"), "measure")
        let refused parts rest = throws<ConfigException, _> parts (fun () -> measure rest)
        measure "best: nll-validation\ntolerance: { energies: { absolute: 1 } }" |> ignore
        refused [ "measure.yaml, line 2"; "did you mean nll-validation?" ] "best: validation"
        refused [ "best"; "energies" ] "best: energies"
        refused [ "best names nll,"; "their quantities are nll-validation" ] "best: nll\nevery: 100\nduring: [validation]"
        refused [ "tolerance"; "grid-kl"; "energies" ] "tolerance: { grid-kl: { absolute: 1 } }")
]
