/// Flow teachers: their density is normalised and that of their rows, and a file with other weights is refused.
module Ebm.Tests.Laws.FlowTeacherLaws

open System
open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Nets
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private net = RealNvpSpec(Couplings = 4, Width = 16, Depth = 1)

/// Weights in a file as a run of the method flow writes them, three times as large as at first, so that the flow is far from the identity.
let private saved (path: string) seed (named: string -> string) =
    inDtype
        torch.float32
        (fun () ->
            let flow = (net :> IGeneratorSpec<FlowNet>).Build(rng seed, [| 2L |])
            use _ = torch.no_grad ()
            for struct (name, weight) in flow.named_parameters () do
                if name.EndsWith "weight" then weight.mul_ (scalar 3.0) |> ignore
            EveryNet.write path named flow)
        ()

let private inFlow (name: string) = "flow." + name

let private teacher root seed (spec: FlowTeacherSpec) = (spec :> ISpec<IDataset>).Build(Site([||], device, rng seed, root))

let private spec = FlowTeacherSpec("teacher.safetensors", net, [| 2L |], Train = 20_000, Test = 1000)

let private holding (asked: string -> unit) =
    Folder.inFolder (fun root ->
        saved (Path.Combine(root, "teacher.safetensors")) "teacher" inFlow
        asked root)

/// The density of one teacher on a grid, and the rows of another.
let private integrates (density: string) =
    Folder.inFolder (fun root ->
        saved (Path.Combine(root, "teacher.safetensors")) "teacher" inFlow
        let drawn = teacher root "rows" spec
        saved (Path.Combine(root, "teacher.safetensors")) density inFlow
        let known = teacher root "rows" spec :?> IKnownDensity
        let width, cells = 16.0, 400L
        let axis = (torch.arange (float cells, dtype = torch.float64, device = device) + 0.5) * (2.0 * width / float cells) - width
        let x = torch.cartesian_prod [| axis; axis |]
        let mass = (known.LogDensity x).exp() * (2.0 * width / float cells) ** 2.0
        let integral (f: Tensor) = value ((mass * f).sum())
        let total = integral (torch.ones_like mass)
        must $"the density integrates to {total}" (abs (total - 1.0) < 1e-3)
        for name, f in
            [
                "x", (fun (x: Tensor) -> x.select (1L, 0L))
                "y", (fun x -> x.select (1L, 1L))
                "x y", (fun x -> x.select (1L, 0L) * x.select (1L, 1L))
                "x²", (fun x -> x.select(1L, 0L).square())
            ] do
            Close.near $"the mean of {name}" (integral (f x)) (drawn.Train.``to`` torch.float64 |> f |> values |> Close.mean))

let all = [
    law "a flow teacher's density integrates to 1 and has the moments of its rows" (fun () -> integrates "teacher")
    |> breaks "the density of other weights" (fun () -> integrates "another")

    law "the rows of a flow teacher are the same for a seed, others for another seed, and training rows are not test rows" (fun () ->
        holding (fun root ->
            let one, again, other = teacher root "one" spec, teacher root "one" spec, teacher root "other" spec
            must "the same" (one.Digest = again.Digest)
            must "others" (one.Digest <> other.Digest)
            let first (rows: Tensor) = values (rows.narrow (0L, 0L, 100L))
            must "test rows are training rows" (first one.Train <> first one.Test)))

    law "a flow teacher's file is refused by name: missing, of another digest, of another net, or with more weights" (fun () ->
        holding (fun root ->
            let refused parts spec = Refusing.refused parts (fun () -> teacher root "refused" spec |> ignore)
            refused [ "nowhere.safetensors" ] (FlowTeacherSpec("nowhere.safetensors", net, [| 2L |]))
            refused
                [ "Sha256"; "SHA-256"; "teacher.safetensors" ]
                (FlowTeacherSpec("teacher.safetensors", net, [| 2L |], Sha256 = String('0', 64)))
            refused
                [ "flow."; "data.net" ]
                (FlowTeacherSpec("teacher.safetensors", RealNvpSpec(Couplings = 5, Width = 16, Depth = 1), [| 2L |]))
            refused
                [ "flow."; "data.net" ]
                (FlowTeacherSpec("teacher.safetensors", RealNvpSpec(Couplings = 3, Width = 16, Depth = 1), [| 2L |]))
            let digest = Canonical.Sha256OfFile(Path.Combine(root, "teacher.safetensors"))
            teacher root "named" (FlowTeacherSpec("teacher.safetensors", net, [| 2L |], Sha256 = digest, Train = 10, Test = 10)) |> ignore))
]
