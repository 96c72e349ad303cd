/// Variance-preserving schedules that are even in a function of noise/signal.
module Ebm.Tests.Laws.SignalScheduleLaws

open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// Levels of a schedule are even in a function of noise and signal, from the lowest noise to the highest, and preserve the variance.
let private isEven (schedule: NoiseSchedule) (measure: float -> float -> float) =
    let noise, signal = values schedule.Noise, values schedule.Signal
    Close.same "variance" 64 (row [ for _ in noise -> 1.0 ]) (row [ for n, s in Array.zip noise signal -> n * n + s * s ])
    let at = Array.map2 measure noise signal
    let steps = Array.pairwise at |> Array.map (fun (a, b) -> b - a)
    let mean = Array.average steps
    must $"steps of %A{steps}, mean {mean}" (steps |> Array.forall (fun step -> abs (step / mean - 1.0) < 1e-9))
    must $"noise from {noise[0]} to {Array.last noise}" (abs (noise[0] - 0.1) < 1e-12 && abs (Array.last noise - 0.97) < 1e-12)

let private logSnr noise signal = log (noise / signal)
let private angle noise signal = atan2 noise signal

let all = [
    law "a log-SNR ladder is even in the log-SNR" (fun () -> isEven (SignalSchedules.LogSnr(0.1, 0.97, 22)) logSnr)
    |> breaks "a ladder that is even in the angle" (fun () -> isEven (SignalSchedules.Angle(0.1, 0.97, 22)) logSnr)

    law "a cosine ladder is even in the angle" (fun () -> isEven (SignalSchedules.Angle(0.1, 0.97, 7)) angle)
    |> breaks "a ladder that is even in the log-SNR" (fun () -> isEven (SignalSchedules.LogSnr(0.1, 0.97, 7)) angle)

    law "the cosine ladder has the log-SNRs of cooperative recovery likelihood's code" (fun () ->
        // Six rungs from 9.8 to −5.1; t/6 of the way, the code has −2 log tan(a t/6 + b).
        let high, low = 9.8, -5.1
        let b = atan (exp (-0.5 * high))
        let a = atan (exp (-0.5 * low)) - b
        let noiseOf logSnr = 1.0 / sqrt (1.0 + exp logSnr)
        let schedule = SignalSchedules.Angle(noiseOf high, noiseOf low, 7)
        let due = row [ for t in 0.0 .. 6.0 -> -2.0 * log (tan (a * t / 6.0 + b)) ]
        Close.same "log-SNRs" 256 due (2.0 * (schedule.Signal / schedule.Noise).log()))
]
