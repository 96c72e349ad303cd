/// Tables: how a text file is read, split and whitened, and the errors for files that are not tables.
module Ebm.Tests.Laws.TableLaws

open System
open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private site (seed: string) root = Site([||], device, rng seed, root)

/// A data root with one file, table.csv.
let private holding (text: string) (asked: string -> unit) =
    Folder.inFolder (fun root ->
        File.WriteAllText(Path.Combine(root, "table.csv"), text)
        asked root)

let private build (spec: TableSpec) root = ((spec :> ISpec<IDataset>).Build(site "table" root)) :?> Table

/// All rows of the three parts, sorted, so that they do not depend on the split.
let private content (table: Table) =
    Array.concat [ for part in [ table.Train; table.Validation; table.Test ] -> Array.chunkBySize (int table.Shape[0]) (values part) ]
    |> Array.sort

let private plain = TableSpec("table.csv", Whiten = Whitening.None)

/// Twenty rows of two columns, 1 … 20 and their halves with alternating signs, which are exact in float32.
let private numbers = [ for i in 1..20 -> float i, (if i % 2 = 0 then 0.5 else -0.5) * float i ]
let private lines separator = [ for a, b in numbers -> FormattableString.Invariant $"{a}{separator}{b}" ] |> String.concat "\n"
let private due = [| for a, b in numbers -> [| a; b |] |]

let private reads (text: string) (spec: TableSpec) columns =
    holding text (fun root ->
        let table = build spec root
        must $"columns are {List.ofSeq table.Columns}" (List.ofSeq table.Columns = columns)
        must $"rows are {content table}" (content table = due))

let private reading = [
    law "a table is read completely with any separator, with or without a header, quoted or not" (fun () ->
        for separator in [ ","; ";"; "\t"; "|" ] do
            reads ("a" + separator + "b\n" + lines separator) plain [ "a"; "b" ]
            reads (lines separator) plain [ "1"; "2" ]

        reads ("\"a\";\"b\"\n" + lines ";") plain [ "a"; "b" ]
        reads ("\"a;,\"\"x\"\"\",b\r\n" + (lines ",").Replace("\n", "\r\n") + "\r\n\r\n") plain [ "a;,\"x\""; "b" ]
        reads ("\ufeffa,b\n" + lines ",") plain [ "a"; "b" ]
        reads ("3;4\n" + lines ";") (TableSpec("table.csv", Whiten = Whitening.None, Header = true)) [ "3"; "4" ]
        reads ("a:b\n" + lines ":") (TableSpec("table.csv", Whiten = Whitening.None, Separator = ":")) [ "a"; "b" ])
    |> breaks "a row more" (fun () -> reads ("a,b\n21,0\n" + lines ",") plain [ "a"; "b" ])

    law "columns are dropped by name, and of two correlated columns the later one is dropped" (fun () ->
        // c is a with another unit and sign; d is nearly b.
        let text =
            "id,a,b,c,d\n"
            + ([
                for i, (a, b) in List.indexed numbers ->
                    FormattableString.Invariant $"{i * i},{a},{b},{-3.0 * a},{b + 0.01 * float (i % 3)}"
               ]
               |> String.concat "\n")

        reads text (TableSpec("table.csv", Whiten = Whitening.None, Drop = [| "id" |], Correlation = 0.98)) [ "a"; "b" ])
    |> breaks "a bound that none exceeds" (fun () ->
        reads
            ("a,b,c\n" + ([ for a, b in numbers -> FormattableString.Invariant $"{a},{b},{-3.0 * a + b}" ] |> String.concat "\n"))
            (TableSpec("table.csv", Whiten = Whitening.None, Correlation = 1.0))
            [ "a"; "b" ])
]

/// Rows of a number and two texts.
let private texts =
    "size,colour,month\n"
    + String.concat "\n" [
        for i in 0..39 -> FormattableString.Invariant $"""{i},{[ "red"; "blue"; "green" ][i % 3]},{[ 10; 9; 11 ][i / 2 % 3]}"""
    ]

/// The whole numbers below coded columns, sorted, where nothing is whitened.
let private codes (order: string list) (months: int list) =
    holding texts (fun root ->
        let table = build (TableSpec("table.csv", Whiten = Whitening.None, Code = [| "colour"; "month" |])) root
        let place values value = float (List.findIndex ((=) value) values)
        let colours, numbered = [ "red"; "blue"; "green" ], [ 10; 9; 11 ]
        let due = [| for i in 0..39 -> [| float i; place order colours[i % 3]; place months numbered[i / 2 % 3] |] |]
        must "the values" (List.ofSeq table.Values["colour"] = order && List.ofSeq table.Values["month"] = List.map string months)
        must $"the codes are {content table}" ((content table |> Array.map (Array.map floor)) = due)
        let noise = content table |> Array.collect (fun row -> [| row[1] - floor row[1]; row[2] - floor row[2] |])
        must "the noise of codes" ((Array.distinct noise).Length > 70 && Array.forall (fun u -> u >= 0.0 && u < 1.0) noise)
        must "numbers have no noise" (content table |> Array.forall (fun row -> row[0] = floor row[0])))

/// Two rows with gaps beside the twenty, with a column of notes that is not read and has gaps, too.
let private dropsGaps note =
    reads
        ("a,b,note\n3,?,1\n" + String.concat "\n" [ for a, b in numbers -> FormattableString.Invariant $"{a},{b},{note}" ] + "\n,4,2\n")
        (TableSpec("table.csv", Whiten = Whitening.None, Drop = (if note = "" then [| "note" |] else [||]), Missing = MissingValues.Drop))
        [ "a"; "b" ]

let private coding = [
    law "texts are coded by their alphabetical order, numbers by their own, with uniform noise of width 1" (fun () ->
        codes [ "blue"; "green"; "red" ] [ 9; 10; 11 ])
    |> breaks "the order of appearance" (fun () -> codes [ "red"; "blue"; "green" ] [ 10; 9; 11 ])

    law "dropped columns are not read, whatever is in them" (fun () ->
        reads
            ("a,b,note\n" + ([ for a, b in numbers -> FormattableString.Invariant $"{a},{b},text {a}" ] |> String.concat "\n"))
            (TableSpec("table.csv", Whiten = Whitening.None, Drop = [| "note" |]))
            [ "a"; "b" ])

    law "a table without codes has the identity that it had before there were any" (fun () ->
        let identity text = Ebm.Runs.Catalog.Load([]).Resolve<ISpec<IDataset>>(Ebm.Records.Document.Parse(text, "data.yaml")).Identity
        must "the setting is part of it" (isNull ((identity "{ kind: table, file: x.csv }").Find "code"))
        must "codes are not part of it" (not (isNull ((identity "{ kind: table, file: x.csv, code: [a] }").Find "code")))
        must "refused gaps are part of it" (isNull ((identity "{ kind: table, file: x.csv, missing: refuse }").Find "missing"))
        must "dropped gaps are not part of it" (not (isNull ((identity "{ kind: table, file: x.csv, missing: drop }").Find "missing"))))

    law "data.missing=drop leaves out exactly the rows with a missing value in a column that is read" (fun () -> dropsGaps "")
    |> breaks "a column that is not left out" (fun () -> dropsGaps "5")
]

/// Correlated columns of very different units.
let private skewed (n: int) =
    let z = (rng "skewed").Normal(int64 n, 3L) |> values |> Array.chunkBySize 3
    "x,y,z\n"
    + String.concat "\n" [ for r in z -> FormattableString.Invariant $"{1e4 + 1e3 * r[0]},{r[0] + 0.3 * r[1]},{1e-5 * (r[2] - r[1])}" ]

/// Mean and covariance of the rows of a part are 0 and I, up to the rounding of float32.
let private isWhite (part: Tensor) full =
    let rows = part.``to`` torch.float64
    let centred = rows - rows.mean [| 0L |]
    let covariance = centred.t().matmul(centred) / float (rows.shape[0] - 1L)
    let found = if full then covariance else covariance.diagonal().diag()
    let apart = value ((found - torch.eye (rows.shape[1], dtype = torch.float64, device = device)).abs().max())
    must
        $"mean {value (rows.mean([| 0L |]).abs().max())}, covariance off by {apart}"
        (value (rows.mean([| 0L |]).abs().max()) < 1e-6 && apart < 1e-5)

let private whitening = [
    law
        "training rows are white, by principal components or column by column; test rows only nearly, because whitening does not use them"
        (fun () ->
            holding (skewed 400) (fun root ->
                let full, columns = build (TableSpec "table.csv") root, build (TableSpec("table.csv", Whiten = Whitening.Columns)) root
                isWhite full.Train true
                isWhite columns.Train false
                throws<Broken, _> [ "covariance" ] (fun () -> isWhite full.Test true)))
    |> breaks "whitened by all rows" (fun () ->
        holding (skewed 400) (fun root ->
            let table = build (TableSpec "table.csv") root
            isWhite (torch.cat ([| table.Train; table.Test; table.Validation |], 0L)) true))

    law "log-volume is half the log-determinant of the training rows' covariance, which whitening adds to a log density" (fun () ->
        holding (skewed 400) (fun root ->
            let raw, full = build (TableSpec("table.csv", Whiten = Whitening.None)) root, build (TableSpec "table.csv") root
            let rows = raw.Train.``to`` torch.float64
            let centred = rows - rows.mean [| 0L |]
            let covariance = centred.t().matmul(centred) / float (rows.shape[0] - 1L)
            let due = -(value (torch.linalg.eigvalsh(covariance).log().sum())) / 2.0
            // The raw rows are rounded to float32: a column near 1e4 with a standard deviation of 1e3 has an error of a millionth of it.
            must $"log volume {full.LogVolume}, {due} is due" (abs (full.LogVolume - due) < 1e-4)
            must "no whitening, no volume" (raw.LogVolume = 0.0)))

    law "the seed alone determines the split: parts share no row, equal seeds give equal parts, and other seeds other parts" (fun () ->
        holding (lines ",") (fun root ->
            let spec = TableSpec("table.csv", Whiten = Whitening.None, Test = 0.25, Validation = 0.1)
            let table, again = build spec root, build spec root
            must "sizes" (table.Train.shape[0] = 13L && table.Validation.shape[0] = 2L && table.Test.shape[0] = 5L)
            must "a row twice" ((Array.distinct (content table)).Length = 20)
            must "one seed, two digests" (table.Digest = again.Digest)
            let other = (spec :> ISpec<IDataset>).Build(site "another" root)
            must "two seeds, one digest" (table.Digest <> other.Digest)
            must "a longer whole changed nothing else" (content table = due)))
]

let private complains<'e when 'e :> exn> says (text: string) (spec: TableSpec) (parts: string list) =
    law $"a table: {says}" (fun () -> holding text (fun root -> throws<'e, _> parts (fun () -> build spec root)))

let private errors = [
    law "a table: the error for a missing file names it and how to set the data root" (fun () ->
        Folder.inFolder (fun root ->
            throws<FileNotFoundException, _> [ "table.csv is missing"; "data.file="; "--data"; "EBM_DATA" ] (fun () -> build plain root)))
    complains<InvalidDataException> "the error for columns with text has both settings, and what to write" texts (TableSpec "table.csv") [
        "table.csv, line 2: the column colour has text (\"red\")"
        "'data.drop=[colour]' leaves it out"
        "'data.code=[colour]'"
    ]
    complains<InvalidDataException>
        "the error for several columns with text names them all, and quotes their names where a command line needs it"
        ("a,first name,town\n1,Ann,Rome\n" + (lines ",").Replace("\n", ",x\n") + ",x")
        (TableSpec "table.csv")
        [ "'data.drop=[\"first name\",town]' leaves them out" ]
    complains<InvalidDataException>
        "one error counts all missing values by column, and says how to leave out rows or columns"
        ("a,b,c d,e\n1,2,3,4\n3,NA,,1\n5,6,7,8\n4,?,1,2\n"
         + String.concat "\n" [ for a, b in numbers -> FormattableString.Invariant $"{a},{b},1,2" ])
        (TableSpec "table.csv")
        [
            "table.csv: 2 rows have missing values: 2 in b, 1 in c d, the first in line 3; they are not filled in"
            "'data.missing=drop' leaves out these rows"
            "'data.drop=[b,\"c d\"]' leaves the columns out"
        ]
    law "a table: the check of a plan counts missing values of the whole table" (fun () ->
        holding ("a,b\n" + String.concat "\n" [ for i in 1..3000 -> if i % 1000 = 0 then $"{i}," else $"{i},{i * i % 7}" ]) (fun root ->
            throws<InvalidDataException, _> [ "3 rows have missing values: 3 in b, the first in line 1001" ] (fun () ->
                (TableSpec "table.csv" :> IReadsFiles).Check root)))
    complains<InvalidDataException>
        "missing values in all rows are rejected, also if rows with them are left out"
        "a,b\n1,\n2,\n"
        (TableSpec("table.csv", Missing = MissingValues.Drop))
        [ "2 rows have missing values: 2 in b"; "without them no row is left"; "'data.drop=[b]' leaves the column out" ]
    complains<InvalidDataException>
        "an empty field of a coded column is rejected"
        "a,b\n1,x\n2,\n"
        (TableSpec("table.csv", Code = [| "b" |]))
        [ "1 row has missing values: 1 in b, the first in line 3" ]
    complains<InvalidDataException>
        "a coded column with too many values is rejected"
        ("a,b\n" + String.concat "\n" [ for i in 1..300 -> $"{i},name {i}" ])
        (TableSpec("table.csv", Code = [| "b" |]))
        [ "the column b has more than 256 different values"; "'data.drop=[b]'" ]
    complains<InvalidDataException>
        "a first line of numbers and texts is rejected"
        "5.1,3.5,setosa\n4.9,3.0,setosa\n"
        (TableSpec "table.csv")
        [ "line 1 has numbers and texts (5.1,3.5,setosa)"; "data.header=false" ]
    complains<SettingException>
        "the error for an unknown column in code names it and the nearest column"
        texts
        (TableSpec("table.csv", Code = [| "color" |]))
        [ "names the column color"; "did you mean colour?" ]
    law "a column that is both dropped and coded is rejected" (fun () ->
        throws<SettingException, _> [ "must not name a column that drop names" ] (fun () ->
            TableSpec("table.csv", Code = [| "a" |], Drop = [| "a" |])))
    complains<InvalidDataException> "an empty file is rejected" "\n \n" plain [ "table.csv is empty" ]
    complains<InvalidDataException> "a header without rows is rejected" "a,b\n" plain [ "a header but no rows" ]
    complains<InvalidDataException> "the error for a word among numbers has its line and column" ("a,b\n1,2\n3,x4\n" + lines ",") plain [
        "table.csv, line 3, column 2 (b)"
        "\"x4\" is not a finite number"
        "data.drop"
    ]
    complains<InvalidDataException> "an infinite number is rejected" ("a,b\n1,Infinity\n" + lines ",") plain [
        "line 2, column 2 (b)"
        "not a finite number"
    ]
    complains<InvalidDataException> "an empty field is rejected, and not filled in" ("a,b\n1,2\n,4\n") plain [
        "1 row has missing values: 1 in a, the first in line 3"
    ]
    complains<InvalidDataException> "line numbers are those of an editor, with blank lines" ("a,b\n\n1,2\n\n3,4,5\n") plain [
        "line 5: 3 fields, but the table has 2 columns"
        "data.separator"
    ]
    complains<InvalidDataException> "a quote that is not closed is rejected" ("a,b\n\"1,2\n") plain [ "line 2"; "a quote is not closed" ]
    complains<InvalidDataException> "two columns with the same name are rejected" ("a,a\n1,2\n") plain [
        "line 1"
        "two columns have the name \"a\""
    ]
    complains<SettingException>
        "the error for an unknown column in drop names it and the nearest column"
        ("quality,b\n" + lines ",")
        (TableSpec("table.csv", Drop = [| "qualty" |]))
        [ "does not have (did you mean quality?); its columns are quality, b" ]
    complains<SettingException> "dropping all columns is rejected" ("a,b\n" + lines ",") (TableSpec("table.csv", Drop = [| "a"; "b" |])) [
        "at least one must remain"
    ]
    complains<InvalidDataException>
        "the error for a constant column names it"
        ("a,b\n" + String.concat "\n" [ for i in 1..20 -> $"{i},7" ])
        (TableSpec "table.csv")
        [ "b has the same value"; "data.drop" ]
    complains<InvalidDataException>
        "a column that is the sum of others is rejected"
        ("a,b,c\n" + String.concat "\n" [ for a, b in numbers -> FormattableString.Invariant $"{a},{b},{a + b}" ])
        (TableSpec "table.csv")
        [ "linear combination"; "data.correlation" ]
    complains<InvalidDataException> "too few rows to whiten are rejected" "a,b,c\n1,2,3\n3,4,6\n2,2,9\n" (TableSpec "table.csv") [
        "training rows"
        "3 columns"
    ]
]

let private uci file = Path.Combine("uci", file)

let private originals = [
    for file, columns, rows, dimension in
        [
            "winequality-red.csv", [| "quality" |], 1599L, 11L
            "winequality-white.csv", [| "quality" |], 4898L, 11L
            "parkinsons_updrs.data", [| "subject#"; "age"; "sex" |], 5875L, 14L
        ] do
        law $"{file} has {rows} rows of {dimension} features" (fun () ->
            let spec = TableSpec(uci file, Drop = columns, Correlation = 0.98)
            let table = build spec Folder.dataRoot
            must $"it has {table.Shape[0]}: {List.ofSeq table.Columns}" (table.Shape[0] = dimension)
            must "rows are missing" (table.Train.shape[0] + table.Validation.shape[0] + table.Test.shape[0] = rows)
            isWhite table.Train true)
        |> Folder.needsData (uci file)
]

let all: Law list = reading @ coding @ whitening @ errors @ originals
