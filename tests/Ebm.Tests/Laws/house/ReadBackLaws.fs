/// A value that the host reads stops a GPU until it has computed it. The compiled code of energies, kernels, networks and methods reads none, but where it is
/// listed here with the reason.
module Ebm.Tests.Laws.ReadBackLaws

open System
open System.IO
open Mono.Cecil
open TorchSharp
open Ebm.Core
open Ebm.Nets
open Ebm.Tests.Law
open Ebm.Tests.World

/// Members of a tensor that copy its numbers to the host.
let private copies =
    set [
        "item"
        "cpu"
        "data"
        "get_bytes"
        "ToSingle"
        "ToDouble"
        "ToInt32"
        "ToInt64"
        "ToBoolean"
        "ToScalar"
        "op_Explicit"
        "Equals"
    ]

let private isCopy (reference: MethodReference) =
    let owner = reference.DeclaringType.FullName
    (owner = "TorchSharp.torch/Tensor" || owner = "TorchSharp.TensorExtensionMethods") && copies.Contains reference.Name

/// The outermost type of a method: closures and iterators belong to the type in which they are written.
let rec private outermost (t: TypeDefinition) =
    match t.DeclaringType with
    | null -> t.Name
    | outer -> outermost outer

let rec private withNested (t: TypeDefinition) : TypeDefinition list =
    t
    :: [
        for inner in t.NestedTypes do
            yield! withNested inner
    ]

/// The types of an assembly that read a tensor's numbers.
let private readers (assembly: string) =
    use code = ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"))

    [
        for t in code.Types do
            for inner in withNested t do
                for method in inner.Methods do
                    if method.HasBody then
                        for step in method.Body.Instructions do
                            match step.Operand with
                            | :? MethodReference as called when isCopy called -> outermost t
                            | _ -> ()
    ]
    |> List.distinct

let private allowed = [
    "Arrays", "arrays of records, after training"
    "Floats", "kernels in plain memory, for tensors that are on the CPU"
    "PlainMemory", "loops over plain memory, for tensors that are on the CPU"
    "TiledMlp", "columns of kernels in plain memory, on the CPU"
    "RankTensors", "what ranks send to each other; one rank sends nothing"
    "Transport", "the assignment of a minibatch, once per step of training"
    "Normalisers", "estimates of normalisers, when measuring"
    "Mixing", "diagnostics of chains, in one copy when measuring"
    "Memory", "the slots of a memory on the CPU"
    "NoiseSchedule", "a check of levels on the CPU"
    "DenoisingScore", "the top level's noise, once per estimate"
    "Travel", "whether generation is finished, every 32 rounds on a GPU"
    "RecoveryLadder", "whether a row is at the top, on the CPU"
    "Rng", "the places of rows whose noise is drawn, once per minibatch"
    "Rows", "the digest of a data set's rows, once per run"
    "GeneralizedEbm", "a count that is on the host"
    "DenoisingEbm", "a count that is on the host"
    "AnchoredLevels", "a count that is on the host"
    "LevelReconstruction", "whether level 0 has noise, once when the net is built"
]

let private listed (assemblies: string list) =
    let found = assemblies |> List.collect readers |> List.distinct
    let known = List.map fst allowed
    let unknown = found |> List.except known |> String.concat ", "
    must $"{unknown} read numbers of tensors without a reason" (unknown = "")
    let vain = known |> List.except found |> String.concat ", "
    must $"{vain} are listed, and read nothing" (vain = "")

/// What this law must find.
type Reader() =
    member _.Energy(x: torch.Tensor) = if x.sum().item<float32>() > 0.0f then x else -x

/// Energy and slope of a network on a device where this project's kernels cannot read memory.
let private byLayers (device: torch.Device) =
    use net = MlpSpec(8, 2).Build(new Rng(5UL, device), [| 2L |], [| 1L |])
    let energy = Energy.Of net
    let x = torch.zeros ([| 3L; 2L |], device = device)
    must $"a kernel takes a tensor on {device}" (isNull (energy.Tiled x))
    let struct (value, slope) = energy.WithSlope x
    must $"{value.device}, {slope.device}" (value.device_type = x.device_type && slope.device_type = x.device_type)

let all = [
    law "energies, kernels, networks and methods copy no number of a tensor to the host, except where a reason is listed" (fun () ->
        listed [ "Ebm.Core"; "Ebm.Nets"; "Ebm.Methods" ])
    |> breaks "an energy that asks for a number" (fun () -> listed [ "Ebm.Core"; "Ebm.Nets"; "Ebm.Methods"; "Ebm.Tests" ])

    // libtorch's device without memory stands for a GPU.
    law "kernels leave tensors of other devices to libtorch's layers" (inSingle (fun () -> byLayers (torch.device "meta")))
    |> breaks "the CPU" (inSingle (fun () -> byLayers torch.CPU))
]
