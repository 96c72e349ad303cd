/// Whether Denoising-EBM's two stages of generation help on MNIST: chains of codes, then of pixels, against pixels alone, codes alone, and pixels from
/// decoded noise. The stages of generation do not change training, so that runs with one seed have equal weights and differ in their samples only.
/// Three paired seeds, half an hour each on one core; `minutes=N` for another time.
#load "_bootstrap.fsx"
#load "_refs.fsx"
#load "_budgets.fsx"

open Ebm
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let minutes, words = Budgets.minutes 30.0 (List.ofArray (Array.tail fsi.CommandLineArgs))

let stages = sweep "two-stage" {
    given "data=mnist"
    given "method=denoising-ebm"
    given "train=images"
    given "train.steps=null"
    given "measure=digits"
    seeds 3
    axis "method.stages" [ "two-stage"; "pixel-only"; "decoder-only"; "without-latent-chain" ]
    budget (Budgets.units minutes "denoising-ebm")
    metric "kid-digits" Lower
    baseline "method.stages" "two-stage"
}

exit (Cli.main __SOURCE_DIRECTORY__ stages words)
