/// Runs laws with Expecto: a law is a test case, and its sentence is the name. The results go to standard output, with the count as the
/// last line. The progress goes to standard error, which names the running law even if this process dies.
module Ebm.Tests.Asking

open System
open System.IO
open Expecto
open Expecto.Impl
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Tests.Law

/// The laws with this text in their sentence or in the name of their file.
let chosen (only: string option) (laws: Placed list) =
    match only with
    | None -> laws
    | Some part ->
        let has (text: string) = text.Contains(part, StringComparison.OrdinalIgnoreCase)
        laws |> List.filter (fun placed -> has placed.Law.Says || has placed.File)

/// Independent laws come first, at the same time; then the others, one by one.
let private tests (says: string -> unit) laws =
    let case placed =
        testCase placed.Law.Says (fun () ->
            says $"asking: {placed.Law.Says}"

            match placed.Law.Lacks() with
            | Some reason -> skiptest reason
            | None when placed.IsIndependent -> Law.ask placed.Law
            | None -> World.ask placed.Law)

    let independent, others = laws |> List.partition _.IsIndependent
    let list laws = TestList(laws |> List.map case, Normal)
    TestList([ list independent; testSequenced (list others) ], Normal)

let private slowest = 10

/// Runs laws. `out` gets each failed or skipped law as it ends, then the slowest ones and the count; `progress` gets the start and the end
/// of each law; `record` gets a line of JSON for each law that ended. The exit code is 0 if a law passed and none failed.
let runRecorded (record: string -> unit) (out: TextWriter) (progress: TextWriter) (laws: Placed list) =
    let passed, failed, skipped = ref 0, ref 0, ref 0
    let all () = passed.Value + failed.Value + skipped.Value
    let times = ResizeArray<TimeSpan * string>()
    let says (line: string) = lock progress (fun () -> progress.WriteLine line)

    let ended (count: int ref) outcome (sentence: string) text =
        lock times (fun () ->
            count.Value <- count.Value + 1
            text |> Option.iter (fun (text: string) -> out.WriteLine(text.Trim().Replace("\n", "\n    ")))
            says $"asked: {all ()} of {laws.Length}, {outcome}: {sentence}")

        async.Zero()

    let took sentence time = lock times (fun () -> times.Add(time, sentence))
    let planted = Map [ for placed in laws -> placed.Law.Says, List.map fst placed.Law.Planted ]

    // A law passes only if it has detected each of its planted errors.
    let recorded (sentence: string) outcome (why: string option) =
        let noticed = if outcome = "passed" then planted.TryFind sentence |> Option.defaultValue [] else []
        let line = JsonText.LineOf(fields [ "law" => sentence; "outcome" => outcome; "why" => Option.toObj why; "noticed" => noticed ])
        lock times (fun () -> record line)

    let failure sentence text time =
        took sentence time
        recorded sentence "failed" (Some text)
        ended failed "failed" sentence (Some $"FAILED:  {sentence}\n{text}")

    let printer = {
        TestPrinters.silent with
            passed =
                fun sentence time ->
                    took sentence time
                    recorded sentence "passed" None
                    ended passed "passed" sentence None
            ignored =
                fun sentence reason ->
                    recorded sentence "skipped" (Some reason)
                    ended skipped "skipped" sentence (Some $"skipped: {sentence}\n{reason}")
            failed = failure
            exn =
                fun sentence error time ->
                    match error with
                    | Broken says -> failure sentence says time
                    | error -> failure sentence (string error) time
    }

    runTestsWithCLIArgs [ CLIArguments.Printer printer; CLIArguments.No_Spinner; CLIArguments.Colours 0 ] [||] (tests says laws) |> ignore

    if times.Count > 0 then
        out.WriteLine "the slowest, in seconds:"

        for time, sentence in times |> Seq.sortByDescending fst |> Seq.truncate slowest do
            out.WriteLine $"%9.1f{time.TotalSeconds}  {sentence}"
    else
        out.WriteLine "No law was checked."

    if all () <> laws.Length then out.WriteLine $"{laws.Length - all ()} laws did not run."

    out.WriteLine $"{passed.Value} passed, {failed.Value} failed, {skipped.Value} skipped"
    if failed.Value = 0 && passed.Value > 0 && all () = laws.Length then 0 else 1

/// The same without a record.
let run (out: TextWriter) (progress: TextWriter) (laws: Placed list) = runRecorded ignore out progress laws

/// Two numbers and perhaps a size. FsCheck takes odd numbers only for the second.
let seedOf (text: string) =
    match text.Split ',' |> List.ofArray |> List.map UInt64.TryParse with
    | [ true, value; true, gamma ] -> Some(Seed.Of(value, gamma ||| 1UL))
    | [ true, value; true, gamma; true, size ] when size <= 1000UL -> Some { Seed.Of(value, gamma ||| 1UL) with Size = Some(int size) }
    | _ -> None

let main options =
    let rec parse only seed record options =
        match options with
        | [] -> Result.Ok(only, seed, record)
        | "--only" :: part :: rest -> parse (Some part) seed record rest
        | "--seed" :: text :: rest when (seedOf text).IsSome -> parse only (seedOf text) record rest
        | "--record" :: file :: rest -> parse only seed (Some file) rest
        | option :: _ -> Result.Error option

    // Expecto and laws block some threads of the pool, and the pool adds threads beyond the number of processors slowly.
    Threading.ThreadPool.SetMinThreads(Environment.ProcessorCount + 8, 8) |> ignore
    // Laws may write to the console, but not into the results.
    let out = new StreamWriter(Console.OpenStandardOutput(), AutoFlush = true)
    let progress = new StreamWriter(Console.OpenStandardError(), AutoFlush = true)
    Console.SetOut Console.Error

    match parse None None None options with
    | Result.Error option ->
        progress.WriteLine
            $"Unknown option \"{option}\", or its value is missing. Known options: --only \"part of a name\", --seed 123,457, --record FILE."
        2
    | Result.Ok(only, seed, record) ->
        Law.seed <- seed
        let write (line: string) = record |> Option.iter (fun file -> File.AppendAllText(file, line + "\n"))

        match chosen only (everywhere ()) with
        | [] ->
            only |> Option.iter (fun part -> out.WriteLine $"No law and no file of laws has \"{part}\" in its name.")
            run out progress []
        | laws -> runRecorded write out progress laws
