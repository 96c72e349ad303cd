/// Compares every method on targets with a known density, at one budget of gradient evaluations: three in the plane, and six in 10 to 64 dimensions. The
/// headline methods have ten paired seeds, the others three. Seeds vary slowest, so that a comparison that is stopped has every method equally often; the same
/// command continues it, and `table` shows the progress. A run takes about half a minute on one core in the plane, and by estimate one to two beyond it:
/// three hours and twenty, all together. `data=rings,torus` chooses targets and `method=flow,joint-cd` methods. `experiments/tuning.fsx` chose the learning rates in the
/// plane, on a seed that this comparison does not use; in more dimensions no rate is tuned.
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
    "noise-contrast"
    "level-classifier"
    "anchored-levels"
]

let others = [ "gan"; "energy-matching" ]

let plane = [ "gaussians"; "rings"; "checkerboard" ]
let beyond = [ "gaussians-10"; "gaussians-64"; "torus"; "ising"; "phi4"; "digits-8" ]

let on (targets: string list) (seeds: int list) (methods: string list) = axis "seed" seeds >> axis "data" targets >> axis "method" methods

let inPlane = given "measure=comparison" >> either [ on plane [ 0..2 ] (headline @ others); on plane [ 3..9 ] headline ]

/// KL from exact rows instead of a grid.
let inSpace = given "measure=exact" >> on beyond [ 0..9 ] headline

let comparison = sweep "comparison" {
    given "train=equal-budget"
    budget 2_000_000L
    either [ inPlane; inSpace ]
    metric "grid-kl" Lower
    baseline "method" "contrastive-divergence"
}

exit (Cli.main __SOURCE_DIRECTORY__ comparison (Array.tail fsi.CommandLineArgs))
