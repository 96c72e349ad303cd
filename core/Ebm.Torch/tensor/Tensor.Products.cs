// Products of vectors, matrices and batches of them; diagonals and triangles.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor matmul(Tensor target) => Aten.matmul.Tensor(this, target);

        public Tensor mm(Tensor target) => Aten.mm.Tensor(this, target);

        public Tensor mv(Tensor target) => Aten.mv.Tensor(this, target);

        public Tensor bmm(Tensor batch2) => Aten.bmm.Tensor(this, batch2);

        public Tensor dot(Tensor target) => Aten.dot.Tensor(this, target);

        public Tensor vdot(Tensor target) => Aten.vdot.Tensor(this, target);

        public Tensor inner(Tensor vec2) => Aten.inner.Tensor(this, vec2);

        public Tensor outer(Tensor vec2) => Aten.outer.Tensor(this, vec2);

        public Tensor ger(Tensor vec2) => outer(vec2);

        public Tensor kron(Tensor other) => Aten.kron.Tensor(this, other);

        public Tensor tensordot(Tensor b, long[] dims1, long[] dims2) => Aten.tensordot.Tensor(this, b, dims1, dims2);

        public Tensor tensordot(Tensor b, (long, long)[] dims) =>
            tensordot(b, Array.ConvertAll(dims, pair => pair.Item1), Array.ConvertAll(dims, pair => pair.Item2));

        /// <summary>Over the last `dims` dimensions of this tensor and the first of the other.</summary>
        public Tensor tensordot(Tensor b, long dims = 2) =>
            tensordot(
                b,
                [.. Enumerable.Range(0, (int)dims).Select(i => i - dims)],
                [.. Enumerable.Range(0, (int)dims).Select(i => (long)i)]
            );

        /// <summary>β·this + α·(mat1 mat2)</summary>
        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) => Aten.addmm.Tensor(this, mat1, mat2, beta, alpha);

        public Tensor addmm_(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            Aten.addmm_.InPlace(this, mat1, mat2, beta, alpha);

        public Tensor addmv(Tensor mat, Tensor vec, float beta = 1.0f, float alpha = 1.0f) =>
            Aten.addmv.Tensor(this, mat, vec, beta, alpha);

        public Tensor addmv_(Tensor mat, Tensor vec, float beta = 1.0f, float alpha = 1.0f) =>
            Aten.addmv_.InPlace(this, mat, vec, beta, alpha);

        public Tensor addr(Tensor vec1, Tensor vec2, float beta = 1.0f, float alpha = 1.0f) =>
            Aten.addr.Tensor(this, vec1, vec2, beta, alpha);

        public Tensor addr_(Tensor vec1, Tensor vec2, float beta = 1.0f, float alpha = 1.0f) =>
            Aten.addr_.InPlace(this, vec1, vec2, beta, alpha);

        public Tensor addbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Aten.addbmm.Tensor(this, batch1, batch2, beta, alpha);

        public Tensor addbmm_(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Aten.addbmm_.InPlace(this, batch1, batch2, beta, alpha);

        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Aten.baddbmm.Tensor(this, batch1, batch2, beta, alpha);

        public Tensor diag(long diagonal = 0) => Aten.diag.Tensor(this, diagonal);

        public Tensor diagflat(long offset = 0) => Aten.diagflat.Tensor(this, offset);

        public Tensor diagonal(long offset = 0L, long dim1 = 0L, long dim2 = 1L) => Aten.diagonal.Tensor(this, offset, dim1, dim2);

        public Tensor diag_embed(long offset = 0L, long dim1 = -2L, long dim2 = -1L) => Aten.diag_embed.Tensor(this, offset, dim1, dim2);

        public Tensor trace() => Aten.trace.Tensor(this);

        public Tensor tril(long diagonal = 0) => Aten.tril.Tensor(this, diagonal);

        public Tensor tril_(long diagonal = 0) => Aten.tril_.InPlace(this, diagonal);

        public Tensor triu(long diagonal = 0) => Aten.triu.Tensor(this, diagonal);

        public Tensor triu_(long diagonal = 0) => Aten.triu_.InPlace(this, diagonal);

        public Tensor renorm(float p, long dim, float maxnorm) => Aten.renorm.Tensor(this, p, dim, maxnorm);

        public Tensor vander(long N = -1, bool increasing = false) => Aten.vander.Tensor(this, N == -1 ? null : (long?)N, increasing);

        public Tensor cholesky(bool upper = false) => Aten.linalg_cholesky.Tensor(this, upper);

        public Tensor cholesky_inverse(bool upper = false) => Aten.cholesky_inverse.Tensor(this, upper);

        public Tensor cholesky_solve(Tensor input2, bool upper = false) => Aten.cholesky_solve.Tensor(this, input2, upper);

        public Tensor det() => Aten.det.Tensor(this);

        public Tensor logdet() => Aten.logdet.Tensor(this);

        public Tensor inverse() => Aten.inverse.Tensor(this);

        public Tensor pinverse(double rcond = 1e-15, bool hermitian = false) => Aten.linalg_pinv.Tensor(this, rcond, hermitian);

        public Tensor matrix_exp() => Aten.matrix_exp.Tensor(this);

        public Tensor matrix_power(int n) => Aten.matrix_power.Tensor(this, n);

        public (Tensor a, Tensor tau) geqrf() => Aten.geqrf.Pair(this);

        public Tensor ormqr(Tensor tau, Tensor other, bool left = true, bool transpose = false) =>
            Aten.ormqr.Tensor(this, tau, other, left, transpose);
    }

    internal static partial class Aten
    {
        public static readonly Operator matmul = new("matmul(self, other)"),
            mm = new("mm(self, mat2)"),
            mv = new("mv(self, vec)"),
            bmm = new("bmm(self, mat2)"),
            dot = new("dot(self, tensor)"),
            vdot = new("vdot(self, other)"),
            inner = new("inner(self, other)"),
            outer = new("outer(self, vec2)"),
            kron = new("kron(self, other)"),
            tensordot = new("tensordot(self, other, dims_self, dims_other)"),
            addmm = new("addmm(self, mat1, mat2, beta, alpha)"),
            addmm_ = new("addmm_(self, mat1, mat2, beta, alpha)"),
            addmv = new("addmv(self, mat, vec, beta, alpha)"),
            addmv_ = new("addmv_(self, mat, vec, beta, alpha)"),
            addr = new("addr(self, vec1, vec2, beta, alpha)"),
            addr_ = new("addr_(self, vec1, vec2, beta, alpha)"),
            addbmm = new("addbmm(self, batch1, batch2, beta, alpha)"),
            addbmm_ = new("addbmm_(self, batch1, batch2, beta, alpha)"),
            baddbmm = new("baddbmm(self, batch1, batch2, beta, alpha)"),
            diag = new("diag(self, diagonal)"),
            diagflat = new("diagflat(self, offset)"),
            diagonal = new("diagonal(self, offset, dim1, dim2)"),
            diag_embed = new("diag_embed(self, offset, dim1, dim2)"),
            trace = new("trace(self)"),
            tril = new("tril(self, diagonal)"),
            tril_ = new("tril_(self, diagonal)"),
            triu = new("triu(self, diagonal)"),
            triu_ = new("triu_(self, diagonal)"),
            renorm = new("renorm(self, p, dim, maxnorm)"),
            vander = new("vander(x, N, increasing)"),
            cholesky_inverse = new("cholesky_inverse(self, upper)"),
            cholesky_solve = new("cholesky_solve(self, input2, upper)"),
            det = new("det(self)"),
            logdet = new("logdet(self)"),
            inverse = new("inverse(self)"),
            linalg_pinv = new("linalg_pinv(self, rcond, hermitian)"),
            matrix_exp = new("matrix_exp(self)"),
            matrix_power = new("matrix_power(self, n)"),
            geqrf = new("geqrf(self)"),
            ormqr = new("ormqr(self, input2, input3, left, transpose)");
    }
}
