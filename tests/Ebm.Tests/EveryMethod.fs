/// Every option of the group `method`, found in the configs and composed like a user's command.
module Ebm.Tests.EveryMethod

open System.IO
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Values
open Ebm.Tests.Folder
open Ebm.Tests.World

let private composer = lazy Composer(Configs(under "experiments/configs"), "sweep")

/// A composed command line.
let command (arguments: string list) : Composed =
    composer.Value.Compose [
        for argument in arguments do
            let given = parse argument

            given,
            match given.Setting with
            | Some(One value) -> Some value
            | _ -> None
    ]

/// The method's part of a composed command line, and the options that groups contribute to it.
let composed (arguments: string list) =
    let composed = command arguments
    nonNull (composed.Config.Find "method"), composed.Choices

/// The method's own part of its composed config, by the option's name.
let options: Lazy<(string * Document) list> =
    lazy [ for option in composer.Value.Configs.Options "method" -> option, fst (composed [ $"method={option}" ]) ]

/// Builds for the first suitable shape of a row, because a net for images has no shape in the plane.
let built (build: int64[] -> 'a) =
    let shapes = [ [| 2L |]; [| 1L; 8L; 8L |]; [| 1L; 28L; 28L |] ]

    shapes
    |> Seq.map (fun shape ->
        try
            Choice1Of2(shape, build shape)
        with :? SettingException as e ->
            Choice2Of2 e)
    |> Seq.tryPick (function
        | Choice1Of2 found -> Some found
        | Choice2Of2 _ -> None)
    |> Option.defaultWith (fun () -> Law.broken "it cannot be built for any shape of rows")

let build (option: Document) =
    let spec = (Catalog.Load []).Build<ISpec<Method>>(option, "method")
    built (fun shape -> spec.Build(Site(shape, device, rng "every method", dataRoot)))
