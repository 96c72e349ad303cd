/// Convolutions in float32 and bfloat16 and their derivatives are those in double precision, whatever the number of channels. libtorch's own are wrong
/// for some channels on a processor that hides its caches.
module Ebm.Tests.Laws.ConvolutionLaws

open System
open TorchSharp
open Ebm.Nets
open Ebm.Tests.Law
open Ebm.Tests.World

let private channels = [ 1L; 3L; 8L; 16L; 24L ]

/// Side of the kernel, stride, padding.
let private kernels = [ 3L, 1L, 1L; 1L, 1L, 0L; 4L, 2L, 1L; 2L, 1L, 0L ]

/// The largest error of a sum of N products, relative to the largest sum. Its terms are of both signs, so that it is about 4 √N of them, and roundings of
/// float32 add up to N · 0.8 N of 2⁻²⁴ of them at worst. In bfloat16, the sum and the result with its bias are rounded, each to 2⁻⁹ of at most twice the result.
let private allowed (dtype: torch.ScalarType) (products: int64) =
    0.2 * float products ** 1.5 * Math.ScaleB(1.0, -24) + if dtype = torch.bfloat16 then Math.ScaleB(1.0, -7) else 0.0

/// The result, its slopes in the input and the weights, and the slopes of the first of them, at the same numbers in another precision.
let private evaluated (convolve: Tensor -> Tensor -> Tensor -> Tensor) (given: Tensor list) (dtype: torch.ScalarType) =
    match given |> List.map _.``to``(dtype).detach().requires_grad_(true) with
    | [ x; weight; bias; upstream; along ] ->
        let y = convolve x weight bias
        let first = torch.autograd.grad ([| y |], [| x; weight; bias |], [| upstream |], create_graph = true)
        let second = torch.autograd.grad ([| first[0] |], [| weight; upstream |], [| along |])
        [
            "result", y
            "slope in x", first[0]
            "in weights", first[1]
            "in the bias", first[2]
            "second slope in weights", second[0]
            "in the gradient", second[1]
        ]
    | _ -> failwith "five tensors"

let private agrees dtype (inputs: int64) (outputs: int64) (kernel, stride, padding) transposed wholeBlocks change =
    use _ = torch.NewDisposeScope()
    let rows, side = 4L, 8L
    let normal (shape: int64[]) =
        (rng "convolutions")
            .Stream($"{inputs} {outputs} {kernel} {shape}")
            .Normal(shape)
            .``to``(torch.float32)
            .``to``(dtype: torch.ScalarType)
    let x = normal [| rows; inputs; side; side |]
    let weight = normal (if transposed then [| inputs; outputs; kernel; kernel |] else [| outputs; inputs; kernel; kernel |])
    let bias = normal [| outputs |]

    let convolve (x: Tensor) (weight: Tensor) (bias: Tensor) =
        if x.dtype = torch.float64 then
            // libtorch computes double precision itself, without oneDNN.
            if transposed then
                torch.nn.functional.conv_transpose2d (x, weight, bias, strides = [| stride; stride |], padding = [| padding; padding |])
            else
                torch.nn.functional.conv2d (x, weight, bias, strides = [| stride; stride |], padding = [| padding; padding |])
        else
            match transposed, wholeBlocks with
            | false, Some whole -> Convolution.Of(x, weight, bias, stride, struct (padding, padding), whole)
            | false, None -> Convolution.Of(x, weight, bias, stride, padding)
            | true, Some whole -> Convolution.Transposed(x, weight, bias, stride, padding, whole)
            | true, None -> Convolution.Transposed(x, weight, bias, stride, padding)

    let upstream = normal (convolve (x.``to`` torch.float64) (weight.``to`` torch.float64) (bias.``to`` torch.float64)).shape
    let given weight = [ x; weight; bias; upstream; normal x.shape ]
    let products = max (rows * side * side * stride * stride) (kernel * kernel * max inputs outputs)

    for (name, found), (_, due) in
        List.zip (evaluated convolve (given (change weight)) dtype) (evaluated convolve (given weight) torch.float64) do
        let far = value ((found.``to`` torch.float64 - due).abs().max() / due.abs().max())
        let most = allowed dtype products
        must
            $"{inputs} → {outputs} channels, kernel {kernel}, stride {stride}, transposed {transposed}, {dtype}, whole blocks {wholeBlocks}: {name} deviates by {far:g2} of the largest, {most:g2} is allowed"
            (far <= most)

let private everyConvolution wholeBlocks change =
    for dtype in [ torch.float32; torch.bfloat16 ] do
        for inputs, outputs in List.allPairs channels channels do
            for kernel in kernels do
                agrees dtype inputs outputs kernel false wholeBlocks change

    for inputs, outputs in List.allPairs channels channels do
        for kernel in [ 4L, 2L, 1L; 3L, 1L, 1L ] do
            agrees torch.float32 inputs outputs kernel true wholeBlocks change

let all = [
    law "convolutions and their slopes on this processor are those of double precision" (fun () -> everyConvolution None id)
    |> breaks "a weight a hundredth too large" (fun () -> everyConvolution None ((*) (1.01f.ToTensor())))

    law "convolutions in whole blocks of channels, and their slopes, are those of double precision" (fun () ->
        everyConvolution (Some true) id)
    |> breaks "a weight a hundredth too large" (fun () -> everyConvolution (Some true) ((*) (1.01f.ToTensor())))
]
