/// Overrides: Hydra's grammar with Hydra's test vectors, and printing that parses to the same value.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.OverrideLaws

open System
open FsCheck
open FsCheck.FSharp
open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Tests.Law

let rec private same a b =
    match a, b with
    | Float x, Float y -> x.Equals y
    | List x, List y -> x.Length = y.Length && List.forall2 same x y
    | Dict x, Dict y -> x.Length = y.Length && List.forall2 (fun (k, a) (l, b) -> k = l && same a b) x y
    | _ -> a = b

let private gives (text: string) (due: Value) =
    match (parse text).Setting with
    | Some(One found) -> must $"{text} is %A{found}, where %A{due} was due" (same found due)
    | other -> broken $"{text} is %A{other}, where %A{due} was due"

let private sweeps (text: string) (due: Value list) =
    match (parse text).Setting with
    | Some(Sweep found) -> must $"{text} is %A{found}, where %A{due} was due" (same (List found) (List due))
    | other -> broken $"{text} is %A{other}, where %A{due} was due"

let private refused text = throws<ConfigException, _> [ "command line"; "character" ] (fun () -> parse text)

type Values =
    static member Value() : Arbitrary<Value> =
        let text =
            Gen.elements [
                ""
                " "
                "a"
                "null"
                "true"
                "1"
                "1.5"
                "010"
                "1e3"
                "nan"
                "a b"
                "a,b"
                "a=b"
                "f(x)"
                "[a]"
                "{a: b}"
                "'"
                "\""
                "\\"
                "\\'"
                "a\\"
                "${x}"
                "$"
                "#"
                "~"
                "é"
                "a: b"
                "\t"
                "c:\\foo\\a-b.txt"
                "-"
                "%"
                "<>"
            ]

        let rec value depth =
            let scalar =
                Gen.oneof [
                    Gen.constant Null
                    ArbMap.defaults |> ArbMap.generate<bool> |> Gen.map Bool
                    ArbMap.defaults |> ArbMap.generate<int64> |> Gen.map Int
                    ArbMap.defaults |> ArbMap.generate<float> |> Gen.map Float
                    text |> Gen.map Text
                ]

            if depth = 0 then
                scalar
            else
                let some = Gen.listOf (value (depth - 1)) |> Gen.map (List.truncate 3)

                Gen.oneof [
                    scalar
                    some |> Gen.map List
                    some |> Gen.map (fun values -> values |> List.mapi (fun i v -> $"key{i}", v) |> Dict)
                ]

        value 2 |> Arb.fromGen

let all = [
    law "values are parsed as in Hydra's test vectors" (fun () ->
        for text, due in
            [
                "abc-123", Text "abc-123"
                "a b c", Text "a b c"
                " abc ", Text "abc"
                "10_0", Int 100L
                "3.1_4", Float 3.14
                "1e-05", Float 1e-05
                "+1", Int 1L
                "-INF", Float -infinity
                "NaN", Float nan
                "1___0___", Text "1___0___"
                "10abc", Text "10abc"
                "0.foo", Text "0.foo"
                "list.0.bar", Text "list.0.bar"
                "trUe", Bool true
                "NULL", Null
                "010", Text "010"
                "1e", Text "1e"
                @"a\,b", Text "a,b"
                @"f\(a\, b\)", Text "f(a, b)"
                @"c:\foo\a-b.txt", Text @"c:\foo\a-b.txt"
                @"'foo \'bar'", Text "foo 'bar"
                @"'foo\\bar'", Text @"foo\\bar"
                @"'foo bar\\'", Text @"foo bar\"
                @"""foo \\\""bar""", Text @"foo \""bar"
                @"$\{foo.bar\}", Text "${foo.bar}"
                "${foo.bar}", Text "${foo.bar}"
                "{null: 1, 123: 2, ab 1.5 True: 3}", Dict [ "null", Int 1L; "123", Int 2L; "ab 1.5 True", Int 3L ]
                "", Text ""
                "[1, a]", List [ Int 1L; Text "a" ]
                "[]", List []
                "{a:10, b:20}", Dict [ "a", Int 10L; "b", Int 20L ]
            ] do
            gives ("key=" + text) due)
    |> breaks "a zero in front is dropped" (fun () -> gives "key=010" (Int 10L))
    |> breaks "an underscore at the end is dropped" (fun () -> gives "key=1___0___" (Int 10L))

    law "casts convert values, also inside lists, mappings and sweeps; other values are rejected" (fun () ->
        gives "key=int(3.14)" (Int 3L)
        gives "key=int('10')" (Int 10L)
        gives "key=float(3)" (Float 3.0)
        gives "key=str(3)" (Text "3")
        gives "key=bool('true')" (Bool true)
        gives "key=bool(0)" (Bool false)
        gives "key=int([1.5, {a: 2.5}])" (List [ Int 1L; Dict [ "a", Int 2L ] ])
        sweeps "key=str(choice(1,2))" [ Text "1"; Text "2" ]
        sweeps "key=float(range(1,3))" [ Float 1.0; Float 2.0 ]
        sweeps "key=int(1.0,2.0)" [ Int 1L; Int 2L ]

        for text in [ "key=int('10.0')"; "key=int(a)"; "key=bool('yes')"; "key=float([a])"; "key=int()" ] do
            refused text)
    |> breaks "a cast that rounds" (fun () -> gives "key=int(3.7)" (Int 4L))

    law "sort orders numbers or texts, the argument's text determines the order of shuffle, and tag does not change a sweep" (fun () ->
        sweeps "key=sort(3,1,2)" [ Int 1L; Int 2L; Int 3L ]
        sweeps "key=sort(b,a,c,reverse=true)" [ Text "c"; Text "b"; Text "a" ]
        gives "key=sort([3,1.5])" (List [ Float 1.5; Int 3L ])
        sweeps "key=sort(range(3,0,-1))" [ Int 1L; Int 2L; Int 3L ]
        sweeps "key=tag(a,b,choice(1,2))" [ Int 1L; Int 2L ]

        match (parse "key=tag(a,b,interval(0,1))").Setting, (parse "key=interval(0,1)").Setting with
        | Some(Interval tagged), Some(Interval plain) -> must $"{tagged}" (tagged = plain && plain = Between(0.0, 1.0, false, false))
        | other -> broken $"%A{other}"

        let shuffled text =
            match (parse text).Setting with
            | Some(Sweep values) -> values
            | other -> broken $"%A{other}"
        let once = shuffled "key=shuffle(range(20))"
        must "another order the second time" (once = shuffled "key=shuffle(range(20))")
        must "something is lost" (once |> List.sortBy string = ([ for i in 0L .. 19L -> Int i ] |> List.sortBy string))
        must "nothing moved" (once <> [ for i in 0L .. 19L -> Int i ]))

    law "commas and functions make sweeps: choices, decimal ranges, linear and logarithmic steps, seeds" (fun () ->
        sweeps "key=1 ,  2,\t3" [ Int 1L; Int 2L; Int 3L ]
        sweeps "key=[a,b],[c,d]" [ List [ Text "a"; Text "b" ]; List [ Text "c"; Text "d" ] ]
        sweeps "key={a:10, b:20},{c:30,d:40}" [ Dict [ "a", Int 10L; "b", Int 20L ]; Dict [ "c", Int 30L; "d", Int 40L ] ]
        sweeps "key=choice\t(  1\t )" [ Int 1L ]
        sweeps "key=choice('1',2)" [ Text "1"; Int 2L ]
        sweeps "key=range(0,1,0.1)" [ for i in 0..9 -> Float(float i / 10.0) ]
        sweeps "key=range(1,4)" [ Int 1L; Int 2L; Int 3L ]
        sweeps "key=range(-5,step=-1)" (List.map Int [ 0L; -1L; -2L; -3L; -4L ])
        sweeps "key=linspace(0,1,3)" [ Float 0.0; Float 0.5; Float 1.0 ]
        sweeps "key=logrange(1e-4,1e-2,3)" [ Float 1e-4; Float 1e-3; Float 1e-2 ]
        sweeps "key=seeds(3)" [ Int 0L; Int 1L; Int 2L ])

    law "arguments that Hydra rejects are rejected, with the character" (fun () ->
        for text in
            [
                "key=[]aa"
                "key=[1,2,3]'"
                @"key=['a\', 'b']"
                "key={'0a': 0}"
                "$foo/bar=x"
                "key=a=b=c"
                "key=choice()x"
                "key=f(a"
                "key=[1"
                "key={a:1"
                "key=é"
                "key=#"
                "=1"
                "key=nosuch(1)"
                "key=choice()"
                "key=choice(choice(1,2))"
                "key=range(1,5,0)"
                "key=range(stop=3,1)"
                "key=sort(3,2,str(1))"
                "key=[ , 1]"
                "key=zip(1,2)"
                "key=zip(a=[1,2],b=[1])"
            ] do
            refused text)

    law "keys: plain, dotted, of a group, with a package; changed, added, forced, deleted" (fun () ->
        for text, action, key, package in
            [
                "a=1", Change, "a", None
                "a.b.c=1", Change, "a.b.c", None
                "+a.b=1", Add, "a.b", None
                "++a=1", AddOrChange, "a", None
                "~a.b", Delete, "a.b", None
                "db/mysql=x", Change, "db/mysql", None
                "db@pkg=x", Change, "db", Some "pkg"
            ] do
            let found = parse text
            must $"{text} is %A{found}" (found.Action = action && found.Key = key && found.Package = package))

    law "a printed value reads back as the same value" (fun () ->
        fromSeed usualSeed _.WithArbitrary([ typeof<Values> ]).WithMaxTest(500) (fun (value: Value) ->
            match (parse ("key=" + printValue value)).Setting with
            | Some(One found) -> same found value
            | _ -> false))

    law "every argument is parsed or rejected with a sentence" (fun () ->
        let pieces = [|
            "a"
            "="
            ","
            "("
            ")"
            "["
            "]"
            "{"
            "}"
            ":"
            "'"
            "\""
            "\\"
            " "
            "1"
            "1.5"
            "~"
            "+"
            "@"
            "/"
            "${a}"
            "choice"
            "range"
            "zip"
            "."
            "-"
            "é"
            "\t"
        |]
        let random = Random 4

        for _ in 1..5000 do
            let text = String.Join("", Array.init (random.Next 12) (fun _ -> pieces[random.Next pieces.Length]))

            try
                parse text |> ignore
            with
            | :? ConfigException as e -> must e.Message (e.Message.StartsWith "command line" && e.Message.EndsWith '.')
            | e -> broken $"{e.GetType().Name} for {text}: {e.Message}")
]
