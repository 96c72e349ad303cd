// Streams of random numbers, each with its own state.

#include "shim.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <mutex>

using namespace ebm;

using Stream = c10::GeneratorImpl*;

static at::Generator shared(Stream stream) { return at::Generator(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(stream)); }
static Stream handed_over(at::Generator generator) { return generator.unsafeReleaseGeneratorImpl(); }

static c10::Device device_of(int32_t type, int32_t index) {
  return c10::Device(static_cast<c10::DeviceType>(type), static_cast<c10::DeviceIndex>(index));
}

EBM_EXPORT int32_t ebm_generator(int32_t device, int32_t index, uint64_t seed, Stream* result) {
  return guard([&] {
    if (device == static_cast<int32_t>(c10::DeviceType::CPU)) {
      *result = handed_over(at::detail::createCPUGenerator(seed));
      return;
    }
    auto generator = at::globalContext().defaultGenerator(device_of(device, index)).clone();
    generator.set_current_seed(seed);
    *result = handed_over(std::move(generator));
  });
}

// The generator that operators use when they are given none.
EBM_EXPORT int32_t ebm_generator_default(int32_t device, int32_t index, Stream* result) {
  return guard([&] { *result = handed_over(at::Generator(at::globalContext().defaultGenerator(device_of(device, index)))); });
}

EBM_EXPORT void ebm_generator_release(Stream stream) { c10::raw::intrusive_ptr::decref(stream); }

EBM_EXPORT int32_t ebm_generator_set_seed(Stream stream, uint64_t seed) {
  return guard([&] {
    auto generator = shared(stream);
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(seed);
  });
}

EBM_EXPORT int32_t ebm_generator_current_seed(Stream stream, uint64_t* seed) {
  return guard([&] {
    auto generator = shared(stream);
    std::lock_guard<std::mutex> lock(generator.mutex());
    *seed = generator.current_seed();
  });
}

// A seed from the operating system, which the generator then has.
EBM_EXPORT int32_t ebm_generator_fresh_seed(Stream stream, uint64_t* seed) {
  return guard([&] {
    auto generator = shared(stream);
    std::lock_guard<std::mutex> lock(generator.mutex());
    *seed = generator.seed();
  });
}

EBM_EXPORT int32_t ebm_generator_state(Stream stream, Handle* result) {
  return guard([&] {
    auto generator = shared(stream);
    std::lock_guard<std::mutex> lock(generator.mutex());
    *result = release(generator.get_state());
  });
}

EBM_EXPORT int32_t ebm_generator_set_state(Stream stream, Handle state) {
  return guard([&] {
    auto generator = shared(stream);
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(borrow(state));
  });
}

EBM_EXPORT void ebm_generator_device(Stream stream, int32_t* device, int32_t* index) {
  *device = static_cast<int32_t>(stream->device().type());
  *index = stream->device().index();
}

// Seeds the default generator of every device there is.
EBM_EXPORT int32_t ebm_manual_seed(uint64_t seed) {
  return guard([&] { at::manual_seed(seed); });
}
