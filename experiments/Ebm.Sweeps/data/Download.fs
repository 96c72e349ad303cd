/// Downloads one file over HTTP. What an earlier attempt got is kept in a file `….part`, and continued if the server serves ranges.
module Ebm.Sweeps.Download

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Net.Http.Headers

/// The name of an unfinished download.
let partOf (path: string) = path + ".part"

/// The first byte of the answer, or None if the part is already the whole file.
let private beginning (response: HttpResponseMessage) (had: int64) =
    let range = Option.ofObj response.Content.Headers.ContentRange

    match response.StatusCode, range with
    | HttpStatusCode.PartialContent, Some range when range.From = Nullable had -> Some had
    | HttpStatusCode.RequestedRangeNotSatisfiable, Some range when range.Length = Nullable had -> None
    // The server does not serve ranges, so the file begins anew.
    | HttpStatusCode.OK, _ -> Some 0L
    | code, _ -> raise (HttpRequestException $"the server answered {int code} {response.ReasonPhrase}")

/// Gets the rest of a file into its part. Calls `progress` with the bytes so far and the size of the whole, if the server states it.
/// Throws HttpRequestException or IOException; what was got stays in the part.
let get (client: HttpClient) (address: string) (path: string) (progress: int64 -> int64 option -> unit) =
    let part = partOf path
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    let had = if File.Exists part then FileInfo(part).Length else 0L
    use request = new HttpRequestMessage(HttpMethod.Get, address)
    if had > 0L then request.Headers.Range <- RangeHeaderValue(Nullable had, Nullable())
    use response = client.Send(request, HttpCompletionOption.ResponseHeadersRead)

    match beginning response had with
    | None -> progress had (Some had)
    | Some from ->
        let whole = response.Content.Headers.ContentLength |> Option.ofNullable |> Option.map ((+) from)
        use content = response.Content.ReadAsStream()
        use file = new FileStream(part, (if from > 0L then FileMode.Append else FileMode.Create))
        let piece = Array.zeroCreate<byte>(1 <<< 16)
        let mutable got = from
        let mutable more = true
        progress got whole

        while more do
            let read = content.Read(piece, 0, piece.Length)
            file.Write(piece, 0, read)
            got <- got + int64 read
            more <- read > 0
            if more then progress got whole

        match whole with
        | Some whole when got < whole -> raise (IOException $"the connection ended after {got} of {whole} bytes")
        | _ -> ()

let private megabytes (bytes: int64) = (float bytes / 1e6).ToString("F1", Globalization.CultureInfo.InvariantCulture)

/// Prints progress on standard error: in place on a terminal, else a line every ten seconds.
let printing (name: string) : int64 -> int64 option -> unit =
    let clock = Stopwatch.StartNew()
    let isTerminal = not Console.IsErrorRedirected
    let every = if isTerminal then 0.2 else 10.0
    let mutable said = -every
    let mutable start = None

    fun got whole ->
        let start =
            match start with
            | Some start -> start
            | None ->
                start <- Some got
                got
        let seconds = clock.Elapsed.TotalSeconds
        let ended = whole = Some got

        if seconds - said >= every || (isTerminal && ended) then
            said <- seconds
            let left =
                match whole with
                | Some whole when got > start && seconds > 0.0 ->
                    let left = TimeSpan.FromSeconds(float (whole - got) * seconds / float (got - start))
                    $", {int left.TotalMinutes}:{left.Seconds:D2} left"
                | _ -> ""
            let of' = whole |> Option.map (fun whole -> $" of {megabytes whole}") |> Option.defaultValue ""
            let line = $"{name}: {megabytes got}{of'} MB{left}"
            if isTerminal then eprintf $"\r{line.PadRight 70}" else eprintfn $"{line}"
            if isTerminal && ended then eprintfn ""
