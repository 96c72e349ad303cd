/// Compares every method on three targets with a known density, at one budget of gradient evaluations: the eight headline methods with ten
/// paired seeds, the others with three. Seeds vary slowest, so that a comparison that is stopped has every method equally often; the same
/// command continues it, and `table` shows the progress. A run takes about half a minute on one core. `experiments/tuning.fsx` chose the
/// learning rates, on a seed that this comparison does not use.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open Ebm.Sweeps
open Ebm.Sweeps.Declare

let headline = [
    "joint-cd"
    "recovery-likelihood"
    "denoising-ebm"
    "generalized-ebm"
    "generalized-ebm-mlp"
    "contrastive-divergence"
    "denoising-score"
    "flow"
]

let others = [ "gan"; "level-classifier"; "energy-matching" ]

let on (seeds: int list) (methods: string list) =
    axis "seed" seeds >> axis "data" [ "gaussians"; "rings"; "checkerboard" ] >> axis "method" methods

let comparison = sweep "comparison" {
    given "train=equal-budget"
    budget 2_000_000L
    given "measure=comparison"
    either [ on [ 0..2 ] (headline @ others); on [ 3..9 ] headline ]
    metric "grid-kl" Lower
    baseline "method" "contrastive-divergence"
}

exit (Cli.main __SOURCE_DIRECTORY__ comparison (Array.tail fsi.CommandLineArgs))
