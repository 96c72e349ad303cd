/// Memory is checked before it is allocated, because the system kills a process without memory without a message.
module Ebm.Tests.Laws.CapacityLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.World

let private small =
    """
data: { kind: gaussians, train: 64, test: 8 }
method: { kind: joint-cd, energy: { kind: level-mlp, width: 8, depth: 1 }, noise: { kind: geometric, levels: 3 }, memory: 32, sample-steps: 1 }
train: { steps: 1, batch: 16 }
measure: { samples: 8 }
"""

let private config (changes: (string * (obj | null)) list) =
    changes
    |> List.fold (fun (config: Document) (path, value) -> config.With(path, Document.From value)) (Document.Parse(small, "small.yaml"))

/// Executes the experiment: it is rejected with the setting's name, the memory that it needs, and the available memory.
let private refused (path: string) (changes: (string * (obj | null)) list) =
    inSingle
        (fun () ->
            inFolder (fun folder ->
                let value = changes |> List.find (fun (changed, _) -> changed = path) |> snd

                let key = ConfigException.LastKey path

                throws<InvalidOperationException, _>
                    [ $"config.yaml, line "; $", {key}: {key} is {value}: "; "GB, and this machine has "; "lower it." ]
                    (fun () -> (Experiment.Of(config changes)).Run(folder, dataRoot))))
        ()

/// The bytes counted without values equal those of the real tensors.
let private agrees (change: Document -> Document) =
    for option, method in EveryMethod.options.Value do
        use _ = torch.NewDisposeScope()
        let shape, _ = EveryMethod.build method
        let spec (method: Document) = (Catalog.Load []).Build<ExperimentSpec>((config []).With("method", method))
        let counted = Footprint.Of(spec (change method), shape)
        let spec = spec method
        use method = spec.Method.Build(Site(shape, device, rng "capacity", dataRoot))
        use optimizers = new Optimizers(method, spec.Train)
        use averages = new Averages(method, spec.Train.Average)
        let there = Footprint.Of(method, optimizers, averages, spec, shape)
        must $"{option}: {counted} counted instead of {there}" (not (isNull counted) && nonNull counted = there)

let all = [
    law "a run's memory is known before it is allocated: for every method, as much as when it is built" (fun () ->
        inSingle (fun () -> agrees id) ())
    |> breaks "a ladder of another length" (fun () ->
        inSingle
            (fun () ->
                agrees (fun method ->
                    if isNull (method.Find "noise") then
                        method
                    else
                        method.With("noise", Document.Parse("{ kind: geometric, levels: 77 }", "x"))))
            ())

    law "a run that needs too much memory is rejected before it allocates any, with the setting to lower" (fun () ->
        refused "method.energy.width" [ "method.energy.width", box 65_536; "method.energy.depth", 256 ]
        refused "method.memory" [ "method.memory", box 10_000_000; "data.dimension", 10_000 ]
        refused "train.batch" [ "train.batch", box 1_000_000_000_000L ]
        refused "data.train" [ "data.train", box 1_000_000_000; "data.dimension", 1000 ])
    |> breaks "one with enough memory" (fun () -> refused "method.energy.width" [ "method.energy.width", box 16 ])

    law "more samples than a file can contain are rejected before training" (fun () ->
        inSingle
            (fun () ->
                inFolder (fun folder ->
                    throws<InvalidOperationException, _>
                        [ "config.yaml, line "; ", samples: samples is 1000000000: "; "lower it." ]
                        (fun () ->
                            (Experiment.Of(config [ "measure.samples", box 1_000_000_000; "data.dimension", 1000 ]))
                                .Run(folder, dataRoot))))
            ())

    law "whether a config is valid does not depend on the machine that reads it" (fun () ->
        Experiment.Of(config [ "method.energy.width", box 65_536; "method.energy.depth", 256; "data.train", 1_000_000_000 ]) |> ignore)

    law "a memory with fewer chains than a step draws, and a batch too large for transport, are rejected with a message" (fun () ->
        inSingle
            (fun () ->
                inFolder (fun folder ->
                    throws<InvalidOperationException, _>
                        [ "config.yaml, line "; ", memory: memory is 2, but a step draws 11 different chains"; "set it to 11 or more." ]
                        (fun () -> (Experiment.Of(config [ "method.memory", box 2 ])).Run(folder, dataRoot)))
                let rows = torch.zeros (20_000L, 1L)
                throws<SettingException, _> [ "batch is 20000"; "at most 16384" ] (fun () -> Transport.Pairing(rows, rows)))
            ())
]
