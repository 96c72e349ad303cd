/// Writes the reports of sweeps: `dotnet fsi analysis/report.fsx runs/rings …`; without arguments, of every sweep in runs. A report is one
/// HTML file, reports/<sweep>/index.html, with its figures as SVG next to it. With `--strict`, a run that does not match its hashes or the
/// ledger is named, nothing is written, and the exit code is 3. `--runs` and `--reports`, or the variables EBM_RUNS and EBM_REPORTS, name
/// other folders. Needs no libtorch.
#load "../experiments/_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__

let write strict (workspace: Workspace.Workspace) (folders: string list) =
    let sweeps =
        match folders with
        | [] -> List.ofSeq (SweepFolder.Under workspace.Runs)
        | folders ->
            folders |> List.iter (Options.folder "report" >> ignore)
            folders

    let mutable any = false

    // The tables that --strict has checked are the ones that are written.
    let tables = if strict then [ for folder in sweeps -> folder, ReportFiles.tableOf folder ] else []

    if ReportFiles.refuses (tables |> List.choose (snd >> fst)) then
        3
    else
        for folder in sweeps do
            let table = tables |> List.tryFind (fst >> (=) folder) |> Option.map snd
            let table = table |> Option.defaultWith (fun () -> ReportFiles.tableOf folder)
            let written = ReportFiles.writeTable root (Some(Report.plotly root)) folder workspace.Reports table

            for skip in written.Skipped do
                eprintfn $"{skip.Path}: {skip.Why}; it is skipped."

            match written.Page with
            | Some path ->
                any <- true
                printfn $"{Path.GetRelativePath(Directory.GetCurrentDirectory(), path)}"
            | None -> eprintfn $"{folder}: no run has begun."

        if not any then Command.Refuse "No run was found: name the folder of a sweep, runs/<sweep>." else 0

exit (
    Command.Run(fun () ->
        let workspace, words = Workspace.read root (List.ofArray (Array.tail fsi.CommandLineArgs))
        let strict, folders = words |> List.partition ((=) "--strict")
        write (not strict.IsEmpty) workspace folders)
)
