/// Audits runs: `dotnet fsi analysis/audit.fsx verify [sweep…]` recomputes every hash; `help` says what else there is. Needs neither
/// libtorch nor a compiler.
#load "../experiments/_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Audits

exit (Audit.main (Path.GetDirectoryName __SOURCE_DIRECTORY__) (List.ofArray (Array.tail fsi.CommandLineArgs)))
