/// The program behind `./ebm`: the words of sweep.fsx, without the start of F# Interactive. If a source has changed since the build, it builds
/// first, as a script does.
module Ebm.Cli.Program

open System
open System.IO
open System.Runtime.InteropServices
open Ebm
open Ebm.Records
open Ebm.Sweeps
open Ebm.Sweeps.Declare

/// The sweep of sweep.fsx; a law compares the two plans.
let methods = sweep "methods" {
    given "experiment=methods"
    given "method=joint-cd,recovery-likelihood,denoising-ebm,generalized-ebm"
    seeds 3
    metric "grid-kl" Lower
}

/// Builds, then starts this program again in the same process: repository, then the words of the new start.
let rebuild = """dotnet fsi "$1/build.fsx" build --for experiments || exit 2; shift; EBM_BUILT=1 exec "$@" """

/// The variable that the new start finds, so that it does not build a second time.
let private built = "EBM_BUILT"

[<DllImport("libc", SetLastError = true)>]
extern int private execvp(string file, string[] arguments)

/// Replaces this process, because the build overwrites the files that it is made of. Returns only if it could not be replaced.
let private replace (words: string list) =
    execvp (words.Head, Array.append (Array.ofList words) [| null |]) |> ignore
    Command.Refuse $"{words.Head} does not start: {Marshal.GetLastPInvokeErrorMessage()}."

/// The first argument is the word with which the user called `ebm`; launch records begin with it, as they begin with a script's path.
[<EntryPoint>]
let main arguments =
    Globalization.CultureInfo.DefaultThreadCurrentCulture <- Globalization.CultureInfo.InvariantCulture
    Globalization.CultureInfo.CurrentCulture <- Globalization.CultureInfo.InvariantCulture

    if Environment.GetEnvironmentVariable built <> "1" && not (Bootstrap.isBuilt "experiments") then
        replace ([ "sh"; "-c"; rebuild; "sh"; Bootstrap.root; Environment.ProcessPath ] @ List.ofArray (Environment.GetCommandLineArgs()))
    else
        // The runs that this process starts need not know.
        Environment.SetEnvironmentVariable(built, null)
        Cli.main (Path.Combine(Bootstrap.root, "experiments")) methods (Array.tail arguments)
