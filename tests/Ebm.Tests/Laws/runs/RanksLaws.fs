/// Training by several ranks is training by one process with the same batch: exactly, where a step draws no random numbers, and in law, where it
/// does. Samples do not depend on the number of ranks. A rank that fails ends the others with its reason.
module Ebm.Tests.Laws.RanksLaws

open System
open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Folder
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.ThreadRanks

let private catalog = lazy (Catalog.Load [])

/// A method in the plane from the project's configs.
let private documentOf (words: string list) = fst (EveryMethod.composed words)

let private methodOf (words: string list) () =
    let spec = catalog.Value.Build<ISpec<Method>>(documentOf words, "method")
    spec.Build(Site([| 2L |], torch.CPU, new Rng(7UL, torch.CPU), dataRoot))

let private small = [ "method.energy.width=8"; "method.energy.depth=1" ]

let private methods = [
    "joint-cd", "method=joint-cd" :: "method.steps=2" :: "method.memory=40" :: small
    "recovery-likelihood", "method=recovery-likelihood" :: "method.steps=2" :: small
    "denoising-ebm",
    [ "method=denoising-ebm"; "method.codes=1"; "method.code-moves=2"; "method.row-moves=2"; "method.memory=40"; "method.warm-up=0" ]
    "generalized-ebm", "method=generalized-ebm-mlp" :: "method.energy-steps=1" :: small
    "contrastive-divergence", "method=contrastive-divergence" :: "method.steps=2" :: "method.memory=40" :: small
]

// ── one step ────────────────────────────────────────────────────────────────────────────────

let private rows = lazy (let x = (rng "rows of ranks").Normal(1600L, 2L) in x.detach().DetachFromDisposeScope())

let private numbers (method: Method) = [|
    for p in method.parameters () do
        yield! values p
|]

/// The change of all weights by each of some independent steps of gradient descent from the same state.
let private changes (make: unit -> Method) (trials: int64) (batch: int64) () =
    use _ = torch.NewDisposeScope()
    use method = make ()
    let train =
        TrainSpec(Steps = Nullable 1L, Batch = batch, Lr = 1.0, WarmUp = 0L, Clip = Nullable(), Average = Nullable(), Optimizer = SgdSpec())
    let start = [ for KeyValue(_, tensor) in method.state_dict () -> tensor, tensor.detach().clone() ]
    let before = numbers method

    [|
        for trial in 1L .. trials do
            use _ = torch.NewDisposeScope()
            use optimizers = new Optimizers(method, train)
            use averages = new Averages(method, train.Average)
            let batches = Batches(rows.Value, batch, (rng "trials").Stream trial)
            let trainer = Trainer(method, batches, optimizers, averages, Health(train.Health, 2L), train, (rng "steps").Stream trial)
            trainer.Advance(fun () -> false) |> ignore
            Array.map2 (-) (numbers method) before

            using (torch.no_grad ()) (fun _ ->
                for live, kept in start do
                    live.copy_ kept |> ignore)
    |]

/// Means of the changes along some directions, and their mean square distance from their middle, agree within standard errors.
let private sameLaw (one: float[][]) (many: float[][]) =
    let size = one[0].Length
    let random = Random 3
    let middle = Array.init size (fun i -> Array.append one many |> Array.averageBy (fun change -> change[i]))

    let views = [
        for _ in 1..4 do
            let direction = Array.init size (fun _ -> random.NextDouble() - 0.5)
            Array.fold2 (fun sum a b -> sum + a * b) 0.0 direction
        Array.fold2 (fun sum middle c -> sum + (c - middle) ** 2.0) 0.0 middle
    ]

    for view in views do
        let mean, error =
            [ one; many ]
            |> List.map (fun changes ->
                let seen = changes |> Array.map view
                let mean = Array.average seen
                mean, (seen |> Array.sumBy (fun s -> (s - mean) ** 2.0)) / float (seen.Length * (seen.Length - 1)))
            |> fun found -> List.map fst found, List.sumBy snd found |> sqrt

        // Five views of five methods: at 4.5 standard errors, a true law fails once in six thousand.
        must
            $"one process has {mean[0]}, ranks have {mean[1]}, with a standard error of {error}"
            (abs (mean[0] - mean[1]) <= 4.5 * error + 1e-12)

let private trials = 100L

let private inLaw (ranks: Shared -> int -> Ranks) (words: string list) =
    let one = changes (methodOf words) trials 16L ()

    match eachOf 4 ranks (changes (methodOf words) trials 16L) with
    | Ok first :: others ->
        must
            "the ranks have different weights"
            (others
             |> List.forall (function
                 | Ok other -> other = first
                 | Error _ -> false))
        sameLaw one first
    | ended -> broken $"%A{ended}"

/// Adds too much.
type private Twice(shared, rank) =
    inherit ThreadRank(shared, rank)

    override this.Add(all: Span<float>) =
        base.Add all

        if all.Length > 2 then
            for i in 0 .. all.Length - 1 do
                all[i] <- 2.0 * all[i]

/// Both ranks take the same rows and random numbers.
type private First(shared, rank) =
    inherit ThreadRank(shared, rank)
    override _.Rank = 0

let private flow = [ "method=flow"; "method.net={ kind: real-nvp, couplings: 2, width: 8, depth: 1 }"; "method.noise=0" ]

let private asOne (count: int) (make: Shared -> int -> Ranks) =
    let one = changes (methodOf flow) 3L 16L ()

    for found in eachOf count make (changes (methodOf flow) 3L 16L) do
        match found with
        | Error e -> raise e
        | Ok many ->
            for a, b in Seq.zip (Array.concat one) (Array.concat many) do
                // Sums of sixteen rows in another order, in double precision.
                must $"one process changes a weight by {a}, {count} ranks by {b}" (abs (a - b) <= 1e-12 * (1.0 + abs a))

// ── runs ────────────────────────────────────────────────────────────────────────────────────

let private config ranks =
    Document
        .Parse(
            $"data: {{ kind: gaussians, train: 60, test: 20 }}\n"
            + $"train: {{ steps: 6, batch: 12, record-every: 1, average: 0.9, ranks: {ranks} }}\n"
            + "measure: { samples: 40, at-once: 7, metrics: { energy-distance: { kind: energy-distance } } }\nlogging: { progress: 0 }",
            "ranks.yaml"
        )
        .With("method", documentOf (snd methods[0]))

type private Silence() =
    interface IAudience with
        member _.Progress _ = ()
        member _.Note _ = ()

/// Executes an attempt by ranks; the first one leads.
let private attempt (count: int) (until: int64 option) (sweep: string) : Result<RunState, exn> list =
    let experiment = Experiment.Of(config count)
    let at = RunFolder.Create(sweep, experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
    File.WriteAllText(at.In "config.yaml", (config count).ToYaml())

    let compute () =
        use stop = new Stop()

        if Ranks.Here.Leads then
            use execution = new Execution(RunFolder.Open at.Path, catalog.Value, dataRoot, stop, Silence(), Until = Option.toNullable until)

            if execution.Begin() then execution.Run(ignore).State else RunState.Completed
        else
            OtherRank(RunFolder.Open at.Path, catalog.Value, dataRoot, stop).Run() |> Option.ofObj |> Option.iter raise
            RunState.Pending

    if count = 1 then [ Ok(compute ()) ] else eachOf count usual compute

let private results (sweep: string) =
    let folder = RunFolder.Open(Directory.GetDirectories(sweep) |> Array.exactlyOne)

    folder,
    Map [
        for name in folder.ArtefactNames() do
            if name <> "checkpoint/state.json" then name, Canonical.Sha256OfFile(folder.In name)
    ]

let private ends state (found: Result<RunState, exn> list) =
    match found with
    | Ok first :: others when first = state && others |> List.forall Result.isOk -> ()
    | _ -> broken $"%A{found}"

let all = [
    law "a step without random numbers changes the weights by the same on one, two, four and eight ranks" (fun () ->
        for count in [ 2; 4; 8 ] do
            asOne count usual)
    |> breaks "a sum that is twice as large" (fun () -> asOne 2 (fun shared rank -> Twice(shared, rank)))
    |> breaks "ranks with the same rows" (fun () -> asOne 2 (fun shared rank -> First(shared, rank)))

    for name, words in methods do
        law $"{name}: the change of the weights by one step has the same mean and spread on four ranks" (fun () -> inLaw usual words)
        |> breaks "a sum that is twice as large" (fun () -> inLaw (fun shared rank -> Twice(shared, rank)) words)
        |> breaks "ranks with the same rows and random numbers" (fun () -> inLaw (fun shared rank -> First(shared, rank)) words)

    law "the log of a mean over ranks, and the mean of its gradients, are those of all rows" (fun () ->
        let x = (rng "log mean exp").Normal(12L) * 3.0
        let gradient (from: int64) (count: int64) =
            use own = x.narrow(0L, from, count).detach().clone().requires_grad_ true
            let value = Objectives.LogMeanExp own
            value.backward ()
            values (value.reshape 1L), values (nonNull own.grad)

        let one, slope = gradient 0L 12L

        together 3 (fun () -> gradient (4L * int64 Ranks.Here.Rank) 4L)
        |> List.iteri (fun rank (value, share) ->
            must $"{value[0]} in place of {one[0]}" (abs (value[0] - one[0]) < 1e-12)

            for i in 0..3 do
                let due = slope[4 * rank + i] * 3.0
                must $"rank {rank}: {share[i]} in place of {due}" (abs (share[i] - due) < 1e-12)))

    law "the ranks' rows together are the batches of one process, also from the middle of an epoch" (fun () ->
        let taken () =
            let batches = Batches((torch.arange 50L).unsqueeze 1L, 12L, rng "shares", Cursor = struct (3L, 24L))
            [ for _ in 1..4 -> values (batches.Next()) ]

        let one = taken ()

        for count in [ 2; 3; 4 ] do
            let shares = together count taken
            let joined = [ for i in 0..3 -> shares |> List.map (List.item i) |> Array.concat ]
            must $"{count} ranks: %A{joined} in place of %A{one}" (joined = one))

    law "each rank moves its own chains, and afterwards all ranks have all chains" (fun () ->
        let moved () =
            let memory = new Memory(torch.zeros [| 12L; 1L |], torch.zeros ([| 12L |], dtype = torch.int64))
            let own = rng $"rank {Ranks.Here.Rank}"

            for _ in 1..30 do
                let struct (points, levels, slots) = memory.Draw(2L, own)
                memory.Store(slots, points + 1.0 + float Ranks.Here.Rank, levels)

            memory.Collect()
            values memory.Points

        for points in together 3 moved do
            // 60 moves in each share of four chains, by 1, 2 and 3.
            for rank in 0..2 do
                let sum = points[4 * rank .. 4 * rank + 3] |> Array.sum
                must $"share {rank} has {sum}" (sum = 60.0 * float (rank + 1)))

    law "a run of two ranks repeats byte for byte, goes on from its checkpoint on four, and its manifest names them" (fun () ->
        World.inSingle
            (fun () ->
                inFolder (fun folder ->
                    let sweep name = Path.Combine(folder, name)
                    attempt 2 None (sweep "a") |> ends RunState.Completed
                    attempt 2 None (sweep "b") |> ends RunState.Completed
                    let first, files = results (sweep "a")
                    let _, again = results (sweep "b")
                    must "the second run differs" (files = again)
                    let manifest = nonNull first.Manifest
                    must $"%A{manifest.Ranks}" (manifest.Ranks = RanksState(2, "threads 1"))
                    must $"%A{manifest.Interventions}" (Seq.isEmpty (nonNull manifest.Interventions))

                    attempt 2 (Some 3L) (sweep "c") |> ends RunState.Interrupted
                    attempt 2 None (sweep "c") |> ends RunState.Completed
                    must "it does not resume to the same bytes" (snd (results (sweep "c")) = files)

                    attempt 2 (Some 3L) (sweep "d") |> ends RunState.Interrupted
                    attempt 4 None (sweep "d") |> ends RunState.Completed
                    let other, _ = results (sweep "d")

                    match List.ofSeq (nonNull (nonNull other.Manifest).Interventions) with
                    | [ only ] ->
                        must $"%A{only}" (only.What = Intervention.OtherConditions && only.Says.Contains "4 ranks of threads 1")
                    | found -> broken $"%A{found}"))
            ())

    law "samples do not depend on the number of ranks that draw them" (fun () ->
        let drawn () =
            use method = methodOf (snd methods[0]) ()
            let data = catalog.Value.Build<ISpec<IDataset>>(Document.Parse("{ kind: gaussians, train: 20, test: 20 }", "d"), "data")
            let data = data.Build(Site([||], torch.CPU, rng "data", dataRoot))
            let measure = MeasureSpec(AtOnce = 7L)
            let evaluation = Evaluation(method, data, measure, Document.Empty, Document.Empty)
            values (evaluation.Draw(40L, rng "draws", ignore))

        let one = drawn ()

        for count in [ 2; 4; 5 ] do
            for found in together count drawn do
                must $"{count} ranks draw others" (found = one))

    law "a rank that fails ends the others with its reason, wherever they are" (fun () ->
        let failing isNumerical () =
            if Ranks.Here.Rank = 1 then
                Ranks.Here.Fail(isNumerical, "no more disk")
                ""
            else
                try
                    string (Ranks.Here.Sum 1.0)
                with :? RankFailedException as e ->
                    must $"{e.IsNumerical}" (e.IsNumerical = isNumerical)
                    e.Message

        for isNumerical in [ true; false ] do
            match together 3 (failing isNumerical) with
            | [ first; ""; third ] -> must $"{first} {third}" (first = "rank 1: no more disk" && third = first)
            | found -> broken $"%A{found}")

    law "ranks that are at different operations all stop with an error" (fun () ->
        for different in
            [
                (fun rank -> Ranks.Here.Meet $"place {rank}")
                (fun rank -> Ranks.Here.Gather(ReadOnlySpan(Array.zeroCreate<byte>(1 + rank))) |> ignore)
            ] do
            for found in eachOf 2 usual (fun () -> different Ranks.Here.Rank) do
                match found with
                | Error(:? InvalidOperationException as e) -> must e.Message (e.Message.Contains "another operation")
                | found -> broken $"%A{found}")

    law "a batch or a memory that ranks cannot share names its setting" (fun () ->
        let refused setting (make: unit -> unit) =
            for found in eachOf 2 usual make do
                match found with
                | Error(:? SettingException as e) -> must e.Message (e.Setting = setting && e.Says.Contains "multiple of train.ranks")
                | found -> broken $"%A{found}"

        refused "batch" (fun () -> Batches((torch.arange 50L).unsqueeze 1L, 11L, rng "odd") |> ignore)
        refused "memory" (fun () -> new Memory(torch.zeros [| 11L; 1L |], torch.zeros ([| 11L |], dtype = torch.int64)) |> ignore))

    law "a config for other ranks than were started is refused, with the command that starts them" (fun () ->
        inFolder (fun folder ->
            throws<ConfigException, _> [ "ranks is 3"; "mpirun -n 3"; "1 process was started" ] (fun () ->
                (Experiment.Of(config 3)).Run(Path.Combine(folder, "alone")))))
]
