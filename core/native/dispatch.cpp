// One exported call reaches every operator of libtorch: by name and overload, from a row of tagged values, through the
// boxed dispatcher (autograd and all). Each operator's schema is read once; values are checked against it, so that a value
// of the wrong kind is an error here and never a wrong read there, and trailing arguments come from the schema's defaults.

#include "shim.h"

#include <ATen/core/Generator.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/jit_type.h>

#include <sstream>

namespace ebm {

static thread_local std::string last_error;

void remember(const char* message, int32_t) {
  last_error = message;
}

enum class Kind { Tensor, Tensors, OptionalTensors, Int, Double, Bool, Scalar, String, Ints, Doubles, Bools, Device, Generator, Unknown };

struct Parameter {
  std::string name;
  Kind kind;
  bool optional;
  int32_t repeat;  // the N of int[N]: a single number stands for N of them
  maybe<c10::IValue> otherwise;
};

struct Operator {
  c10::OperatorHandle handle;
  std::string name;
  std::vector<Parameter> parameters;
};

static Kind kind_of(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType: return Kind::Tensor;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
    case c10::TypeKind::ScalarTypeType:
    case c10::TypeKind::LayoutType:
    case c10::TypeKind::MemoryFormatType: return Kind::Int;
    case c10::TypeKind::FloatType: return Kind::Double;
    case c10::TypeKind::BoolType: return Kind::Bool;
    case c10::TypeKind::NumberType: return Kind::Scalar;
    case c10::TypeKind::StringType: return Kind::String;
    case c10::TypeKind::DeviceObjType: return Kind::Device;
    case c10::TypeKind::GeneratorType: return Kind::Generator;
    case c10::TypeKind::ListType: {
      const auto& element = *type.expectRef<c10::ListType>().getElementType();
      if (element.kind() == c10::TypeKind::OptionalType) {
        const auto& inner = *element.expectRef<c10::OptionalType>().getElementType();
        return inner.kind() == c10::TypeKind::TensorType ? Kind::OptionalTensors : Kind::Unknown;
      }
      switch (kind_of(element)) {
        case Kind::Tensor: return Kind::Tensors;
        case Kind::Int: return Kind::Ints;
        case Kind::Double: return Kind::Doubles;
        case Kind::Bool: return Kind::Bools;
        default: return Kind::Unknown;
      }
    }
    default: return Kind::Unknown;
  }
}

static Parameter parameter_of(const c10::Argument& argument) {
  const c10::Type* type = argument.type().get();
  bool optional = type->kind() == c10::TypeKind::OptionalType;
  if (optional) type = type->expectRef<c10::OptionalType>().getElementType().get();
  maybe<c10::IValue> otherwise;
  if (argument.default_value().has_value()) otherwise = *argument.default_value();
  return {argument.name(), kind_of(*type), optional, argument.N().has_value() ? *argument.N() : 0, std::move(otherwise)};
}

static const char* word(Tag tag) {
  static const char* words[] = {"nothing", "a tensor", "an integer", "a floating-point number", "a boolean", "a string",
      "a list of integers", "a list of floating-point numbers", "a list of booleans", "a list of tensors", "a device", "a generator",
      "a slice", "an ellipsis"};
  return words[static_cast<int32_t>(tag)];
}

static const char* word(Kind kind) {
  static const char* words[] = {"a tensor", "a list of tensors", "a list of tensors", "an integer", "a floating-point number", "a boolean",
      "a number", "a string", "a list of integers", "a list of floating-point numbers", "a list of booleans", "a device", "a generator",
      "a value this layer cannot make"};
  return words[static_cast<int32_t>(kind)];
}

[[noreturn]] static void mismatch(const Parameter& parameter, const Value& value) {
  std::ostringstream says;
  says << "argument '" << parameter.name << "' takes " << word(parameter.kind) << "; it was given " << word(value.tag);
  throw std::invalid_argument(says.str());
}

template <class T>
static c10::List<T> list_of(const Value& value) {
  c10::List<T> list;
  list.reserve(value.count);
  for (int32_t i = 0; i < value.count; i++) list.push_back(value.list<T>()[i]);
  return list;
}

static c10::IValue to_ivalue(const Value& value, const Parameter& parameter) {
  if (value.tag == Tag::None && parameter.optional) return c10::IValue();
  switch (parameter.kind) {
    case Kind::Tensor:
      if (value.tag == Tag::Tensor) return borrow(reinterpret_cast<Handle>(value.bits));
      break;
    case Kind::Tensors:
      if (value.tag == Tag::Tensors) {
        c10::List<at::Tensor> list;
        list.reserve(value.count);
        for (int32_t i = 0; i < value.count; i++) {
          auto handle = value.list<Handle>()[i];
          if (handle == nullptr) throw std::invalid_argument("entry " + std::to_string(i) + " of argument '" + parameter.name + "' is null; it must be a tensor");
          list.push_back(borrow(handle));
        }
        return list;
      }
      break;
    case Kind::OptionalTensors:
      if (value.tag == Tag::Tensors) {
        c10::List<maybe<at::Tensor>> list;
        list.reserve(value.count);
        for (int32_t i = 0; i < value.count; i++) {
          auto handle = value.list<Handle>()[i];
          list.push_back(handle == nullptr ? maybe<at::Tensor>() : maybe<at::Tensor>(borrow(handle)));
        }
        return list;
      }
      break;
    case Kind::Int:
      if (value.tag == Tag::Int) return value.bits;
      break;
    case Kind::Double:
      if (value.tag == Tag::Double) return value.number();
      if (value.tag == Tag::Int) return static_cast<double>(value.bits);
      break;
    case Kind::Bool:
      if (value.tag == Tag::Bool) return value.bits != 0;
      break;
    case Kind::Scalar:
      if (value.tag == Tag::Double) return value.number();
      if (value.tag == Tag::Int) return value.bits;
      if (value.tag == Tag::Bool) return value.bits != 0;
      break;
    case Kind::String:
      if (value.tag == Tag::String) return std::string(value.list<char>(), value.count);
      break;
    case Kind::Ints:
      if (value.tag == Tag::Ints) return list_of<int64_t>(value);
      if (value.tag == Tag::Int) {
        c10::List<int64_t> list;
        for (int32_t i = 0; i < std::max(parameter.repeat, 1); i++) list.push_back(value.bits);
        return list;
      }
      break;
    case Kind::Doubles:
      if (value.tag == Tag::Doubles) return list_of<double>(value);
      break;
    case Kind::Bools:
      if (value.tag == Tag::Bools) {
        c10::List<bool> list;
        for (int32_t i = 0; i < value.count; i++) list.push_back(value.list<uint8_t>()[i] != 0);
        return list;
      }
      break;
    case Kind::Device:
      if (value.tag == Tag::Device)
        return c10::Device(static_cast<c10::DeviceType>(value.count), static_cast<c10::DeviceIndex>(value.bits));
      break;
    case Kind::Generator:
      if (value.tag == Tag::Generator)
        return at::Generator(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(reinterpret_cast<c10::GeneratorImpl*>(value.bits)));
      break;
    case Kind::Unknown:
      break;
  }
  mismatch(parameter, value);
}

// Results beyond the caller's room wait here for `ebm_results`; lists of tensors come out flat.
static thread_local std::vector<Value> waiting;

static Value of_double(double number) {
  Value value{Tag::Double, 0, 0};
  __builtin_memcpy(&value.bits, &number, sizeof number);
  return value;
}

// A tensor and, as its count, the KiB of memory that it alone holds: what the garbage collector should know of.
static Value of_tensor(at::Tensor&& tensor) {
  int64_t bytes = 0;
  if (tensor.defined() && tensor.has_storage() && tensor.storage().use_count() == 1)
    bytes = static_cast<int64_t>(tensor.storage().nbytes());
  auto kib = static_cast<int32_t>(std::min<int64_t>(bytes >> 10, INT32_MAX));
  return {Tag::Tensor, kib, reinterpret_cast<int64_t>(release(std::move(tensor)))};
}

static void append(std::vector<Value>& results, c10::IValue&& result) {
  if (result.isTensor()) results.push_back(of_tensor(std::move(result).toTensor()));
  else if (result.isTensorList()) { for (at::Tensor tensor : result.toTensorVector()) results.push_back(of_tensor(std::move(tensor))); }
  else if (result.isInt()) results.push_back({Tag::Int, 0, result.toInt()});
  else if (result.isBool()) results.push_back({Tag::Bool, 0, result.toBool()});
  else if (result.isDouble()) results.push_back(of_double(result.toDouble()));
  else if (result.isNone()) results.push_back({Tag::None, 0, 0});
  else throw std::invalid_argument("it returned a " + result.tagKind() + ", which this layer cannot hand on");
}

static void drop(std::vector<Value>& values) {
  for (const auto& value : values)
    if (value.tag == Tag::Tensor && value.bits != 0) c10::raw::intrusive_ptr::decref(reinterpret_cast<Handle>(value.bits));
  values.clear();
}

}  // namespace ebm

using namespace ebm;

// The message of this thread's last error, without the C++ backtrace; valid until the thread's next call.
EBM_EXPORT const char* ebm_error() { return last_error.c_str(); }

// Looks an operator up, once per call site; the handle lives as long as the process.
EBM_EXPORT int32_t ebm_operator(const char* name, const char* overload, Operator** handle) {
  return guard([&] {
    auto found = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
    auto* op = new Operator{found, name, {}};
    for (const auto& argument : found.schema().arguments()) op->parameters.push_back(parameter_of(argument));
    *handle = op;
  });
}

// The schema as libtorch prints it, written to `text` (at most `room` bytes, terminated); the length it needs comes back in `length`.
EBM_EXPORT int32_t ebm_operator_schema(const Operator* op, char* text, int32_t room, int32_t* length) {
  return guard([&] {
    std::ostringstream says;
    says << op->handle.schema();
    auto schema = says.str();
    *length = static_cast<int32_t>(schema.size());
    if (room > 0) text[schema.copy(text, room - 1)] = 0;
  });
}

// Calls an operator. `count` leading arguments are given, the rest are the schema's defaults. At most `room` results are written;
// when `found` is greater, all of them wait for `ebm_results` on this thread. No room, no results.
EBM_EXPORT int32_t ebm_call(const Operator* op, const Value* arguments, int32_t count, Value* results, int32_t room, int32_t* found) {
  return guard([&] {
    const auto& parameters = op->parameters;
    if (static_cast<size_t>(count) > parameters.size())
      throw std::invalid_argument("it takes " + std::to_string(parameters.size()) + " arguments; it was given " + std::to_string(count));
    torch::jit::Stack stack;
    stack.reserve(parameters.size());
    for (int32_t i = 0; i < count; i++) stack.push_back(to_ivalue(arguments[i], parameters[i]));
    for (size_t i = count; i < parameters.size(); i++) {
      if (!parameters[i].otherwise.has_value())
        throw std::invalid_argument("argument '" + parameters[i].name + "' is missing, and has no default");
      stack.push_back(*parameters[i].otherwise);
    }
    op->handle.callBoxed(&stack);
    if (room == 0) {
      *found = 0;
      return;
    }
    if (stack.size() == 1 && stack[0].isTensor()) {
      results[0] = of_tensor(std::move(stack[0]).toTensor());
      *found = 1;
      return;
    }
    drop(waiting);
    for (auto& result : stack) append(waiting, std::move(result));
    *found = static_cast<int32_t>(waiting.size());
    if (*found <= room) {
      std::copy(waiting.begin(), waiting.end(), results);
      waiting.clear();
    }
  });
}

// Hands over the results that found no room in the last call of this thread.
EBM_EXPORT void ebm_results(Value* results) {
  std::copy(waiting.begin(), waiting.end(), results);
  waiting.clear();
}
