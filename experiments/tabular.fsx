/// Compares a generalized energy-based model on a flow with the same flow trained by maximum likelihood, on three tables of measurements: test
/// NLL in nats at one budget, paired over ten seeds. A seed determines split, initial weights and batches. The verbs are those of sweep.fsx.
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
