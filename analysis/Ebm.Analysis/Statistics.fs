module Ebm.Analysis.Statistics

let mean (values: float list) = List.average values
