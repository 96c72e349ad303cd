/// Every record of the core that builds a network, with any parameters of `Build`.
module Ebm.Tests.EveryNet

open System
open System.Reflection
open TorchSharp
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Tests.World

/// The interface by which a record builds a network from a stream; none for other records.
let roleOf (record: Type) =
    record.GetInterfaces()
    |> Array.tryFind (fun role ->
        role.Assembly = typeof<Method>.Assembly
        && role.GetMethods()
           |> Array.exists (fun m ->
               m.Name = "Build" && m.GetParameters() |> Array.tryHead |> Option.exists (fun p -> p.ParameterType = typeof<Rng>)))

let private schedule () = NoiseSchedule.VariancePreserving(0.1, 0.9, 4)

/// The network of a record, from rows of one shape to rows of another; the arguments of `Build` are chosen by type.
let build (role: Type) (record: obj) (from: int64[]) (target: int64[]) =
    let build = nonNull (role.GetMethod "Build")
    let mutable shapes = [ from; target ]

    let arguments = [|
        for p in build.GetParameters() do
            if p.ParameterType = typeof<Rng> then
                box (rng "network")
            elif p.ParameterType = typeof<NoiseSchedule> then
                box (schedule ())
            elif p.ParameterType = typeof<int64> then
                box 3L
            elif p.ParameterType = typeof<int64[]> then
                let next = shapes.Head
                shapes <- shapes.Tail
                box next
            else
                Law.broken $"{record}: the laws have no argument of type {p.ParameterType.Name} for a network"
    |]

    nonNull (build.Invoke(record, BindingFlags.DoNotWrapExceptions, null, arguments, null))

/// Writes a network's weights as a checkpoint has them, each with the name that it has there.
let write (path: string) (named: string -> string) (net: torch.nn.Module) =
    Safetensors.Write(
        path,
        [
            for KeyValue(name, weight) in net.state_dict () ->
                NamedTensorBytes(named name, "F32", weight.shape, ReadOnlyMemory(weight.contiguous().bytes.ToArray()))
        ]
    )

/// Every kind that builds a network from a stream, with its defaults.
let kinds () =
    let catalog = Catalog.Load []

    [
        for record in typeof<Ebm.Nets.MlpSpec>.Assembly.GetTypes() do
            match Catalog.KindOf record, roleOf record with
            | null, _
            | _, None -> ()
            | kind, Some role -> kind, build role (catalog.Resolve(role, Document.Parse($"kind: {kind}", "law"))).Value
    ]

/// The network from rows of the first shape that it accepts to a number; or, if it maps codes to rows, from two numbers to such rows; or from images to
/// images.
let somewhere (build: int64[] -> int64[] -> obj) =
    let ways = [
        fun shape -> shape, build shape [| 1L |]
        fun shape -> [| 2L |], build [| 2L |] shape
        fun shape -> shape, build shape shape
    ]

    EveryMethod.built (fun shape ->
        ways
        |> List.tryPick (fun way ->
            try
                Some(way shape)
            with :? SettingException ->
                None)
        |> Option.defaultWith (fun () -> raise (SettingException("net", $"{shape} is no shape for it"))))
    |> snd
