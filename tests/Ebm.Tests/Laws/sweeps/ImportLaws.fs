/// Results of other sources become sealed runs that tables judge and mark, and that nothing repeats.
module Ebm.Tests.Laws.ImportLaws

open System
open System.IO
open System.Text.Json.Nodes
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

/// Completed runs of two methods on six seeds, with further overrides. Returns the runs' ids.
let private trainedWith folder (overrides: string list) =
    completed folder ([ "experiment=rings"; "method=joint-cd,gan"; "seed=seeds(6)" ] @ overrides) (fun i run ->
        (if run.Config.Text "method.kind" = "gan" then 0.5 else 0.1) + 0.001 * float i)

let private trained folder = trainedWith folder [] |> ignore

let private file folder (lines: string list) =
    let path = Path.Combine(folder, "results.csv")
    File.WriteAllText(path, String.Join("\n", lines) + "\n")
    path

let private header = "method,seed,from,cost,seconds,grid-kl,\"fid [lower]\""
let private rows = header :: [ for seed in 0..5 -> $"\"theirs, in full\",{seed},\"Smith 2025, table 2\",1000,2.5,0.3{seed},1{seed}" ]

let private import folder (lines: string list) = told folder [ "import"; file folder lines ]

let private imported folder (lines: string list) =
    match import folder lines with
    | 0, says, _ -> says
    | code, _, complains -> broken $"exit code {code}: {complains}"

let private inSweep (holds: string -> unit) =
    inFolder (fun folder ->
        trained folder
        imported folder rows |> ignore
        holds folder)

let private theirs folder = RunFolder.Under(sweepOf folder) |> Seq.filter (fun run -> run.Id.Contains "theirs") |> List.ofSeq
let private tableOf folder = ReportFiles.tableOf (sweepOf folder) |> fst |> Option.get
let private verified folder = Verify.verify folder None None (runsOf folder) []

let private workspaceOf folder : Workspace.Workspace = {
    Workspace.at folder with
        Runs = runsOf folder
        Reports = Path.Combine(folder, "reports")
}

let private bytes (folder: string) = [
    for path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) |> Array.sort -> path, Canonical.Sha256OfFile path
]

/// The same manifest with other fields, sealed again, as an attacker would.
let private forge (run: RunFolder) (change: JsonObject -> unit) =
    let node = (nonNull (JsonNode.Parse((nonNull run.Manifest).ToJson()))).AsObject()
    change node
    let manifest = RunManifest.Parse(node.ToJsonString(), "manifest.json")
    File.WriteAllText(run.In "manifest.json", manifest.Sealed().ToJson())

let private isAltered what folder =
    let found = (verified folder).Alterations
    must $"%A{found}" (found |> List.exists (fun alteration -> alteration.What = what))

let private marksOf (table: Table.Table) =
    let texts = Report.files table |> Map.ofList

    for file, mark in
        [
            "table.csv", "Smith 2025, table 2"
            "summary.csv", ",imported\n"
            "table.md", "‖"
            "table.md", "imported from Smith 2025, table 2"
            "table.tex", "\\|"
            "table.json", "\"imported\": \"Smith 2025, table 2\""
        ] do
        must $"{file} does not show {mark}" (texts[file].Contains mark)

    must "the page does not mark it" ((Html.rendered (HtmlTable.whole (fun run -> run.Id) table)).Contains "‖")

/// Each file is refused in one sentence with the given parts, and nothing is written.
let private refuses (parts: string list) (lines: string list) folder =
    let code, says, complains = import folder lines
    must $"exit code {code}: {says}" (code = 2)
    must $"it is not one sentence: {complains}" (complains.Trim().Split('\n').Length = 1)
    must $"{complains.Trim()} does not contain %A{parts}" (parts |> List.forall complains.Contains)
    must "a folder was written" (theirs folder |> List.isEmpty)

let private bad = [
    "an empty file", [ "empty" ], []
    "a header alone", [ "no rows" ], [ header ]
    "without a method", [ "line 1"; "the column method is missing" ], [ "seed,from,grid-kl"; "1,x,2" ]
    "without a source", [ "line 1"; "the column from is missing" ], [ "method,seed,grid-kl"; "theirs,1,2" ]
    "an empty source", [ "line 2"; "column 3 (from)"; "empty" ], [ "method,seed,from,grid-kl"; "theirs,1,,2" ]
    "no metric", [ "line 1"; "no column is a metric" ], [ "method,seed,from"; "theirs,1,x" ]
    "an unknown metric", [ "line 1"; "column 4"; "grid-kll is not a metric"; "grid-kl" ], [ "method,seed,from,grid-kll"; "theirs,1,x,2" ]
    "another direction", [ "line 1"; "column 4"; "lower" ], [ "method,seed,from,grid-kl [higher]"; "theirs,1,x,2" ]
    "another unit", [ "line 1"; "column 4"; "nats" ], [ "method,seed,from,grid-kl [lower bits]"; "theirs,1,x,2" ]
    "no direction", [ "line 1"; "column 4"; "smaller" ], [ "method,seed,from,fid [smaller]"; "theirs,1,x,2" ]
    "two equal columns", [ "line 1"; "two columns are grid-kl" ], [ "method,seed,from,grid-kl,grid-kl"; "theirs,1,x,2,3" ]
    "text in a metric", [ "line 2"; "column 4 (grid-kl)"; "low" ], [ "method,seed,from,grid-kl"; "theirs,1,x,low" ]
    "NaN", [ "line 2"; "column 4 (grid-kl)"; "NaN" ], [ "method,seed,from,grid-kl"; "theirs,1,x,NaN" ]
    "a number beyond all", [ "line 2"; "1e400" ], [ "method,seed,from,grid-kl"; "theirs,1,x,1e400" ]
    "a comma in a number", [ "line 2"; "0,5" ], [ "method,seed,from,grid-kl"; "theirs,1,x,\"0,5\"" ]
    "half a seed", [ "line 2"; "column 2 (seed)"; "1.5" ], [ "method,seed,from,grid-kl"; "theirs,1.5,x,2" ]
    "a negative cost", [ "line 2"; "column 4 (cost)"; "-1" ], [ "method,seed,from,cost,grid-kl"; "theirs,1,x,-1,2" ]
    "a time beyond all", [ "line 2"; "column 4 (seconds)"; "9e11" ], [ "method,seed,from,seconds,grid-kl"; "theirs,1,x,1e15,2" ]
    "one seed twice", [ "line 3"; "line 2"; "seed 1" ], [ "method,seed,from,grid-kl"; "theirs,1,x,2"; "theirs,1,x,3" ]
    "a method of this project", [ "line 2"; "joint-cd is a method of this project" ], [ "method,seed,from,grid-kl"; "Joint CD,1,x,2" ]
    "too few fields", [ "line 2"; "3 fields" ], [ "method,seed,from,grid-kl"; "theirs,1,x" ]
    "semicolons", [ "line 1"; "commas" ], [ "method;seed;from;grid-kl"; "theirs;1;x;2" ]
    "an open quote", [ "line 2"; "quote" ], [ "method,seed,from,grid-kl"; "\"theirs,1,x,2" ]
    "a control character", [ "line 2"; "control" ], [ "method,seed,from,grid-kl"; "th\u001beirs,1,x,2" ]
    "no value", [ "line 2"; "no value" ], [ "method,seed,from,grid-kl"; "theirs,1,x," ]
    "two data columns", [ "line 1"; "both name the data" ], [ "method,seed,from,data,experiment,grid-kl"; "theirs,1,x,rings,rings,2" ]
    "a setting of the data",
    [ "line 1"; "column 4"; "data.file is a setting" ],
    [ "method,seed,from,data.file,grid-kl"; "theirs,1,x,a.csv,2" ]
    "unknown data", [ "line 2"; "ringz" ], [ "method,seed,from,data,grid-kl"; "theirs,1,x,ringz,2" ]
    "a path as data", [ "line 2" ], [ "method,seed,from,data,grid-kl"; "theirs,1,x,../../x,2" ]
    "a token as source",
    [ "line 2"; "looks like a secret" ],
    [ "method,seed,from,grid-kl"; "theirs,1,https://x.org/?token=" + "ghp_" + "0a1B2c3D4e5F6a7B8c9D0e1F2a3B4c5D6e7F,2" ]
    "10,001 rows", [ "10001 rows" ], "method,seed,from,grid-kl" :: [ for seed in 0..10000 -> $"theirs,{seed},x,2" ]
]

let private dataOf (run: RunFolder) =
    using (System.Text.Json.JsonDocument.Parse run.ConfigJson) (fun config -> config.RootElement.GetProperty("data").GetRawText())

/// Rows that name data with a name are on the data of this run.
let private isOn folder (data: string) (run: string) =
    let says = imported folder [ "method,seed,from,data,grid-kl"; $"theirs,0,x,{data},0.3" ]
    let due = dataOf (RunFolder.Open(Path.Combine(sweepOf folder, run)))
    must $"{dataOf (theirs folder).Head} is not {due}" (dataOf (theirs folder).Head = due)
    must says (says.Contains "1 run imported" && says.Contains "data: rings.")

let private retire folder (runs: string list) =
    let code, _, complains = told folder ([ "retire" ] @ runs @ [ "--because"; "of wrong data" ])
    must complains (code = 0)

let all = [
    law "an option of data is the one that the sweep's runs have, with their settings" (fun () ->
        inFolder (fun folder ->
            let runs = trainedWith folder [ "data.sd=0.1" ]
            isOn folder "rings" runs.Head))
    |> breaks "runs of another option" (fun () ->
        inFolder (fun folder ->
            let runs = trainedWith folder [ "data=two-moons" ]
            isOn folder "rings" runs.Head))

    law "an option that the sweep's runs have with several settings is refused with the runs that can be named instead" (fun () ->
        inFolder (fun folder ->
            let usual, other = trainedWith folder [], trainedWith folder [ "data.sd=0.1" ]

            for lines in [ [ "method,seed,from,grid-kl"; "theirs,0,x,0.3" ]; [ "method,seed,from,data,grid-kl"; "theirs,0,x,rings,0.3" ] ] do
                let named (runs: string list) (text: string) = runs |> List.exists text.Contains
                let code, says, complains = import folder lines
                must $"{code}: {complains}" (code = 2 && complains.Trim().Split('\n').Length = 1)
                must complains (complains.Contains "2 data sets" && named usual complains && named other complains)
                must says (theirs folder |> List.isEmpty)

            isOn folder other.Head other.Head))

    law "retired and imported runs do not count among the data sets of a sweep" (fun () ->
        inFolder (fun folder ->
            let usual, other = trainedWith folder [], trainedWith folder [ "data.sd=0.1" ]
            imported folder [ "method,seed,from,data,grid-kl"; "elsewhere,0,x,two-moons,0.3" ] |> ignore
            retire folder usual
            imported folder [ "method,seed,from,grid-kl"; "theirs,0,x,0.3" ] |> ignore
            must "the data" (dataOf (theirs folder).Head = dataOf (RunFolder.Open(Path.Combine(sweepOf folder, other.Head))))))

    law "retired imports are counted apart from the planned runs" (fun () ->
        inSweep (fun folder ->
            retire folder [ for run in theirs folder -> run.Id ]
            let counts = Notes.counts (tableOf folder)
            must counts (counts.StartsWith "12 runs planned: 12 used; 6 imported: 0 used, 6 excluded (retired because of wrong data: ")))

    law "imported runs are in the table with tests, compared although they have no protocol, and marked in every format" (fun () ->
        inSweep (fun folder ->
            let table = tableOf folder
            let row = table.Rows |> List.find (fun row -> not row.Imported.IsEmpty)
            let cell = row.Cells["grid-kl"]
            must $"the row has {row.Completed} runs" (row.Completed = 6)
            must $"it is %A{cell.Verdict}" (cell.Verdict = Table.Worse)
            must "it is tested as pairs" (cell.Test |> Option.exists (fun test -> not test.By.Paired))
            must "a new metric is not in the table" (List.contains "fid" table.Metrics)
            must $"%A{table.Varying}" (table.Varying = [ "method.kind" ])
            marksOf table))
    |> breaks "the same runs as if they were trained here" (fun () ->
        inSweep (fun folder ->
            let runs = (tableOf folder).Rows |> List.collect _.Runs |> List.map (fun run -> { run with Imported = None })
            marksOf (Table.tabulate "laws" runs)))

    law "importing a file twice changes no byte of a run and enters nothing again" (fun () ->
        inSweep (fun folder ->
            let before, entries = bytes (sweepOf folder), (Ledger.entries (runsOf folder)).Length
            let says = imported folder rows
            must says (says.Contains "0 runs imported" && says.Contains "6 were there already")
            must "a file changed" (bytes (sweepOf folder) = before)
            must "the ledger grew" ((Ledger.entries (runsOf folder)).Length = entries)))

    law "a changed row of an imported run is refused with its line and the values that differ" (fun () ->
        inSweep (fun folder ->
            let before = bytes (sweepOf folder)
            let code, _, complains = import folder (rows |> List.mapi (fun i row -> if i = 3 then row.Replace("0.32", "0.31") else row))
            must complains (code = 2 && complains.Contains "line 4" && complains.Contains "grid-kl" && complains.Contains "retire")
            must "a file changed" (bytes (sweepOf folder) = before)))

    law "the ledger has imported runs as imports, and audits find them intact and say that nothing can repeat them" (fun () ->
        inSweep (fun folder ->
            let kinds = Ledger.entries (runsOf folder) |> List.countBy _.Kind |> Map.ofList
            must $"%A{kinds}" (kinds["import"] = 6 && kinds["run"] = 12)
            let found = verified folder
            must $"%A{found.Alterations}" found.Alterations.IsEmpty
            must $"%A{found.Notes}" (found.Notes |> List.exists (fun note -> note.StartsWith "Imported: 6 runs"))))

    law
        "an imported run cannot be made a trained one: its manifest without the origin, its config without the source, and its values are alterations"
        (fun () ->
            inSweep (fun folder ->
                forge (theirs folder).Head (fun node -> node.Remove "imported" |> ignore)
                isAltered Altered.ManifestReplaced folder)

            inSweep (fun folder ->
                let run = (theirs folder).Head
                File.WriteAllText(run.In "config.json", run.ConfigJson.Replace("\"imported\":{\"from\":\"Smith 2025, table 2\"},", ""))
                isAltered Altered.ConfigEdited folder)

            inSweep (fun folder ->
                let run = (theirs folder).Head
                File.WriteAllText(run.In "metrics.json", File.ReadAllText(run.In "metrics.json").Replace("0.3", "0.0"))
                isAltered Altered.ArtefactChanged folder))
    |> breaks "a folder as it was imported" (fun () -> inSweep (isAltered Altered.ManifestReplaced))

    law "an imported folder that the ledger does not have is in doubt" (fun () ->
        inSweep (fun folder ->
            let run = (theirs folder).Head
            let lines = File.ReadAllLines(Ledger.pathOf (runsOf folder))
            File.WriteAllLines(Ledger.pathOf (runsOf folder), lines |> Array.filter (fun line -> not (line.Contains run.Id)))
            let doubted = (tableOf folder).Rows |> List.collect _.Doubted
            must $"%A{doubted |> List.map _.Id}" (doubted |> List.map _.Id = [ run.Id ])))

    law "audits that repeat a run refuse an imported one in a sentence, and sample never draws it" (fun () ->
        inSweep (fun folder ->
            let workspace = workspaceOf folder
            let run = (theirs folder).Head

            for audit in [ "smoke"; "rerun"; "bisect" ] do
                throws<ConfigException, _> [ "was imported from results.csv"; run.Id ] (fun () ->
                    Audit.perform workspace [ audit; run.Id ])

            let drawn = Sample.draw 1 100 Set.empty [ tableOf folder ]
            must "nothing is drawn" (not drawn.IsEmpty)
            must "an imported run is drawn" (drawn |> List.forall (fun one -> one.Run.Imported.IsNone)))

        inFolder (fun folder ->
            imported folder ("method,seed,from,data,grid-kl" :: [ for seed in 0..2 -> $"theirs,{seed},x,rings,{seed}" ]) |> ignore
            throws<ConfigException, _> [ "imported runs cannot be repeated" ] (fun () -> Audit.perform (workspaceOf folder) [ "sample" ])))

    law "status says how many runs are imported, and a launch of the sweep neither plans nor executes them" (fun () ->
        inSweep (fun folder ->
            let code, says, complains = told folder [ "status" ]
            must complains (code = 0 && says.Contains "of which 6 are imported")
            let code, says, complains = told folder [ "plan"; "method=joint-cd,gan"; "seed=seeds(6)"; "--reuse"; "config" ]
            must complains (code = 0 && says.Contains "12 completed" && not (says.Contains "theirs"))))

    law "a byte-order mark, quotes, blank lines and other line ends are read" (fun () ->
        inFolder (fun folder ->
            trained folder
            imported folder [ "\uFEFFmethod,seed,from,grid-kl\r"; "\"the \"\"best\"\"\",1,\"a, b\",0.5\r"; ""; "theirs,1,x,1e-3" ]
            |> ignore
            let rows = (tableOf folder).Rows |> List.collect _.Imported
            must $"%A{rows |> List.map _.Config}" (rows |> List.exists (fun run -> run.Config["method.kind"] = "the \"best\""))
            must "a value" (rows |> List.exists (fun run -> run.Metrics["grid-kl"].Value = 0.001))))

    law "a file that is not valid is refused in one sentence with line and column, and writes nothing" (fun () ->
        inFolder (fun folder ->
            trained folder

            for what, parts, lines in bad do
                try
                    refuses parts lines folder
                with Broken says ->
                    broken $"{what}: {says}"))
    |> breaks "a valid file" (fun () ->
        inFolder (fun folder ->
            trained folder
            refuses [] rows folder))
]
