/// Every record of the core that builds a network, whatever it must be told to.
module Ebm.Tests.EveryNet

open System
open System.Reflection
open Ebm.Core
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

/// The network of a record, from rows of one shape to rows of another; what it is told is known by its type.
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
                Law.broken $"{record}: a law cannot tell what a network needs a {p.ParameterType.Name} for"
    |]

    nonNull (build.Invoke(record, BindingFlags.DoNotWrapExceptions, null, arguments, null))
