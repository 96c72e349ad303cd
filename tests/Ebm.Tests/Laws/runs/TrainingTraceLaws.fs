/// trace.jsonl has the values that audits compare along training: bits of losses, gradients, weights, and of the chains' mean energy.
module Ebm.Tests.Laws.TrainingTraceLaws

open System
open System.Collections.Generic
open System.IO
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private bits (value: float) = (BitConverter.DoubleToUInt64Bits value).ToString "x16"

/// The records of an update whose chains end at these energies.
let private traced (chains: World.Tensor | null) (holds: Event list -> Map<string, string> -> unit) =
    inFolder (fun folder ->
        let config = Document.Parse("seed: 0", "trace.yaml")
        let json = Canonical.Json config
        let at = RunFolder.Create(Path.Combine(folder, "laws"), $"a-{Canonical.Sha256(json).Substring(0, 12)}", config, json)

        let fake =
            new TrainingLaws.Fake(
                [ "a" ],
                fun fake _ _ -> seq { Update("a", (fake.At "a").sum(), struct ("gap", World.number 2.0), Chains = chains) }
            )

        let train = TrainSpec(Steps = Nullable 3L, Batch = 4L, Average = Nullable(), Clip = Nullable())
        use optimizers = new Optimizers(fake, train)
        let health = Health(train.Health, 1L)
        let rows = (World.rng "rows").Normal(16L, 1L)
        let trainer =
            Trainer(fake, Batches(rows, 4L, World.rng "b"), optimizers, new Averages(fake, Nullable()), health, train, World.rng "t")
        let applied = trainer.Advance(fun () -> true)
        Recorder(at, optimizers, health).Record(1L, 1L, applied) |> ignore
        holds (List.ofSeq (at.Events())) (Map [ for trace in at.Traces() -> trace.What, trace.Bits ]))

let private ofEveryMethod (hasEnergy: Applied -> bool) =
    let chained =
        EveryMethod.options.Value
        |> List.filter (fun (option, method) ->
            let shape, built = EveryMethod.build method
            use built = built

            if shape <> [| 2L |] then
                false
            else
                let train = TrainSpec(Steps = Nullable 4L, Batch = 16L)
                use optimizers = new Optimizers(built, train)
                let rows = (World.rng "rows").Normal(64L, 2L)
                let trainer =
                    Trainer(
                        built,
                        Batches(rows, 16L, World.rng "b"),
                        optimizers,
                        new Averages(built, train.Average),
                        Health(train.Health, 2L),
                        train,
                        World.rng "t"
                    )
                let applied = [
                    for _ in 1..4 do
                        yield! trainer.Advance(fun () -> true)
                ]

                for update in applied do
                    let watches = update.Watched |> Seq.exists (fun struct (name, _, _) -> name = "accepted")
                    must $"{option}'s {update.Part} has chains whose energy is not traced" (not watches || hasEnergy update)

                applied |> List.exists _.ChainEnergy.HasValue)

    must $"{chained.Length} options have chains" (chained.Length >= 5)

let all = [
    law "the trace contains the mean energy of chains, and events do not" (fun () ->
        let energies = TorchSharp.torch.tensor ([| 1.0; 2.0; 6.0 |])

        traced energies (fun events traces ->
            must $"%A{traces}" (traces.TryFind "a/chain-energy" = Some(bits 3.0))
            must "the gap" (traces.TryFind "a/gap" = Some(bits 2.0))
            must "norms and losses" ([ "a/loss"; "a/gradient"; "a/parameters"; "a/norm" ] |> List.forall traces.ContainsKey)
            must "an event" (events |> List.forall (fun event -> not (event.What.Contains "chain"))))

        traced null (fun _ traces -> must "there must be no chain energy without chains" (not (traces.ContainsKey "a/chain-energy"))))
    |> breaks "the first chain's energy" (fun () ->
        traced (TorchSharp.torch.tensor ([| 1.0; 2.0; 6.0 |])) (fun _ traces ->
            must "mean" (traces.TryFind "a/chain-energy" = Some(bits 1.0))))

    law "every method whose updates run chains traces their energy" (fun () ->
        World.inSingle (fun () -> ofEveryMethod _.ChainEnergy.HasValue) ())
    |> breaks "updates without chain energies" (fun () -> World.inSingle (fun () -> ofEveryMethod (fun _ -> false)) ())
]
