/// Every record that a config can name: with small settings, with each setting in turn at hostile values, and with some of them at random.
/// Runs in a separate process (`fuzz` in Main.fs), because some errors end the process: the last line then names the case.
module Ebm.Tests.Fuzzing

open System
open System.Collections.Generic
open System.IO
open System.Reflection
open System.Runtime.InteropServices
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Records
open Ebm.Runs
open Ebm.Tests.World

type private Outcome =
    | Built
    | Refused of string
    | Wrong of string

let private catalog = lazy (Catalog.Load [])
let private isOwn (t: Type) = (string (t.Assembly.GetName().Name)).StartsWith "Ebm."
let private isRole (t: Type) = isOwn t && (t.IsInterface || t.IsAbstract)
let private isRecord (t: Type) = isOwn t && t.IsClass && not t.IsAbstract && not t.IsArray
let private underlying (t: Type) = Nullable.GetUnderlyingType t |> Option.ofObj |> Option.defaultValue t
let private isWhole (t: Type) = List.contains (underlying t) [ typeof<int>; typeof<int64>; typeof<uint64> ]

/// Name, record and role of everything that configs can name, and the config itself; records of laws only if they are requested by name.
let private everything () = [
    catalog.Value |> ignore
    "experiment", typeof<ExperimentSpec>, typeof<ExperimentSpec>

    for assembly in AppDomain.CurrentDomain.GetAssemblies() do
        if (string (assembly.GetName().Name)).StartsWith "Ebm." then
            for record in assembly.GetTypes() do
                match Catalog.KindOf record with
                | null -> ()
                | kind -> kind, record, record.GetInterfaces() |> Array.find isRole
]

// ── settings ─────────────────────────────────────────────────────────────────────────────

let private parameters (record: Type) = (record.GetConstructors()[0]).GetParameters()
let private keyOf (p: ParameterInfo) = Kebab.Case(nonNull p.Name)

let private map (entries: (string * Document) list) = Document.OfMap [ for key, value in entries -> KeyValuePair(key, value) ]

let private wordsOf (choice: Type) = [ for name in Enum.GetNames choice -> Document.Of(Kebab.Case name) ]

/// A shape of rows that every network accepts.
let private image = [| 1L; 8L; 8L |]

/// The required settings of a record, with a kind for each role; large whole numbers are reduced if `few`.
let rec private told few place (record: Type) : Document =
    map [
        for p in parameters record do
            let t = p.ParameterType

            if isRecord t then
                keyOf p, told few place t
            elif few && isWhole t && p.HasDefaultValue && not (isNull p.DefaultValue) && Convert.ToInt64 p.DefaultValue > 500L then
                keyOf p, Document.Of 50L
            elif t.IsArray && (nonNull (t.GetElementType())).IsEnum then
                // A choice of one is enough where another setting could take its place.
                keyOf p, Document.OfList [ (wordsOf (nonNull (t.GetElementType()))).Head ]
            elif not p.HasDefaultValue && t = typeof<string> then
                // Each kind of data has its own file in the data folder of `run`.
                keyOf p,
                Document.Of(
                    match string (Catalog.KindOf record) with
                    | "npy" -> "rows.npy"
                    | "image-folder" -> "pictures"
                    | "flow-teacher" -> "teacher.safetensors"
                    | _ -> "rows.csv"
                )
            elif not p.HasDefaultValue then
                keyOf p, needed few place t
    ]

and private needed few place (t: Type) : Document =
    if isRole t then
        let kinds = catalog.Value.Kinds t |> Seq.filter (fun kind -> not (kind.StartsWith "law-")) |> Array.ofSeq
        let kind = kinds[min place (kinds.Length - 1)]
        (told few place (nonNull (catalog.Value.Find(t, kind)))).With("kind", Document.Of kind)
    elif t = typeof<float[]> then
        Document.OfList [ Document.Of 0.5 ]
    elif t = typeof<int64[]> then
        Document.OfList [ for n in image -> Document.Of n ]
    elif t.IsGenericType && t.GetGenericArguments().Length = 2 then
        map [ "other", needed few place (t.GetGenericArguments()[1]) ]
    else
        Law.broken $"the laws have no value for a {t.Name}"

// A billion elements may be requested but not allocated, which would exhaust the machine's memory.
let private wholes = [ 0L; -1L; 1L; 2L; 3L; 7L; 1_000_000_000L; int64 Int32.MaxValue; 1L <<< 62 ] |> List.map Document.Of

let private numbers = [ 0.0; -1.0; 1.0; 2.0; 3.0; 7.0; nan; infinity; 1e-320; 1e308 ] |> List.map Document.Of

let private listsOf (values: Document list) = [
    Document.OfList []
    for value in values do
        Document.OfList [ value ]
        Document.OfList [ value; value ]
]

/// Every path of a setting, with its hostile values and its other valid values.
let rec private paths (record: Type) : (string * Document list * Document list) list = [
    for p in parameters record do
        let t = underlying p.ParameterType

        if isWhole t then
            keyOf p, wholes, []
        elif t = typeof<float> then
            keyOf p, numbers, []
        elif t = typeof<int[]> || t = typeof<int64[]> then
            keyOf p, listsOf wholes, []
        elif t = typeof<float[]> then
            keyOf p, listsOf numbers, []
        elif t = typeof<bool> then
            keyOf p, [], [ Document.Of true; Document.Of false ]
        elif t.IsEnum then
            keyOf p, [], wordsOf t
        elif t.IsArray && (nonNull (t.GetElementType())).IsEnum then
            keyOf p, listsOf wholes, listsOf (wordsOf (nonNull (t.GetElementType())))
        elif isRecord t then
            for path, hostile, other in paths t do
                Document.Join(keyOf p, path), hostile, other
]

/// Changes of up to four settings at once, the same ones each time.
let private mutated (record: Type) (start: Document) count : (string * Document) list =
    match paths record with
    | [] -> []
    | paths ->
        let one = gen {
            let! path, hostile, other = Gen.elements paths
            let! value = Gen.elements (hostile @ other)
            return path, value
        }

        Gen.choose (1, 4)
        |> Gen.bind (fun n -> Gen.listOfLength n one)
        |> Gen.sampleWithSeed (Rnd 20260101UL) 50 count
        |> Seq.map (fun changes ->
            String.Join(", ", [ for path, value in changes -> $"{path}: {value}" ]),
            changes |> List.fold (fun (document: Document) (path, value) -> document.With(path, value)) start)
        |> List.ofSeq

// ── what is done with it ─────────────────────────────────────────────────────────────────

let private finite (f: Tensor) (weights: Tensor seq) =
    // Weights without a gradient are not checked.
    let weights = [|
        for w in weights do
            if w.requires_grad then w
    |]
    if f.requires_grad && weights.Length > 0 then reached (f.sum ()) weights |> ignore

/// Two rows forward, and their gradient back.
let private useNet (net: obj) (shape: int64[]) =
    let x = (rng "rows").Normal(Array.append [| 2L |] shape)
    let weights = (net :?> torch.nn.Module).parameters() |> Seq.cast<Tensor>

    match net with
    | :? ILevelEnergy as ladder ->
        let level = (rng "levels").Integers(int64 ladder.Levels, 2L)
        finite (ladder.All x) weights
        finite (ladder.At(x, level)) weights
        (ladder.At level).WithSlope x |> ignore
    | :? GeneratorNet as generator ->
        finite (generator.call ((rng "latents").Normal(2L, generator.Latent))) weights

        match net with
        | :? FlowNet as flow -> finite (flow.LogDensity x) weights
        | _ -> ()
    | :? Autoencoder as autoencoder ->
        let noise = (rng "noise").Uniform(2L) + 0.1
        finite (autoencoder.Encode(x, noise)) weights
        finite (autoencoder.Restore(x, noise)) weights
    | :? torch.nn.Module<Tensor, Tensor> as net -> finite (net.call x) weights
    | other -> Law.broken $"the laws have no use for a {other.GetType().Name}"

let private useData (data: IDataset) =
    let two (rows: Tensor) = rows.narrow (0L, 0L, min 2L rows.shape[0])

    match data with
    | :? IKnownDensity as known -> known.LogDensity(two data.Test) |> ignore
    | _ -> ()

    match data with
    | :? IKnownModes as modes -> modes.Nearest(two data.Train) |> ignore
    | _ -> ()

/// The first step of training, and one near its end, because methods have phases.
let private trainOn (method: Method) (shape: int64[]) =
    let train = TrainSpec(Steps = Nullable 100L, Batch = 2L)
    let batches = Batches((rng "rows").Normal(Array.append [| 5L |] shape), 2L, rng "batches")
    use optimizers = new Optimizers(method, train)
    use averages = new Averages(method, train.Average)
    let trainer = Trainer(method, batches, optimizers, averages, Health(train.Health, 2L), train, rng "training")

    for step in [ 0L; 98L ] do
        if isNull trainer.Diverged then
            trainer.Resume(step, 0L)
            trainer.Advance(fun () -> true) |> ignore

let private useMethod (method: Method) (shape: int64[]) =
    trainOn method shape
    let x = (rng "rows").Normal(Array.append [| 2L |] shape)

    match box method with
    | :? IDensity as density ->
        finite (density.Density.Of x) (Seq.cast<Tensor>(method.parameters ()))
        density.Density.WithSlope x |> ignore
    | _ -> ()

    match box method with
    | :? ILadder as ladder -> ladder.Levels.All x |> ignore
    | _ -> ()

/// A run's whole config with this method.
let private around (method: Document) =
    let start = Document.Parse("data: { kind: gaussians, train: 10, test: 10 }\ntrain: { batch: 2 }\nmeasure: { samples: 2 }", "law")
    (catalog.Value.Resolve<ExperimentSpec>(start.With("method", method))).Document

/// The checks of a config before a run builds anything.
let private useConfig (config: ExperimentSpec) (document: Document) shape =
    Footprint.Check(catalog.Value, document, shape)
    Machine.Threads <- config.Threads
    (torch.ones 100_000L).exp().sum() |> ignore
    TimeSpan.FromSeconds config.Logging.Progress |> ignore

/// Builds the object of a document for rows of a shape, and uses it.
let private attempt dataRoot (role: Type) (document: Document) (shape: int64[]) =
    let resolved = catalog.Value.Resolve(role, document)
    let record = resolved.Value
    let site = Site(shape, device, rng "fuzz", dataRoot)

    match record with
    | :? ExperimentSpec as config -> useConfig config resolved.Document shape
    | :? ISpec<Method> as spec ->
        Footprint.Check(catalog.Value, around document, shape)
        use method = spec.Build site
        useMethod method shape
    | :? ISpec<IDataset> as spec -> useData (spec.Build site)
    | :? ISpec<IMetric> as spec -> spec.Build site |> ignore
    | :? ISpec<NoiseSchedule> as spec -> (spec.Build site).Noise |> ignore
    | record ->
        match EveryNet.roleOf (record.GetType()) with
        | None -> ()
        | Some role ->
            // From rows to a number, from codes to rows, or from images to images.
            let net, from =
                try
                    EveryNet.build role record shape [| 1L |], shape
                with :? SettingException ->
                    try
                        EveryNet.build role record [| 2L |] shape, [| 2L |]
                    with :? SettingException as refusal ->
                        try
                            EveryNet.build role record shape shape, shape
                        with :? SettingException ->
                            raise refusal

            use _ = net :?> torch.nn.Module
            useNet net from

let private isSentence (text: string) = text.Length > 15 && text.Contains ' ' && not (text.Contains '\n')

let private asked dataRoot role document shape =
    use _ = torch.NewDisposeScope()

    let refused (text: string) = if isSentence text then Refused text else Wrong $"refused without a proper message: {text}"

    try
        attempt dataRoot role document shape
        Built
    with
    | :? ConfigException as e when e.Message.EndsWith '.' -> refused e.Message
    | :? SettingException as e -> refused e.Message
    // Errors in data files.
    | :? FileNotFoundException
    | :? InvalidDataException as e -> refused e.Message
    | :? ExternalException as e when not (isNull (NumericalException.Reason e)) -> Built
    | e -> Wrong $"{e.GetType().Name}: {(e.Message.Split '\n')[0]}"

let private shapes = [ [| 2L |]; [| 1L; 8L; 8L |]; [| 1L; 28L; 28L |] ]
let private oddShapes = [ [| 1L |]; [| 1L; 1L; 1L |]; [| 1L; 3L; 3L |]; [| 3L; 5L; 7L |]; [| 1L; 6L; 6L |]; [| 1L; 4L; 8L |] ]

/// Small settings that build, and the shape that they build for.
let private start dataRoot (kind: string) (record: Type) role =
    let named (document: Document) = if isNull (Catalog.KindOf record) then document else document.With("kind", Document.Of kind)

    seq {
        for few in [ true; false ] do
            for shape in shapes do
                for place in 0..3 do
                    named (told few place record), shape
    }
    |> Seq.tryFind (fun (document, shape) ->
        match asked dataRoot role document shape with
        | Built -> true
        // Its files are missing on this machine; settings are checked before the files.
        | Refused text -> text.Contains "is missing"
        | Wrong _ -> false)

/// Writes the weights of the flow that `told` gives to a teacher.
let private writeTeacher path =
    let net = (catalog.Value.Resolve<IGeneratorSpec<FlowNet>>(needed true 0 typeof<IGeneratorSpec<FlowNet>>)).Value
    use flow = net.Build(rng "teacher", image)
    EveryNet.write path (fun name -> $"flow.{name}") flow

/// A table whose columns can be whitened.
let private table =
    String.Join(
        '\n',
        [
            "a,b,c"
            for i in 0..19 do
                $"{i},{(i * i) % 7},{(i * 5) % 11}"
        ]
    )

/// Returns 0 if every case was built or refused with a proper message. Each case is printed before it is tried.
let run (only: string list) =
    torch.set_default_dtype torch.float32
    Machine.Threads <- 1
    let dataRoot = Directory.CreateTempSubdirectory "ebm-fuzz-"

    try
        File.WriteAllText(Path.Combine(dataRoot.FullName, "rows.csv"), table)
        Npy.Write(Path.Combine(dataRoot.FullName, "rows.npy"), ReadOnlyMemory [| for i in 0..59 -> float32 ((i * i) % 17) |], 20L, 3L)
        writeTeacher (Path.Combine(dataRoot.FullName, "teacher.safetensors"))
        let pictures = dataRoot.CreateSubdirectory "pictures"

        for i in 0..19 do
            let pixels = [| for j in 0..63 -> float32 ((i * j) % 13) / 6.5f - 1.0f |]
            File.WriteAllBytes(Path.Combine(pictures.FullName, $"{i}.png"), Png.Grid(ReadOnlySpan pixels, 1, 1, 8, 8, 1))

        let mutable wrong = 0

        let chosen =
            everything ()
            |> List.filter (fun (kind, _, _) -> if only.IsEmpty then not (kind.StartsWith "law-") else List.contains kind only)

        for kind, record, role in chosen do
            let mutable built, refused = 0, 0

            let ask (name: string) document shape check =
                printfn "case: %s, %s" kind name
                Console.Out.Flush()

                match asked dataRoot.FullName role document shape with
                | Built -> built <- built + 1
                | Refused text when check text -> refused <- refused + 1
                | Refused text ->
                    wrong <- wrong + 1
                    printfn "wrong: %s, %s: not refused by name: %s" kind name text
                | Wrong text ->
                    wrong <- wrong + 1
                    printfn "wrong: %s, %s: %s" kind name text

            match start dataRoot.FullName kind record role with
            | None ->
                wrong <- wrong + 1
                printfn "wrong: %s cannot be built with the small settings" kind
            | Some(small, shape) ->
                for path, hostile, _ in paths record do
                    for value in hostile do
                        ask $"{path}: {value}" (small.With(path, value)) shape (fun _ -> true)

                for name, document in mutated record small 20 do
                    ask name document shape (fun _ -> true)

                if (EveryNet.roleOf record).IsSome then
                    for odd in shapes @ oddShapes do
                        let shown = String.Join(", ", odd)
                        ask $"rows of shape ({shown})" small odd (fun text -> text.Contains kind || text.Contains "these rows")

            printfn "%s: %d built, %d refused" kind built refused

        if wrong = 0 then 0 else 1
    finally
        dataRoot.Delete true
