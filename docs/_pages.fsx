/// `dotnet fsi build.fsx docs` writes each page of this folder and the README as HTML to artifacts/docs, with an index.
/// It fails if a link has no target, or if the README does not link to a page. A law executes the commands of the pages.
open System
open System.IO
open System.Net
open System.Text.RegularExpressions

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__
let output = Path.Combine(root, "artifacts", "docs")

/// Headings, paragraphs, lists, tables, code and quotations; links, code, strong and emphasised words within them.
module Markdown =
    let anchor (heading: string) = Regex.Replace(heading.ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-')

    let inside link (text: string) =
        let words part =
            let part = WebUtility.HtmlEncode(part: string)
            let part =
                Regex.Replace(
                    part,
                    @"\[([^\]]+)\]\(([^)\s]+)\)",
                    fun found -> $"""<a href="{link found.Groups[2].Value}">{found.Groups[1].Value}</a>"""
                )
            let part = Regex.Replace(part, @"\*\*([^*]+)\*\*", "<strong>$1</strong>")
            Regex.Replace(part, @"(?<![\w*])\*([^*]+)\*(?!\w)", "<em>$1</em>")

        // Text between backquotes has no other markup.
        text.Split '`'
        |> Array.mapi (fun i part -> if i % 2 = 0 then words part else $"<code>{WebUtility.HtmlEncode part}</code>")
        |> String.concat ""

    let rec blocks link (lines: string list) =
        let inside = inside link
        let starts (mark: string) (line: string) = line.StartsWith mark
        let item = Regex @"^(- |\d+\. )"
        let cells (row: string) = row.Trim().Trim('|').Split('|') |> Array.map (fun cell -> cell.Trim())
        let row tag line =
            cells line |> Array.map (fun cell -> $"<{tag}>{inside cell}</{tag}>") |> String.concat "" |> sprintf "<tr>%s</tr>"

        match lines with
        | [] -> []
        | "" :: rest -> blocks link rest
        | line :: rest when starts "```" line ->
            let code = rest |> List.takeWhile (starts "```" >> not)
            let text = String.concat "\n" code |> WebUtility.HtmlEncode
            $"<pre>{text}</pre>" :: blocks link (rest |> List.skip (min rest.Length (code.Length + 1)))
        | line :: rest when Regex.IsMatch(line, "^#+ ") ->
            let level = line.IndexOf ' '
            let text = line[level + 1 ..]
            $"""<h{level} id="{anchor text}">{inside text}</h{level}>""" :: blocks link rest
        | header :: rule :: rest when starts "|" header && starts "|" rule ->
            let rows = rest |> List.takeWhile (starts "|")
            let body = rows |> List.map (row "td") |> String.concat "\n"
            $"""<table>{row "th" header}{body}</table>""" :: blocks link (rest |> List.skip rows.Length)
        | line :: _ when item.IsMatch line ->
            let list = lines |> List.takeWhile (fun line -> item.IsMatch line || starts " " line)

            let items =
                (List.empty, list)
                ||> List.fold (fun items line ->
                    match items with
                    | last :: others when not (item.IsMatch line) -> (last + " " + line.Trim()) :: others
                    | _ -> item.Replace(line, "") :: items)
                |> List.rev
                |> List.map (fun text -> $"<li>{inside text}</li>")
                |> String.concat "\n"

            let list' = if starts "- " line then $"<ul>{items}</ul>" else $"<ol start=\"{line[.. line.IndexOf '.' - 1]}\">{items}</ol>"
            list' :: blocks link (lines |> List.skip list.Length)
        | line :: rest when starts "> " line -> $"<blockquote>{inside line[2..]}</blockquote>" :: blocks link rest
        | _ ->
            let paragraph =
                lines
                |> List.mapi (fun i line -> i, line)
                |> List.takeWhile (fun (i, line) ->
                    i = 0 || line <> "" && not (starts "```" line || starts "|" line || starts "#" line || item.IsMatch line))
                |> List.map snd

            $"""<p>{inside (String.concat " " paragraph)}</p>""" :: blocks link (lines |> List.skip paragraph.Length)

type Page = {
    Path: string
    Lines: string list
} with

    member page.Title = page.Lines.Head.TrimStart('#', ' ')
    member page.Anchors =
        page.Lines |> List.filter (fun line -> line.StartsWith "#") |> List.map (fun line -> Markdown.anchor (line.TrimStart('#', ' ')))
    member page.Html = if page.Path = "README.md" then "readme.html" else Path.ChangeExtension(Path.GetFileName page.Path, ".html")

let read path = { Path = path; Lines = List.ofArray (File.ReadAllLines(Path.Combine(root, path))) }
let readme = read "README.md"
let pages =
    Directory.GetFiles(__SOURCE_DIRECTORY__, "*.md")
    |> Array.sort
    |> List.ofArray
    |> List.map (fun file -> read $"docs/{Path.GetFileName file}")

/// The target of a link: a page's anchor or a file of the repository. Addresses on the network are not checked.
let target (page: Page) (link: string) =
    if Regex.IsMatch(link, "^(https?|mailto):") then
        Ok link
    else
        let parts = link.Split('#', 2)
        let path =
            if parts[0] = "" then
                page.Path
            else
                Path.GetRelativePath(root, Path.GetFullPath(Path.Combine(root, Path.GetDirectoryName page.Path, parts[0])))

        match readme :: pages |> List.tryFind (fun known -> known.Path = path) with
        | Some known when parts.Length = 2 && not (List.contains parts[1] known.Anchors) ->
            Error $"{page.Path}: the link \"{link}\" names a heading that {path} does not have."
        | Some known -> Ok(known.Html + (if parts.Length = 2 then "#" + parts[1] else ""))
        | None when Path.Exists(Path.Combine(root, path)) -> Ok("../../" + path)
        | None -> Error $"{page.Path}: the link \"{link}\" leads to {path}, which does not exist."

let style =
    "body{max-width:50rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 sans-serif}pre{background:#f4f4f4;padding:.7rem;overflow-x:auto}"
    + "code{background:#f4f4f4}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left;vertical-align:top}"

let write (file: string) (title: string) (body: string list) =
    let text = String.concat "\n" body
    let title = WebUtility.HtmlEncode title
    File.WriteAllText(
        Path.Combine(output, file),
        $"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{style}</style></head><body>\n{text}\n</body></html>\n"
    )

let links (page: Page) =
    let prose =
        page.Lines
        |> List.fold
            (fun (code, kept) line -> if line.StartsWith "```" then not code, kept else code, (if code then kept else line :: kept))
            (false, [])
        |> snd
    [
        for line in prose do
            for found in Regex.Matches(Regex.Replace(line, "`[^`]*`", ""), @"\[[^\]]+\]\(([^)\s]+)\)") do
                found.Groups[1].Value
    ]

let problems = [
    for page in readme :: pages do
        if not (page.Lines.Head.StartsWith "# ") then $"{page.Path}: the first line is not a title (\"# …\")."
        for link in links page do
            match target page link with
            | Ok _ -> ()
            | Error says -> says
    for page in pages do
        if not (readme.Lines |> List.exists (fun line -> line.Contains $"({page.Path})")) then $"README.md does not link to {page.Path}."
]

match problems with
| [] ->
    Directory.CreateDirectory output |> ignore
    for page in readme :: pages do
        let link text =
            match target page text with
            | Ok there -> there
            | Error says -> failwith says
        write page.Html page.Title ("<p><a href=\"index.html\">all pages</a></p>" :: Markdown.blocks link page.Lines)

    let entry (page: Page) =
        let first =
            page.Lines.Tail
            |> List.skipWhile ((=) "")
            |> List.takeWhile ((<>) "")
            |> String.concat " "
            |> Markdown.inside (fun _ -> page.Html)
        $"""<li><a href="{page.Html}">{WebUtility.HtmlEncode page.Title}</a><br>{first}</li>"""

    write "index.html" "Ebm.Research" [ "<h1>Ebm.Research</h1><ul>"; yield! readme :: pages |> List.map entry; "</ul>" ]
    printfn "%s" (Path.Combine(output, "index.html"))
| problems ->
    problems |> List.iter (eprintfn "%s")
    exit 1
