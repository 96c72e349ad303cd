/// Compares four methods and their baselines on digits and clothes: recovery likelihood with denoising score matching, joint-cd with contrastive
/// divergence, the generalized energy-based model with its own base and with a GAN. Six paired seeds, half an hour each on one core; `minutes=N` for
/// another time, and `train.budget=N` for equal units. Seeds vary slowest, so that a comparison that is stopped has every method equally often.
/// Denoising-EBM's counterpart, pixels alone, is in two-stage.fsx. `method=joint-cd,recovery-likelihood` chooses among the methods, each with its budget, and `data=mnist` among the data sets.
#load "_bootstrap.fsx"
#load "_refs.fsx"
#load "_budgets.fsx"

open Ebm
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let minutes, words = Budgets.minutes 30.0 (List.ofArray (Array.tail fsi.CommandLineArgs))

let methods = [ "joint-cd"; "contrastive-divergence"; "recovery-likelihood"; "denoising-score"; "denoising-ebm"; "generalized-ebm"; "gan" ]

/// The generalized model without a chain of codes: samples of its base alone, from the same training.
let ofBase = Budgets.methods minutes [ "generalized-ebm" ] >> given "method.sampler={kind: prior}"

let images = sweep "images" {
    given "train=images"
    given "train.steps=null"
    given "measure=digits"
    seeds 6
    axis "data" [ "mnist"; "fashion-mnist" ]
    either [ Budgets.methods minutes methods; ofBase ]
    metric "kid-digits" Lower
    baseline "method" "contrastive-divergence"
}

exit (Cli.main __SOURCE_DIRECTORY__ images words)
