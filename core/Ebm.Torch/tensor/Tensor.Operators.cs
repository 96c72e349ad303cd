// + − * / % and their kin, the comparisons, and numbers that become tensors or come out of them.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public static Tensor operator +(Tensor left, Tensor right) => Aten.add_Tensor.Tensor(left, right);

        public static Tensor operator -(Tensor left, Tensor right) => Aten.sub_Tensor.Tensor(left, right);

        public static Tensor operator *(Tensor left, Tensor right) => Aten.mul_Tensor.Tensor(left, right);

        public static Tensor operator /(Tensor left, Tensor right) => Aten.div_Tensor.Tensor(left, right);

        public static Tensor operator %(Tensor left, Tensor right) => left.remainder(right);

        public static Tensor operator -(Tensor tensor) => tensor.neg();

        public static Tensor operator +(Tensor left, Scalar right) => Aten.add_Scalar.Tensor(left, right);

        public static Tensor operator -(Tensor left, Scalar right) => Aten.sub_Scalar.Tensor(left, right);

        public static Tensor operator *(Tensor left, Scalar right) => Aten.mul_Scalar.Tensor(left, right);

        public static Tensor operator +(Tensor left, int right) => Aten.add_Scalar.Tensor(left, right);

        public static Tensor operator -(Tensor left, int right) => Aten.sub_Scalar.Tensor(left, right);

        public static Tensor operator *(Tensor left, int right) => Aten.mul_Scalar.Tensor(left, right);

        public static Tensor operator +(Tensor left, long right) => Aten.add_Scalar.Tensor(left, right);

        public static Tensor operator -(Tensor left, long right) => Aten.sub_Scalar.Tensor(left, right);

        public static Tensor operator *(Tensor left, long right) => Aten.mul_Scalar.Tensor(left, right);

        public static Tensor operator +(Tensor left, float right) => Aten.add_Scalar.Tensor(left, right);

        public static Tensor operator -(Tensor left, float right) => Aten.sub_Scalar.Tensor(left, right);

        public static Tensor operator *(Tensor left, float right) => Aten.mul_Scalar.Tensor(left, right);

        public static Tensor operator +(Tensor left, double right) => Aten.add_Scalar.Tensor(left, right);

        public static Tensor operator -(Tensor left, double right) => Aten.sub_Scalar.Tensor(left, right);

        public static Tensor operator *(Tensor left, double right) => Aten.mul_Scalar.Tensor(left, right);

        public static Tensor operator /(Tensor left, Scalar right) => Aten.div_Scalar.Tensor(left, right);

        public static Tensor operator /(Tensor left, int right) => Aten.div_Scalar.Tensor(left, right);

        public static Tensor operator /(Tensor left, long right) => Aten.div_Scalar.Tensor(left, right);

        public static Tensor operator /(Tensor left, float right) => Aten.div_Scalar.Tensor(left, right);

        public static Tensor operator /(Tensor left, double right) => Aten.div_Scalar.Tensor(left, right);

        public static Tensor operator %(Tensor left, Scalar right) => left.remainder(right);

        public static Tensor operator %(Tensor left, int right) => left.remainder(right);

        public static Tensor operator %(Tensor left, long right) => left.remainder(right);

        public static Tensor operator %(Tensor left, float right) => left.remainder(right);

        public static Tensor operator %(Tensor left, double right) => left.remainder(right);

        public static Tensor operator +(Scalar left, Tensor right) => Aten.add_Scalar.Tensor(right, left);

        public static Tensor operator *(Scalar left, Tensor right) => Aten.mul_Scalar.Tensor(right, left);

        public static Tensor operator +(int left, Tensor right) => Aten.add_Scalar.Tensor(right, left);

        public static Tensor operator *(int left, Tensor right) => Aten.mul_Scalar.Tensor(right, left);

        public static Tensor operator +(long left, Tensor right) => Aten.add_Scalar.Tensor(right, left);

        public static Tensor operator *(long left, Tensor right) => Aten.mul_Scalar.Tensor(right, left);

        public static Tensor operator +(float left, Tensor right) => Aten.add_Scalar.Tensor(right, left);

        public static Tensor operator *(float left, Tensor right) => Aten.mul_Scalar.Tensor(right, left);

        public static Tensor operator +(double left, Tensor right) => Aten.add_Scalar.Tensor(right, left);

        public static Tensor operator *(double left, Tensor right) => Aten.mul_Scalar.Tensor(right, left);

        public static Tensor operator -(Scalar left, Tensor right) => Aten.rsub_Scalar.Tensor(right, left);

        public static Tensor operator -(int left, Tensor right) => Aten.rsub_Scalar.Tensor(right, left);

        public static Tensor operator -(long left, Tensor right) => Aten.rsub_Scalar.Tensor(right, left);

        public static Tensor operator -(float left, Tensor right) => Aten.rsub_Scalar.Tensor(right, left);

        public static Tensor operator -(double left, Tensor right) => Aten.rsub_Scalar.Tensor(right, left);

        public static Tensor operator /(Scalar left, Tensor right) => Quotient(left, right);

        public static Tensor operator /(int left, Tensor right) => Quotient(left, right);

        public static Tensor operator /(long left, Tensor right) => Quotient(left, right);

        public static Tensor operator /(float left, Tensor right) => Quotient(left, right);

        public static Tensor operator /(double left, Tensor right) => Quotient(left, right);

        public static Tensor operator &(Tensor left, Tensor right) => left.bitwise_and(right);

        public static Tensor operator |(Tensor left, Tensor right) => left.bitwise_or(right);

        public static Tensor operator ^(Tensor left, Tensor right) => left.bitwise_xor(right);

        public static Tensor operator ~(Tensor left) => left.bitwise_not();

        public static Tensor operator ==(Tensor left, Tensor right) => left.eq(right);

        public static Tensor operator !=(Tensor left, Tensor right) => left.ne(right);

        public static Tensor operator <(Tensor left, Tensor right) => left.lt(right);

        public static Tensor operator <=(Tensor left, Tensor right) => left.le(right);

        public static Tensor operator >(Tensor left, Tensor right) => left.gt(right);

        public static Tensor operator >=(Tensor left, Tensor right) => left.ge(right);

        public static Tensor operator ==(Tensor left, Scalar right) => left.eq(right);

        public static Tensor operator !=(Tensor left, Scalar right) => left.ne(right);

        public static Tensor operator <(Tensor left, Scalar right) => left.lt(right);

        public static Tensor operator <=(Tensor left, Scalar right) => left.le(right);

        public static Tensor operator >(Tensor left, Scalar right) => left.gt(right);

        public static Tensor operator >=(Tensor left, Scalar right) => left.ge(right);

        public static Tensor operator ==(Scalar left, Tensor right) => right.eq(left);

        public static Tensor operator !=(Scalar left, Tensor right) => right.ne(left);

        public static Tensor operator <(Scalar left, Tensor right) => right.gt(left);

        public static Tensor operator <=(Scalar left, Tensor right) => right.ge(left);

        public static Tensor operator >(Scalar left, Tensor right) => right.lt(left);

        public static Tensor operator >=(Scalar left, Tensor right) => right.le(left);

        public static implicit operator Tensor(bool value) => tensor(value);

        public static implicit operator Tensor(byte value) => tensor(value);

        public static implicit operator Tensor(sbyte value) => tensor(value);

        public static implicit operator Tensor(short value) => tensor(value);

        public static implicit operator Tensor(int value) => tensor(value);

        public static implicit operator Tensor(long value) => tensor(value);

        public static implicit operator Tensor(float value) => tensor(value);

        public static implicit operator Tensor(double value) => tensor(value);

        public static implicit operator Tensor(bool[] value) => tensor(value);

        public static implicit operator Tensor(byte[] value) => tensor(value);

        public static implicit operator Tensor(sbyte[] value) => tensor(value);

        public static implicit operator Tensor(short[] value) => tensor(value);

        public static implicit operator Tensor(int[] value) => tensor(value);

        public static implicit operator Tensor(long[] value) => tensor(value);

        public static implicit operator Tensor(float[] value) => tensor(value);

        public static implicit operator Tensor(double[] value) => tensor(value);

        public static implicit operator Tensor(Scalar scalar) => scalar.ToTensor();

        public static explicit operator bool(Tensor value) => value.ToBoolean();

        public static explicit operator byte(Tensor value) => value.ToByte();

        public static explicit operator sbyte(Tensor value) => value.ToSByte();

        public static explicit operator short(Tensor value) => value.ToInt16();

        public static explicit operator int(Tensor value) => value.ToInt32();

        public static explicit operator long(Tensor value) => value.ToInt64();

        public static explicit operator float(Tensor value) => value.ToSingle();

        public static explicit operator double(Tensor value) => value.ToDouble();

        // A number over a tensor, as Python's torch computes it.
        static Tensor Quotient(Argument left, Tensor right)
        {
            using var inverse = right.reciprocal();
            return Aten.mul_Scalar.Tensor(inverse, left);
        }
    }

    internal static partial class Aten
    {
        public static readonly Operator div_Tensor = new("div.Tensor(self, other)"),
            div_Scalar = new("div.Scalar(self, other)"),
            rsub_Scalar = new("rsub.Scalar(self, other)");
    }
}
