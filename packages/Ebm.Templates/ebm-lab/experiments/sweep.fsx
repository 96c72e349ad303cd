/// Trains the lab's method and one of the library's on the lab's data set, with two seeds, and prints a table.
/// `dotnet fsi experiments/sweep.fsx help` lists what else this command does.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open Ebm.Sweeps
open Ebm.Sweeps.Declare

let spiral = sweep "spiral" {
    given "experiment=spiral"
    axis "method" [ "moving-mean"; "joint-cd" ]
    seeds 2
    metric "energy-distance" Lower
    baseline "method" "moving-mean"
}

exit (Cli.main __SOURCE_DIRECTORY__ spiral (Array.tail fsi.CommandLineArgs))
