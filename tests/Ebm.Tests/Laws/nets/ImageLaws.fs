/// Images: an option on the command line gives a method a net for images, and such a net rejects other rows with a message.
module Ebm.Tests.Laws.ImageLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// The overrides that give a method nets for images; none if its config has no energy from a group.
let private words option =
    let _, choices = EveryMethod.composed [ $"method={option}" ]

    [
        for KeyValue(key, chosen) in choices do
            match key.Split '@', chosen with
            | [| "energy"; _ |], [ net ] -> if net.StartsWith "level-" then "energy=level-conv" else "energy=conv"
            | [| "generator"; _ |], [ "mlp" ] -> "generator=conv"
            | _ -> ()
    ]

/// One step of every method on images of 8 × 8: each update has a finite loss and a gradient in the weights.
let private train (weights: Method -> Update -> torch.nn.Module) =
    let mutable found = 0

    for option, _ in EveryMethod.options.Value do
        match words option with
        | [] -> ()
        | words ->
            use _ = torch.NewDisposeScope()
            found <- found + 1
            let document, _ = EveryMethod.composed ($"method={option}" :: words)
            let spec = (Catalog.Load []).Build<ISpec<Method>>(document, "method")
            let method = spec.Build(Site([| 1L; 8L; 8L |], device, rng "images", Folder.dataRoot))
            let batches = Batches((rng "data").Normal(16L, 1L, 8L, 8L), 8L, rng "batches")

            for update in method.Iterate(batches, rng "step") do
                let loss = value update.Loss
                must $"{option}, {update.Part}: a loss of {loss}" (Double.IsFinite loss)
                let gradients = gradients update.Loss ((weights method update).parameters())
                let norm = gradients |> Array.sumBy (fun g -> value (g.square().sum()))
                must $"{option}, {update.Part}: a gradient of squared norm {norm}" (norm > 0.0 && Double.IsFinite norm)

    must $"only {found} methods were tested" (found > 10)

/// Every net that rejects a pair of numbers rejects all rows that are not square images with a side of 4, 8, 12, …, with a message.
let private refuse (shapes: int64[] list) =
    let refusal (build: int64[] -> int64[] -> obj) shape =
        try
            build shape shape |> ignore
            None
        with :? SettingException as e ->
            Some e.Message

    let images = EveryNet.kinds () |> List.filter (fun (_, build) -> (refusal build [| 2L |]).IsSome)
    must $"only {images.Length} nets for images are found" (images.Length >= 6)

    for kind, build in images do
        for shape in shapes do
            let said = String.Join(", ", shape)

            match refusal build shape with
            | None -> broken $"{kind} accepts rows of shape ({said})"
            | Some message ->
                must message (message.Contains $"{kind} needs square images" && message.Contains $"these rows have shape ({said})")

let all = [
    law "every method whose energy comes from a group trains on images with a convolutional one" (fun () ->
        train (fun method update -> method.Parts[update.Part]))
    |> breaks "weights that the loss does not depend on" (fun () -> train (fun _ _ -> torch.nn.Linear(2L, 2L, device = device)))

    law "a net for images rejects other rows, and names the required and the given shape" (fun () ->
        refuse [ [| 2L |]; [| 64L |]; [| 8L; 8L |]; [| 1L; 8L; 12L |]; [| 1L; 6L; 6L |] ])
    |> breaks "an image" (fun () -> refuse [ [| 1L; 8L; 8L |] ])
]
