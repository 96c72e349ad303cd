/// `dotnet fsi build.fsx` builds the lab; `dotnet fsi build.fsx test` also checks its laws. Audits call it to repeat a run.
#load "experiments/_bootstrap.fsx"

open System
open System.Diagnostics

if Array.contains "test" fsi.CommandLineArgs then
    use laws = Process.Start(Environment.ProcessPath, [| "fsi"; Lab.Bootstrap.root + "/tests/laws.fsx" |])
    laws.WaitForExit()
    exit laws.ExitCode
