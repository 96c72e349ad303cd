// libtorch itself: version and build, threads, devices, the default dtype, determinism.

#include "shim.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/DefaultDtype.h>
#include <c10/core/ScalarTypeToTypeMeta.h>
#include <torch/cuda.h>
#include <torch/version.h>

using namespace ebm;

EBM_EXPORT const char* ebm_version() { return TORCH_VERSION; }

// How libtorch was built (compiler, BLAS, oneDNN, instruction sets), and what it found at run time.
EBM_EXPORT const char* ebm_build_config() {
  static const std::string config = at::show_config();
  return config.c_str();
}
EBM_EXPORT const char* ebm_parallel_info() {
  static thread_local std::string info;
  info = at::get_parallel_info();
  return info.c_str();
}

EBM_EXPORT int32_t ebm_num_threads() { return at::get_num_threads(); }
EBM_EXPORT int32_t ebm_set_num_threads(int32_t count) { return guard([&] { at::set_num_threads(count); }); }
EBM_EXPORT int32_t ebm_num_interop_threads() { return static_cast<int32_t>(at::get_num_interop_threads()); }
EBM_EXPORT int32_t ebm_set_num_interop_threads(int32_t count) { return guard([&] { at::set_num_interop_threads(count); }); }

EBM_EXPORT int32_t ebm_default_dtype() { return static_cast<int32_t>(c10::get_default_dtype_as_scalartype()); }
EBM_EXPORT int32_t ebm_set_default_dtype(int32_t dtype) {
  return guard([&] { c10::set_default_dtype(c10::scalarTypeToTypeMeta(static_cast<c10::ScalarType>(dtype))); });
}

EBM_EXPORT int32_t ebm_cuda_device_count() { return static_cast<int32_t>(torch::cuda::device_count()); }
EBM_EXPORT uint8_t ebm_cudnn_available() { return torch::cuda::cudnn_is_available(); }
EBM_EXPORT int32_t ebm_cuda_synchronize(int64_t index) { return guard([&] { torch::cuda::synchronize(index); }); }
EBM_EXPORT int32_t ebm_cuda_manual_seed(uint64_t seed) { return guard([&] { torch::cuda::manual_seed(seed); }); }
EBM_EXPORT int32_t ebm_cuda_manual_seed_all(uint64_t seed) { return guard([&] { torch::cuda::manual_seed_all(seed); }); }

// Determinism: operators that have no deterministic form then throw (or only warn).
EBM_EXPORT uint8_t ebm_deterministic() { return at::globalContext().deterministicAlgorithms(); }
EBM_EXPORT uint8_t ebm_deterministic_warns_only() { return at::globalContext().deterministicAlgorithmsWarnOnly(); }
EBM_EXPORT int32_t ebm_set_deterministic(uint8_t enabled, uint8_t warn_only) {
  return guard([&] {
    at::globalContext().setDeterministicAlgorithms(enabled != 0, warn_only != 0);
    at::globalContext().setDeterministicCuDNN(enabled != 0);
  });
}

// TF32 in matrix products and convolutions on a GPU.
EBM_EXPORT uint8_t ebm_tf32_matmul() { return at::globalContext().allowTF32CuBLAS(); }
EBM_EXPORT int32_t ebm_set_tf32_matmul(uint8_t allow) { return guard([&] { at::globalContext().setAllowTF32CuBLAS(allow != 0); }); }
EBM_EXPORT uint8_t ebm_tf32_cudnn() { return at::globalContext().allowTF32CuDNN(); }
EBM_EXPORT int32_t ebm_set_tf32_cudnn(uint8_t allow) { return guard([&] { at::globalContext().setAllowTF32CuDNN(allow != 0); }); }
