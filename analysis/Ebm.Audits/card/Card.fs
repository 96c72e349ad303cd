/// The report card of a sweep: its grades and checklists as files.
module Ebm.Audits.Card

/// The files of a card, by name.
let files (evidence: Evidence.Evidence) =
    let axes = Grades.grade evidence
    let items = Checklists.items evidence axes

    axes,
    [
        "card.html", CardPage.html evidence axes items
        "card.json", CardPage.json evidence axes items
        "checklist.tex", Checklists.latex items
    ]
