// What a script here sees, from where `../experiments/_bootstrap.fsx` had it built: records of runs and what is made of them, no tensors.
#load "../artifacts/bin/Ebm.Analysis/release/references.fsx"
