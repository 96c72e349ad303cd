/// Audits runs: `dotnet fsi analysis/audit.fsx verify [sweep…]` checks every hash; `help` lists the other audits. Needs neither libtorch
/// nor a compiler.
#load "../experiments/_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Audits

exit (Audit.main (Path.GetDirectoryName __SOURCE_DIRECTORY__) (List.ofArray (Array.tail fsi.CommandLineArgs)))
