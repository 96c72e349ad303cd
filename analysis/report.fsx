/// Writes the reports of sweeps: `dotnet fsi analysis/report.fsx runs/rings …`; without arguments, of every sweep in runs. A report is one
/// HTML file, reports/<sweep>/index.html, with its figures as SVG next to it. With `--strict`, the exit code is 3 if a run does not match its
/// hashes or the ledger. Needs no libtorch.
#load "../experiments/_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__

let write strict (folders: string list) =
    let sweeps =
        match folders, Path.Combine(root, "runs") with
        | [], all -> List.ofSeq (SweepFolder.Under all)
        | folders, _ ->
            folders |> List.iter (Options.folder "report" >> ignore)
            folders

    let reports = Path.Combine(root, "reports")
    let mutable any = false
    let mutable doubted = 0

    for folder in sweeps do
        let written = ReportFiles.write root (Some(Report.plotly root)) folder reports

        for skip in written.Skipped do
            eprintfn $"{skip.Path}: {skip.Why}; it is skipped."

        match written.Table with
        | Some table -> doubted <- doubted + (table.Rows |> List.sumBy (fun row -> row.Doubted.Length))
        | None -> ()

        match written.Page with
        | Some path ->
            any <- true
            printfn $"{Path.GetRelativePath(Directory.GetCurrentDirectory(), path)}"
        | None -> eprintfn $"{folder}: no run has begun."

    if not any then
        Command.Refuse "No run was found: name the folder of a sweep, runs/<sweep>."
    elif strict && doubted > 0 then
        eprintfn $"With --strict: {doubted} runs are marked in these reports."
        3
    else
        0

let strict, folders = Array.tail fsi.CommandLineArgs |> List.ofArray |> List.partition ((=) "--strict")

exit (Command.Run(fun () -> write (not strict.IsEmpty) folders))
