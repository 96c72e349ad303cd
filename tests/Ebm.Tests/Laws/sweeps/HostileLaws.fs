/// Hostile inputs of the command lines: each is valid, or is refused with one sentence and the exit code 2, in bounded time and memory.
module Ebm.Tests.Laws.HostileLaws

open System
open System.Diagnostics
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// A folder that does not exist.
let private nowhere = Path.Combine(Path.GetTempPath(), "ebm-none")

// ── Asking ──────────────────────────────────────────────────────────────────────────────────

type private Answer = { Code: int; Out: string; Complaint: string }

/// Seconds and bytes that one command may take.
let private patience, private memory = 10.0, 1_000_000_000L

/// Runs a command with captured output. Fails if it takes too long.
let private told (seconds: float) (name: string) (command: unit -> int) : Answer =
    use says = new StringWriter()
    use complains = new StringWriter()
    let out, error = Console.Out, Console.Error
    Console.SetOut says
    Console.SetError complains

    try
        let running = Task.Run(fun () -> Command.Run command)
        must $"it takes more than {seconds} s: {name}" (running.Wait(TimeSpan.FromSeconds seconds))
        { Code = running.Result; Out = says.ToString(); Complaint = complains.ToString() }
    finally
        Console.SetOut out
        Console.SetError error

let private short (text: string) = if text.Length <= 200 then text else $"{text[..150]}… ({text.Length} letters)"

/// An answer is valid, or one sentence on a line with the exit code 2.
let private answeredWithin seconds (name: string) (command: unit -> int) : Answer =
    let name = short name
    let before = Environment.WorkingSet
    let answer = told seconds name command
    must $"it takes {(Environment.WorkingSet - before) / 1_000_000L} MB: {name}" (Environment.WorkingSet - before < memory)
    let all = answer.Out + answer.Complaint
    must $"a stack trace: {name}: {short all}" (not (all.Contains "   at "))
    must $"not an answer to its input: {name}: {short answer.Complaint}" (not (all.Contains "an error of the program"))

    if answer.Code = 2 then
        let lines = answer.Complaint.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        must $"refused without a sentence: {name}" (lines.Length > 0)
        let last = Array.last lines
        must $"no sentence: {name}: {short answer.Complaint}" (last.EndsWith '.' && last.Contains ' ' && last.Length > 15)
        must $"a flood of {lines.Length} lines: {name}" (lines.Length <= 10)
        must $"a flood of {last.Length} letters: {name}" (last.Length <= 4100)
        must $"a control character: {name}: {short last}" (last |> Seq.forall (Char.IsControl >> not))

    answer

let private answered name command = answeredWithin patience name command

let private declared = Declare.sweep "laws" |> Declare.given "experiment=rings" |> Declare.given "method=flow"
let private sweep (words: string list) = answered (String.Join(' ', words)) (fun () -> Cli.main (under "experiments") declared words)
let private audit (words: string list) = answered ("audit " + String.Join(' ', words)) (fun () -> Audit.main root words)

let private refused (parts: string list) (answer: Answer) =
    must $"exit code {answer.Code} instead of 2: {short answer.Complaint}" (answer.Code = 2)

    for part in parts do
        must $"\"{part}\" is not in: {answer.Complaint}" (answer.Complaint.Contains part)

let private isRefused parts words = sweep words |> refused parts

/// Asks everything before it fails, with the first complaints.
let private gathering (ask: ((unit -> unit) -> unit) -> unit) =
    let wrong = ResizeArray<string>()

    ask (fun one ->
        try
            one ()
        with Broken says ->
            wrong.Add says)

    must (String.Join("\n", Seq.truncate 20 wrong)) (wrong.Count = 0)

let private accepted (answer: Answer) = must $"exit code {answer.Code}: {short answer.Complaint}" (answer.Code = 0)

// ── Odd files ───────────────────────────────────────────────────────────────────────────────

let private fifo (path: string) = must "mkfifo" (Processes.ends "mkfifo" [ path ] = 0)
let private link (target: string) (path: string) = File.CreateSymbolicLink(path, target) |> ignore
let private bom = [| 0xEFuy; 0xBBuy; 0xBFuy |]

let private sparse (path: string) =
    use file = File.Create path
    file.SetLength 100_000_000_000L

/// What a path may be instead of the file that belongs there. The content is that file's, if it was there.
let private odd: (string * (string -> byte[] -> unit)) list = [
    "a pipe", (fun path _ -> fifo path)
    "a link to /dev/zero", (fun path _ -> link "/dev/zero" path)
    "a folder", (fun path _ -> Directory.CreateDirectory path |> ignore)
    "a link to itself", (fun path _ -> link path path)
    "a link to nothing", (fun path _ -> link (path + ".none") path)
    "100 GB of zeros", (fun path _ -> sparse path)
    "nothing", (fun path _ -> File.WriteAllText(path, ""))
    "a byte-order mark", (fun path content -> File.WriteAllBytes(path, Array.append bom content))
    "UTF-16", (fun path content -> File.WriteAllText(path, Encoding.UTF8.GetString content, Encoding.Unicode))
    "bytes that are not text", (fun path content -> File.WriteAllBytes(path, Array.append [| 0xFFuy; 0xC0uy; 0uy; 0x1Buy |] content))
    "brackets without end", (fun path _ -> File.WriteAllText(path, String('[', 100_000)))
    "maps without end", (fun path _ -> File.WriteAllText(path, String.replicate 50_000 "{\"a\":"))
    "another document", (fun path _ -> File.WriteAllText(path, "{\"seq\": 1e400, \"runs\": 3, \"state\": [null], \"sweep\": {}}\n"))
    "null", (fun path _ -> File.WriteAllText(path, "null\n"))
    "half of it", (fun path content -> File.WriteAllBytes(path, content[.. content.Length / 2 - 1]))
]

let private replace (path: string) (put: string -> byte[] -> unit) (act: unit -> unit) =
    let content = if File.Exists path then File.ReadAllBytes path else Encoding.UTF8.GetBytes "a: 1\n"
    Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
    File.Delete path
    put path content

    try
        act ()
    finally
        if Directory.Exists path && isNull (FileInfo(path).LinkTarget) then Directory.Delete path else File.Delete path
        File.WriteAllBytes(path, content)

/// Files and folders that an option may name.
let private paths folder = [
    let at name = Path.Combine(folder, name)

    for name, put in odd do
        let path = at (String.filter Char.IsLetter name)
        if not (Path.Exists path) && isNull (FileInfo(path).LinkTarget) then put path (Encoding.UTF8.GetBytes "a: 1\n")
        path

    at "missing"
    at (String('n', 300))
    at (String.replicate 3000 "d/")
    at "new\nline\027[31m"
    at "bytes that are not text/below"
    "/proc"
    "/proc/self/mem"
    "/proc/self/environ"
    "/dev"
    "/dev/full"
    "/dev/null"
    "/sys"
    ""
    "-"
    "~"
    "\\"
]

// ── Numbers ─────────────────────────────────────────────────────────────────────────────────

let private numbers = [
    "0"
    "-1"
    "nan"
    "inf"
    "1e400"
    "1e-400"
    "1e-12"
    "1e308"
    "1.5"
    "2147483648"
    "99999999999999999999999"
    "½"
    ""
    " "
    "1e9"
]

let private numeric = [
    "run", "--workers"
    "run", "--retry"
    "run", "--max-hours"
    "run", "--max-gpu-hours"
    "run", "--timeout"
    "run", "--memory"
    "run", "--max-runs"
    "run", "--per-gpu"
    "run", "--first"
    "run", "--sample"
    "run", "--sample-seed"
    "run", "--shard"
    "run", "--deadline"
    "run", "--on-error"
    "confirm", "--top"
    "confirm", "--seeds"
]

// ── Laws ────────────────────────────────────────────────────────────────────────────────────

let private deep = 60_000

/// Every bracket of every grammar, opened many times.
let private nested =
    [
        for opening, closing in [ "[", "]"; "{a:", "}"; "int(", ")"; "sort(", ")"; "(", ")"; "${", "}"; "'", "'"; "\\", "" ] do
            for depth in [ 101; deep ] do
                for ending in [ ""; "1"; "1" + String.replicate (min depth 20_000) closing ] do
                    $"method.steps={String.replicate (min depth (100_000 / opening.Length)) opening}{ending}"
    ]
    @ [
        String.replicate (deep / 2) "a." + "a=1"
        String('a', deep) + "=1"
        "method.steps=" + String('9', deep)
        "method.steps=" + String.replicate 30_000 "1,"
        "method.steps=" + String.replicate 20_000 "1," + "1"
        "method=" + String('a', 300)
        "experiment=" + String('a', deep)
        "method.steps=${" + String('a', deep) + "}"
        "method.steps=glob(" + String.replicate 30 "*a" + "b)"
        "method=glob('" + String.replicate 30 "*a" + "b')"
        "~" + String('a', deep)
        "+" + String('a', 300) + "=1"
        "method@" + String('a', 300) + "=flow"
        "\027[31m=1"
        "a\nb=1"
        "method.steps=\n"
        "method.steps='\027[31m'"
    ]

let private products = [
    [ for i in 0..5 -> $"+a{i}=range(0,20000)" ]
    [ for i in 0..63 -> $"+a{i}=0,1" ]
    [ for i in 0..32 -> $"+a{i}=0,1,2,3" ]
    [ for i in 0..1500 -> $"+a{i}=0" ]
    [ "seed=seeds(1000000000)" ]
    [ "seed=seeds(1000001)" ]
    [ "seed=seeds(-1)" ]
    [ "seed=seeds(1e400)" ]
    [ "seed=range(0,1000000000000)" ]
    [ "seed=range(0,1,1e-300)" ]
    [ "seed=range(0,inf)" ]
    [ "seed=range(nan)" ]
    [ "seed=range(9223372036854775807)" ]
    [ "train.lr=linspace(0,1,1000000000)" ]
    [ "train.lr=linspace(-1e308,1e308,3)" ]
    [ "train.lr=linspace(nan,1,3)" ]
    [ "train.lr=logrange(1,inf,3)" ]
    [ "train.lr=logrange(1e-400,1,3)" ]
    [ "train.lr=1e400" ]
    [ "train.lr=1e-400" ]
    [ "train.lr=nan" ]
    [ "train.steps=1e30" ]
    [ "train.budget=99999999999999999999" ]
    [ "s=sobol(1000000000,train.lr=log(1e-5,1))" ]
    [ "s=sobol(4,train.lr=interval(-inf,inf))" ]
    [ "s=sobol(4,train.lr=interval(nan,1))" ]
    [ "s=sobol(4,method.steps=int(interval(1e300,1e301)))" ]
    [ "s=tpe(1000000000,train.lr=log(1e-5,1))" ]
    [ "s=tpe(4,train.lr=log(1e-5,1),batch=9e18)" ]
    [ "s=tpe(4,train.lr=log(1e-5,1),batch=9000000000000000000)" ]
    [ "s=tpe(4,train.lr=log(1e-5,1),seed=-1)" ]
    [ "train.steps=range(1,15000)"; "--or"; "train.steps=range(15000,30000)" ]
    [ "seed=shuffle(range(0,20000))"; "method.steps=range(1,52)" ]
]

/// Configs in which n values each name the one before twice.
let private doubling n (first: string) (next: string -> string) =
    let value i = next $"a{i - 1}"
    [ $"a0: {first}" ] @ [ for i in 1..n -> $"a{i}: {value i}" ] |> String.concat "\n"

let private bombs = [
    doubling 14 "xx" (fun before -> $"\"${{{before}}}${{{before}}}\"")
    doubling 40 "xx" (fun before -> $"\"${{{before}}}${{{before}}}\"")
    doubling 40 "\"\"" (fun before -> $"\"${{{before}}}${{{before}}}\"")
    doubling 14 "{ x: 1 }" (fun before -> $"{{ l: \"${{{before}}}\", r: \"${{{before}}}\" }}")
    doubling 40 "{ x: 1 }" (fun before -> $"{{ l: \"${{{before}}}\", r: \"${{{before}}}\" }}")
    doubling 40 "[ 1 ]" (fun before -> $"[ \"${{{before}}}\", \"${{{before}}}\" ]")
    doubling 5000 "1" (fun before -> $"\"${{{before}}}\"")
    "a: \"${b}\"\nb: \"${a}\""
    "a: { b: \"${a}\" }"
    "a: \"" + String.replicate 60_000 "${" + "\""
    "a: \"" + String.replicate 60_000 "${" + "x" + String.replicate 60_000 "}" + "\""
    "a: \"${oc.env:" + String('x', 60_000) + "}\""
    "a: \"${" + String('.', 60_000) + "}\""
]

let private yaml = [
    // Each alias repeats the one before ten times.
    "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
    + String.Join("\n", [ for i in 1..20 -> $"a{i}: &a{i} [" + String.Join(",", List.replicate 10 $"*a{i - 1}") + "]" ])
    "a: &a [*a]"
    String('[', 100_000)
    String.replicate 100_000 "- "
    String.Join("\n", [ for i in 0..400 -> String(' ', i) + "a:" ])
    String.replicate 100_000 "? "
    String.replicate 100_000 "!!str "
    String.replicate 100_000 "&a "
    "a: \"" + String('\t', 500_000) + "\" # " + String('\t', 400_000)
    String('\t', 900_000)
    "a: '" + String('x', 900_000)
    "a: |\n" + String.replicate 100_000 " x\n"
    String.replicate 100_000 "# x\n"
    String.replicate 60_000 "a: 1\n"
    String.Join("\n", [ for i in 0..60_000 -> $"a{i}: 1" ])
    "--- a\n--- b"
    "%YAML 9.9\n---\na: 1"
    "a: \"\\0\""
    "a: \u0085b"
    String('a', 2_000_000)
]

let private withConfigs (act: string -> unit) =
    inFolder (fun folder ->
        let configs = Path.Combine(folder, "experiments", "configs")

        for file in FolderTree.Files(under "experiments/configs") do
            let copy = Path.Combine(configs, Path.GetRelativePath(under "experiments/configs", file))
            Directory.CreateDirectory(string (Path.GetDirectoryName copy)) |> ignore
            File.Copy(file, copy)

        act configs)

/// A plan with other configs.
let private planWith (configs: string) (name: string) (words: string list) =
    answered name (fun () ->
        Cli.main (string (Path.GetDirectoryName configs)) declared ([ "plan"; "--runs"; Path.Combine(configs, "none") ] @ words))

let private sampleRuns (folder: string) =
    let runs = Path.Combine(folder, "runs")
    let sweep = Path.Combine(runs, "laws")

    let made = [ for seed in 0..2 -> RunFolders.write sweep (RunFolders.run "rings" "flow" seed [ "grid-kl", 0.1 + float seed ]) ]

    let ids = made |> List.map (fun run -> $"\"{Path.GetFileName run}\"") |> String.concat ","
    let plan = $"{{\"overrides\":[[\"seed=0\"]],\"metric\":\"grid-kl\",\"baseline\":{{}},\"runs\":[{ids}]}}\n"
    File.WriteAllText(Path.Combine(sweep, "plans.jsonl"), plan)

    for run in made |> List.map RunFolder.Open do
        // Sealed, as the ledger requires.
        run.Manifest |> Option.ofObj |> Option.iter run.Write
        let hash = (nonNull run.Manifest).Hash
        Ledger.enter runs Ledger.Kind.run (Ledger.subjectOf "laws" run.Id 1) (string hash)

    runs, sweep, made.Head

let all = [
    law "a number that an option cannot have is refused with one sentence" (fun () ->
        for verb, option in numeric do
            for number in numbers do
                sweep [ verb; option; number; "seed=0"; "--runs"; nowhere; (if verb = "run" then "--dry-run" else "--name=none") ]
                |> ignore

        for option in [ "--workers"; "--max-runs"; "--timeout"; "--memory"; "--max-hours" ] do
            for number in [ "0"; "-1"; "nan"; "1e400"; "1e-400" ] do
                isRefused [ option ] [ "run"; "--dry-run"; option; number; "seed=0"; "--runs"; nowhere ]

        for option, number in [ "--max-hours", "1e-12"; "--memory", "1e-12"; "--timeout", "1e-12"; "--timeout", "1e308" ] do
            isRefused [ option; "from" ] [ "run"; "--dry-run"; option; number; "seed=0"; "--runs"; nowhere ]

        for rule in
            [
                "median(grid-kl, from=1e300)"
                "asha(grid-kl, from=nan)"
                "race(grid-kl, alpha=1e-400)"
                "asha(grid-kl, from=1, reduction=1e99)"
            ] do
            isRefused [ "--prune" ] [ "run"; "--dry-run"; "--prune"; rule; "seed=0"; "--runs"; nowhere ]

        isRefused [ "--runs-per-task" ] [ "run"; "--dry-run"; "--launcher"; "slurm"; "--runs-per-task"; "0"; "seed=0"; "--runs"; nowhere ])
    |> breaks "a command that throws what no input explains" (fun () ->
        answered "planted" (fun () -> raise (NullReferenceException())) |> ignore)
    |> breaks "a command that prints a stack trace" (fun () ->
        answered "planted" (fun () ->
            eprintfn "Unhandled exception.\n   at Some.Method()."
            2)
        |> ignore)
    |> breaks "a command that hangs" (fun () ->
        answeredWithin 0.2 "planted" (fun () ->
            Thread.Sleep 2000
            0)
        |> ignore)
    |> breaks "a command that refuses without a word" (fun () -> answered "planted" (fun () -> 2) |> ignore)

    law "overrides, conditions and rules that are nested without end, or very long, are refused with one sentence" (fun () ->
        for text in nested do
            sweep [ "plan"; text; "--runs"; nowhere ] |> ignore

        for opening in [ "("; "!"; "a == 1 && ("; "a in {"; "'" ] do
            for option in [ "--where"; "--redo" ] do
                isRefused [ option ] [ "run"; "--dry-run"; option; "a == 1 || " + String.replicate deep opening; "--runs"; nowhere ]

        isRefused [ "--prune" ] [ "run"; "--dry-run"; "--prune"; String.replicate deep "median("; "--runs"; nowhere ]

        for option in [ "--name"; "--metric"; "--only"; "--reuse"; "--launcher"; "--on-error"; "--shard"; "--prune" ] do
            for text in [ String('a', 300); String('a', deep); "a\nb"; "\027[31m"; "../x"; "a/b"; ""; " "; "audits"; "-" ] do
                sweep [ "run"; "--dry-run"; option; text; "seed=0"; "--runs"; nowhere ] |> ignore

        for name in [ String('a', 300); "a\n"; "../x"; "" ] do
            isRefused [ "--name" ] [ "plan"; "--name"; name; "seed=0"; "--runs"; nowhere ]

        for verb in [ "why"; "diff"; "logs"; "attach"; "stop"; "table"; "report"; "status"; "list" ] do
            for word in [ String('a', 300); String('a', deep); "a\nb"; "\027[31m" ] do
                isRefused [] ([ verb; word ] @ (if verb = "list" then [] else [ "--runs"; nowhere ])))

    law "axes whose product overflows, and counts and ranges without end, are refused before they are made" (fun () ->
        for words in products do
            sweep ([ "plan"; "--runs"; nowhere ] @ words) |> ignore

        for words in products[..2] do
            isRefused [ "runs; at most" ] ([ "plan"; "--runs"; nowhere ] @ words)

        isRefused [ "smaller than any float64" ] [ "plan"; "--runs"; nowhere; "train.lr=1e-400" ])

    law
        "references that double, lead on without end or in circles, and defaults that include each other are refused with one sentence"
        (fun () ->
            withConfigs (fun configs ->
                for bomb in bombs do
                    File.WriteAllText(Path.Combine(configs, "data", "bomb.yaml"), bomb)
                    planWith configs bomb [ "data=bomb" ] |> refused []

                let data = Path.Combine(configs, "data")

                for i in 0..29 do
                    File.WriteAllText(Path.Combine(data, $"twice{i}.yaml"), $"defaults: [ twice{i + 1}, twice{i + 1} ]\n")

                File.WriteAllText(Path.Combine(data, "twice30.yaml"), "a: 1\n")
                File.WriteAllText(Path.Combine(data, "circle.yaml"), "defaults: [ circle ]\n")
                planWith configs "doubling defaults" [ "data=twice0" ] |> refused [ "defaults" ]
                planWith configs "circular defaults" [ "data=circle" ] |> refused [ "defaults" ]
                // Links in circles, two of them, so that a search that follows them takes 2^40 steps.
                link "." (Path.Combine(configs, "loop"))
                link ".." (Path.Combine(data, "loop"))
                link data (Path.Combine(data, "again"))
                planWith configs "circular links" [ "dta=rings" ] |> refused [ "did you mean data?" ]
                planWith configs "circular links" [ "data=rings"; "seed=0" ] |> accepted))

    law "a YAML file that is a bomb, not text, or not a file is refused with one sentence, as a sweep, a config and a table" (fun () ->
        withConfigs (fun configs ->
            let folder = string (Path.GetDirectoryName configs)
            let file = Path.Combine(folder, "x.yaml")
            let config = Path.Combine(configs, "data", "x.yaml")

            let ask name =
                sweep [ "plan"; "--sweep"; file; "--runs"; nowhere ] |> refused []
                answered name (fun () ->
                    Specification.check root None file |> ignore
                    0)
                |> refused []
                planWith configs name [ "data=x" ] |> refused []

            for text in yaml do
                for path in [ file; config ] do
                    File.WriteAllText(path, text)

                ask text

            for name, put in odd do
                for path in [ file; config ] do
                    if Path.Exists path || not (isNull (FileInfo(path).LinkTarget)) then
                        if Directory.Exists path && isNull (FileInfo(path).LinkTarget) then Directory.Delete path else File.Delete path

                    put path (Encoding.UTF8.GetBytes "a: 1\n")

                ask name))

    law "whatever is named where a file or a folder belongs is used, or refused with one sentence" (fun () ->
        gathering (fun one ->
            inFolder (fun folder ->
                let sweep words = one (fun () -> sweep words |> ignore)
                let audit words = one (fun () -> audit words |> ignore)

                for path in paths folder do
                    for option in [ "--runs"; "--reports"; "--data"; "--sweep"; "--with" ] do
                        let others = if option = "--runs" then [] else [ "--runs"; Path.Combine(folder, "none") ]
                        sweep ([ "run"; "--dry-run"; option; path; "seed=0" ] @ others)

                    for verb in [ "plan"; "status"; "table"; "report"; "why"; "reindex"; "attach"; "stop" ] do
                        // Writing into the machine's own folders is not for a law.
                        if verb <> "reindex" || path.StartsWith folder then sweep [ verb; "--runs"; path ]

                    for verb in [ "why"; "logs"; "diff" ] do
                        sweep [ verb; path; "--runs"; Path.Combine(folder, "none") ]

                    for option in [ "--runs"; "--reports"; "--data" ] do
                        for verb in [ "verify"; "export" ] do
                            audit [ verb; option; path; "x" ]

                    one (fun () ->
                        answered path (fun () ->
                            Specification.check root None path |> ignore
                            0)
                        |> ignore)))

        inFolder (fun folder ->
            let file = Path.Combine(folder, "file")
            File.WriteAllText(file, "x")

            for option in [ "--runs"; "--reports"; "--data" ] do
                for path in [ file; Path.Combine(file, "below"); Path.Combine(folder, String('n', 300)) ] do
                    isRefused [ option ] [ "run"; "--dry-run"; option; path; "seed=0" ]
                    audit [ "verify"; option; path ] |> refused [ option ]))

    law
        "whatever lies in a folder of runs instead of a file is passed over or refused with one sentence by every command that reads it"
        (fun () ->
            gathering (fun one ->
                inFolder (fun folder ->
                    let sweep words = one (fun () -> sweep words |> ignore)
                    let audit words = one (fun () -> audit words |> ignore)
                    let runs, sweepFolder, run = sampleRuns folder
                    let reports = Path.Combine(folder, "reports")

                    let own = [
                        "config.json"
                        "config.yaml"
                        "manifest.json"
                        "metrics.json"
                        "events.jsonl"
                        "measures.jsonl"
                        "stdout.log"
                        "samples.npy"
                        ".claim"
                        "arrays/index.json"
                        "attempts/001/manifest.json"
                    ]

                    let names =
                        [ for name in own -> Path.Combine(run, name) ]
                        @ [
                            for name in [ "plans.jsonl"; "sweep.lock"; "sweep.pid"; "launches/1.json"; "shard-99999999999-of-2.lock" ] ->
                                Path.Combine(sweepFolder, name)
                        ]
                        @ [ Path.Combine(runs, "ledger.jsonl"); Path.Combine(runs, "audits", "x.json") ]

                    for path in names do
                        for kind, put in odd do
                            replace path put (fun () ->
                                let name = $"{Path.GetRelativePath(runs, path)} is {kind}"
                                let ask words =
                                    one (fun () ->
                                        answered $"{words}: {name}" (fun () ->
                                            Cli.main (under "experiments") declared (words @ [ "--runs"; runs ]))
                                        |> ignore)

                                ask [ "table"; "--reports"; reports ]
                                ask [ "plan"; "seed=0"; "--name"; "laws" ]

                                // These are slower, so only what blocks or has no end is tried.
                                if List.exists (fun (part: string) -> kind.Contains part) [ "pipe"; "zero"; "end" ] then
                                    one (fun () ->
                                        answered $"verify: {name}" (fun () -> Audit.main root [ "verify"; "--runs"; runs ]) |> ignore)

                                    ask [ "status" ]
                                    ask [ "logs"; Path.GetFileName run |> string ]

                                    one (fun () ->
                                        answered $"card: {name}" (fun () ->
                                            Audit.main root [ "card"; "--runs"; runs; "--reports"; reports ])
                                        |> ignore))

                    let reported = [ "config.json"; "manifest.json"; "events.jsonl" ] |> List.map (fun name -> Path.Combine(run, name))

                    for path in reported @ [ Path.Combine(sweepFolder, "plans.jsonl") ] do
                        for name, put in odd do
                            replace path put (fun () ->
                                one (fun () ->
                                    answered $"report: {path} is {name}" (fun () ->
                                        Cli.main (under "experiments") declared [ "report"; "--runs"; runs; "--reports"; reports ])
                                    |> ignore))

                    // Two circles of links.
                    link "." (Path.Combine(sweepFolder, "loop"))
                    link ".." (Path.Combine(sweepFolder, "above"))
                    link runs (Path.Combine(runs, "all"))

                    for words in [ [ "table"; "--reports"; reports ]; [ "status" ]; [ "reindex" ]; [ "report"; "--reports"; reports ] ] do
                        sweep (words @ [ "--runs"; runs ])

                    for verb in [ "verify"; "card"; "refs" ] do
                        audit [ verb; "--runs"; runs; "--reports"; reports ]

                    for name, put in odd do
                        if name.Contains "pipe" || name.Contains "zero" then
                            replace (Path.Combine(reports, "laws", "index.html")) put (fun () ->
                                audit [ "card"; "--runs"; runs; "--reports"; reports ]))))

    law "a ledger with a byte-order mark is an alteration, and nothing is appended to it or cut off its end" (fun () ->
        inFolder (fun folder ->
            let runs, _, _ = sampleRuns folder
            let ledger = Path.Combine(runs, "ledger.jsonl")
            let marked = Array.append bom (File.ReadAllBytes ledger)
            File.WriteAllBytes(ledger, marked)
            let found = audit [ "verify"; "--runs"; runs ]
            must $"exit code {found.Code}" (found.Code = 3 && found.Out.Contains "ledger-torn")
            throws<InvalidDataException, _> [ "line 1"; "audit verify" ] (fun () -> Ledger.append runs (fun _ -> [ "audit", "x", "y" ]))
            must "the ledger was changed" (File.ReadAllBytes ledger = marked)))

    law "a journal of a search with a byte-order mark, or of another search, is refused with one sentence" (fun () ->
        inFolder (fun folder ->
            let runs = Path.Combine(folder, "runs")
            let words = [ "plan"; "s=tpe(4,train.lr=log(1e-5,1))"; "--metric"; "grid-kl"; "--runs"; runs; "--name"; "laws" ]
            let search =
                match (Overrides.parse words[1]).Setting with
                | Some(Values.Searched search) -> search
                | other -> broken $"not a search: %A{other}"
            let sweepFolder = Path.Combine(runs, "laws")
            Search.ask sweepFolder search
            sweep words |> accepted
            let journal = (Directory.GetFiles sweepFolder)[0]

            for name, put in odd do
                replace journal put (fun () ->
                    answered $"the journal is {name}" (fun () -> Cli.main (under "experiments") declared words) |> ignore)

            for line in
                [ """{"trial":0,"at":[0.5,0.5]}"""; """{"trial":0,"at":[]}"""; """{"trial":0,"at":[2]}"""; """{"at":[0.5]}"""; "3" ] do
                replace journal (fun path _ -> File.WriteAllText(path, line + "\n")) (fun () -> isRefused [ "journal" ] words)

            replace journal (fun path content -> File.WriteAllBytes(path, Array.append bom content)) (fun () ->
                isRefused [ "byte-order mark" ] words)))

    law "a data file that is missing, not a file, or without a column is refused when runs are planned" (fun () ->
        inFolder (fun folder ->
            let data = Path.Combine(folder, "data")
            Directory.CreateDirectory(Path.Combine(data, "mnist")) |> ignore
            let table = Path.Combine(data, "t.csv")
            let ask words =
                sweep ([ "plan"; "--data"; data; "--runs"; Path.Combine(folder, "runs"); "experiment=null"; "measure=tabular" ] @ words)
            let asked = [ "data=table"; "data.file=t.csv" ]
            ask asked |> refused [ "is missing"; "data.file=t.csv" ]
            File.WriteAllText(table, "a;b;c\n1;2;3\n")
            ask asked |> accepted
            ask (asked @ [ "data.drop=[b]" ]) |> accepted
            ask (asked @ [ "data.drop=[d]" ]) |> refused [ "data.drop=[d]"; "its columns are a, b, c" ]
            ask (asked @ [ "data.drop=[a,b,c]" ]) |> refused [ "at least one must remain" ]

            for name, put in odd do
                replace table put (fun () ->
                    ask asked |> ignore
                    ask (asked @ [ "data.drop=[b]" ])
                    |> fun answer -> if name = "a pipe" || name = "a folder" || name = "nothing" then refused [] answer)

            ask [ "data=mnist"; "method=gan" ] |> refused [ "train-images-idx3-ubyte.gz is missing" ]
            let images = Path.Combine(data, "mnist", "train-images-idx3-ubyte.gz")

            for name, put in odd do
                replace images put (fun () -> ask [ "data=mnist"; "method=gan" ] |> refused [])))

    law "rows that a net does not take are refused when runs are planned, with sizes that it takes" (fun () ->
        inFolder (fun folder ->
            let pictures = Path.Combine(folder, "data", "dots")
            Directory.CreateDirectory pictures |> ignore

            for i in 1..4 do
                let picture = Png.Paletted(ReadOnlySpan(Array.create (18 * 18) 0uy), 18, 18, [| 9uy; 9uy; 9uy |], null)
                File.WriteAllBytes(Path.Combine(pictures, $"{i}.png"), picture)

            let ask words =
                sweep (
                    [ "plan"; "--data"; Path.Combine(folder, "data"); "--runs"; Path.Combine(folder, "runs") ]
                    @ [ "experiment=images"; "method=joint-cd"; "data.folder=dots" ]
                    @ words
                )

            ask [ "data.size=16" ] |> accepted
            let due = [ "level-reconstruction"; "(3, 18, 18)"; "write data.size=16 or data.size=20" ]
            ask [ "data.size=18" ] |> refused ("data.size=18" :: due)
            // The pictures' own size is read from the first one.
            ask [ "data.size=null" ] |> refused ("data.size=null" :: due)
            ask [ "data.size=7" ] |> refused [ "write data.size=4 or data.size=8" ]))

    law "plan and --dry-run refuse what run refuses, with the same sentence" (fun () ->
        inFolder (fun folder ->
            let file = Path.Combine(folder, "file")
            File.WriteAllText(file, "x")
            let runs = Path.Combine(folder, "runs")
            let here = [ "--runs"; runs ]

            for words in
                [
                    [ "--runs"; file ]
                    [ "--runs"; Path.Combine(file, "x") ]
                    [ "--runs"; "/proc" ]
                    [ "--runs"; "/proc/x/y" ]
                    [ "--runs"; "/dev/null" ]
                    [ "--name"; String('a', 300) ] @ here
                    [ "device=cuda:99" ] @ here
                    [ "data=table"; "data.file=none.csv"; "experiment=null"; "measure=tabular" ] @ here
                    [ "data=mnist"; "experiment=mnist"; "--data"; folder ] @ here
                    [ "--data"; file; "seed=0" ] @ here
                    [ "s=tpe(4,train.lr=log(1e-5,1))" ] @ here
                    [ "s=tpe(4,train.lr=log(1e-5,1))"; "--metric"; "grid-kl"; "--shard"; "1/2" ] @ here
                    [ "--metric"; "none" ] @ here
                    [ "seed=seeds(2000000)" ] @ here
                    [ "train.lr=nan" ] @ here
                    [ "--where"; "(((" ] @ here
                    [ "--sweep"; folder ] @ here
                    [ "--with"; file ] @ here
                ] do
                let answers = [ for verb in [ [ "run" ]; [ "run"; "--dry-run" ]; [ "plan" ] ] -> sweep (verb @ words) ]
                let complaints = answers |> List.map _.Complaint |> List.distinct
                must $"%A{answers |> List.map _.Code}: {words}" (answers |> List.forall (fun answer -> answer.Code = 2))
                must $"different sentences for {words}: %A{complaints}" (complaints.Length = 1)

            must "something was written" (not (Path.Exists runs))))

    law "standard output on a full disk is an error with a sentence" (fun () ->
        // Not disposed: it would try to write again.
        let full = new StreamWriter(new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0), AutoFlush = true)
        use complains = new StringWriter()
        let out, error = Console.Out, Console.Error
        Console.SetOut full
        Console.SetError complains

        let code =
            try
                Cli.main (under "experiments") declared [ "plan"; "seed=0"; "--runs"; nowhere ]
            finally
                Console.SetOut out
                Console.SetError error

        must $"exit code {code}: {complains}" (code = 2 && (string complains).Contains "free some space"))
    |> needs (fun () -> if File.Exists "/dev/full" then None else Some "this system has no /dev/full")
]
