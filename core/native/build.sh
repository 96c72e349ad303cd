#!/bin/sh
# Builds libebm_native.so with one g++ call: build.sh <output file> [libtorch folder]
# The folder holds include/ and lib/, as a downloaded libtorch and a PyTorch installation do; without it, the system's libtorch-dev is used.
set -eu
out=$1
libtorch=${2:-}
compiler=${CXX:-g++}
cd "$(dirname "$0")"

fail() { echo "core/native: error EBM0001: $1" >&2; exit 2; }

command -v "$compiler" > /dev/null ||
  fail "no C++ compiler: $compiler is not on the PATH. Install it (apt-get install g++), or name one in the variable CXX."

set -- -std=c++20 -shared -fPIC -O2 -Wall -Wno-unknown-pragmas -fvisibility=hidden \
  -Wl,-Bsymbolic -Wl,--version-script=exports.map
if [ -n "$libtorch" ]; then
  for file in include/ATen/ATen.h lib/libtorch_cpu.so; do
    [ -f "$libtorch/$file" ] ||
      fail "LIBTORCH is $libtorch, and there is no $file in it. Give the folder that holds libtorch's include and lib."
  done
  set -- "$@" -isystem "$libtorch/include" -isystem "$libtorch/include/torch/csrc/api/include"
  # A libtorch built with the old C++ ABI says so in its own configuration.
  abi=$(grep -ho '_GLIBCXX_USE_CXX11_ABI=[01]' "$libtorch/share/cmake/Torch/TorchConfig.cmake" 2> /dev/null | head -n 1 || true)
  [ -z "$abi" ] || set -- "$@" "-D$abi"
else
  [ -f /usr/include/ATen/ATen.h ] ||
    fail "there is no /usr/include/ATen/ATen.h. Install libtorch (apt-get install libtorch-dev), or set LIBTORCH to the folder of another."
  set -- "$@" -isystem /usr/include/torch/csrc/api/include
fi

# Sources before libraries: the linker asks in that order.
set -- "$@" $(find . -name '*.cpp' | sort) -o "$out.part" -Wl,--no-as-needed
[ -z "$libtorch" ] || set -- "$@" "-L$libtorch/lib" "-Wl,-rpath,$libtorch/lib"
set -- "$@" -ltorch -ltorch_cpu -lc10
# The CUDA library registers its kernels when it is loaded, though nothing here names a symbol of it.
[ -z "$libtorch" ] || [ ! -f "$libtorch/lib/libtorch_cuda.so" ] || set -- "$@" -ltorch_cuda -lc10_cuda

mkdir -p "$(dirname "$out")"
# Written beside and renamed, so that an interrupted build leaves no half library.
"$compiler" "$@"
mv "$out.part" "$out"
