// Refers to the lab's assembly and the libraries. The build writes this list; it also tells torch where its native libraries are.
#load "../artifacts/bin/Ebm.Runner/release/references.fsx"
