// Gradients, and the modes in which they are recorded.

#include "shim.h"

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <torch/csrc/autograd/autograd.h>

using namespace ebm;

// Gradients of the outputs' sum with respect to the inputs; an input that was not used gives a null handle. `seeds` may be null.
EBM_EXPORT int32_t ebm_grad(const Handle* outputs, int32_t output_count, const Handle* inputs, int32_t input_count,
    const Handle* seeds, int32_t seed_count, uint8_t retain_graph, uint8_t create_graph, uint8_t allow_unused, Handle* results) {
  return guard([&] {
    auto gradients = torch::autograd::grad(borrow(outputs, output_count), borrow(inputs, input_count), borrow(seeds, seed_count),
        retain_graph != 0, create_graph != 0, allow_unused != 0);
    for (int32_t i = 0; i < input_count; i++) results[i] = release(std::move(gradients[i]));
  });
}

// Adds the gradients of the tensors' sum to the leaves' `grad` (only to `inputs`, when there are some).
EBM_EXPORT int32_t ebm_backward(const Handle* tensors, int32_t tensor_count, const Handle* seeds, int32_t seed_count,
    uint8_t retain_graph, uint8_t create_graph, const Handle* inputs, int32_t input_count) {
  return guard([&] {
    torch::autograd::backward(borrow(tensors, tensor_count), borrow(seeds, seed_count), retain_graph != 0, create_graph != 0,
        borrow(inputs, input_count));
  });
}

EBM_EXPORT int32_t ebm_tensor_grad(Handle handle, Handle* result) {
  return guard([&] { *result = release(at::Tensor(borrow(handle).grad())); });
}

EBM_EXPORT int32_t ebm_tensor_set_grad(Handle handle, Handle gradient) {
  return guard([&] { borrow(handle).mutable_grad() = borrow(gradient); });
}

EBM_EXPORT uint8_t ebm_grad_mode() { return c10::GradMode::is_enabled(); }
EBM_EXPORT void ebm_set_grad_mode(uint8_t enabled) { c10::GradMode::set_enabled(enabled != 0); }

EBM_EXPORT uint8_t ebm_inference_mode() { return c10::InferenceMode::is_enabled(); }
// The guard belongs to the thread that made it, and is deleted there.
EBM_EXPORT c10::InferenceMode* ebm_inference_guard(uint8_t enabled) { return new c10::InferenceMode(enabled != 0); }
EBM_EXPORT void ebm_inference_release(c10::InferenceMode* guard) { delete guard; }

EBM_EXPORT uint8_t ebm_anomaly_mode() { return torch::autograd::AnomalyMode::is_enabled(); }
EBM_EXPORT uint8_t ebm_anomaly_checks_nan() { return torch::autograd::AnomalyMode::should_check_nan(); }
EBM_EXPORT void ebm_set_anomaly_mode(uint8_t enabled, uint8_t check_nan) {
  torch::autograd::AnomalyMode::set_enabled(enabled != 0, check_nan != 0);
}
