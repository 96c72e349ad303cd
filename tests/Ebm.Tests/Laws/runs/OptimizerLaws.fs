/// Optimizers against updates written by hand, and learning rates against their formulas.
module Ebm.Tests.Laws.OptimizerLaws

open System
open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private count = 5

/// A gradient that depends on where the parameter is: of Σ (w⁴/4 + w).
let private slope (w: float[]) = w |> Array.map (fun v -> v ** 3.0 + 1.0)

let private start = [| 0.5; -1.0; 0.2 |]

/// The parameter after each of some steps of an optimizer.
let private path (make: Parameter seq -> OptimizerHelper) =
    let w = torch.nn.Parameter(row (List.ofArray start))
    let optimizer = make [ w ]

    [
        for _ in 1..count do
            optimizer.zero_grad ()
            (w.square().square() / 4.0 + w).sum().backward()
            optimizer.step () |> ignore
            values w
    ]

/// The same by hand: an update takes the step's number, weights and gradient to new weights.
let private byHand (update: int -> float[] -> float[] -> float[]) =
    List.scan (fun w n -> update n w (slope w)) start [ 1..count ] |> List.tail

let private agree what (due: float[] list) (found: float[] list) =
    for n, (due, found) in List.indexed (List.zip due found) do
        Close.same $"{what}, step {n + 1}" 64 (row (List.ofArray due)) (row (List.ofArray found))

let private sgd lr momentum nesterov decay =
    let mutable buffer = [||]

    byHand (fun n w g ->
        let g = Array.map2 (fun g w -> g + decay * w) g w
        buffer <- if n = 1 || momentum = 0.0 then g else Array.map2 (fun b g -> momentum * b + g) buffer g
        let d = if nesterov then Array.map2 (fun g b -> g + momentum * b) g buffer else buffer
        Array.map2 (fun w d -> w - lr * d) w d)

let private adam lr b1 b2 eps decay decoupled =
    let mutable m, v = [| 0.0; 0.0; 0.0 |], [| 0.0; 0.0; 0.0 |]

    byHand (fun n w g ->
        let g = if decoupled then g else Array.map2 (fun g w -> g + decay * w) g w
        let w = if decoupled then w |> Array.map (fun w -> w - lr * decay * w) else w
        m <- Array.map2 (fun m g -> b1 * m + (1.0 - b1) * g) m g
        v <- Array.map2 (fun v g -> b2 * v + (1.0 - b2) * g * g) v g
        let mean, square = m |> Array.map (fun m -> m / (1.0 - b1 ** float n)), v |> Array.map (fun v -> v / (1.0 - b2 ** float n))
        Array.map3 (fun w m v -> w - lr * m / (sqrt v + eps)) w mean square)

let private makers: (string * (Parameter seq -> OptimizerHelper)) list = [
    "sgd with momentum", fun p -> torch.optim.SGD(p, 0.1, 0.9) :> OptimizerHelper
    "adam", fun p -> torch.optim.Adam(p, 0.1)
    "adamw", fun p -> torch.optim.AdamW(p, 0.1)
]

/// A factor at each step of training, from its formula.
let private follows what (rate: ILearningRate) (due: float -> float) =
    for step in 0L .. 99L do
        let found = rate.At(step, 100L)
        must $"{what} at step {step}: {found} where {due (float step / 100.0)} was due" (abs (found - due (float step / 100.0)) < 1e-12)

let all = [
    law "SGD is w − lr · (g + decay w), with momentum a running sum, with Nesterov a look ahead" (fun () ->
        for momentum, nesterov, decay in [ 0.0, false, 0.0; 0.9, false, 0.0; 0.9, true, 0.0; 0.9, false, 0.1; 0.0, false, 0.1 ] do
            agree
                $"momentum {momentum}, nesterov {nesterov}, decay {decay}"
                (sgd 0.1 momentum nesterov decay)
                (path (fun p -> torch.optim.SGD(p, 0.1, momentum, 0.0, decay, nesterov))))
    |> breaks "no momentum" (fun () -> agree "sgd" (sgd 0.1 0.9 false 0.0) (path (fun p -> torch.optim.SGD(p, 0.1, 0.0))))

    law "Adam divides the mean of gradients by the root of the mean of their squares, each corrected for its start at zero" (fun () ->
        for b1, b2, eps, decay in [ 0.9, 0.999, 1e-8, 0.0; 0.5, 0.9, 1e-3, 0.1; 0.0, 0.99, 1e-8, 0.0 ] do
            agree
                $"β₁ {b1}, β₂ {b2}, ε {eps}, decay {decay}"
                (adam 0.1 b1 b2 eps decay false)
                (path (fun p -> torch.optim.Adam(p, 0.1, b1, b2, eps, decay))))
    |> breaks "another β₂" (fun () -> agree "adam" (adam 0.1 0.9 0.99 1e-8 0.0 false) (path (fun p -> torch.optim.Adam(p, 0.1))))

    law "AdamW takes the decay off the weights, and not through the gradient" (fun () ->
        agree "decay .1" (adam 0.1 0.9 0.999 1e-8 0.1 true) (path (fun p -> torch.optim.AdamW(p, 0.1, 0.9, 0.999, 1e-8, 0.1))))
    |> breaks "the decay in the gradient" (fun () ->
        agree "adamw" (adam 0.1 0.9 0.999 1e-8 0.1 true) (path (fun p -> torch.optim.Adam(p, 0.1, 0.9, 0.999, 1e-8, 0.1))))

    law "an optimizer that takes over another's state goes on as it would have" (fun () ->
        for name, make in makers do
            let whole = path make
            let w = torch.nn.Parameter(row (List.ofArray start))
            let step (optimizer: OptimizerHelper) (w: Parameter) =
                optimizer.zero_grad ()
                (w.square().square() / 4.0 + w).sum().backward()
                optimizer.step () |> ignore

            let first = make [ w ]
            for _ in 1..3 do
                step first w
            let moved = torch.nn.Parameter((w.detach ()).clone())
            let second = make [ moved ]
            second.load_state_dict (first.state_dict ())
            step first w
            must $"{name}: the state is shared, not copied" (values moved = whole[2])
            for _ in 4..count do
                step second moved
            Close.same name 0 (row (List.ofArray whole[count - 1])) (moved.detach ()))

    law "a parameter without a gradient stays, and a state that does not fit is refused" (fun () ->
        for name, make in makers do
            let used, idle = torch.nn.Parameter(row [ 1.0 ]), torch.nn.Parameter(row [ 1.0 ])
            let optimizer = make [ used; idle ]
            (used.sum ()).backward()
            optimizer.step () |> ignore
            must $"{name} moved a parameter without a gradient" (values idle = [| 1.0 |] && values used <> [| 1.0 |])
            throws<ArgumentException, _> [ "number of states" ] (fun () -> optimizer.load_state_dict ((make [ used ]).state_dict())))

    law "learning rates follow their formulas: constant, straight down from a share on, half a cosine, steps" (fun () ->
        follows "constant" (Constant()) (fun _ -> 1.0)
        follows "linear" (Linear(From = 0.5, To = 0.1)) (fun t -> if t < 0.5 then 1.0 else 1.0 - 0.9 * (t - 0.5) / 0.5)
        follows "cosine" (Cosine(To = 0.2)) (fun t -> 0.2 + 0.8 * (1.0 + cos (Math.PI * t)) / 2.0)
        follows "steps" (Steps([| 0.3; 0.6 |], 0.1)) (fun t ->
            if t < 0.3 then 1.0
            elif t < 0.6 then 0.1
            else 0.01))
]
