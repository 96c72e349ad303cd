/// The setting of laws: the device of EBM_DEVICE (by default the CPU), one thread, and double precision unless they change it.
module Ebm.Tests.World

open System
open TorchSharp
open Ebm.Core
open Ebm.Devices

type Tensor = torch.Tensor

do Natives.Load()

let device =
    match Environment.GetEnvironmentVariable "EBM_DEVICE" with
    | null
    | "" -> torch.CPU
    | named -> torch.device named

let needsGpu law =
    Law.needs (fun () -> if device.``type`` = DeviceType.CUDA then None else Some "runs only on a GPU: set EBM_DEVICE=cuda:0") law

/// A random stream for a law.
let rng (name: string) = (new Rng(20260101UL, device)).Stream name

/// Uses another default dtype than double: training runs in float32.
let inDtype (dtype: torch.ScalarType) (holds: unit -> unit) () =
    let before = torch.get_default_dtype ()
    torch.set_default_dtype dtype

    try
        holds ()
    finally
        torch.set_default_dtype before

let inSingle holds = inDtype torch.float32 holds

/// Tensors of this thread that were not disposed.
let live () = Machine.LiveTensors

/// Finalizers free the tensors of no scope, and may release others that only the next round frees.
let collected () =
    for _ in 1..3 do
        GC.Collect()
        GC.WaitForPendingFinalizers()

/// Runs a law on one thread, in double, and in a scope that frees its tensors.
let ask law =
    Machine.Threads <- 1
    inDtype
        torch.float64
        (fun () ->
            use _ = torch.NewDisposeScope()
            Law.ask law)
        ()

/// A number on the device, in the default dtype.
let number (value: float) : Tensor = torch.tensor ([| value |], dtype = torch.get_default_dtype (), device = device)

/// A number as a Scalar, because F# cannot choose between the overloads for tensors and numbers.
let scalar (value: float) : Scalar = Scalar.op_Implicit value

/// A tensor with one number repeated, int64: mostly levels.
let repeated (count: int64) (value: int) : Tensor = torch.full ([| count |], Scalar.op_Implicit value, dtype = torch.int64, device = device)

/// Gradients of a scalar by some tensors; null for those that it does not depend on.
let reached (of': Tensor) (inputs: #Tensor seq) : (Tensor | null)[] = Gradients.Of(of', [| for x in inputs -> x :> Tensor |]) |> Array.ofSeq

/// Gradients of a scalar by some tensors; zeros for those that it does not depend on.
let gradients (of': Tensor) (inputs: #Tensor seq) : Tensor[] =
    let inputs = [| for x in inputs -> x :> Tensor |]

    Array.map2
        (fun (x: Tensor) (g: Tensor | null) ->
            match g with
            | null -> torch.zeros_like x
            | g -> g)
        inputs
        (reached of' inputs)

/// Rows of numbers on the device, in the default dtype.
let rows (values: float list list) : Tensor = torch.tensor (array2D values, dtype = torch.get_default_dtype (), device = device)

let row (values: float list) : Tensor = torch.tensor (Array.ofList values, dtype = torch.get_default_dtype (), device = device)

/// The numbers of a tensor, row by row.
let values (x: Tensor) : float[] = x.detach().``to``(torch.float64).cpu().contiguous().data<float>().ToArray()

let value (x: Tensor) = (values x)[0]
