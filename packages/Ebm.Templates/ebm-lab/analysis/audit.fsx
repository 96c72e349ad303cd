/// Audits runs: `dotnet fsi analysis/audit.fsx verify` checks every hash; `help` lists the other audits.
#load "../experiments/_bootstrap.fsx"
#load "../experiments/_refs.fsx"

open System.IO
open Ebm.Audits

exit (Audit.main (Path.GetDirectoryName __SOURCE_DIRECTORY__) (List.ofArray (Array.tail fsi.CommandLineArgs)))
