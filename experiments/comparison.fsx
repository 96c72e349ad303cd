/// Every method on three targets whose density is known, at one budget of gradient evaluations: the eight of the headline with ten paired
/// seeds, the others with three. Seeds come first, so that a comparison that is stopped has every method equally often; the same command
/// goes on from there, and `table` shows how far it is. About half a minute a run on one core; `experiments/tuning.fsx` is where the
/// learning rates come from, on a seed that is not judged here.
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
