/// No secret reaches a snapshot, a manifest, a record of a launch, a log, a message or an export; what only looks like one is not refused.
///
/// The secrets are put together here, so that no file of the project contains text that looks like a key.
module Ebm.Tests.Laws.SecretLaws

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes
open Ebm.Tests.Sweeping

// ── Secrets ─────────────────────────────────────────────────────────────────────────────────

let private numbers = Random 20260101

/// Random characters of an alphabet.
let private drawn (alphabet: string) count =
    lock numbers (fun () -> String(Array.init count (fun _ -> alphabet[numbers.Next alphabet.Length])))

let private any count = drawn "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789" (count - 2) + "x7"
let private upper count = drawn "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" count
let private hex count = drawn "0123456789abcdef" (count - 2) + "a7"

/// A file with a secret: its path, the part that must not be seen, and the text around it.
type private Planted = { Path: string; Secret: string; Text: string }

let private planted path secret around = { Path = path; Secret = secret; Text = (around: string).Replace("§", secret) }

/// The start of a format, in two parts.
let private start (one: string) (other: string) = one + other

let private armour kind line = $"-----{kind} OPENSSH {line}KEY-----"

/// Files whose name shows what they contain, whatever their text.
let private byName () = [
    for path in
        [
            ".env"
            "prod.env"
            ".env.production"
            ".envrc"
            ".git-credentials"
            ".netrc"
            ".pgpass"
            ".my.cnf"
            "kaggle.json"
            ".kube/config"
            "deploy/kubeconfig.yaml"
            ".aws/credentials"
            "keys/service-account.json"
            ".docker/config.json"
            ".ssh/id_ed25519"
            "id_rsa.bak"
            "deploy.pem"
            "site.p12"
            "passwords.kdbx"
            "secrets.yaml"
            "credentials.json"
            "hf_token"
            ".htpasswd"
            "main.tfvars"
            ".bash_history"
            ".Renviron"
            ".config/gh/hosts.yml"
        ] do
        let secret = drawn "abcdefghijklmnopqrstuvwxyz" 12
        planted path secret "§\n"
]

/// Files whose text has a secret: formats of issued keys, and values that are assigned to a name.
let private byText () = [
    let file = ref 0

    let text (extension: string) secret around =
        file.Value <- file.Value + 1
        planted $"src/part{file.Value}.{extension}" secret around

    text "py" (start "AK" "IA" + upper 16) "key_id = \"§\"\n"
    text "py" (any 40) "aws_secret_access_key = '§'\n"
    text "cs" (start "gh" "p_" + any 36) "var client = new Client(\"§\");\n"
    text "cs" (start "github_" "pat_" + any 60) "// §\n"
    text "yml" (start "gl" "pat-" + any 20) "deploy: §\n"
    text "py" (start "h" "f_" + any 34) "login(\"§\")\n"
    text "py" (start "sk-" "proj-" + any 48) "client = Client(\"§\")\n"
    text "py" (start "sk-" "ant-api03-" + any 60) "client = Client(\"§\")\n"
    text "js" (start "xo" "xb-" + $"123456789012-{any 24}") "send('§')\n"
    text "sh" (any 24) ("curl https://hooks." + start "sla" "ck.com" + $"/services/T{upper 8}/B{upper 8}/§\n")
    text "txt" (start "AI" "za" + any 35) "maps §\n"
    text "py" (hex 40) "wandb.login(key=\"§\")\n"
    text "json" (hex 32) "{\"username\":\"me\",\"key\":\"§\"}"
    text "cs" (start "sk_" "live_" + any 24) "Charge(\"§\");\n"
    text "txt" (start "S" "G." + any 22 + "." + any 43) "mail §\n"
    text "txt" (start "ey" "J" + any 20 + "." + start "ey" "J" + any 30 + "." + any 30) "session §\n"
    text "config" (any 64) "<add value=\"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=§==\" />\n"
    text "cs" (any 14) "Connect(\"Server=db;Database=runs;User Id=sa;Password=§;\");\n"
    text "yaml" (any 10) ("database: postgres://me:" + "§@db.example.org/runs\n")
    text "sh" (any 40) "git clone https://§@github.com/a/b\n"
    text "sh" (any 20) "curl 'https://api.example.org/rows?access_token=§'\n"
    text "sh" (any 30) "curl -H 'Authorization: Bearer §' https://api.example.org\n"
    text "txt" (any 50) (armour "BEGIN" "PRIVATE " + "\n§\n" + armour "END" "PRIVATE " + "\n")
    text "ipynb" (any 32) "{\"source\": [\"API_KEY = \\\"§\\\"\\n\"]}\n"
    text "yaml" "hunter2" "password: §\n"
    text "fs" (any 20) "let secret = \"§\"\n"
    text "toml" (any 24) "token = \"§\"\n"
    text "sh" (any 24) "export MY_API_KEY=§\n"
    text "yaml" (any 32) "key: §\n"
    text "txt" (start "np" "m_" + any 36) "registry §\n"
    text "txt" (start "pypi-" "AgEIcHlwaS5vcmc" + any 80) "upload §\n"
    text "txt" (start "dop_" "v1_" + hex 64) "§\n"
    text "txt" (start "hv" "s." + any 24) "§\n"
    text "txt" $"123456789:AA{any 33}" "bot §\n"
    text "txt" (any 60) ("https://" + start "disc" "ord.com" + "/api/webhooks/123456789012345678/§\n")
    text "yml" (any 80) "    client-key-data: §\n"
    text "txt" (start "$" "6$" + any 8 + "$" + any 86) "root:§:1:0\n"
    text "bin" (start "gh" "o_" + any 36) "\000\001\002§\000"
    text "lock" (start "gh" "s_" + any 36) "source = §\n"
]

let private write (root: string) (path: string) (text: string) =
    let path = Path.Combine(root, path)
    Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
    File.WriteAllText(path, text, Encoding.Latin1)

let private git (folder: string) arguments =
    match Git.ask folder arguments with
    | Ok said -> said
    | Error says -> broken $"""git {String.Join(' ', arguments)}: {says}"""

/// A repository with the project's configs and one commit.
let private inRepository (holds: string -> unit) =
    inFolder (fun folder ->
        let root = Path.Combine(folder, "lab")

        for file in Directory.GetFiles(under "experiments/configs", "*", SearchOption.AllDirectories) do
            write root (Path.GetRelativePath(Folder.root, file)) (File.ReadAllText file)

        write root "core/Ebm.Runner/Program.cs" "// the runner\n"
        write root ".gitignore" "/runs/\n/reports/\n/artifacts/\n"
        git root [ "init"; "--quiet"; "--initial-branch=work" ] |> ignore
        git root [ "add"; "-A" ] |> ignore
        git root [ "commit"; "--quiet"; "-m"; "first" ] |> ignore
        holds root)

// ── Where a secret could be ─────────────────────────────────────────────────────────────────

let private latin (text: string) = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes text)

/// Every object that some refs reach, as text: files, folders with their names, and commits.
let private objects (repository: string) (refs: string) = [
    let listed = git repository [ "rev-list"; "--objects"; refs ]
    let names = [ for line in listed.Split('\n', StringSplitOptions.RemoveEmptyEntries) -> (line.Split ' ')[0] ]
    let found = List<string * string>()

    match Git.read repository names (fun name bytes -> found.Add($"object {name}", Encoding.Latin1.GetString bytes)) with
    | Ok() -> yield! found
    | Error says -> broken says
]

/// Every file below a folder, as text. The compiled code that a launch pins is none of a user's.
let private files (folder: string) = [
    if Directory.Exists folder then
        for path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) do
            if not (path.Contains "/artifacts/pinned/" || path.EndsWith ".lock") then
                path, path + "\n" + Encoding.Latin1.GetString(File.ReadAllBytes path)
]

/// No text has a secret, nor the half of one.
let private without (secrets: string seq) (places: (string * string) list) =
    for place, text in places do
        for secret in secrets do
            for part in [ secret; (if secret.Length < 16 then secret else secret.Substring(secret.Length / 2)) ] do
                must $"{place} contains a secret, {secret}" (not (text.Contains(latin part)))

let private snapshotOf (state: GitState option) =
    match state with
    | Some state when not (isNull state.Snapshot) -> nonNull state.Snapshot
    | _ -> broken "there is no snapshot"

// ── Snapshots ───────────────────────────────────────────────────────────────────────────────

let private snapshots (take: string -> GitState option * string list) =
    inRepository (fun root ->
        let all = byName () @ byText ()
        must $"only {all.Length} are planted" (all.Length >= 60)

        for one in all do
            write root one.Path one.Text

        let innocent = "src/innocent.py"
        write root innocent "x = 1\n"
        // A name, a link's target, the branch and the remote.
        let inside = start "gh" "p_" + any 36
        write root $"src/{inside}.txt" "nothing"
        let target = start "gh" "u_" + any 36
        File.CreateSymbolicLink(Path.Combine(root, "src/link"), $"/elsewhere/{target}") |> ignore
        let branch = start "gl" "pat-" + any 20
        git root [ "checkout"; "--quiet"; "-b"; branch ] |> ignore
        let password, query = any 12, any 20
        git root [ "remote"; "add"; "origin"; $"https://me:{password}@host.example.org/a/b.git?private_token={query}" ] |> ignore
        // Staged with a secret, then deleted or cleaned.
        let staged, cleaned = start "gh" "p_" + any 36, start "gh" "p_" + any 36
        write root "src/staged.py" staged
        write root "src/cleaned.py" cleaned
        git root [ "add"; "src/staged.py"; "src/cleaned.py" ] |> ignore
        File.Delete(Path.Combine(root, "src/staged.py"))
        write root "src/cleaned.py" "y = 2\n"
        let secrets = [ inside; target; branch; password; query; staged; cleaned ] @ [ for one in all -> one.Secret ]
        let state, said = take root
        let snapshot = snapshotOf state
        without secrets (objects root "--glob=refs/ebm")
        let record = LaunchRecord([||], Option.toObj state)
        without secrets [ "the record of the launch", File.ReadAllText(record.Write root) ]
        without secrets [ for sentence in said -> "a message", latin sentence ]
        let remote = (nonNull (Option.toObj state)).Remote
        must $"its remote is {remote}" (remote = "https://host.example.org/a/b.git")

        let kept = git root [ "ls-tree"; "-r"; "--name-only"; snapshot.Commit ]
        must $"it has {kept}" (kept.Contains innocent && kept.Contains "src/cleaned.py")

        for one in all do
            must
                $"it does not report {one.Path}"
                (said |> List.exists (fun (sentence: string) -> sentence.Contains $"contain {one.Path}: ")))

/// A snapshot by `git add -A` and `git commit`.
let private carelessly root =
    git root [ "add"; "-A" ] |> ignore
    git root [ "commit"; "--quiet"; "-m"; "mine" ] |> ignore
    let head = git root [ "rev-parse"; "HEAD" ]
    git root [ "update-ref"; "refs/ebm/runs/x"; head ] |> ignore
    Some(GitState("", Snapshot = SnapshotState(head, "", ""))), []

// ── A launch, with its runs, reports and export ─────────────────────────────────────────────

let private short = [
    "experiment=gaussians"
    "method=contrastive-divergence"
    "train.steps=2"
    "train.batch=8"
    "data.train=60"
    "data.test=20"
    "measure.samples=4"
    "seed=0"
]

/// The output of a command of this program in another repository, and its exit code.
let private commanded (root: string) (variables: (string * string) list) (words: string list) =
    let itself = Path.Combine(AppContext.BaseDirectory, "Ebm.Tests.dll")
    let start = ProcessStartInfo("dotnet", [ itself; "at"; root ] @ words, RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in variables do
        start.Environment[name] <- value

    use child = nonNull (Process.Start start)
    finished child

let private exported root =
    let runs = List.ofSeq (RunFolder.Under(Path.Combine(root, "runs")))

    let wish: Export.Wish = {
        Repository = root
        Data = Path.Combine(root, "data")
        Crate = true
        Capsule = true
        Plans = true
        Largest = 1000L
    }

    Export.make wish "The sweep laws" runs (Path.Combine(root, "..", "out"))

let private launches () =
    inRepository (fun root ->
        let notify, bare = any 30, any 30
        let where = start "gh" "p_" + any 36
        let named = List.init 6 (fun _ -> any 24)
        let valued = [ start "gh" "p_" + any 36; start "sk-" "proj-" + any 48; any 12 ]
        let stray = any 20

        let variables =
            List.zip [ "DOTNET_TOKEN"; "OMP_SECRET"; "MKL_LICENSE_KEY"; "KMP_PASSWORD"; "HF_TOKEN"; "DOTNET_AUTH" ] named
            @ [ "OMP_X", valued[0]; "DOTNET_X", valued[1]; "KMP_X", $"https://me:{valued[2]}@host"; "MY_TOKEN", stray ]

        write root ".env" $"TOKEN={stray}\n"
        let secrets = [ notify; bare; where; stray ] @ named @ valued
        let code, said =
            commanded
                root
                variables
                (short
                 @ [
                     "--name"
                     "laws"
                     "--notify"
                     $"curl --silent -d token={notify} http://127.0.0.1:9; echo {notify}; {bare} )"
                     $"--where=method.kind != '{where}'"
                 ])
        must $"exit code {code}: {said}" (code = 0)
        let run = Seq.exactlyOne (RunFolder.Under(Path.Combine(root, "runs")))
        must "the run must be completed" (run.State = RunState.Completed)
        must "there must be a record of the launch" ((files (Path.Combine(root, "runs"))) |> List.exists (fst >> _.Contains("/launches/")))
        let outputs () = ("the output", latin said) :: files (Path.Combine(root, "runs")) @ files (Path.Combine(root, "reports"))
        without secrets (outputs ())
        without secrets (objects root "--glob=refs/ebm")

        let made = exported root
        without secrets (files made.Folder)
        let clone = Path.Combine(root, "..", "clone")
        git root [ "clone"; "--quiet"; Path.Combine(made.Folder, "sources.bundle"); clone ] |> ignore
        without secrets (objects clone "--all"))

// ── Messages ────────────────────────────────────────────────────────────────────────────────

/// A command that must be refused, in this process: exit code 2, none of the secrets, and all parts.
let private refused root (secrets: string list) (parts: string list) (words: string list) =
    use says = new StringWriter()
    let out, error = Console.Out, Console.Error
    Console.SetOut says
    Console.SetError says

    let code =
        try
            Cli.main (Path.Combine(root, "experiments")) (Declare.sweep "laws") (words @ [ "--runs"; Path.Combine(root, "runs") ])
        finally
            Console.SetOut out
            Console.SetError error

    let said = says.ToString()
    without secrets [ $"the message of {words.Head}", latin said ]
    must $"exit code {code}: {said}" (code = 2)

    for part in parts do
        must $"\"{part}\" is missing in: {said}" (said.Contains part)

    must "something was written" (not (Directory.Exists(Path.Combine(root, "runs"))))

let private holding (variables: (string * string) list) holds =
    for name, value in variables do
        Environment.SetEnvironmentVariable(name, value)

    try
        holds ()
    finally
        for name, _ in variables do
            Environment.SetEnvironmentVariable(name, null)

let private messages () =
    inRepository (fun root ->
        let refused = refused root
        let plain, long, token, key = "not-a-number-of-mine", any 80, start "gh" "p_" + any 36, any 24

        holding [ "EBM_LAW_X", plain; "EBM_LAW_LONG", long; "EBM_LAW_TOKEN", any 20; "EBM_LAW_Y", token ] (fun () ->
            for verb in [ "plan"; "why"; "run" ] do
                refused [ plain ] [ "${oc.env:EBM_LAW_X}"; "train.lr" ] ([ verb ] @ short @ [ "train.lr=${oc.env:EBM_LAW_X}" ])

            refused [ plain ] [ "${oc.env:EBM_LAW_X}" ] ([ "plan" ] @ short @ [ "data.train=${oc.env:EBM_LAW_X}"; "--json" ])
            refused [ plain ] [ "EBM_LAW_X" ] ([ "plan" ] @ short @ [ "data.kind=${oc.env:EBM_LAW_X}" ])
            refused [ long ] [ "EBM_LAW_LONG" ] ([ "plan" ] @ short @ [ "train.lr=${oc.env:EBM_LAW_LONG}" ])
            refused [ long ] [ "EBM_LAW_LONG" ] ([ "plan" ] @ short @ [ "train.lr=a${oc.env:EBM_LAW_LONG}b" ])

            refused
                [ string (Environment.GetEnvironmentVariable "EBM_LAW_TOKEN") ]
                [ "EBM_LAW_TOKEN"; "secret"; "allow:" ]
                ([ "plan" ] @ short @ [ "+data.note=${oc.env:EBM_LAW_TOKEN}" ])

            // Also if it is not set here.
            refused [] [ "EBM_LAW_OTHER_TOKEN"; "secret" ] ([ "plan" ] @ short @ [ "+data.note=${oc.env:EBM_LAW_OTHER_TOKEN,none}" ])
            refused [ token ] [ "data.note"; "github-token" ] ([ "plan" ] @ short @ [ "+data.note=${oc.env:EBM_LAW_Y}" ]))

        refused [ token ] [ "data.note"; "github-token"; "setting: data.note" ] ([ "plan" ] @ short @ [ $"+data.note={token}" ])
        refused [ token ] [ "data.note"; "github-token" ] ([ "plan" ] @ short @ [ $"+data.note={token},a" ])
        // One that a later override replaces is recorded all the same.
        refused [ token ] [ "data.note" ] ([ "plan" ] @ short @ [ $"+data.note={token}"; "++data.note=b" ])
        refused [ key ] [ "method.key"; "assigned-key" ] ([ "plan" ] @ short @ [ $"+method.key={key}" ])
        refused [ "hunter2" ] [ "assigned-password" ] ([ "plan" ] @ short @ [ "+data.password=hunter2" ])
        refused [ "pw@host" ] [ "address-with-password" ] ([ "plan" ] @ short @ [ "+data.url='https://user:" + "pw@host'" ])
        refused [ key ] [ "address-with-query" ] ([ "plan" ] @ short @ [ $"+data.url='https://host/rows?token={key}'" ])
        refused [ token ] [ "github-token" ] [ "plan"; $"experiment={token}" ]
        refused [ token ] [ "github-token" ] ([ "plan" ] @ short @ [ $"train.lr={token}" ])
        refused [ token ] [] [ "plan"; "experiment=gaussians"; $"--where=(method.kind == '{token}'" ]
        refused [ token ] [] [ token ]
        refused [ token ] [] [ "run"; "experiment=gaussians"; $"--on-error={token}" ]
        write root "experiments/configs/experiment/gaussians.yaml" $"# @package _global_\ndata:\n  note: {token}\n"
        refused [ token ] [ "gaussians.yaml, line 3"; "github-token" ] [ "plan"; "experiment=gaussians"; "method=contrastive-divergence" ])

/// A run whose process prints secrets, throws or dies; its logs, manifest and outcome show the rules instead.
let private runLogs () =
    let token, password, own = start "gh" "p_" + any 36, any 12, any 16

    let talking (ending: string) =
        $"""#!/bin/sh
folder=$2
echo "connecting to https://me:{password}@host with {token}" >> "$folder/stdout.log"
echo "refused: $EBM_LAW_TOKEN {token}" >> "$folder/stderr.log"
echo "last words: https://me:{password}@host and $EBM_LAW_TOKEN" >&2
{ending}
"""

    holding [ "EBM_LAW_TOKEN", own ] (fun () ->
        for ending in [ "exit 3"; "kill -KILL $$" ] do
            inFolder (fun folder ->
                let talks (s: Launch.Settings) = { s with Workers = 1; Runner = executable folder (talking ending) }

                launchedIn folder talks [ "seed=0" ] (fun outcomes _ ->
                    let outcome = snd (List.exactlyOne outcomes)
                    let said = String.Join('\n', string outcome.Reason :: outcome.LogEnd)
                    must said (outcome.State = RunState.Failed && said.Contains "withheld")
                    File.Delete(Path.Combine(folder, "runner"))
                    without [ token; password; own ] (("its outcome", latin said) :: files folder))))

// ── Exports ─────────────────────────────────────────────────────────────────────────────────

/// A run that ended, of the sources at HEAD.
let private ended (root: string) (change: RunFolder -> unit) (reason: string | null) =
    let hashed = """{"seed":0}"""
    let id = $"toy-s0-{(Canonical.Sha256 hashed).Substring(0, 12)}"
    let run = RunFolder.Create(Path.Combine(root, "runs", "toys"), id, Document.Parse("seed: 0\n", "config.yaml"), hashed)
    run.Append [ Event(1L, "energy/loss", 0.5) ]
    File.WriteAllText(run.In "stdout.log", "ended\n")
    change run
    let head = git root [ "rev-parse"; "HEAD" ]

    run.Write(
        RunManifest(
            State = RunState.Failed,
            Step = 1L,
            Reason = reason,
            RunId = id,
            GroupId = "toy",
            SweepId = "toys",
            ConfigSha256 = run.ConfigSha256,
            Timing = Timing(DateTime.UnixEpoch),
            Git = GitState(head, Snapshot = SnapshotState(head, git root [ "rev-parse"; "HEAD^{tree}" ], "refs/ebm/runs/x"))
        )
    )

/// The export is refused with the place, the rule and the line that allows it, without the secret; with that line, it is made.
let private exports (secret: string) (place: string) (change: string -> unit) (inRun: RunFolder -> unit) reason =
    inRepository (fun root ->
        change root
        ended root inRun reason

        let says =
            try
                exported root |> ignore
                broken "it was exported"
            with :? InvalidDataException as error ->
                error.Message

        without [ secret ] [ "the message", latin says ]
        must says (says.Contains place && says.Contains "allow:")
        must "something was left behind" (not (Path.Exists(Path.Combine(root, "..", "out"))))

        let lines =
            says.Split('\n')
            |> Array.skipWhile (fun line -> line <> "allow:")
            |> Array.filter (fun line -> line <> "")
            |> String.concat "\n"

        write root Secrets.OwnFile (lines.Replace("…", "made up for a law") + "\n")
        exported root |> ignore)

let private refusals () =
    let nothing = ignore
    let token () = start "gh" "p_" + any 36

    /// A change of the sources that is committed and then undone.
    let once (path: string) (text: string) (root: string) =
        write root path text
        git root [ "add"; "-A"; "--force" ] |> ignore
        git root [ "commit"; "--quiet"; "-m"; "more" ] |> ignore
        git root [ "rm"; "--quiet"; "--force"; path ] |> ignore
        git root [ "commit"; "--quiet"; "-m"; "gone again" ] |> ignore

    for one in (byName () @ byText ()) |> List.indexed |> List.filter (fun (i, _) -> i % 9 = 0) |> List.map snd do
        exports one.Secret one.Path (once one.Path one.Text) nothing null

    let secret = token ()
    exports secret "src/x.py, line 3: github-token" (once "src/x.py" $"a\nb\n{secret}\n") nothing null
    let secret = token ()
    exports secret "src/[withheld: github-token].txt" (once $"src/{secret}.txt" "a\n") nothing null
    let secret = token ()

    exports
        secret
        "message of a commit"
        (fun root -> git root [ "commit"; "--quiet"; "--allow-empty"; "-m"; $"more\n\nwith {secret}" ] |> ignore)
        nothing
        null

    let secret = token ()
    exports secret "stdout.log, line 2: github-token" nothing (fun run -> File.AppendAllText(run.In "stdout.log", secret)) null
    let secret = any 12
    exports secret "manifest.json" nothing nothing $"no answer from https://me:{secret}@host"
    let secret = token ()

    exports secret "arrays/landscape.npy" nothing (fun run -> write run.Path "arrays/landscape.npy" $"NUMPY \000 {secret}") null

// ── What only looks like a secret ───────────────────────────────────────────────────────────

let private innocent () = [
    "notebook.ipynb", "\"image/png\": \"iVBORw0KGgoAAAANSUhEUgAA" + any 400 + "\""
    "package-lock.json", $"\"integrity\": \"sha512-{any 86}==\""
    "package-lock.json", $"\"token\": \"{any 30}\""
    "paket.lock", $"    HASH: {hex 64}"
    "requirements.txt", $"numpy==2.1.0 --hash=sha256:{hex 64}"
    "ids.json", $"{{\"id\": \"{Guid.NewGuid()}\", \"token\": \"{Guid.NewGuid()}\"}}"
    "model.py", "tokenizer = 'bert-base-uncased'"
    "model.py", "max_tokens = 4096; pad_token = '[PAD]'; eos_token = '<|endoftext|>'; num_tokens: int = 128000"
    "model.py", $"assert sha256(rows) == '{hex 64}'"
    "model.py", $"cache_key = '{hex 32}'; commit = '{hex 40}'"
    "model.py", "password = os.environ['DB_PASSWORD']"
    "model.py", "password = getpass.getpass('Password: ')"
    "model.py", "self.key = nn.Linear(512, 512); self.query_key_dim = 'attention-v2-base'"
    "model.py", "if '-----BEGIN PRIVATE KEY-----' in text: raise ValueError('this text contains a private key')"
    "Program.cs", "public bool Check(CancellationToken token) => token.IsCancellationRequested;"
    "lab.csproj", "Include=\"System, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b03f5f7f11d50a3a\""
    "README.md", "Clone https://user:password@host/repo, or set `HF_TOKEN=your_token_here`."
    "config.yaml", "token: ${oc.env:NAME}\nkey: value\nkeys: [a, b]"
    "action.yml", $"uses: actions/checkout@{hex 40}\npassword: ${{{{ secrets.PYPI_API_TOKEN }}}}"
    "page.html", "<div id=\"sk-container-id-1\" class=\"sk-estimator-doc-link sk-toggleable__label-arrow\">"
    "urls.txt", "http://localhost:8080/path@v2 https://example.org/a?page=2&token=none"
    "run.log", "step 100 loss 0.25 key=abc, 3 tokens of 100, seed 20260101"
    "weights.json", $"{{\"etag\": \"{hex 32}\", \"digest\": \"{hex 64}\", \"version\": \"1.2.3\"}}"
    "data.csv", "key,value\na1b2c3,0.5\n"
    "secrets.py", "import secrets\nvalue = secrets.token_hex(16)\n"
    "token.py", "class Token: pass\n"
    "keyboard.fs", "let layout = \"qwertz\"\n"
    "certs/cacert.pem", $"-----BEGIN CERTIFICATE-----\n{any 64}\n-----END CERTIFICATE-----\n"
    ".env.example", "HF_TOKEN=\nDATA=/data\n"
    "id_rsa.pub", $"ssh-rsa AAAAB3NzaC1yc2E{any 80} me@host\n"
]

let private spares (found: string -> byte[] -> SecretFound seq) =
    let all = innocent ()
    must $"only {all.Length}" (all.Length >= 20)

    for path, text in all do
        let places = found path (Encoding.UTF8.GetBytes text)
        must $"""{path} is refused: {String.Join("; ", places)}""" (Seq.isEmpty places)

let all = [
    law "no snapshot contains a secret: sixty files with secrets, a secret in a name, a link, a branch, a remote or the index" (fun () ->
        snapshots (fun root -> Snapshot.take root []))
    |> breaks "a commit of everything" (fun () -> snapshots carelessly)
    |> needsGit

    law "no secret of the environment or of the command line is in a launch's record, a manifest, a log, a report or an export" launches
    |> needs (fun () -> if File.Exists realRunner then None else Some "the runner is not built")
    |> needsGit

    law "no message contains the value of an environment variable or a secret, and a config with a secret is refused" messages |> needsGit

    law "a run that prints secrets leaves none in its logs, its manifest or its outcome, also if it is killed" runLogs

    law "the recorded words of a command line have no --notify and no secret" (fun () ->
        let notify, token, key = any 20, start "gh" "p_" + any 36, any 24

        for words, due in
            [
                [ "--notify"; notify; "a=1" ], [ "a=1" ]
                [ $"--notify={notify}"; "a=1" ], [ "a=1" ]
                [ "--notify"; "--"; notify; "a=1" ], [ "a=1" ]
                [ "a=1"; "--notify"; notify ], [ "a=1" ]
                [ "--where"; $"x == '{token}'" ], [ "--where"; "x == '[withheld: github-token]'" ]
                [ "--password"; "hunter2" ], [ "--password"; "[withheld: assigned-password]" ]
                [ $"method.key={key}" ], [ "method.key=[withheld: assigned-key]" ]
                [ "--slurm"; $"--export=ALL,API_TOKEN={key}" ], [ "--slurm"; "--export=ALL,API_TOKEN=[withheld: assigned-secret]" ]
                [ "train.lr=1e-3"; "--workers"; "2" ], [ "train.lr=1e-3"; "--workers"; "2" ]
            ] do
            let kept = List.ofSeq (CommandLine.recorded Secrets.Standard words)
            must $"%A{kept} where %A{due} was expected" (kept = due))

    law
        "an export refuses a secret in files, history, names, messages, logs and results, names it, and a line with a reason allows it"
        refusals
    |> needsGit

    law "hashes, identifiers, images, lock files, templates and names of tokens are not refused" (fun () ->
        spares (fun path bytes -> Secrets.Standard.InFile(path, bytes)))
    |> breaks "a rule for every long word" (fun () ->
        spares (fun path bytes ->
            let words = (Encoding.UTF8.GetString bytes).Split([| ' '; '"'; '\n'; '\'' |])
            [ if words |> Array.exists (fun word -> word.Length > 30) then SecretFound(path, 1, "long") ]))

    law "this repository and its history have no file that is refused" (fun () ->
        let own = Secrets.At Folder.root
        let files = (git Folder.root [ "ls-files"; "-z" ]).Split('\000', StringSplitOptions.RemoveEmptyEntries)

        for path in files do
            if File.Exists(under path) then
                let found = own.InFile(path, File.ReadAllBytes(under path))
                must (String.Join("; ", found)) (found.Count = 0)

        match Withheld.inHistory own Folder.root [ "HEAD" ] with
        | Ok found -> must (String.Join("; ", found |> List.map Withheld.say)) found.IsEmpty
        | Error says -> broken says)
    |> needs (fun () -> if Path.Exists(under ".git") then None else Some "this folder is not a repository")
    |> needsGit

    law "a repository adds rules and allows matches in its own file; a mistake in it is named" (fun () ->
        inFolder (fun folder ->
            let found () =
                (Secrets.At folder).InFile("a/b.txt", Encoding.UTF8.GetBytes "one\nlab-1234567890\n") |> Seq.map string |> List.ofSeq
            must "no file" (found () = [])
            let rules = "tokens:\n  - { name: lab-badge, text: 'lab-\\d{10}' }\n"
            write folder Secrets.OwnFile rules
            must $"%A{found ()}" (found () = [ "a/b.txt, line 2: lab-badge" ])

            for entry, isAllowed in
                [
                    "{ path: a/b.txt, rule: lab-badge, because: made up }", true
                    "{ path: 'a/*.txt', because: made up }", true
                    "{ path: '**/b.txt', line: 2, because: made up }", true
                    "{ path: a/b.txt, line: 1, because: made up }", false
                    "{ path: a/b.txt, rule: github-token, because: made up }", false
                    "{ path: 'b.txt', because: made up }", false
                ] do
                write folder Secrets.OwnFile $"{rules}allow:\n  - {entry}\n"
                must entry (found().IsEmpty = isAllowed)

            for text, parts in
                [
                    "allow:\n  - { path: a, rule: x }\n", [ "line 2"; "because" ]
                    "allow:\n  - { path: a, setting: b, because: c }\n", [ "line 2"; "one place" ]
                    "allwo: []\n", [ "allwo"; "allow" ]
                    "tokens:\n  - { name: x, text: '(' }\n", [ "line 2"; "regular expression" ]
                ] do
                write folder Secrets.OwnFile text
                throws<ConfigException, _> (Secrets.OwnFile :: parts) (fun () -> Secrets.At folder)))
]
