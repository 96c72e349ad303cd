/// What a script here sees, from where `../experiments/_bootstrap.fsx` built it: records of runs, and what is made of them. No tensors.
#I "../artifacts/bin/Ebm.Analysis/release"
#r "Ebm.Records.dll"
#r "Ebm.Analysis.dll"
