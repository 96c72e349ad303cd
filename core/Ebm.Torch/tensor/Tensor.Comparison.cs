// Comparisons and logic: tensors of booleans, broadcast.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor eq(Tensor target) => Aten.eq_Tensor.Tensor(this, target);

        public Tensor eq(Scalar target) => Aten.eq_Scalar.Tensor(this, target);

        public Tensor eq_(Tensor target) => Aten.eq__Tensor.InPlace(this, target);

        public Tensor eq_(Scalar target) => Aten.eq__Scalar.InPlace(this, target);

        public Tensor ne(Tensor target) => Aten.ne_Tensor.Tensor(this, target);

        public Tensor ne(Scalar target) => Aten.ne_Scalar.Tensor(this, target);

        public Tensor ne_(Tensor target) => Aten.ne__Tensor.InPlace(this, target);

        public Tensor ne_(Scalar target) => Aten.ne__Scalar.InPlace(this, target);

        public Tensor lt(Tensor target) => Aten.lt_Tensor.Tensor(this, target);

        public Tensor lt(Scalar target) => Aten.lt_Scalar.Tensor(this, target);

        public Tensor lt_(Tensor target) => Aten.lt__Tensor.InPlace(this, target);

        public Tensor lt_(Scalar target) => Aten.lt__Scalar.InPlace(this, target);

        public Tensor le(Tensor target) => Aten.le_Tensor.Tensor(this, target);

        public Tensor le(Scalar target) => Aten.le_Scalar.Tensor(this, target);

        public Tensor le_(Tensor target) => Aten.le__Tensor.InPlace(this, target);

        public Tensor le_(Scalar target) => Aten.le__Scalar.InPlace(this, target);

        public Tensor gt(Tensor target) => Aten.gt_Tensor.Tensor(this, target);

        public Tensor gt(Scalar target) => Aten.gt_Scalar.Tensor(this, target);

        public Tensor gt_(Tensor target) => Aten.gt__Tensor.InPlace(this, target);

        public Tensor gt_(Scalar target) => Aten.gt__Scalar.InPlace(this, target);

        public Tensor ge(Tensor target) => Aten.ge_Tensor.Tensor(this, target);

        public Tensor ge(Scalar target) => Aten.ge_Scalar.Tensor(this, target);

        public Tensor ge_(Tensor target) => Aten.ge__Tensor.InPlace(this, target);

        public Tensor ge_(Scalar target) => Aten.ge__Scalar.InPlace(this, target);

        public Tensor equal(Tensor target) => eq(target);

        public Tensor not_equal(Tensor target) => ne(target);

        public Tensor not_equal_(Tensor target) => ne_(target);

        public Tensor less(Tensor target) => lt(target);

        public Tensor less_equal(Tensor target) => le(target);

        public Tensor less_equal_(Tensor target) => le_(target);

        public Tensor greater(Tensor target) => gt(target);

        public Tensor greater_equal(Tensor target) => ge(target);

        /// <summary>|this − target| ≤ atol + rtol·|target|, everywhere.</summary>
        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) =>
            Aten.allclose.Bool(this, target, rtol, atol, equal_nan);

        public Tensor isclose(Tensor other, double rtol = 1e-05, double atol = 1e-08, bool nanEqual = false) =>
            Aten.isclose.Tensor(this, other, rtol, atol, nanEqual);

        public Tensor isin(Tensor test_elements, bool assumeUnique = false, bool invert = false) =>
            Aten.isin_Tensor_Tensor.Tensor(this, test_elements, assumeUnique, invert);

        public Tensor isfinite() => Aten.isfinite.Tensor(this);

        public Tensor isinf() => Aten.isinf.Tensor(this);

        public Tensor isnan() => Aten.isnan.Tensor(this);

        public Tensor isneginf() => Aten.isneginf.Tensor(this);

        public Tensor isposinf() => Aten.isposinf.Tensor(this);

        public Tensor isreal() => Aten.isreal.Tensor(this);

        public bool is_nonzero() => Aten.is_nonzero.Bool(this);

        public Tensor maximum(Tensor other) => Aten.maximum.Tensor(this, other);

        public Tensor minimum(Tensor other) => Aten.minimum.Tensor(this, other);

        /// <summary>As maximum and minimum, but a NaN gives way to a number.</summary>
        public Tensor fmax(Tensor other) => Aten.fmax.Tensor(this, other);

        public Tensor fmin(Tensor other) => Aten.fmin.Tensor(this, other);

        public Tensor logical_and(Tensor other) => Aten.logical_and.Tensor(this, other);

        public Tensor logical_and_(Tensor other) => Aten.logical_and_.InPlace(this, other);

        public Tensor logical_or(Tensor other) => Aten.logical_or.Tensor(this, other);

        public Tensor logical_or_(Tensor other) => Aten.logical_or_.InPlace(this, other);

        public Tensor logical_xor(Tensor other) => Aten.logical_xor.Tensor(this, other);

        public Tensor logical_xor_(Tensor other) => Aten.logical_xor_.InPlace(this, other);

        public Tensor logical_not() => Aten.logical_not.Tensor(this);

        public Tensor logical_not_() => Aten.logical_not_.InPlace(this);

        public Tensor bitwise_and(Tensor other) => Aten.bitwise_and_Tensor.Tensor(this, other);

        public Tensor bitwise_and_(Tensor other) => Aten.bitwise_and__Tensor.InPlace(this, other);

        public Tensor bitwise_or(Tensor other) => Aten.bitwise_or_Tensor.Tensor(this, other);

        public Tensor bitwise_or_(Tensor other) => Aten.bitwise_or__Tensor.InPlace(this, other);

        public Tensor bitwise_xor(Tensor other) => Aten.bitwise_xor_Tensor.Tensor(this, other);

        public Tensor bitwise_xor_(Tensor other) => Aten.bitwise_xor__Tensor.InPlace(this, other);

        public Tensor bitwise_left_shift(Tensor other) => Aten.bitwise_left_shift_Tensor.Tensor(this, other);

        public Tensor bitwise_left_shift_(Tensor other) => Aten.bitwise_left_shift__Tensor.InPlace(this, other);

        public Tensor bitwise_right_shift(Tensor other) => Aten.bitwise_right_shift_Tensor.Tensor(this, other);

        public Tensor bitwise_right_shift_(Tensor other) => Aten.bitwise_right_shift__Tensor.InPlace(this, other);

        public Tensor bitwise_not() => Aten.bitwise_not.Tensor(this);

        public Tensor bitwise_not_() => Aten.bitwise_not_.InPlace(this);
    }

    internal static partial class Aten
    {
        public static readonly Operator eq_Tensor = new("eq.Tensor(self, other)"),
            eq_Scalar = new("eq.Scalar(self, other)"),
            eq__Tensor = new("eq_.Tensor(self, other)"),
            eq__Scalar = new("eq_.Scalar(self, other)"),
            ne_Tensor = new("ne.Tensor(self, other)"),
            ne_Scalar = new("ne.Scalar(self, other)"),
            ne__Tensor = new("ne_.Tensor(self, other)"),
            ne__Scalar = new("ne_.Scalar(self, other)"),
            lt_Tensor = new("lt.Tensor(self, other)"),
            lt_Scalar = new("lt.Scalar(self, other)"),
            lt__Tensor = new("lt_.Tensor(self, other)"),
            lt__Scalar = new("lt_.Scalar(self, other)"),
            le_Tensor = new("le.Tensor(self, other)"),
            le_Scalar = new("le.Scalar(self, other)"),
            le__Tensor = new("le_.Tensor(self, other)"),
            le__Scalar = new("le_.Scalar(self, other)"),
            gt_Tensor = new("gt.Tensor(self, other)"),
            gt_Scalar = new("gt.Scalar(self, other)"),
            gt__Tensor = new("gt_.Tensor(self, other)"),
            gt__Scalar = new("gt_.Scalar(self, other)"),
            ge_Tensor = new("ge.Tensor(self, other)"),
            ge_Scalar = new("ge.Scalar(self, other)"),
            ge__Tensor = new("ge_.Tensor(self, other)"),
            ge__Scalar = new("ge_.Scalar(self, other)"),
            allclose = new("allclose(self, other, rtol, atol, equal_nan)"),
            isclose = new("isclose(self, other, rtol, atol, equal_nan)"),
            isin_Tensor_Tensor = new("isin.Tensor_Tensor(elements, test_elements, assume_unique, invert)"),
            isfinite = new("isfinite(self)"),
            isinf = new("isinf(self)"),
            isnan = new("isnan(self)"),
            isneginf = new("isneginf(self)"),
            isposinf = new("isposinf(self)"),
            isreal = new("isreal(self)"),
            is_nonzero = new("is_nonzero(self)"),
            maximum = new("maximum(self, other)"),
            minimum = new("minimum(self, other)"),
            fmax = new("fmax(self, other)"),
            fmin = new("fmin(self, other)"),
            logical_and = new("logical_and(self, other)"),
            logical_and_ = new("logical_and_(self, other)"),
            logical_or = new("logical_or(self, other)"),
            logical_or_ = new("logical_or_(self, other)"),
            logical_xor = new("logical_xor(self, other)"),
            logical_xor_ = new("logical_xor_(self, other)"),
            logical_not = new("logical_not(self)"),
            logical_not_ = new("logical_not_(self)"),
            bitwise_and_Tensor = new("bitwise_and.Tensor(self, other)"),
            bitwise_and__Tensor = new("bitwise_and_.Tensor(self, other)"),
            bitwise_or_Tensor = new("bitwise_or.Tensor(self, other)"),
            bitwise_or__Tensor = new("bitwise_or_.Tensor(self, other)"),
            bitwise_xor_Tensor = new("bitwise_xor.Tensor(self, other)"),
            bitwise_xor__Tensor = new("bitwise_xor_.Tensor(self, other)"),
            bitwise_left_shift_Tensor = new("bitwise_left_shift.Tensor(self, other)"),
            bitwise_left_shift__Tensor = new("bitwise_left_shift_.Tensor(self, other)"),
            bitwise_right_shift_Tensor = new("bitwise_right_shift.Tensor(self, other)"),
            bitwise_right_shift__Tensor = new("bitwise_right_shift_.Tensor(self, other)"),
            bitwise_not = new("bitwise_not(self)"),
            bitwise_not_ = new("bitwise_not_(self)");
    }
}
