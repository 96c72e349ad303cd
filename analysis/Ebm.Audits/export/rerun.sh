#!/bin/sh
# Repeats a run of this folder from its own sources, and compares the results. Needs git and the .NET SDK.
#
#     sh rerun.sh [run's id] [--data DIR] [--threads N] [--set NAME=VALUE] [--json]
#
# The id may be left out if this folder has one run; options go to the audit. Before anything of the folder is used, every file must be listed in
# SHA256SUMS under a plain name, and match its hash. The work is done in a temporary folder, which is deleted at the end.
set -eu
unset CDPATH
case $0 in */*) cd -- "${0%/*}/" ;; esac

refuse() {
    printf '%s\n' "rerun.sh: $1" >&2
    exit 2
}

# A name: of a sweep or a run. A path: parts without control characters and backslashes.
name='[A-Za-z0-9_][A-Za-z0-9._-]*'
path='[^/[:cntrl:]\]+(/[^/[:cntrl:]\]+)*'
file="README\.md|rerun\.sh|sources\.bundle|ro-crate-metadata\.json|(data|sources)/$path|runs/$name/(plans|retired)\.jsonl|runs/$name/$name/$path"

[ -f SHA256SUMS ] || refuse 'SHA256SUMS is missing, so nothing here can be checked.'
[ -z "$(find . ! -type f ! -type d)" ] || refuse 'the folder has a link or another special file.'
if LC_ALL=C grep -aEqv "^[0-9a-f]{64}  ($file)\$" SHA256SUMS || LC_ALL=C grep -aEq '/\.{1,2}(/|$)' SHA256SUMS; then
    refuse 'SHA256SUMS lists a name that an export does not have.'
fi
listed=$(LC_ALL=C sed 's/^.\{66\}/.\//' SHA256SUMS | LC_ALL=C sort)
found=$(find . -type f ! -path ./SHA256SUMS | LC_ALL=C sort)
[ "$listed" = "$found" ] || refuse 'the files of this folder are not those that SHA256SUMS lists; --data DIR names further data in another folder.'
sha256sum --quiet --strict --check SHA256SUMS || refuse 'a file does not match its hash.'

case ${1-} in
'' | -*)
    run=
    for folder in runs/*/*/; do
        folder=${folder%/}
        if [ -n "$run" ]; then
            printf '%s\n' 'Name a run by its id. This folder has:' runs/*/*/ >&2
            exit 2
        fi
        run=${folder##*/}
    done
    ;;
*)
    run=$1
    shift
    ;;
esac

export DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
git clone --quiet sources.bundle "$work/sources"
cp -R runs "$work/runs"
dotnet fsi "$work/sources/analysis/audit.fsx" rerun "$run" --runs "$work/runs" --data data "$@"
