/// The workloads of speed, each with its reference and the bound that the project sets itself.
module Ebm.Bench.Speed

open System
open System.Text.Json.Nodes
open TorchSharp
open Ebm.Bench.Rows
open Ebm.Devices
open Ebm.Nets

let configs = IO.Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "experiments", "configs")

/// Folders of other packages by name.
type Peers = (string * string) list

let knownPeers = [ "torchebm"; "ebmkit" ]

let private introduce threads (peaks: Workloads.Peaks) (reference: Reference.Reference option) =
    let peaks = [
        "multiply-add", peaks.MultiplyAdd
        "product", peaks.Product
        "product in bf16", peaks.Product16
        "convolution", peaks.Convolution
    ]

    fprintfn
        out
        "libtorch %s, %d thread(s), libtorch's kernels for %s, ours with %d lanes; %s"
        Natives.Version
        threads
        (string Machine.Capability)
        Vectors.Lanes
        (if Paired.byCpu then "CPU time" else "wall-clock time")

    match reference with
    | Some reference -> fprintfn out "reference: %s at its best: frozen weights in chains, states in place" reference.Version
    | None ->
        fprintfn
            out
            "reference: none; no python3 on this machine has torch (Debian's package is python3-torch), so only this project's times are shown"

    let shown = peaks |> List.map (fun (name, peak) -> $"{name} {peak:F0}") |> String.concat ", "
    fprintfn out "peaks, GF/s: %s\n" shown

    for name, text in
        [
            "date", DateTimeOffset.UtcNow.ToString "yyyy-MM-dd"
            "libtorch", Natives.Version
            "reference",
            (match reference with
             | Some reference -> reference.Version
             | None -> "")
            "threads", string threads
            "lanes", string Vectors.Lanes
            "clock", (if Paired.byCpu then "cpu" else "wall")
        ] do
        about[name] <- JsonValue.Create text

    let ofPeaks = JsonObject()

    for name, peak in peaks do
        ofPeaks[name] <- number peak

    about["peaks-gf-per-second"] <- ofPeaks

/// Measures the workloads whose name contains `only`.
let measureAll threads (only: string) (peers: Peers) =
    Machine.Threads <- threads
    let reference = Reference.start threads peers
    let peaks = Workloads.peaks 0.2
    introduce threads peaks reference
    heading ()
    let twin words = reference |> Option.map (fun reference -> Reference.timed reference words)

    let wanted (name: string) = name.Contains(only, StringComparison.Ordinal)
    let cost bound gradients flops = { free with Bound = bound; Gradients = gradients; Flops = flops; Peak = peaks.MultiplyAdd }

    let row name cost (ours: unit -> Paired.Timed) (other: unit -> Paired.Timed option) =
        if wanted name then measure name cost (ours ()) (other ())

    for batch, bound in [ 64L, 0.30; 256L, 0.45; 1024L, 0.45; 4096L, nan ] do
        row
            $"Langevin 2-128-128-1, batch {batch}"
            (cost bound (float batch) (Workloads.flops 2L 128 batch))
            (fun () -> Workloads.langevin 2L 128 batch)
            (fun () -> twin $"langevin {batch} best 128")

    for width, bound in [ 64, 0.60; 256, nan; 512, 0.60 ] do
        row
            $"Langevin 2-{width}-{width}-1, batch 256"
            (cost bound 256.0 (Workloads.flops 2L width 256L))
            (fun () -> Workloads.langevin 2L width 256L)
            (fun () -> twin $"langevin 256 best {width}")

    let chain () = Workloads.langevin 2L 128 256L
    let ofChain = cost nan 256.0 nan
    row "Langevin, batch 256, against PyTorch's defaults" ofChain chain (fun () -> twin "langevin 256 usual 128")
    row "Langevin, batch 256, against a plain TorchSharp loop" ofChain chain (fun () -> Some(Workloads.plain 128 256L))

    for peer in knownPeers do
        let name = $"Langevin, batch 256, against {peer}"
        if wanted name then
            match twin $"peer {peer} 256" with
            | None -> add (unmeasured name "no python3 on this machine has torch")
            | other -> measure name ofChain (chain ()) other

    row "Metropolis-adjusted Langevin, batch 256" ofChain (fun () -> Workloads.mala 128 256L) (fun () -> twin "mala 256 128")
    row "Hamiltonian Monte Carlo, 5 leaps, batch 256" (cost nan 1280.0 nan) (fun () -> Workloads.hmc 128 256L) (fun () ->
        twin "hmc 256 128")
    row "level table and draw, batch 256" (cost nan nan nan) (fun () -> Workloads.levels 7L 256L) (fun () -> twin "levels 256")

    row "slope of an autoencoder, rows, batch 256" ofChain (fun () -> Workloads.autoencoder false 256L) (fun () -> twin "slope texture 256")

    row "slope of an autoencoder, codes, batch 256" ofChain (fun () -> Workloads.autoencoder true 256L) (fun () ->
        twin "slope semantic 256")

    row "slope of a spline flow, batch 256" ofChain (fun () -> Workloads.flow 256L) (fun () -> twin "slope flow 256")

    for width in [ 64; 128; 256; 512 ] do
        row
            $"kernel, width {width}, batch 1024"
            (cost nan 1024.0 (Workloads.flops 2L width 1024L))
            (fun () -> Workloads.slope width 1024L)
            (fun () -> None)

    let convolution = cost 0.45 64.0 nan

    for side, channels in [ 28L, 1L; 32L, 3L ] do
        row
            $"convolutional energy {side}×{side}, bf16 against fp32"
            convolution
            (fun () -> Workloads.convolutional side channels 64L Precision.Bfloat16)
            (fun () -> Some(Workloads.plainConvolutional side channels 64L))

    row "convolutions of two residual blocks, bf16 against fp32" convolution (fun () -> Workloads.residual torch.bfloat16) (fun () ->
        Some(Workloads.residual torch.float32))

    for step in Steps.all do
        let name = $"step of {step.Name}"
        if wanted name then
            let timed, units = Steps.timed configs step
            timed (if step.IsOfPictures then 2 else 20) |> ignore
            let other = if step.HasTwin then twin $"step {step.Name}" else None
            measure name (cost step.Bound (units ()) nan) timed other

    for metric in Metered.all do
        row metric.Name { free with Rounds = 3 } (fun () -> Metered.timed configs metric) (fun () -> None)

    row "checkpoint of joint-cd" free (fun () -> Metered.checkpoint configs) (fun () -> None)

    let name = "two threads against one, batch 1024"

    if wanted name then
        let at count (timed: Paired.Timed) : Paired.Timed =
            fun steps ->
                Machine.Threads <- count
                let took = timed steps
                Machine.Threads <- threads
                took

        let chain = Workloads.langevin 2L 128 1024L

        if Paired.byCpu then
            add (unmeasured name "CPU time adds up over threads")
        else
            measure name (cost 0.60 1024.0 nan) (at 2 chain) (Some(at 1 chain))

    row "one operator on one number" free (fun () -> Paired.clocked (Workloads.add ())) (fun () -> twin "add")
