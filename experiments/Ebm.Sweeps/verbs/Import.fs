/// Enters results of other sources as runs of a sweep. A row of a CSV file is a run; nothing is guessed or filled in. The first line names the
/// columns:
///
///     method,seed,from,data,cost,grid-kl,"fid [lower]","likelihood [higher nats]"
///
/// `method`, `seed` and `from` are required. `data` or `experiment` names an option of that group, or `data` a run of the sweep; without one, the
/// sweep's runs must have one data set. `cost` is in units, `seconds` in seconds. Every other column is a metric: one of this project by its name, or another one with its
/// direction and its unit in brackets.
module Ebm.Sweeps.Import

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.RegularExpressions
open Microsoft.VisualBasic.FileIO
open Ebm.Audits
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked
open Ebm.Sweeps.Tabulate

/// Rows of a file: each becomes a folder.
let private most = 10_000

/// Bytes of a file, and characters of a text in it.
let private largest, private longest = 16 <<< 20, 300

/// What a column of a metric measures.
type private Meaning = {
    Name: string
    Unit: string
    Better: Direction
    Scale: string
    /// None for a metric that this project does not have.
    Importance: Importance option
}

[<RequireQualifiedAccess>]
type private Field =
    | Method
    | Seed
    | From
    | Cost
    | Seconds
    /// An option of the group data or experiment.
    | Data of group: string
    | Value of Meaning

type private Column = { Number: int; Title: string; Field: Field }

type private Row = {
    Line: int
    Method: string
    Seed: int64
    From: string
    Cost: int64 option
    Seconds: float option
    /// The group and the option with the data.
    Data: (string * string) option
    Values: (Meaning * float) list
}

// ── The file ────────────────────────────────────────────────────────────────────────────────

let private fieldsOf (file: string) (line: int) (text: string) : string list =
    let wrong says = fail (Source.InFile(file, line, 1)) "" says
    if text |> Seq.exists (fun c -> Char.IsControl c && c <> '\t') then wrong "the line has a control character."
    if text.Contains '\uFFFD' then wrong "the line is not UTF-8."
    use reader = new StringReader(text)
    use parser = new TextFieldParser(reader)
    parser.SetDelimiters ","
    parser.HasFieldsEnclosedInQuotes <- true

    try
        parser.ReadFields() |> Option.ofObj |> Option.map List.ofArray |> Option.defaultValue []
    with :? MalformedLineException ->
        wrong "a quote is not closed, or text follows a closing quote; a quote in a field is written twice, and a field has no line break."

let private title = Regex(@"\A([^\[\]]+?)\s*\[(\w+)(?:\s+([^\[\]]+))?\]\z", RegexOptions.CultureInvariant)
let private metricName = Regex(@"\A[A-Za-z0-9_][A-Za-z0-9_.@-]*(/[A-Za-z0-9_.@-]+)*\z", RegexOptions.CultureInvariant)

/// A metric's column: a quantity of this project, which may say again what it declares, or another one.
let private meaningOf (known: Quantity list) (wrong: string -> Meaning) (text: string) : Meaning =
    let parts = title.Match text
    let name = if parts.Success then parts.Groups[1].Value else text
    let direction, unit = parts.Groups[2].Value, parts.Groups[3].Value

    let better () =
        match Kebab.Read<Direction>(direction) |> Option.ofNullable with
        | Some better -> better
        | None -> (wrong $"{direction} is not a valid direction: write lower, higher or none.").Better

    match known |> List.tryFind _.Fits(name) with
    | Some one when parts.Success && better () <> one.Better ->
        wrong $"the direction of {name} is {one.Better.Word()} here, and the column says {direction}."
    | Some one when unit <> "" && unit <> one.Unit -> wrong $"{name} is in {one.Unit} here, and the column says {unit}."
    | Some one -> { Name = name; Unit = one.Unit; Better = one.Better; Scale = one.Scale; Importance = Some one.Importance }
    | None when not (metricName.IsMatch name) ->
        wrong $"{name} is not a valid name of a metric: write letters, digits, points, hyphens, underscores and slashes."
    | None when not parts.Success ->
        let like = Spelling.DidYouMean(name, known |> List.map _.Name)
        wrong
            $"{name} is not a metric of this project, so write its direction and its unit: \"{name} [lower nats]\", or [lower] without a unit{like}."
    | None -> { Name = name; Unit = unit; Better = better (); Scale = "linear"; Importance = None }

let private columnsOf (file: string) (known: Quantity list) (header: string list) : Column list =
    match header with
    | [ only ] when only.Contains ';' || only.Contains '\t' ->
        fail (Source.InFile(file, 1, 1)) "" "columns are separated by commas, and numbers have a point; this file has another separator."
    | _ -> ()

    let columns = [
        for i, text in List.indexed header do
            let wrong says = fail (Source.InFile(file, 1, 1)) "" $"column {i + 1}: {says}"

            let field =
                match text with
                | "" -> wrong "it has no name."
                | "method" -> Field.Method
                | "seed" -> Field.Seed
                | "from" -> Field.From
                | "cost" -> Field.Cost
                | "seconds" -> Field.Seconds
                | "data"
                | "experiment" -> Field.Data text
                | text when text.StartsWith("data.", StringComparison.Ordinal) ->
                    wrong
                        $"{text} is a setting of the data, which is not a column; write in a column data an option, or the id of a run of the sweep that has these settings."
                | text -> Field.Value(meaningOf known wrong text)

            { Number = i + 1; Title = text; Field = field }
    ]

    let names =
        columns
        |> List.map (fun column ->
            match column.Field with
            | Field.Value one -> one.Name
            | _ -> column.Title)
    let wrong says = fail (Source.InFile(file, 1, 1)) "" says

    match names |> List.countBy id |> List.tryFind (fun (_, n) -> n > 1) with
    | Some(name, _) -> wrong $"two columns are {name}; remove one of them."
    | None -> ()

    for name in [ "method"; "seed"; "from" ] do
        if not (List.contains name names) then
            let why = if name = "from" then ", which says where the values are from: a paper with its table, or an address" else ""
            wrong $"the column {name} is missing{why}."

    if List.contains "data" names && List.contains "experiment" names then
        wrong "data and experiment both name the data; remove one of the columns."

    if
        columns
        |> List.forall (fun column ->
            match column.Field with
            | Field.Value _ -> false
            | _ -> true)
    then
        wrong "no column is a metric."

    columns

let private rowOf (file: string) (line: int) (columns: Column list) (fields: string list) : Row =
    let at (column: Column) (says: string) = fail (Source.InFile(file, line, 1)) "" $"column {column.Number} ({column.Title}): {says}"

    if fields.Length <> columns.Length then
        fail (Source.InFile(file, line, 1)) "" $"the line has {fields.Length} fields, and the header {columns.Length}."

    let cells = List.zip columns fields
    let find field = cells |> List.tryFind (fun (column, _) -> column.Field = field)

    let text field =
        let column, text = (find field).Value
        if text = "" then at column "the field is empty."
        if text.Length > longest then at column $"the text has more than {longest} characters."
        text

    let number (column: Column) (text: string) =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value -> value
        | _ -> at column $"\"{text}\" is not a finite number; leave the field empty if the source has no value."

    let optional field read =
        match find field with
        | Some(column, text) when text <> "" -> Some(read column text)
        | _ -> None

    let whole least column (text: string) =
        match Int64.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, value when value >= least -> value
        | _ -> at column $"\"{text}\" is not a whole number of {least} or more."

    let values = [
        for column, text in cells do
            match column.Field with
            | Field.Value one when text <> "" -> one, number column text
            | _ -> ()
    ]

    if values.IsEmpty then fail (Source.InFile(file, line, 1)) "" "the row has no value of a metric."

    {
        Line = line
        Method = text Field.Method
        Seed = whole 0L (fst (Option.get (find Field.Seed))) (text Field.Seed)
        From = text Field.From
        Cost = optional Field.Cost (whole 0L)
        Seconds =
            optional Field.Seconds (fun column text ->
                match number column text with
                | seconds when seconds >= 0.0 && seconds <= 9e11 -> seconds
                | _ -> at column "a time is from 0 to 9e11 seconds.")
        Data =
            cells
            |> List.tryPick (fun (column, _) ->
                match column.Field with
                | Field.Data group -> Some(group, text column.Field)
                | _ -> None)
        Values = values
    }

let private read (file: string) (known: Quantity list) : Row list =
    let wrong says = fail (Source.InFile(file, 1, 1)) "" says
    if not (Path.Exists file) then usage file "there is no such file; name a CSV file."
    let lines = RegularFile.Text(file, largest).Split '\n' |> Array.map _.TrimEnd('\r') |> List.ofArray
    let isLine (_, text: string) = text.Trim() <> ""

    match lines |> List.indexed |> List.filter isLine with
    | [] -> wrong "the file is empty; its first line names the columns: method, seed, from and metrics."
    | (at, _) :: _ when at > 0 -> wrong "the first line is empty; it names the columns: method, seed, from and metrics."
    | [ _ ] -> wrong "the file has a header, but no rows."
    | (_, header) :: rows ->
        if rows.Length > most then wrong $"the file has {rows.Length} rows; at most {most} are allowed, because each becomes a folder."
        let columns = columnsOf file known (fieldsOf file 1 header)
        [ for at, text in rows -> rowOf file (at + 1) columns (fieldsOf file (at + 1) text) ]

// ── Runs ────────────────────────────────────────────────────────────────────────────────────

/// The runs of a sweep's folder with their data, each data set once: those that were executed here and count, else those that were imported and
/// count.
let private dataIn (folder: string) (isMeant: RunManifest -> bool) : (RunFolder * Document) list =
    let retired = Ebm.Analysis.Retired.read folder

    let imported, executed =
        [
            for found in RunTree.Look folder do
                match found.Run, found.Manifest with
                | NonNull run, NonNull manifest when isMeant manifest && not (retired.ContainsKey run.Id) -> run, manifest
                | _ -> ()
        ]
        |> List.partition (fun (_, manifest) -> not (isNull manifest.Imported))

    (if executed.IsEmpty then imported else executed)
    |> List.choose (fun (run, _) ->
        Document.Parse(run.ConfigJson, run.In "config.json").Find "data" |> Option.ofObj |> Option.map (fun data -> run, data))
    |> List.distinctBy (fun (_, data) -> Canonical.Json data)

/// A data set in words: its kind, its file or folder, and the settings that differ among some data sets.
let private spokenData (among: Document list) (data: Document) =
    let text (data: Document) (path: string) = data.Find path |> Option.ofObj |> Option.map string
    let paths = among |> List.collect (fun data -> [ for struct (path, _) in data.Leaves() -> path ]) |> List.distinct
    let isSaid path =
        path = "file" || path = "folder" || (path <> "kind" && (among |> List.distinctBy (fun data -> text data path)).Length > 1)

    match
        [
            for path in List.filter isSaid paths do
                yield! Option.toList (text data path |> Option.map (fun value -> $"data.{path}={value}"))
        ]
    with
    | [] -> data.Text "kind"
    | settings -> $"""{data.Text "kind"} with {listed settings}"""

/// Data sets of a sweep, each with a run that has it.
let private offered (runs: (RunFolder * Document) list) =
    let some = [ for run, data in List.truncate 5 runs -> $"{spokenData (List.map snd runs) data} (run {run.Id})" ]
    String.Join("; ", some) + (if runs.Length > some.Length then "; …" else "")

/// The settings of the data that a row names: by a run of the sweep, or by an option of data or experiment. The sweep's runs with this option may
/// have other settings of it, such as a file of their own, and these are meant.
let private chosenData (place: Place) (folder: string) (source: Source) (group: string) (option: string) : Document =
    match RunFolder.Under folder |> Seq.tryFind (fun run -> run.Id = option) with
    | Some run when group = "data" -> Document.Parse(run.ConfigJson, run.In "config.json").Find "data" |> nonNull
    | _ ->

    let given = parseAt source $"{group}={option}"

    let value =
        match given.Setting with
        | Some(One value) when not (option.Contains ',') -> value
        | _ -> fail source "" $"{option} is not the name of an option of {group}."

    let composed = place.Composer.Compose [ given, Some value ]
    let data = (place.Catalog.Value.Resolve<ExperimentSpec> composed.Config).Identity.Find "data" |> nonNull

    let chosen = (group, option) :: [ for one in composed.Choices.TryFind "data" |> Option.defaultValue [] -> "data", one ]

    let isMeant (manifest: RunManifest) =
        match manifest.Choices with
        | null -> false
        | theirs -> chosen |> List.forall (fun (group, option) -> theirs.GetValueOrDefault(group, "") = option)

    match dataIn folder isMeant with
    | [] -> data
    | [ _, theirs ] -> theirs
    | several ->
        fail
            source
            ""
            $"{Path.GetFileName folder} has runs with {group}={option} on {several.Length} data sets; write in a column data the run whose data it is: {offered several}."

/// The settings of the data of a sweep's runs, if all have the same.
let private sharedData (file: string) (folder: string) : Document =
    let wrong says = fail (Source.InFile(file, 1, 1)) "" $"{Path.GetFileName folder} {says}"

    match dataIn folder (fun _ -> true) with
    | [ _, data ] -> data
    | [] -> wrong "has no runs yet, so a column data or experiment must name the data: data=rings, or experiment=rings."
    | several ->
        wrong
            $"has runs on {several.Length} data sets, so a column data must name an option, or the run whose data it is: {offered several}."

/// A row with the folder that it becomes.
type private Planned = { Row: Row; Identity: Identity; Config: Document }

let private planOf (data: Row -> Document) (row: Row) : Planned =
    let config =
        Document.Empty
            .With("data", data row)
            .With("method.kind", Document.Of(row.Method))
            .With(Imported.Key, Document.Of(row.From))
            .With("seed", Document.Of(row.Seed))

    { Row = row; Identity = Identity.Of config; Config = config }

let private measurements (row: Row) = [|
    for one, value in row.Values ->
        Measurement(one.Name, value, one.Unit, one.Better, one.Scale, Importance = Option.toNullable one.Importance)
|]

let private manifestOf (sweep: string) (file: string) (sha256: string) (planned: Planned) (folder: RunFolder) =
    let row = planned.Row

    // Without times or a machine, so that the same file gives the same bytes anywhere.
    RunManifest(
        State = RunState.Completed,
        RunId = planned.Identity.RunId,
        GroupId = planned.Identity.GroupId,
        SweepId = sweep,
        Seed = row.Seed,
        ConfigSha256 = folder.ConfigSha256,
        Overrides = [| $"method={row.Method}"; $"seed={row.Seed}" |],
        Imported = Imported(row.From, Secrets.Here.Masked(string (Path.GetFileName file)), sha256, int64 row.Line),
        Cost = Option.toObj (row.Cost |> Option.map (fun units -> Spent(units, 0L, 0L))),
        Timing = Option.toObj (row.Seconds |> Option.map (fun seconds -> Timing(Wall = Nullable seconds)))
    )

/// The values of an imported run that differ from its row, as a text; None if there are none, or the folder has no run yet.
let private difference (planned: Planned) (folder: string) : string option =
    if not (File.Exists(Path.Combine(folder, "manifest.json"))) then
        None
    else
        let run = RunFolder.Open folder
        let manifest = nonNull run.Manifest
        let was = Map [ for one in run.Measurements() -> one.Name, string one ]
        let is = Map [ for one in measurements planned.Row -> one.Name, string one ]
        let names = Seq.append was.Keys is.Keys |> Seq.distinct |> Seq.filter (fun name -> was.TryFind name <> is.TryFind name)

        let others = [
            if (manifest.Cost |> Option.ofObj |> Option.map _.Train) <> planned.Row.Cost then "cost"
            if (manifest.Timing |> Option.ofObj |> Option.bind (_.Wall >> Option.ofNullable)) <> planned.Row.Seconds then "seconds"
        ]

        match List.ofSeq names @ others with
        | [] -> None
        | differing -> Some(listed differing)

/// Imports a file. Nothing is written unless every row is valid.
let internal import (place: Place) =
    let file =
        match place.Given.Words with
        | [ file ] -> file
        | words -> usage (String.Join(' ', "import" :: words)) "import takes one CSV file."

    if place.Given.Unions <> [ [] ] then usage "import" "import takes no overrides; columns of the file name the data."

    let catalog = place.Catalog.Value
    let rows = read file (catalog.Describe typeof<IMetricSpec> |> Seq.collect _.Quantities |> List.ofSeq)
    let lineOf (row: Row) = Source.InFile(file, row.Line, 1)

    let sweep =
        match place.Given.Options.TryGetResult <@ Name @>, rows |> List.map _.Data |> List.distinct with
        | Some name, _ -> SweepFolder.Name(name, Source.CommandLine $"--name {name}")
        | None, [ Some("experiment", experiment) ] -> SweepFolder.Name(experiment, Source.InFile(file, 1, 1))
        | None, _ -> usage "import" "name the sweep whose table gets the rows: --name rings."

    let folder = sweep.In place.Runs

    let methods =
        catalog.Kinds typeof<ISpec<Method>> |> List.ofSeq |> List.append (place.Composer.Configs.Options "method") |> List.distinct

    let secrets = Secrets.At place.Root

    for row in rows do
        match methods |> List.tryFind (fun known -> RunName.Slug(known) = RunName.Slug(row.Method)) with
        | Some known ->
            fail
                (lineOf row)
                ""
                $"{known} is a method of this project, and its runs are executed here; give the imported one another name, such as {known}-as-published."
        | None -> ()

        secrets.RefuseIn("method.kind", Document.Of(row.Method, lineOf row))
        secrets.RefuseIn(Imported.Key, Document.Of(row.From, lineOf row))

    let shared = lazy (sharedData file folder)
    let chosen = Dictionary<string * string, Document>()

    let data (row: Row) =
        match row.Data with
        | None -> shared.Value
        | Some(group, option) ->
            match chosen.TryGetValue((group, option)) with
            | true, data -> data
            | _ ->
                let data = chosenData place folder (lineOf row) group option
                chosen[(group, option)] <- data
                data

    let planned = rows |> List.map (planOf data)

    for _, same in planned |> List.groupBy _.Identity.RunId do
        match same with
        | first :: second :: _ ->
            fail
                (lineOf second.Row)
                ""
                $"seed {second.Row.Seed} of {second.Row.Method} from this source is in line {first.Row.Line} already; a row is one run of one seed."
        | _ -> ()

    for one in planned do
        match difference one (Path.Combine(folder, one.Identity.RunId)) with
        | None -> ()
        | Some names ->
            fail
                (lineOf one.Row)
                ""
                $"this run was imported before, with another value of {names}, and a sealed run does not change; write the correction as another source (from), and retire {one.Identity.RunId}."

    match FolderPath.Unwritable folder with
    | null -> ()
    | says -> usage $"--runs {place.Runs}" says

    let sha256 = Canonical.Sha256OfFile file

    let isNew (one: Planned) = not (File.Exists(Path.Combine(folder, one.Identity.RunId, "manifest.json")))
    let fresh = planned |> List.filter isNew

    for one in fresh do
        let run = RunFolder.Create(folder, one.Identity.RunId, one.Config, one.Identity.Json)
        run.Write(measurements one.Row)
        run.Write(manifestOf (string sweep) file sha256 one run)

    Ledger.within place.Root place.Runs (fun () ->
        enterRuns place [ for one in planned -> RunFolder.Open(Path.Combine(folder, one.Identity.RunId)) ])

    let already = planned.Length - fresh.Length
    let runs n = Ebm.Analysis.Text.counted n "run"
    let before = if already = 0 then "" else $"; {already} were there already"
    let on = planned |> List.map (fun one -> nonNull (one.Config.Find "data")) |> List.distinctBy Canonical.Json
    let spoken = String.Join("; ", on |> List.map (spokenData on))
    Console.WriteLine $"{sweep}: {runs fresh.Length} imported from {relative file}{before}; data: {spoken}."
    Console.WriteLine $"They are in the table, marked with ‖: table {sweep}"
    0
