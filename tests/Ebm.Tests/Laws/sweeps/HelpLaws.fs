/// Help, list, and what is said to users who type the words of other programs.
module Ebm.Tests.Laws.HelpLaws

open System
open System.IO
open System.Text.RegularExpressions
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

let private verbs = List.map fst CommandLine.verbs

/// The output of a command that must succeed and write nothing below a folder.
let private reads (arguments: string list) =
    inFolder (fun folder ->
        let before = Environment.GetEnvironmentVariable "EBM_RUNS"
        Environment.SetEnvironmentVariable("EBM_RUNS", Path.Combine(folder, "runs"))

        try
            let code, says, complains = toldBare arguments
            must $"%A{arguments}: {code} {complains}" (code = 0 && complains = "")
            must $"%A{arguments} wrote something" (Directory.GetFileSystemEntries(folder).Length = 0)
            says
        finally
            Environment.SetEnvironmentVariable("EBM_RUNS", before))

let private fits (text: string) =
    let wide = text.Split '\n' |> Array.filter (fun line -> line.Length > 100)
    must $"%A{wide}" (wide.Length = 0)

/// The words that ask for help, and a part of what they must print.
let private asking = [
    for help in [ "--help"; "-h"; "-?"; "-help"; "--HELP"; "/?" ] do
        [ help ], "The first verbs:"
        [ "--"; help ], "The first verbs:"
        [ "run"; help ], "run: "
        [ "run"; "--"; help; "experiment=rings" ], "run: "
        [ "run"; "experiment=rings"; "--workers"; "2"; help ], "run: "
        [ "experiment=rings"; help ], "The first verbs:"
        [ "audit"; help ], "verify [sweep…]"
        [ "audit"; "rerun"; "some-run"; help ], "rerun <run>"
    [ "help" ], "The first verbs:"
    [ "help"; "run" ], "run: "
    [ "run"; "help" ], "run: "
    [ "plan"; "help"; "experiment=rings" ], "plan: "
    [ "help"; "audit" ], "verify [sweep…]"
    [ "help"; "audit"; "verify" ], "--public"
    [ "audit"; "verify"; "help" ], "--public"
]

/// What must be printed for what is typed: exit code 2 and these parts.
let private meant = [
    [ "plan"; "seed=0:3" ], [ "seed=0..3"; "seed=range(0,3)" ]
    [ "plan"; "seed=0-3" ], [ "seed=0..3" ]
    [ "plan"; "seed={0..3}" ], [ "seed=0..3" ]
    [ "plan"; "seed=[0,1,2]" ], [ "seed=0,1,2" ]
    [ "plan"; "seed=0 1 2" ], [ "seed=0,1,2" ]
    [ "plan"; "seed=3..0" ], [ "0..3" ]
    [ "plan"; "seed==3" ], [ "seed=3" ]
    [ "plan"; "seed=0,1," ], [ "seed=0,1" ]
    [ "plan"; "seeds=4" ], [ "seeds(4)" ]
    [ "plan"; "num_seeds=4" ], [ "seeds(4)" ]
    [ "plan"; "method=[joint-cd,gan]" ], [ "method=joint-cd,gan" ]
    [ "plan"; "method=joint_cd" ], [ "did you mean joint-cd?" ]
    [ "plan"; "lr=1e-3" ], [ "train.lr=1e-3" ]
    [ "plan"; "learning_rate=1e-3" ], [ "train.lr=1e-3" ]
    [ "plan"; "batch_size=64" ], [ "train.batch=64" ]
    [ "plan"; "epochs=10" ], [ "train.steps"; "train.budget" ]
    [ "plan"; "steps=10" ], [ "train.steps=10"; "method.steps=10" ]
    [ "plan"; "width=64" ], [ "method.energy.width" ]
    [ "plan"; "model=gan" ], [ "method=gan" ]
    [ "plan"; "dataset=rings" ], [ "data=rings" ]
    [ "plan"; "device=gpu" ], [ "device=cuda:0" ]
    [ "plan"; "workers=2" ], [ "--workers 2" ]
    [ "plan"; "--seed"; "3" ], [ "seed=3" ]
    [ "plan"; "--lr=1e-3" ], [ "train.lr=1e-3" ]
    [ "plan"; "--epochs"; "10" ], [ "train.steps" ]
    [ "plan"; "--experiment"; "rings" ], [ "experiment=rings" ]
    [ "plan"; "--train.lr"; "1e-3" ], [ "train.lr=1e-3" ]
    [ "plan"; "--dry_run" ], [ "--dry-run" ]
    [ "plan"; "--jobs"; "2" ], [ "--workers" ]
    [ "plan"; "--resume" ], [ "leave it out" ]
    [ "plan"; "--multirun" ], [ "leave it out" ]
    [ "plan"; "--force" ], [ "--redo all" ]
    [ "plan"; "--output"; "here" ], [ "--runs FOLDER" ]
    [ "plan"; "experiment"; "rings" ], [ "experiment=rings" ]
    [ "plan"; "method:gan" ], [ "method=gan" ]
    [ "plan"; "seed"; "="; "3" ], [ "key=value"; "without blanks" ]
    [ "joint_cd" ], [ "method=joint-cd" ]
    [ "rings" ], [ "experiment=rings" ]
    [ "train" ], [ "the verb is run" ]
    [ "ls" ], [ "the verb is list" ]
    [ "results" ], [ "the verb is table" ]
    [ "kill" ], [ "the verb is stop" ]
    [ "verify" ], [ "the verb is audit verify" ]
    [ "experiment"; "rings" ], [ "experiment=rings" ]
    [ "list"; "mehtod" ], [ "did you mean method?" ]
    [ "list"; "method"; "joint-dc" ], [ "did you mean joint-cd?" ]
    [ "list"; "net=level-mpl" ], [ "did you mean level-mlp?" ]
    [ "list"; "metric"; "grid-lk" ], [ "did you mean grid-kl?" ]
    [ "help"; "rnu" ], [ "did you mean run?" ]
    [ "help"; "method" ], [ "write list method" ]
    [ "list"; "rings" ], [ "list experiment rings"; "list data rings" ]
    [ "list"; "method"; "joint-cd"; "stpes" ], [ "did you mean steps?" ]
    [ "plan"; "method.kernel_steps=4" ], [ "did you mean steps?" ]
    [ "plan"; "--wrokers"; "2" ], [ "did you mean --workers?"; "help plan" ]
    [ "plan"; "--workers"; "two" ], [ "--workers needs a whole number, such as 2" ]
    [ "plan"; "--timeout"; "long" ], [ "--timeout needs a number (seconds)" ]
    [ "table"; "--metric"; "kl" ], [ "--all"; "docs/tables.md" ]
]

let private refuses (arguments: string list, parts: string list) =
    inFolder (fun folder ->
        let runs = if List.contains arguments.Head [ "list"; "help" ] then [] else [ "--runs"; Path.Combine(folder, "runs") ]
        let code, says, complains = toldBare (arguments @ runs)
        must $"%A{arguments}: {code} {says} {complains}" (code = 2 && says = "")
        must $"%A{arguments} is answered by {complains}" (parts |> List.forall (fun part -> complains.Contains part))
        must $"%A{arguments} is answered by several lines: {complains}" (complains.Trim().Split('\n').Length = 1)
        must "something was written" (Directory.GetFileSystemEntries(folder).Length = 0))

/// The words of a line, as a shell splits it.
let private words (line: string) = [ for word in Regex.Matches(line, "\"[^\"]*\"|\\S+") -> word.Value.Trim '"' ]

let private seedsOf (argument: string) =
    match (Overrides.parse argument).Setting with
    | Some(Values.Sweep values) -> values
    | other -> broken $"%A{other}"

let all = [
    law "asking for help in any spelling and place prints help, starts nothing and writes nothing, within 100 columns" (fun () ->
        for arguments, part in asking do
            let says = reads arguments
            must $"%A{arguments} prints {says}" (says.Contains part)
            fits says)
    |> breaks "a plan is help" (fun () -> must "it is" ((reads [ "plan"; "seed=0" ]).Contains "The first verbs:"))

    law "help shows the verbs of a first hour first, then every other verb, and how to ask for more" (fun () ->
        let says = reads [ "help" ]
        let shown = [ for found in Regex.Matches(says, @"(?m)^  ([a-z]+)  +\S") -> found.Groups[1].Value ]
        let missing = verbs |> List.filter (fun verb -> not (List.contains verb shown))
        must $"%A{missing}" missing.IsEmpty
        must $"%A{shown}" (List.take 2 shown = [ "run"; "plan" ] && says.IndexOf "More verbs" > says.IndexOf "  status ")
        must says (says.Contains "help <verb>"))

    law "the help of a verb has every option that it takes, two examples that this command line can read, and the exit codes" (fun () ->
        for verb in verbs do
            let says = reads [ "help"; verb ]
            fits says

            if verb <> "audit" then
                for option in (if verb = "help" then [] else CommandLine.allowed verb) do
                    must $"{verb} does not explain {option}" (Regex.IsMatch(says, $@"(?m)^  {option}\b"))

                let examples = [ for found in Regex.Matches(says, $@"(?m)^  ({verb}\b.*)\n      \S") -> words found.Groups[1].Value ]

                must $"{verb} has {examples.Length} examples" (examples.Length >= 2)

                for example in examples do
                    let given = CommandLine.read (Configs.Configs(under "experiments/configs")) example
                    must $"%A{example} is {given.Verb}" (given.Verb = verb)

                // `watch` never ends by itself, so it has no 0.
                must says (says.Contains(if verb = "watch" then "Exit codes: 2 " else "Exit codes: 0 ")))

    law "the examples of each audit begin with its name, and its help has them" (fun () ->
        for verb in Audit.verbs do
            let says = reads [ "help"; "audit"; verb.Name ]
            fits says
            must verb.Name (verb.Examples.Length >= 2)

            for example, does in verb.Examples do
                must example (example.Split(' ')[0] = verb.Name && says.Contains example && says.Contains does))

    law
        "list prints every setting of a kind with default and doc, of an option also what its file sets, and the networks by role"
        (fun () ->
            let says = reads [ "list"; "method"; "joint-cd" ]
            must
                says
                (says.Contains "method=joint-cd"
                 && Regex.IsMatch(says, @"(?m)^  rounds +1 ")
                 && says.Contains "method/joint-cd.yaml, sets:"
                 && says.Contains "level-mlp")
            must "another spelling prints something else" (reads [ "list"; "method=joint-cd" ] = says)
            must says (not (says.Contains "kind: gan"))
            let says = reads [ "list"; "net" ]

            for part in [ "level-mlp"; "real-nvp"; "conv-autoencoder"; "An energy for each noise level" ] do
                must says (says.Contains part)

            must "a net" (Regex.IsMatch(reads [ "list"; "net"; "level-mlp" ], @"(?m)^  width +128 "))
            must "a metric" ((reads [ "list"; "metric"; "grid-kl" ]).Contains "nats")
            must "a schedule" ((reads [ "list"; "noise"; "ddpm" ]).Contains "levels")
            must "a data set" ((reads [ "list"; "data"; "rings" ]).Contains "data=rings")
            must "an option without a kind" ((reads [ "list"; "train"; "short" ]).Contains "batch")

            for topic in [ [ "steps" ]; [ "method.steps" ]; [ "method"; "joint-cd"; "steps" ] ] do
                let says = reads ("list" :: topic)
                must says (says.Contains "steps" && says.TrimEnd().EndsWith "why <key>.")

            must "joint-cd's" ((reads [ "list"; "steps" ]).Contains "method joint-cd")
            must "another place" (not (Regex.IsMatch(reads [ "list"; "method.steps" ], "(?m)^train ")))
            must "the option alone" (reads [ "list"; "joint-cd" ] = reads [ "list"; "method"; "joint-cd" ])

            for topic in [ [ "method" ]; [ "steps" ]; [ "net" ]; [ "train" ]; [ "data"; "table" ] ] do
                fits (reads ("list" :: topic)))

    law "an unknown option is answered in a short sentence, and every spelling of version prints the version" (fun () ->
        let _, _, complains = toldBare [ "plan"; "--quux" ]
        must complains (complains.Trim().Length < 100 && complains.Contains "help plan")

        for version in [ "--version"; "-v"; "version" ] do
            must version (Regex.IsMatch(reads [ version ], @"\AEbm\.Research [0-9]+\.[0-9]+\.[0-9]+\n\z")))

    law $"{meant.Length} things that users of other programs type are each answered by one sentence that says what to write" (fun () ->
        List.iter refuses meant)
    |> breaks "an override that is right" (fun () -> refuses ([ "plan"; "seed=0..3" ], [ "seed" ]))

    law "seed=0..3 has both ends, like {0..3} of --where, and seed=range(0,3) has not the second" (fun () ->
        let ints = List.map (int64 >> Values.Int)
        must "0..3" (seedsOf "seed=0..3" = ints [ 0..3 ])
        must "7..7" (seedsOf "seed=7..7" = ints [ 7 ])
        must "-1..1" (seedsOf "method.steps=-1..1" = ints [ -1 .. 1 ])
        must "range" (seedsOf "seed=range(0,3)" = ints [ 0..2 ])
        must "text" ((Overrides.parse "data.file='0..3'").Setting = Some(Values.One(Values.Text "0..3")))
        must "printed" (Values.printValue (Values.Text "0..3") = "'0..3'"))
    |> breaks "without the end" (fun () -> must "0..3" ((seedsOf "seed=0..3").Length = 3))

    law "plan accepts every option of run, and checks it" (fun () ->
        inFolder (fun folder ->
            let runs = [ "--runs"; Path.Combine(folder, "runs") ]
            let missing = CommandLine.allowed "run" |> List.except (CommandLine.allowed "plan")
            must $"%A{missing}" missing.IsEmpty
            let options = [ "--workers"; "2"; "--detach"; "--redo"; "failed"; "--max-hours"; "1"; "--launcher"; "slurm"; "--share" ]
            let _, bare, _ = toldBare ([ "plan"; "seed=0,1" ] @ runs)
            let code, says, complains = toldBare ([ "plan"; "seed=0,1" ] @ options @ runs)
            must complains (code = 0 && says = bare)

            for wrong in [ [ "--workers"; "0" ]; [ "--deadline"; "soon" ]; [ "--on-error"; "go" ]; [ "--max-hours"; "-1" ] ] do
                let code, _, complains = toldBare ([ "plan"; "seed=0" ] @ wrong @ runs)
                must $"%A{wrong}: {complains}" (code = 2 && complains.Contains wrong.Head)))

    law "EBM_RUNS and EBM_REPORTS name the folders of a sweep and of audits, and --runs wins" (fun () ->
        inFolder (fun folder ->
            let variable (name: string) (value: string) holds =
                let before = Environment.GetEnvironmentVariable name
                Environment.SetEnvironmentVariable(name, value)

                try
                    holds ()
                finally
                    Environment.SetEnvironmentVariable(name, before)

            let at name = Path.Combine(folder, name)
            Directory.CreateDirectory(Path.Combine(at "mine", "one")) |> ignore
            Directory.CreateDirectory(Path.Combine(at "other", "two")) |> ignore

            variable "EBM_RUNS" (at "mine") (fun () ->
                variable "EBM_REPORTS" (at "pages") (fun () ->
                    let _, _, complains = toldBare [ "table"; "nothing" ]
                    must complains (complains.Contains "Known sweeps: one")
                    let _, _, complains = toldBare [ "table"; "nothing"; "--runs"; at "other" ]
                    must complains (complains.Contains "Known sweeps: two")
                    let workspace = Workspace.at root
                    must $"{workspace}" (workspace.Runs = at "mine" && workspace.Reports = at "pages")
                    must "--runs" ((fst (Workspace.read root [ "--runs"; at "other" ])).Runs = at "other")))

            must "unset" ((Workspace.at root).Runs = under "runs" || not (isNull (Environment.GetEnvironmentVariable "EBM_RUNS")))))

    law "a declared sweep's name is its folder, unless the command line names it or chooses an experiment" (fun () ->
        let named (name: string option) (declared: Declare.Sweep) (typed: string list) =
            let sweep = {
                declared with
                    Parts = [ for part in declared.Parts -> List.fold Declare.replace part (List.map Overrides.parse typed) ]
            }
            (Plan.plan { setup "runs" with Name = name } sweep).Sweep

        let mine = Declare.sweep "mine" |> Declare.given "experiment=rings" |> Declare.given "seed=0"
        must "declared" (named None mine [] = "mine")
        must "a setting" (named None mine [ "seed=1" ] = "mine")
        must "an experiment" (named None mine [ "experiment=gaussians" ] = "gaussians")
        must "the same experiment" (named None mine [ "experiment=rings" ] = "rings")
        must "two" (named None mine [ "experiment=rings,gaussians" ] = "gaussians-rings")
        must "--name" (named (Some "this") mine [ "experiment=rings" ] = "this")
        let bare = Declare.sweep "bare"
        must "no experiment" (named None bare [ "seed=0" ] = "bare"))
    |> breaks "the experiment of the declaration" (fun () ->
        let sweep = Declare.sweep "mine" |> Declare.given "experiment=rings" |> Declare.given "seed=0"
        must "declared" ((Plan.plan { setup "runs" with Name = None } sweep).Sweep = "rings"))
]
