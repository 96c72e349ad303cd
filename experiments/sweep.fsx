/// The front door. Without arguments: builds what is missing, trains four methods on a two-dimensional density that is known exactly,
/// with three seeds and at one budget of gradient evaluations, and prints the comparison table: a few minutes on two cores.
/// `dotnet fsi experiments/sweep.fsx help` says what else it does; `experiments/comparison.fsx` is the full comparison.
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
