// Sums, differences, products, quotients, remainders, powers. Shapes broadcast; dtypes promote; a name that ends in _ writes into the
// tensor.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor add(Tensor target) => Aten.add_Tensor.Tensor(this, target);

        /// <summary>this + alpha · target</summary>
        public Tensor add(Tensor target, Scalar alpha) => Aten.add_Tensor.Tensor(this, target, alpha);

        public Tensor add(Scalar scalar) => Aten.add_Scalar.Tensor(this, scalar);

        public Tensor add(Scalar scalar, Scalar alpha) => Aten.add_Scalar.Tensor(this, scalar, alpha);

        public Tensor add_(Tensor target) => Aten.add__Tensor.InPlace(this, target);

        public Tensor add_(Tensor target, Scalar alpha) => Aten.add__Tensor.InPlace(this, target, alpha);

        public Tensor add_(Scalar scalar) => Aten.add__Scalar.InPlace(this, scalar);

        public Tensor add_(Scalar scalar, Scalar alpha) => Aten.add__Scalar.InPlace(this, scalar, alpha);

        public Tensor sub(Tensor target) => Aten.sub_Tensor.Tensor(this, target);

        public Tensor sub(Scalar target) => Aten.sub_Scalar.Tensor(this, target);

        public Tensor sub_(Tensor target) => Aten.sub__Tensor.InPlace(this, target);

        public Tensor sub_(Scalar target) => Aten.sub__Scalar.InPlace(this, target);

        public Tensor subtract(Tensor target) => sub(target);

        public Tensor subtract(Scalar target) => sub(target);

        public Tensor subtract_(Tensor target) => sub_(target);

        public Tensor subtract_(Scalar target) => sub_(target);

        public Tensor mul(Tensor target) => Aten.mul_Tensor.Tensor(this, target);

        public Tensor mul(Scalar target) => Aten.mul_Scalar.Tensor(this, target);

        public Tensor mul_(Tensor target) => Aten.mul__Tensor.InPlace(this, target);

        public Tensor mul_(Scalar target) => Aten.mul__Scalar.InPlace(this, target);

        public Tensor multiply(Tensor target) => mul(target);

        public Tensor multiply(Scalar target) => mul(target);

        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            Aten.div_Tensor_mode.Tensor(rounding_mode == RoundingMode.None ? this : Whole(this, target), target, WordOf(rounding_mode));

        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            Aten.div_Scalar_mode.Tensor(rounding_mode == RoundingMode.None ? this : Whole(this, target), target, WordOf(rounding_mode));

        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            Aten.div__Tensor_mode.InPlace(rounding_mode == RoundingMode.None ? this : Whole(this, target), target, WordOf(rounding_mode));

        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            Aten.div__Scalar_mode.InPlace(rounding_mode == RoundingMode.None ? this : Whole(this, target), target, WordOf(rounding_mode));

        public Tensor divide(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => div(target, rounding_mode);

        public Tensor divide(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => div(target, rounding_mode);

        public Tensor divide_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => div_(target, rounding_mode);

        public Tensor divide_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => div_(target, rounding_mode);

        public Tensor true_divide(Tensor other) => div(other);

        public Tensor true_divide(Scalar other) => div(other);

        public Tensor true_divide_(Tensor other) => div_(other);

        public Tensor true_divide_(Scalar other) => div_(other);

        public Tensor floor_divide(Tensor other) => div(other, RoundingMode.floor);

        public Tensor floor_divide(Scalar other) => div(other, RoundingMode.floor);

        public Tensor floor_divide_(Tensor other) => div_(other, RoundingMode.floor);

        public Tensor floor_divide_(Scalar other) => div_(other, RoundingMode.floor);

        /// <summary>The remainder with the sign of the divisor.</summary>
        public Tensor remainder(Tensor target) => Aten.remainder_Tensor.Tensor(Whole(this, target), target);

        public Tensor remainder(Scalar scalar) => Aten.remainder_Scalar.Tensor(Whole(this, scalar), scalar);

        public Tensor remainder_(Tensor target) => Aten.remainder__Tensor.InPlace(Whole(this, target), target);

        public Tensor remainder_(Scalar scalar) => Aten.remainder__Scalar.InPlace(Whole(this, scalar), scalar);

        /// <summary>The remainder with the sign of the dividend.</summary>
        public Tensor fmod(Tensor target) => Aten.fmod_Tensor.Tensor(Whole(this, target), target);

        public Tensor fmod(Scalar scalar) => Aten.fmod_Scalar.Tensor(Whole(this, scalar), scalar);

        public Tensor fmod_(Tensor target) => Aten.fmod__Tensor.InPlace(Whole(this, target), target);

        public Tensor fmod_(Scalar scalar) => Aten.fmod__Scalar.InPlace(Whole(this, scalar), scalar);

        public Tensor pow(Tensor exponent) => Aten.pow_Tensor_Tensor.Tensor(this, exponent);

        public Tensor pow(Scalar exponent) => Aten.pow_Tensor_Scalar.Tensor(this, exponent);

        public Tensor pow_(Tensor exponent) => Aten.pow__Tensor.InPlace(this, exponent);

        public Tensor pow_(Scalar exponent) => Aten.pow__Scalar.InPlace(this, exponent);

        /// <summary>In double precision.</summary>
        public Tensor float_power(Tensor target) => Aten.float_power_Tensor_Tensor.Tensor(this, target);

        /// <summary>this + value · tensor1 · tensor2</summary>
        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcmul.Tensor(this, tensor1, tensor2, value);

        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcmul_.InPlace(this, tensor1, tensor2, value);

        /// <summary>this + value · tensor1 / tensor2</summary>
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2) => Aten.addcdiv.Tensor(this, tensor1, tensor2);

        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcdiv.Tensor(this, tensor1, tensor2, value);

        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2) => Aten.addcdiv_.InPlace(this, tensor1, tensor2);

        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcdiv_.InPlace(this, tensor1, tensor2, value);

        /// <summary>this + weight · (end − this)</summary>
        public Tensor lerp(Tensor end, Tensor weight) => Aten.lerp_Tensor.Tensor(this, end, weight);

        public Tensor lerp_(Tensor end, Tensor weight) => Aten.lerp__Tensor.InPlace(this, end, weight);

        // The dividend, unless the processor would stop the process on it: the least integer over −1 is the one quotient that no integer
        // holds.
        static Tensor Whole(Tensor dividend, Tensor divisor)
        {
            if (
                dividend.is_integral()
                && divisor.is_integral()
                && promote_types(dividend.dtype, divisor.dtype) is ScalarType.Int32 or ScalarType.Int64
                && !divisor.is_meta
            )
            {
                using var ones = divisor.eq(-1);
                using var any = ones.any();
                if (any.item<bool>())
                {
                    RequireQuotient(dividend, promote_types(dividend.dtype, divisor.dtype));
                }
            }
            return dividend;
        }

        static Tensor Whole(Tensor dividend, Scalar divisor)
        {
            // libtorch casts the number to the tensor's dtype.
            if (
                !divisor.IsFloating
                && dividend.is_integral()
                && dividend.dtype is var type
                && (type == ScalarType.Int32 ? (int)divisor.AsInt64 : divisor.AsInt64) == -1
            )
            {
                RequireQuotient(dividend, type);
            }
            return dividend;
        }

        static void RequireQuotient(Tensor dividend, ScalarType type)
        {
            if (type is not (ScalarType.Int32 or ScalarType.Int64) || dividend.is_meta)
            {
                return;
            }
            using var least = dividend.eq(type == ScalarType.Int32 ? int.MinValue : long.MinValue);
            using var any = least.any();
            if (any.item<bool>())
            {
                throw new OverflowException(
                    $"the quotient of the least {NameOf(type)} and −1 is no {NameOf(type)}; divide in a floating-point type."
                );
            }
        }

        // libtorch's word for a rounding mode; none is a true quotient.
        static string? WordOf(RoundingMode mode) => mode == RoundingMode.None ? null : mode.ToString();
    }

    internal static partial class Aten
    {
        public static readonly Operator add_Tensor = new("add.Tensor(self, other, alpha)"),
            add_Scalar = new("add.Scalar(self, other, alpha)"),
            add__Tensor = new("add_.Tensor(self, other, alpha)"),
            add__Scalar = new("add_.Scalar(self, other, alpha)"),
            sub_Tensor = new("sub.Tensor(self, other, alpha)"),
            sub_Scalar = new("sub.Scalar(self, other, alpha)"),
            sub__Tensor = new("sub_.Tensor(self, other, alpha)"),
            sub__Scalar = new("sub_.Scalar(self, other, alpha)"),
            mul_Tensor = new("mul.Tensor(self, other)"),
            mul_Scalar = new("mul.Scalar(self, other)"),
            mul__Tensor = new("mul_.Tensor(self, other)"),
            mul__Scalar = new("mul_.Scalar(self, other)"),
            div_Tensor_mode = new("div.Tensor_mode(self, other, rounding_mode)"),
            div_Scalar_mode = new("div.Scalar_mode(self, other, rounding_mode)"),
            div__Tensor_mode = new("div_.Tensor_mode(self, other, rounding_mode)"),
            div__Scalar_mode = new("div_.Scalar_mode(self, other, rounding_mode)"),
            remainder_Tensor = new("remainder.Tensor(self, other)"),
            remainder_Scalar = new("remainder.Scalar(self, other)"),
            remainder__Tensor = new("remainder_.Tensor(self, other)"),
            remainder__Scalar = new("remainder_.Scalar(self, other)"),
            fmod_Tensor = new("fmod.Tensor(self, other)"),
            fmod_Scalar = new("fmod.Scalar(self, other)"),
            fmod__Tensor = new("fmod_.Tensor(self, other)"),
            fmod__Scalar = new("fmod_.Scalar(self, other)"),
            pow_Tensor_Tensor = new("pow.Tensor_Tensor(self, exponent)"),
            pow_Tensor_Scalar = new("pow.Tensor_Scalar(self, exponent)"),
            pow__Tensor = new("pow_.Tensor(self, exponent)"),
            pow__Scalar = new("pow_.Scalar(self, exponent)"),
            float_power_Tensor_Tensor = new("float_power.Tensor_Tensor(self, exponent)"),
            addcmul = new("addcmul(self, tensor1, tensor2, value)"),
            addcmul_ = new("addcmul_(self, tensor1, tensor2, value)"),
            addcdiv = new("addcdiv(self, tensor1, tensor2, value)"),
            addcdiv_ = new("addcdiv_(self, tensor1, tensor2, value)"),
            lerp_Tensor = new("lerp.Tensor(self, end, weight)"),
            lerp__Tensor = new("lerp_.Tensor(self, end, weight)");
    }
}
