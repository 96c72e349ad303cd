/// A lab's repository, made by `dotnet new ebm-lab`, works from the packages alone: outside the clone, with no package of an earlier restore.
module Ebm.Tests.Laws.LabLaws

open System
open System.Diagnostics
open System.IO
open Ebm.Sweeps
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Configs
open Ebm.Tests
open Ebm.Tests.Law

/// Runs a command in a folder, with the caches of packages and templates below `caches`. Throws with its output unless it ends with the code.
let private typed (folder: string) (caches: string) (code: int) (line: string) =
    let start =
        ProcessStartInfo("bash", [ "-c"; $"{{ {line}\n}} 2>&1 </dev/null" ], WorkingDirectory = folder, RedirectStandardOutput = true)

    start.Environment["NUGET_PACKAGES"] <- Path.Combine(caches, "packages")
    start.Environment["DOTNET_CLI_HOME"] <- Path.Combine(caches, "home")
    start.Environment["NUGET_SOURCE"] <- null
    start.Environment["GIT_AUTHOR_NAME"] <- "lab"
    start.Environment["GIT_AUTHOR_EMAIL"] <- "lab@example.org"
    start.Environment["GIT_COMMITTER_NAME"] <- "lab"
    start.Environment["GIT_COMMITTER_EMAIL"] <- "lab@example.org"
    use shell = nonNull (Process.Start start)
    let said = shell.StandardOutput.ReadToEnd()
    shell.WaitForExit()
    must $"`{line}` ends with exit code {shell.ExitCode}, not {code}; it says:\n{said}" (shell.ExitCode = code)
    said

let private prints (said: string) (parts: string list) =
    for part in parts do
        must $"\"{part}\" is missing in:\n{said}" (said.Contains part)

/// Composes data=rings, of which the lab has another file, and method=flow, which only the packages have.
let private composesFirst (labIsFirst: bool) =
    Folder.inFolder (fun lab ->
        let packages = Folder.under "experiments/configs"
        Directory.CreateDirectory(Path.Combine(lab, "data")) |> ignore
        File.WriteAllText(Path.Combine(lab, "data", "rings.yaml"), "kind: rings\nmine: true\n")
        File.WriteAllText(Path.Combine(lab, "data", "spiral.yaml"), "kind: spiral\n")
        let configs = if labIsFirst then Configs(lab, packages) else Configs(packages, lab)

        let chosen = [
            for word in [ "data=rings"; "method=flow" ] do
                match Overrides.parse word with
                | { Setting = Some(Values.One value) } as given -> given, Some value
                | _ -> ()
        ]

        let composed = (Composer(configs, "sweep").Compose chosen).Config
        must "data is not the lab's" (not (isNull (composed.Find "data.mine")))
        must "the method is not flow" (string (composed.Find "method.kind") = "flow")
        let options = configs.Options "data"
        must $"%A{options}" (List.contains "spiral" options && List.contains "mnist" options && List.distinct options = options)
        must "a group is missing" (List.contains "noise" configs.Groups))

let all = [
    law "a lab's config replaces the packages' of the same name, and the packages' other options stay" (fun () -> composesFirst true)
    |> breaks "the packages' folder first" (fun () -> composesFirst false)

    law "a lab's repository from the template trains, audits, exports and repeats runs with the packages alone" (fun () ->
        Folder.inFolder (fun folder ->
            let packages = Folder.under "artifacts/packages"
            let caches = Path.Combine(folder, "caches")
            let lab = Path.Combine(folder, "my-lab")
            let inFolder, inLab = typed folder caches, typed lab caches
            typed Folder.root "/nowhere" 0 $"unset NUGET_PACKAGES DOTNET_CLI_HOME; dotnet fsi build.fsx pack" |> ignore
            inFolder 0 $"dotnet new install {packages}/Ebm.Templates.*.nupkg && dotnet new ebm-lab -o my-lab --packages {packages}"
            |> ignore
            inLab 0 "git init --quiet && git add --all && git commit --quiet --message 'A lab'" |> ignore

            prints (inLab 0 "dotnet fsi experiments/sweep.fsx") [ "moving-mean"; "joint-cd"; "energy-distance" ]
            let again = inLab 0 "dotnet fsi experiments/sweep.fsx plan"
            prints again [ "4 completed" ]
            must $"the second start builds again:\n{again}" (not (again.Contains "build:"))
            prints (inLab 0 "dotnet fsi experiments/sweep.fsx list method") [ "moving-mean"; "recovery-likelihood" ]
            prints (inLab 0 "dotnet fsi build.fsx test") [ "failures: 0" ]
            inLab 0 "dotnet fsi experiments/sweep.fsx audit verify" |> ignore

            inLab
                0
                "coproc P { exec dotnet fsi experiments/sweep.fsx watch; }; read -r at <&${P[0]}; curl -sf $at; code=$?; kill $P_PID; exit $code"
            |> fun page -> prints page [ "<html"; "spiral" ]

            // A planted error in the lab's data set ends its test.
            inLab 1 "sed -i 's/(count, 1).sqrt()/(count, 1)/' lab/Spiral.cs && dotnet fsi build.fsx test" |> ignore
            inLab 0 "git checkout --quiet lab && dotnet fsi build.fsx test" |> ignore

            let run = (inLab 0 "cd runs/spiral && ls -d *moving-mean-s0*").Trim()
            prints (inLab 0 $"dotnet fsi analysis/audit.fsx rerun {run}") [ "BITWISE" ]
            inLab 0 $"dotnet fsi analysis/audit.fsx export {run} --out capsule" |> ignore
            prints (inLab 0 $"sh capsule/rerun.sh") [ "BITWISE" ]))
    |> needs (fun () ->
        match Environment.GetEnvironmentVariable "EBM_LONG" with
        | null
        | "" -> Some "it makes the packages and restores them anew, which takes minutes; set EBM_LONG=1"
        | _ -> None)
]
