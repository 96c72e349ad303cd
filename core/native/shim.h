// What every file of the shim shares: the value that crosses the border, and the guard that lets no C++ exception cross it.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#define EBM_EXPORT extern "C" __attribute__((visibility("default")))

namespace ebm {

// Mirrors Ebm.Torch's NativeTag, number by number.
enum class Tag : int32_t {
  None = 0, Tensor = 1, Int = 2, Double = 3, Bool = 4, String = 5, Ints = 6, Doubles = 7, Bools = 8,
  Tensors = 9, Device = 10, Generator = 11, Slice = 12, Ellipsis = 13,
};

// 16 bytes. Lists and strings are borrowed from the caller for the length of the call: `bits` is their address, `count` their length.
struct Value {
  Tag tag;
  int32_t count;
  int64_t bits;

  double number() const { double d; static_assert(sizeof d == sizeof bits); __builtin_memcpy(&d, &bits, sizeof d); return d; }
  template <class T> const T* list() const { return reinterpret_cast<const T*>(bits); }
};
static_assert(sizeof(Value) == 16);

// libtorch's optional became the standard library's on the way from 1.13 to 2.11.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
template <class T> using maybe = std::optional<T>;
#else
template <class T> using maybe = c10::optional<T>;
#endif

// An absent end of a slice.
constexpr int64_t absent = INT64_MIN;

// A handle is the address of a TensorImpl of which the holder owns one reference.
using Handle = c10::TensorImpl*;

// A tensor that shares the handle's reference count; the handle stays the caller's.
inline at::Tensor borrow(Handle handle) {
  return handle == nullptr
      ? at::Tensor()
      : at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(handle));
}

// Hands the reference over to the caller; an undefined tensor is a null handle.
inline Handle release(at::Tensor&& tensor) { return tensor.defined() ? std::move(tensor).unsafeReleaseTensorImpl() : nullptr; }

inline std::vector<at::Tensor> borrow(const Handle* handles, int32_t count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(count);
  for (int32_t i = 0; i < count; i++) tensors.push_back(borrow(handles[i]));
  return tensors;
}

void remember(const char* message, int32_t status);

// Runs the body; 0 when it returned, else the kind of error, whose message `ebm_error` gives on this thread.
template <class Body>
int32_t guard(Body&& body) {
  try {
    body();
    return 0;
  } catch (const c10::IndexError& e) {
    remember(e.what_without_backtrace(), 2);
    return 2;
  } catch (const c10::Error& e) {
    remember(e.what_without_backtrace(), 1);
  } catch (const std::exception& e) {
    remember(e.what(), 1);
  } catch (...) {
    remember("an error that is no std::exception", 1);
  }
  return 1;
}

}  // namespace ebm
