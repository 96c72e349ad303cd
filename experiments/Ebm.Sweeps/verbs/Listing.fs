/// The verb `list`: the groups and their options, and the settings of methods, data sets, networks, noise schedules and metrics.
module Ebm.Sweeps.Listing

open System
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Show

/// What a group's options may be: the type of the setting of that name, of a run or else of a method.
let private rolesOf (catalog: Catalog) (group: string) =
    let settings (record: Type) = [
        for constructor in record.GetConstructors() do
            for parameter in constructor.GetParameters() do
                if Kebab.Case(string parameter.Name) = group && not parameter.ParameterType.IsValueType then parameter.ParameterType
    ]

    match settings typeof<ExperimentSpec> with
    | [] ->
        let method' = typeof<ISpec<Method>>
        [
            for kind in catalog.Kinds method' do
                yield! settings (nonNull (catalog.Find(method', kind)))
        ]
        |> List.distinct
    | roles -> roles

/// The roles of networks.
let private nets = [
    typeof<ILevelEnergySpec>, "An energy for each noise level: energy of the methods with a noise schedule."
    typeof<INetSpec>, "A net from rows to rows: energy of the other methods, a decoder, a potential."
    typeof<IAutoencoderSpec>, "A denoising autoencoder."
    typeof<IGeneratorSpec<GeneratorNet>>, "A generator of rows; a flow also has a density."
]

let private settings (kind: KindDoc) =
    described 2 [
        for setting in kind.Settings do
            let standard =
                match setting.Default with
                | null -> "must be given"
                | value -> value

            [ setting.Key; standard ], (if setting.Doc = "" then setting.Wants else $"{setting.Wants}: {setting.Doc}")
    ]

let private whole (name: string) (kind: KindDoc) =
    for line in wrapped 100 $"{name}: {kind.Doc}" do
        Console.WriteLine(line.TrimEnd ':')

    settings kind

let private quantities (kind: KindDoc) =
    aligned [
        for one in kind.Quantities -> [ "  " + one.Name; one.Unit; one.Better.Word(); (string one.Importance).ToLowerInvariant(); one.Doc ]
    ]

let private metric (kind: KindDoc) =
    Console.WriteLine($"kind: {kind.Kind}  {kind.Doc}".TrimEnd())
    quantities kind

/// The kind that a group's option chooses; the option's own name if its file names none.
let private kindOf (configs: Configs) group option =
    match (configs.Read(group + "/" + option)).Body.Find "kind" with
    | null -> option
    | kind -> string kind.Value

/// Prints every setting with the name that a word ends with, and the kinds that have it; false if there is none. A word with a group before the
/// name, such as method.steps, means that group's settings alone.
let private places (configs: Configs) (catalog: Catalog) (word: string) =
    let parts = word.Split '.'
    let key = Array.last parts
    let groups = if parts.Length = 2 && configs.IsGroup parts[0] then [ parts[0] ] else configs.Groups

    let kinds = [
        for group in groups do
            for role in rolesOf catalog group do
                for kind in catalog.Describe role -> $"{group} {kind.Kind}".TrimEnd(), kind
        if groups.Length <> 1 then
            for role, _ in nets do
                for kind in catalog.Describe role -> $"net {kind.Kind}", kind
            for kind in catalog.Describe typeof<IMetricSpec> -> $"metric {kind.Kind}", kind
    ]

    let found =
        [
            for place, kind in kinds do
                for setting in kind.Settings do
                    if setting.Key = key then [ place; key; defaultArg (Option.ofObj setting.Default) "must be given" ], setting.Doc
        ]
        |> List.distinct

    described 0 found
    not found.IsEmpty

/// The last line of a list of settings: configs may set other values than the defaults.
let private further () =
    Console.WriteLine()
    Console.WriteLine "A run's value and where it comes from: why <key>."

/// Prints the groups and their options, one group with the settings of its kinds, or one option or kind.
let rec list (configs: Configs) (catalog: unit -> Catalog) (words: string list) =
    let words =
        match words with
        | [ word ] when word.Contains '=' -> [ yield! word.Split('=', 2) ]
        | words -> words

    let options group = described 2 [ for option in configs.Options group -> [ option ], configs.Says(group + "/" + option) ]
    let topics = [ "metric"; "net" ] @ configs.Groups |> List.distinct

    let unknown (kind: string) (name: string) (known: string list) =
        usage ("list " + String.Join(' ', words)) $"Unknown {kind} {name}. Known: {listed known}{Spelling.DidYouMean(name, known)}."

    match words with
    | [] ->
        for group in configs.Groups do
            Console.WriteLine group
            options group

        Console.WriteLine()
        Console.WriteLine "list <group> adds the settings of its kinds, list <group> <option> has those of one option;"
        Console.WriteLine "list metric has the values of metrics, and list net the networks by their role;"
        Console.WriteLine "list <setting>, such as list steps, has every setting of that name."
    | [ "metric" ] ->
        for kind in (catalog ()).Describe typeof<IMetricSpec> do
            metric kind
            Console.WriteLine()
    | [ "metric"; name ] ->
        let kinds = (catalog ()).Describe typeof<IMetricSpec> |> List.ofSeq

        match
            kinds |> List.filter (fun kind -> kind.Kind = name || kind.Quantities |> Seq.exists (fun quantity -> quantity.Name = name))
        with
        | [] ->
            let known = kinds |> List.collect (fun kind -> kind.Kind :: [ for quantity in kind.Quantities -> quantity.Name ])
            unknown "metric" name (List.distinct known)
        | found ->
            for kind in found do
                metric kind
                settings kind
    | [ "net" ] ->
        for role, says in nets do
            Console.WriteLine says
            described 2 [ for kind in (catalog ()).Describe role -> [ kind.Kind ], kind.Doc ]
            Console.WriteLine()
    | [ "net"; name ] ->
        let catalog = catalog ()

        match nets |> List.tryFind (fun (role, _) -> Seq.contains name (catalog.Kinds role)) with
        | None -> unknown "net" name (nets |> List.collect (fun (role, _) -> List.ofSeq (catalog.Kinds role)) |> List.distinct)
        | Some(role, says) ->
            Console.WriteLine says
            catalog.Describe role |> Seq.filter (fun kind -> kind.Kind = name) |> Seq.iter (whole $"kind: {name}")
    | [ group ] when configs.IsGroup group ->
        options group
        let catalog = catalog ()

        for role in rolesOf catalog group do
            for kind in catalog.Describe role do
                Console.WriteLine()
                whole (if kind.Kind = "" then group else $"kind: {kind.Kind}") kind

        further ()
    | [ group; name ] when configs.IsGroup group ->
        let catalog = catalog ()
        let roles = rolesOf catalog group
        let options = configs.Options group
        let kind = if List.contains name options then kindOf configs group name else name

        let found = [
            for role in roles do
                for one in catalog.Describe role do
                    if one.Kind = kind || (one.Kind = "" && List.contains name options) then one
        ]

        if found.IsEmpty && not (List.contains name options) then
            unknown
                group
                name
                (List.distinct (
                    options
                    @ [
                        for role in roles do
                            yield! catalog.Kinds role
                    ]
                ))

        if List.contains name options then
            described 0 [ [ $"{group}={name}" ], configs.Says(group + "/" + name) ]

            let file = configs.Read(group + "/" + name)

            let set = [
                for entry in file.Defaults do
                    match entry with
                    | Group chosen -> [ chosen.Group.TrimStart '/'; String.Join(", ", chosen.Chosen) ], ""
                    | _ -> ()
                for struct (path, leaf) in file.Body.Leaves() do
                    if path <> "kind" then [ path; string leaf ], ""
            ]

            if not set.IsEmpty then
                Console.WriteLine()
                Console.WriteLine $"Its file, {group}/{name}.yaml, sets:"
                described 2 set

        for kind: KindDoc in found |> List.distinctBy (fun (kind: KindDoc) -> kind.Kind) do
            Console.WriteLine()
            whole (if kind.Kind = "" then group else $"kind: {kind.Kind}") kind

        further ()
    | [ group; name; key ] when configs.IsGroup group ->
        let catalog = catalog ()
        let isOption = List.contains name (configs.Options group)
        let kind = if isOption then kindOf configs group name else name

        let settings = [
            for role in rolesOf catalog group do
                for one in catalog.Describe role do
                    if one.Kind = kind || (one.Kind = "" && isOption) then yield! one.Settings
        ]

        match settings |> List.filter (fun setting -> setting.Key = key) with
        | [] -> unknown $"setting of {name}" key (settings |> List.map _.Key |> List.distinct)
        | found ->
            described 0 [ for setting in found -> [ key; defaultArg (Option.ofObj setting.Default) "must be given" ], setting.Doc ]
            further ()
    | [ topic ] ->
        match configs.Groups |> List.filter (fun group -> List.contains topic (configs.Options group)) with
        | [ group ] -> list configs catalog [ group; topic ]
        | first :: _ as several ->
            let each = [ for group in several -> $"list {group} {topic}" ]
            usage $"list {topic}" $"{several.Length} groups have the option {topic}; write {Spelling.Either(ResizeArray each)}."
        | [] -> if places configs (catalog ()) topic then further () else unknown "topic" topic topics
    | [ topic; _ ] -> unknown "topic" topic topics
    | words -> usage (String.Join(' ', "list" :: words)) "list takes a topic, a name and a setting: list method joint-cd steps."
