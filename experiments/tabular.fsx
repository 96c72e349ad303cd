/// A generalized energy-based model on a flow against the same flow by maximum likelihood, on three tables of measurements: test NLL in nats at
/// one budget, paired over ten seeds, which decide split, weights and batches. `dotnet fsi experiments/tabular.fsx` runs what is missing;
/// words behind it are sweep.fsx's.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open Ebm.Sweeps
open Ebm.Sweeps.Declare

let tabular = sweep "tabular" {
    given "train=tabular"
    given "measure=tabular"
    seeds 10
    axis "data" [ "red-wine"; "white-wine"; "parkinsons" ]
    axis "method" [ "generalized-ebm"; "flow" ]
    metric "nll" Lower
    baseline "method" "flow"
}

exit (Cli.main __SOURCE_DIRECTORY__ tabular (Array.tail fsi.CommandLineArgs))
