// What a script here sees, from where `../experiments/_bootstrap.fsx` had it built: records of runs, what is made of them and what is held against them, no tensors.
#load "../artifacts/bin/Ebm.Audits/release/references.fsx"
