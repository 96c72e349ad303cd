/// The front door. Without arguments: builds what is missing, trains on a two-dimensional density that is known exactly, with three
/// seeds, and prints the comparison table. `dotnet fsi experiments/sweep.fsx help` says what else it does.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open Ebm.Sweeps
open Ebm.Sweeps.Declare

sweep "methods"
|> given "experiment=rings"
|> axis "method" [ "joint-cd" ]
|> seeds 3
|> fun declared -> exit (Cli.main __SOURCE_DIRECTORY__ declared (Array.tail fsi.CommandLineArgs))
