#!/bin/sh
# Builds libebm_native.so with one g++ call: build.sh <output file> [libtorch folder]
# The folder holds include/ and lib/, as a downloaded libtorch and a PyTorch installation do; without it, the system's libtorch-dev is used.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
libtorch=${2:-}

fail() { echo "core/native: error EBM0001: $1" >&2; exit 2; }

command -v "${CXX:-g++}" > /dev/null || fail "no C++ compiler: ${CXX:-g++} is not on the PATH. Install it (apt-get install g++), or name one in the variable CXX."

flags="-std=c++20 -shared -fPIC -O2 -Wall -Wno-unknown-pragmas -fvisibility=hidden -Wl,-Bsymbolic -Wl,--version-script=$here/exports.map"
if [ -n "$libtorch" ]; then
  [ -f "$libtorch/include/ATen/ATen.h" ] || fail "LIBTORCH is $libtorch, and there is no include/ATen/ATen.h in it. Give the folder that holds libtorch's include and lib."
  [ -f "$libtorch/lib/libtorch_cpu.so" ] || fail "LIBTORCH is $libtorch, and there is no lib/libtorch_cpu.so in it. Give the folder that holds libtorch's include and lib."
  flags="$flags -isystem $libtorch/include -isystem $libtorch/include/torch/csrc/api/include"
  libraries="-L$libtorch/lib -Wl,-rpath,$libtorch/lib"
  # A libtorch built with the old C++ ABI says so in its own configuration.
  abi=$(grep -ho '_GLIBCXX_USE_CXX11_ABI=[01]' "$libtorch/share/cmake/Torch/TorchConfig.cmake" 2> /dev/null | head -n 1 || true)
  [ -z "$abi" ] || flags="$flags -D$abi"
  # The CUDA library registers its kernels when it is loaded, though nothing here names a symbol of it.
  [ ! -f "$libtorch/lib/libtorch_cuda.so" ] || libraries="$libraries -Wl,--no-as-needed -ltorch_cuda -lc10_cuda -Wl,--as-needed"
else
  [ -f /usr/include/ATen/ATen.h ] || fail "libtorch is not installed: there is no /usr/include/ATen/ATen.h. Install it (apt-get install libtorch-dev), or set LIBTORCH to the folder of another libtorch."
  flags="$flags -isystem /usr/include/torch/csrc/api/include"
  libraries=""
fi

mkdir -p "$(dirname "$out")"
# Written beside and renamed, so that an interrupted build leaves no half library.
"${CXX:-g++}" $flags "$here"/*.cpp -o "$out.part" $libraries -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10 -Wl,--as-needed
mv "$out.part" "$out"
