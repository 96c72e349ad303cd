/// Denoising-EBM on MNIST with other noise levels of its autoencoder, in the shape of the paper's third table: the largest σ from 3 to ½ with 128
/// levels, and 64 to 256 levels up to σ = 1. Three paired seeds, a quarter of an hour each on one core; `minutes=N` for another time. `--where
/// "method.noise.levels == 128"` chooses among the settings.
#load "_bootstrap.fsx"
#load "_refs.fsx"
#load "_budgets.fsx"

open Ebm
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let minutes, words = Budgets.minutes 15.0 (List.ofArray (Array.tail fsi.CommandLineArgs))

let upTo (highest: float list) (counts: int list) = axis "method.noise.high" highest >> axis "method.noise.levels" counts

let levels = sweep "noise-levels" {
    given "data=mnist"
    given "method=denoising-ebm"
    given "train=images"
    given "train.steps=null"
    given "measure=digits"
    seeds 3
    either [ upTo [ 3.0; 2.0; 1.0; 0.5 ] [ 128 ]; upTo [ 1.0 ] [ 64; 256 ] ]
    budget (Budgets.units minutes "denoising-ebm")
    metric "kid-digits" Lower
    baseline "method.noise.high" "1"
    baseline "method.noise.levels" "128"
}

exit (Cli.main __SOURCE_DIRECTORY__ levels words)
