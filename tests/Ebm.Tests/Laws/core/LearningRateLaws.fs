/// Learning rates against their formulas.
module Ebm.Tests.Laws.LearningRateLaws

open System
open Ebm.Core
open Ebm.Tests.Law

/// The factor at each step of training, compared with its formula.
let private follows what (rate: ILearningRate) (due: float -> float) =
    for step in 0L .. 99L do
        let found = rate.At(step, 100L)
        must $"{what} at step {step}: {found} instead of {due (float step / 100.0)}" (abs (found - due (float step / 100.0)) < 1e-12)

let all = [
    law "learning rates follow their formulas: constant, linear from a share on, half a cosine, steps" (fun () ->
        follows "constant" (Constant()) (fun _ -> 1.0)
        follows "linear" (Linear(From = 0.5, To = 0.1)) (fun t -> if t < 0.5 then 1.0 else 1.0 - 0.9 * (t - 0.5) / 0.5)
        follows "cosine" (Cosine(To = 0.2)) (fun t -> 0.2 + 0.8 * (1.0 + cos (Math.PI * t)) / 2.0)
        follows "steps" (Steps([| 0.3; 0.6 |], 0.1)) (fun t ->
            if t < 0.3 then 1.0
            elif t < 0.6 then 0.1
            else 0.01))
]
