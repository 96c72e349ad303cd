/// The runner of laws: which laws it selects, which run in parallel, how it counts them, and what it prints about failures.
module Ebm.Tests.Laws.AskingLaws

open System
open System.IO
open System.Threading
open Ebm.Tests
open Ebm.Tests.Law

let private placed file law = { File = file; IsIndependent = false; Law = law }
let private holds = placed "OneLaws" (law "one holds" ignore)
let private fails = placed "OneLaws" (law "one fails" (fun () -> must "two is\nnot three" (2 = 3)))
let private throws' = placed "TwoLaws" (law "one throws" (fun () -> invalidOp "nobody expected this"))
let private lacks = placed "TwoLaws" (law "one lacks something" ignore |> needs (fun () -> Some "no moon\nis up"))
let private blind = placed "TwoLaws" (law "one notices nothing" ignore |> breaks "an error" ignore)

/// The exit code, and the lines of both outputs.
let private run laws =
    use out = new StringWriter()
    use progress = new StringWriter()
    let code = Asking.run out progress laws
    let lines (writer: StringWriter) = writer.ToString().TrimEnd().Split '\n' |> List.ofArray
    code, lines out, lines progress

let private counts due (laws: Placed list) =
    let _, out, _ = run laws
    must $"the last line is \"{List.last out}\", not \"{due}\"" (List.last out = due)

let private endsWith due laws =
    let code, _, _ = run laws
    must $"exit code {code}, not {due}" (code = due)

let private says (due: string list) laws =
    let _, out, _ = run laws
    let shown = String.concat "\n" out

    for text in due do
        must $"it does not say \"{text}\"; it says:\n{shown}" (shown.Contains text)

let private finds only (due: Placed list) =
    let found = Asking.chosen (Some only) [ holds; fails; throws'; lacks ]
    must $"{only} finds %A{found |> List.map _.Law.Says}" (List.map _.Law.Says found = List.map _.Law.Says due)

/// The largest number of laws that ran at the same time.
let private together independent others =
    let mutable now, most = 0, 0
    let gate = obj ()
    use met = new ManualResetEventSlim()

    let step n =
        lock gate (fun () ->
            now <- now + n
            most <- max most now
            if now > 1 then met.Set())

    let wait isIndependent name = {
        File = "ThreeLaws"
        IsIndependent = isIndependent
        Law =
            law name (fun () ->
                step 1
                // Long enough for another law to start if it is allowed to; if one is expected, as long as a busy machine may take.
                met.Wait(if isIndependent && independent > 1 then 10_000 else 300) |> ignore
                step -1)
    }

    let laws = List.init independent (fun i -> wait true $"independent {i}") @ List.init others (fun i -> wait false $"alone {i}")
    let code, _, _ = run laws
    must "they do not hold" (code = 0)
    most

let private atMost due independent others =
    let most = together independent others
    must $"{most} laws were asked at once" (most <= due)

/// The output of a failing property, with and without a given seed.
let private withSeed given =
    let before = Law.seed
    Law.seed <- given

    try
        let _, out, _ = run [ placed "FourLaws" (forAll "no number is large" (fun (n: int) -> abs n < 7)) ]
        // The times differ each time.
        out |> List.takeWhile (fun line -> not (line.StartsWith "the slowest")) |> String.concat "\n"
    finally
        Law.seed <- before

let private tells (seed: string) (text: string) = must $"it does not tell the seed {seed}: {text}" (text.Contains $"--seed {seed}`")

let all = [
    law "the last line counts the laws that passed, failed and were skipped" (fun () ->
        counts "1 passed, 3 failed, 1 skipped" [ holds; fails; throws'; lacks; blind ]
        counts "1 passed, 0 failed, 1 skipped" [ lacks; holds ]
        counts "0 passed, 0 failed, 0 skipped" [])
    |> breaks "a law that fails" (fun () -> counts "2 passed, 0 failed, 0 skipped" [ holds; fails ])
    |> breaks "a law that is skipped" (fun () -> counts "2 passed, 0 failed, 0 skipped" [ holds; lacks ])
    |> breaks "a law that does not notice its planted error" (fun () -> counts "2 passed, 0 failed, 0 skipped" [ holds; blind ])

    law "the exit code is 0 exactly if at least one law passed and none failed" (fun () ->
        endsWith 0 [ holds; lacks ]
        endsWith 1 [ holds; fails ]
        endsWith 1 [ holds; throws' ]
        endsWith 1 [ lacks ]
        endsWith 1 [])
    |> breaks "a failure" (fun () -> endsWith 0 [ holds; fails ])
    |> breaks "no law" (fun () -> endsWith 0 [])

    law "each failed or skipped law is printed with its whole reason, and the slowest laws are listed" (fun () ->
        [ holds; fails; throws'; lacks; blind ]
        |> says [
            "FAILED:  one fails\n    two is\n    not three\n"
            "FAILED:  one throws\n    System.InvalidOperationException: nobody expected this\n"
            "FAILED:  one notices nothing\n    the law does not detect a planted error: an error\n"
            "skipped: one lacks something\n    no moon\n    is up\n"
            "the slowest, in seconds:\n"
            "  one holds\n"
        ])
    |> breaks "a law that holds" (fun () -> says [ "FAILED:  one holds" ] [ holds ])

    law "standard error names each law when it starts and when it has ended" (fun () ->
        let _, _, progress = run [ holds; lacks ]

        let due = [
            "asking: one holds"
            "asked: 1 of 2, passed: one holds"
            "asking: one lacks something"
            "asked: 2 of 2, skipped: one lacks something"
        ]
        must $"it says %A{progress}" (progress = due))

    law "--only selects laws by a part of their sentence or of their file's name, ignoring case" (fun () ->
        finds "FAILS" [ fails ]
        finds "onelaws" [ holds; fails ]
        finds "one" [ holds; fails; throws'; lacks ]
        finds "three" [])
    |> breaks "another file" (fun () -> finds "TwoLaws" [ holds ])

    law "independent laws run in parallel, and every other law runs alone" (fun () ->
        must "two independent laws were asked one by one" (together 2 0 = 2)
        atMost 1 0 3
        atMost 1 1 2)
    |> breaks "laws that are independent" (fun () -> atMost 1 2 0)
    |> needs (fun () -> if Environment.ProcessorCount > 1 then None else Some "there is one processor")

    law "a failing property prints its seed, and --seed sets another one" (fun () ->
        let own = withSeed None
        tells "20260101,1" own
        must "the arguments are others each time" (own = withSeed None)
        let other = withSeed (Asking.seedOf "123,456")
        tells "123,457" other
        must "it is asked with the same arguments" (other.Replace("123,457", "20260101,1") <> own)

        for wrong in [ ""; "123"; "123,"; "a,b"; "-1,3"; "1,3,5,7" ] do
            must $"\"{wrong}\" is a seed" (Asking.seedOf wrong).IsNone)
    |> breaks "a seed that is not given" (fun () -> tells "123,457" (withSeed None))
]
