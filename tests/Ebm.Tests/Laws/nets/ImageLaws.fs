/// Images: an option on the command line gives a method a net for images, and such a net rejects other rows with a message.
module Ebm.Tests.Laws.ImageLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Configs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private configs = Configs(Folder.under "experiments/configs")
let private image = [| 1L; 8L; 8L |]

/// The method of some words for rows of one shape; none where it cannot be had for them.
let private methodOf (words: string list) (shape: int64[]) =
    try
        let document, _ = EveryMethod.composed words
        let spec = (Catalog.Load []).Build<ISpec<Method>>(document, "method")
        Some(spec.Build(Site(shape, device, rng "images", Folder.dataRoot)))
    with
    | :? ConfigException
    | :? SettingException -> None

/// Every way to give a method an energy for images by the words of its groups, and a generator for them where it takes one. A preset is
/// asked with one energy: it has the constants of a paper, with which chains of other nets may diverge.
let private words option =
    let method' = $"method={option}"
    let document, choices = EveryMethod.composed [ method' ]
    let isPreset = string (document.Find "kind") <> option
    let groups = choices.Keys |> Seq.map (fun key -> (key.Split '@')[0]) |> Seq.distinct |> List.ofSeq

    let fitting group =
        if not (List.contains group groups) then
            []
        else
            [
                for net in configs.Options group do
                    let word = $"{group}={net}"
                    let isBuilt shape = (methodOf [ method'; word ] shape).IsSome
                    if isBuilt image && not (isBuilt [| 2L |]) then word
            ]

    [
        for energy in fitting "energy" |> List.truncate (if isPreset then 1 else Int32.MaxValue) do
            match fitting "generator" with
            | [] -> [ method'; energy ]
            | generators ->
                for generator in generators do
                    [ method'; energy; generator ]
    ]

/// One step of every method on images of 8 × 8: each update has a finite loss and a gradient in the weights.
let private train (weights: Method -> Update -> torch.nn.Module) =
    let mutable found = 0

    for option, _ in EveryMethod.options.Value do
        for words in words option do
            use _ = torch.NewDisposeScope()
            found <- found + 1
            let method = (methodOf words image).Value
            let option = String.concat " " words
            let batches = Batches((rng "data").Normal(16L, 1L, 8L, 8L), 8L, rng "batches")

            for update in method.Iterate(batches, rng "step") do
                let loss = value update.Loss
                must $"{option}, {update.Part}: a loss of {loss}" (Double.IsFinite loss)
                let gradients = gradients update.Loss ((weights method update).parameters())
                let norm = gradients |> Array.sumBy (fun g -> value (g.square().sum()))
                must $"{option}, {update.Part}: a gradient of squared norm {norm}" (norm > 0.0 && Double.IsFinite norm)

    must $"only {found} methods with nets for images were asked" (found > 10)

/// Every net that refuses a pair of numbers refuses all rows that are not images, and says so; other images it takes or refuses.
let private refuse (others: int64[] list) (images: int64[] list) =
    let refusal (build: int64[] -> int64[] -> obj) shape =
        try
            build shape shape |> ignore
            None
        with :? SettingException as e ->
            Some e.Message

    let nets = EveryNet.kinds () |> List.filter (fun (_, build) -> (refusal build [| 2L |]).IsSome)
    must $"only {nets.Length} nets for images are found" (nets.Length >= 6)

    for kind, build in nets do
        for shape in others @ images do
            let said = String.Join(", ", shape)

            match refusal build shape with
            | None -> must $"{kind} takes rows of shape ({said})" (List.contains shape images)
            | Some message -> must message (message.Contains $"{kind} needs " && message.Contains $"these rows have shape ({said})")

let all = [
    law "every method whose energy comes from a group trains on images with a convolutional one" (fun () ->
        train (fun method update -> method.Parts[update.Part]))
    |> breaks "weights that the loss does not depend on" (fun () -> train (fun _ _ -> torch.nn.Linear(2L, 2L, device = device)))

    law "a net for images refuses other rows, and says which it takes and what it was given" (fun () ->
        refuse [ [| 2L |]; [| 64L |]; [| 8L; 8L |] ] [ [| 1L; 8L; 12L |]; [| 1L; 6L; 6L |] ])
    |> breaks "an image" (fun () -> refuse [ image ] [])
]
