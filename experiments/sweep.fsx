/// The main command. Without arguments it builds what is missing, trains four methods on a two-dimensional target with a known density, with
/// three seeds and one budget of gradient evaluations, and prints the comparison table; this takes a few minutes on two cores.
/// `dotnet fsi experiments/sweep.fsx help` lists the other verbs; `experiments/comparison.fsx` is the full comparison.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open Ebm.Sweeps
open Ebm.Sweeps.Declare

let methods = sweep "methods" {
    given "experiment=methods"
    axis "method" [ "joint-cd"; "recovery-likelihood"; "denoising-ebm"; "generalized-ebm" ]
    seeds 3
    metric "grid-kl" Lower
}

exit (Cli.main __SOURCE_DIRECTORY__ methods (Array.tail fsi.CommandLineArgs))
