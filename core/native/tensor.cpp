// A tensor's lifetime, its facts, its memory, its names.

#include "shim.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/ScalarTypeToTypeMeta.h>

// Older versions of libtorch have names of dimensions, newer ones no longer.
#if __has_include(<ATen/NamedTensorUtils.h>)
#include <ATen/NamedTensorUtils.h>
#define EBM_NAMES 1
#else
#define EBM_NAMES 0
#endif

using namespace ebm;

namespace {

// Mirrors Ebm.Torch's TensorFacts, field by field.
struct Facts {
  int64_t numel, storage_offset;
  int32_t dtype, dim, device, device_index, item_size;
  uint8_t requires_grad, is_leaf, is_contiguous, is_sparse, has_names, is_conj, is_neg, is_pinned;
};

}  // namespace

EBM_EXPORT void ebm_tensor_release(Handle handle) { c10::raw::intrusive_ptr::decref(handle); }

// A second owner of the same tensor.
EBM_EXPORT void ebm_tensor_share(Handle handle) { c10::raw::intrusive_ptr::incref(handle); }

EBM_EXPORT int32_t ebm_tensor_facts(Handle handle, Facts* facts) {
  return guard([&] {
    auto tensor = borrow(handle);
    bool strided = tensor.layout() == c10::kStrided;
    *facts = {};
    facts->numel = tensor.numel();
    facts->storage_offset = strided ? tensor.storage_offset() : 0;
    facts->dtype = static_cast<int32_t>(tensor.scalar_type());
    facts->dim = static_cast<int32_t>(tensor.dim());
    facts->device = static_cast<int32_t>(tensor.device().type());
    facts->device_index = tensor.device().index();
    facts->item_size = static_cast<int32_t>(tensor.itemsize());
    facts->requires_grad = tensor.requires_grad();
    facts->is_leaf = tensor.is_leaf();
    facts->is_contiguous = strided && tensor.is_contiguous();
    facts->is_sparse = tensor.is_sparse();
#if EBM_NAMES
    facts->has_names = tensor.has_names();
#endif
    facts->is_conj = tensor.is_conj();
    facts->is_neg = tensor.is_neg();
  });
}

// The sizes (and the strides where asked for); returns the number of dimensions, whatever the room.
EBM_EXPORT int32_t ebm_tensor_shape(Handle handle, int64_t* sizes, int32_t room) {
  auto shape = handle->sizes();
  for (size_t i = 0; i < shape.size() && i < static_cast<size_t>(room); i++) sizes[i] = shape[i];
  return static_cast<int32_t>(shape.size());
}

EBM_EXPORT int32_t ebm_tensor_strides(Handle handle, int64_t* strides, int32_t room) {
  return guard([&] {
    auto given = handle->strides();
    for (size_t i = 0; i < given.size() && i < static_cast<size_t>(room); i++) strides[i] = given[i];
  });
}

// The address of the first element; null for an empty tensor.
EBM_EXPORT int32_t ebm_tensor_data(Handle handle, void** data) {
  return guard([&] { *data = borrow(handle).data_ptr(); });
}

// A tensor over the caller's memory, which `free(context)` gives back when the last view of it is gone.
EBM_EXPORT int32_t ebm_tensor_over(
    void* data, const int64_t* sizes, int32_t dim, int32_t dtype, void (*free)(void*), void* context, Handle* result) {
  return guard([&] {
    auto options = at::TensorOptions().dtype(static_cast<c10::ScalarType>(dtype));
    *result = release(at::from_blob(data, at::IntArrayRef(sizes, dim), [free, context](void*) { free(context); }, options));
  });
}

// Names of dimensions: null for a dimension without one; `names` itself null takes them all away.
EBM_EXPORT int32_t ebm_tensor_rename(Handle handle, const char* const* names, int32_t count) {
  return guard([&] {
#if EBM_NAMES
    auto tensor = borrow(handle);
    if (names == nullptr) {
      at::internal_set_names_inplace(tensor, maybe<at::DimnameList>());
      return;
    }
    std::vector<at::Dimname> given;
    for (int32_t i = 0; i < count; i++)
      given.push_back(names[i] == nullptr ? at::Dimname::wildcard() : at::Dimname::fromSymbol(c10::Symbol::dimname(names[i])));
    at::internal_set_names_inplace(tensor, maybe<at::DimnameList>(given));
#else
    if (names != nullptr) throw std::runtime_error("this libtorch has no names of dimensions");
#endif
  });
}

// The name of one dimension, null where it has none; valid as long as the process.
EBM_EXPORT const char* ebm_tensor_name(Handle handle, int32_t dim) {
#if EBM_NAMES
  auto tensor = borrow(handle);
  if (!tensor.has_names() || dim < 0 || dim >= tensor.dim()) return nullptr;
  auto name = tensor.names()[dim];
  return name.isBasic() ? name.symbol().toUnqualString() : nullptr;
#else
  return nullptr;
#endif
}
