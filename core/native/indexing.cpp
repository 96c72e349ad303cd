// x[…] with integers, slices, None, Ellipsis, booleans and tensors, read and written.

#include "shim.h"

#include <ATen/TensorIndexing.h>

using namespace ebm;

static std::vector<at::indexing::TensorIndex> indices_of(const Value* values, int32_t count) {
  using namespace at::indexing;
  std::vector<TensorIndex> indices;
  indices.reserve(count);
  auto end = [](int64_t bound) { return bound == absent ? maybe<int64_t>() : maybe<int64_t>(bound); };
  for (int32_t i = 0; i < count; i++) {
    const auto& value = values[i];
    switch (value.tag) {
      case Tag::None: indices.emplace_back(at::indexing::None); break;
      case Tag::Ellipsis: indices.emplace_back(at::indexing::Ellipsis); break;
      case Tag::Int: indices.emplace_back(value.bits); break;
      case Tag::Bool: indices.emplace_back(value.bits != 0); break;
      case Tag::Tensor: indices.emplace_back(borrow(reinterpret_cast<Handle>(value.bits))); break;
      case Tag::Slice: {
        const auto* bounds = value.list<int64_t>();
        indices.emplace_back(at::indexing::Slice(end(bounds[0]), end(bounds[1]), end(bounds[2])));
        break;
      }
      default: throw std::invalid_argument("an index is an integer, a slice, a boolean, a tensor, None or Ellipsis");
    }
  }
  return indices;
}

EBM_EXPORT int32_t ebm_index(Handle handle, const Value* indices, int32_t count, Handle* result) {
  return guard([&] { *result = release(borrow(handle).index(indices_of(indices, count))); });
}

EBM_EXPORT int32_t ebm_index_put(Handle handle, const Value* indices, int32_t count, Handle value) {
  return guard([&] { borrow(handle).index_put_(indices_of(indices, count), borrow(value)); });
}
