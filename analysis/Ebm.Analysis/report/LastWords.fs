/// The last lines of a run's logs.
module Ebm.Analysis.LastWords

open System.IO
open System.Text
open Ebm.Records

/// The end of standard error or, if it is empty, of standard output.
let of' (folder: RunFolder) =
    let most, lines = 3000, 20

    let ending name =
        let path = folder.In(name: string)

        try
            if not (File.Exists path) || not (isNull (RegularFile.Refusal path)) then
                ""
            else
                use stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite ||| FileShare.Delete)
                stream.Seek(max 0L (stream.Length - int64 most), SeekOrigin.Begin) |> ignore
                use reader = new StreamReader(stream, UTF8Encoding false)
                let all = reader.ReadToEnd().TrimEnd().Split('\n')
                all |> Array.skip (max 0 (all.Length - lines)) |> String.concat "\n"
        with :? IOException ->
            ""

    match ending "stderr.log" with
    | "" -> ending "stdout.log"
    | words -> words
