// The assemblies for scripts in this folder, built by `../experiments/_bootstrap.fsx`: records, analysis and audits of runs, without
// tensors.
#load "../artifacts/bin/Ebm.Audits/release/references.fsx"
