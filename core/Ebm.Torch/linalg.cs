// torch.linalg: decompositions, solutions, norms, determinants, of one matrix or of a batch.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public static partial class linalg
    {
        /// <summary>The lower triangular L with L Lᴴ = input; throws when it is not positive definite.</summary>
        public static Tensor cholesky(Tensor input) => Aten.linalg_cholesky.Tensor(input);

        public static (Tensor L, Tensor info) cholesky_ex(Tensor input, bool check_errors = false) =>
            Aten.linalg_cholesky_ex.Pair(input, false, check_errors);

        public static Tensor cond(Tensor input) => Aten.linalg_cond.Tensor(input, Argument.None);

        public static Tensor cond(Tensor input, double p) => Aten.linalg_cond.Tensor(input, p);

        public static Tensor cond(Tensor input, int p) => Aten.linalg_cond.Tensor(input, p);

        public static Tensor cond(Tensor input, string p) => Aten.linalg_cond_p_str.Tensor(input, p);

        public static Tensor cross(Tensor input, Tensor other, long dim = -1) => Aten.linalg_cross.Tensor(input, other, dim);

        public static Tensor det(Tensor input) => Aten.linalg_det.Tensor(input);

        public static Tensor diagonal(Tensor input, int offset = 0, int dim1 = -2, int dim2 = -1) => input.diagonal(offset, dim1, dim2);

        public static (Tensor, Tensor) slogdet(Tensor input) => Aten.linalg_slogdet.Pair(input);

        /// <summary>
        /// Eigenvalues in ascending order and orthonormal eigenvectors (columns) of a symmetric matrix, of which one triangle is
        /// read.
        /// </summary>
        public static (Tensor, Tensor) eigh(Tensor input, char UPLO = 'L') => Aten.linalg_eigh.Pair(input, UPLO.ToString());

        public static Tensor eigvalsh(Tensor input, char UPLO = 'L') => Aten.linalg_eigvalsh.Tensor(input, UPLO.ToString());

        public static Tensor eigvals(Tensor input) => Aten.linalg_eigvals.Tensor(input);

        public static (Tensor, Tensor) eig(Tensor input) => Aten.linalg_eig.Pair(input);

        public static Tensor householder_product(Tensor A, Tensor tau) => Aten.linalg_householder_product.Tensor(A, tau);

        public static Tensor inv(Tensor input) => Aten.linalg_inv.Tensor(input);

        public static (Tensor L, Tensor info) inv_ex(Tensor input, bool check_errors = false) =>
            Aten.linalg_inv_ex.Pair(input, check_errors);

        /// <summary>The least-squares solution X of input X = other.</summary>
        public static (Tensor Solution, Tensor Residuals, Tensor Rank, Tensor SingularValues) lstsq(Tensor input, Tensor other) =>
            Four(Aten.linalg_lstsq.Tensors(input, other));

        public static (Tensor Solution, Tensor Residuals, Tensor Rank, Tensor SingularValues) lstsq(
            Tensor input,
            Tensor other,
            double rcond
        ) => Four(Aten.linalg_lstsq.Tensors(input, other, rcond));

        public static (Tensor P, Tensor L, Tensor U) lu(Tensor input, bool pivot = true) => Aten.linalg_lu.Triple(input, pivot);

        public static (Tensor LU, Tensor? Pivots) lu_factor(Tensor input, bool pivot = true) => Aten.linalg_lu_factor.Pair(input, pivot);

        public static Tensor matrix_exp(Tensor input) => Aten.linalg_matrix_exp.Tensor(input);

        public static Tensor matrix_norm(Tensor input, string ord = "fro", long[]? dims = null, bool keepdim = false) =>
            Aten.linalg_matrix_norm_str_ord.Tensor(input, ord, dims ?? [-2, -1], keepdim);

        public static Tensor matrix_norm(Tensor input, double ord, long[]? dims = null, bool keepdim = false) =>
            Aten.linalg_matrix_norm.Tensor(input, ord, dims ?? [-2, -1], keepdim);

        public static Tensor matrix_rank(Tensor input, double? atol = null, double? rtol = null, bool hermitian = false) =>
            Aten.linalg_matrix_rank_atol_rtol_float.Tensor(input, atol, rtol, hermitian);

        public static Tensor matrix_rank(Tensor input, Tensor atol, Tensor? rtol = null, bool hermitian = false) =>
            Aten.linalg_matrix_rank_atol_rtol_tensor.Tensor(input, atol, rtol, hermitian);

        public static Tensor multi_dot(IList<Tensor> tensors) => Aten.linalg_multi_dot.Tensor(tensors.ToArray());

        public static Tensor norm(Tensor input, long[]? dims = null, bool keepdim = false) =>
            Aten.linalg_norm.Tensor(input, Argument.None, dims, keepdim);

        public static Tensor norm(Tensor input, int ord, long[]? dims = null, bool keepdim = false) =>
            Aten.linalg_norm.Tensor(input, ord, dims, keepdim);

        public static Tensor norm(Tensor input, double ord, long[]? dims = null, bool keepdim = false) =>
            Aten.linalg_norm.Tensor(input, ord, dims, keepdim);

        public static Tensor norm(Tensor input, string ord, long[]? dims = null, bool keepdim = false) =>
            Aten.linalg_norm_ord_str.Tensor(input, ord, dims, keepdim);

        public static Tensor vector_norm(Tensor input, double ord = 2d, long[]? dims = null, bool keepdim = false) =>
            Aten.linalg_vector_norm.Tensor(input, ord, dims, keepdim);

        public static Tensor pinv(Tensor input, double? atol = null, double? rtol = null, bool hermitian = false) =>
            Aten.linalg_pinv_atol_rtol_float.Tensor(input, atol, rtol, hermitian);

        public static Tensor pinv(Tensor input, Tensor atol, Tensor? rtol = null, bool hermitian = false) =>
            Aten.linalg_pinv_atol_rtol_tensor.Tensor(input, atol, rtol, hermitian);

        public static (Tensor Q, Tensor R) qr(Tensor input, QRMode mode = QRMode.Reduced) =>
            Aten.linalg_qr.Pair(input, mode.ToString().ToLowerInvariant());

        /// <summary>X with A X = B, or X A = B when not <paramref name="left"/>.</summary>
        public static Tensor solve(Tensor A, Tensor B, bool left = true) => Aten.linalg_solve.Tensor(A, B, left);

        public static (Tensor result, Tensor info) solve_ex(Tensor A, Tensor B, bool left = true, bool check_errors = false) =>
            Aten.linalg_solve_ex.Pair(A, B, left, check_errors);

        public static Tensor solve_triangular(
            Tensor A,
            Tensor B,
            bool upper,
            bool left = true,
            bool unitriangular = false,
            Tensor? @out = null
        ) => Tensor.Into(@out, Aten.linalg_solve_triangular.Tensor(A, B, upper, left, unitriangular));

        /// <summary>U, the singular values in descending order, and Vᴴ.</summary>
        public static (Tensor U, Tensor S, Tensor Vh) svd(Tensor input, bool fullMatrices = true) =>
            Aten.linalg_svd.Triple(input, fullMatrices);

        public static Tensor svdvals(Tensor input) => Aten.linalg_svdvals.Tensor(input);

        public static Tensor tensorinv(Tensor input, long ind) => Aten.linalg_tensorinv.Tensor(input, ind);

        public static Tensor tensorsolve(Tensor A, Tensor B, long[] dims) => Aten.linalg_tensorsolve.Tensor(A, B, dims);

        public static Tensor vander(Tensor input, long? N = null) => Aten.linalg_vander.Tensor(input, N);

        public static Tensor vecdot(Tensor x, Tensor y, long dim = -1, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.linalg_vecdot.Tensor(x, y, dim));

        public enum QRMode
        {
            Reduced = 0,
            Complete = 1,
            R = 2,
        }

        static (Tensor, Tensor, Tensor, Tensor) Four(Tensor[] found) => (found[0], found[1], found[2], found[3]);
    }

    internal static partial class Aten
    {
        public static readonly Operator linalg_cholesky = new("linalg_cholesky(self, upper)"),
            linalg_cholesky_ex = new("linalg_cholesky_ex(self, upper, check_errors)"),
            linalg_cond = new("linalg_cond(self, p)"),
            linalg_cond_p_str = new("linalg_cond.p_str(self, p)"),
            linalg_cross = new("linalg_cross(self, other, dim)"),
            linalg_det = new("linalg_det(A)"),
            linalg_slogdet = new("linalg_slogdet(A)"),
            linalg_eigh = new("linalg_eigh(self, UPLO)"),
            linalg_eigvalsh = new("linalg_eigvalsh(self, UPLO)"),
            linalg_eigvals = new("linalg_eigvals(self)"),
            linalg_eig = new("linalg_eig(self)"),
            linalg_householder_product = new("linalg_householder_product(input, tau)"),
            linalg_inv = new("linalg_inv(A)"),
            linalg_inv_ex = new("linalg_inv_ex(A, check_errors)"),
            linalg_lstsq = new("linalg_lstsq(self, b, rcond)"),
            linalg_lu = new("linalg_lu(A, pivot)"),
            linalg_lu_factor = new("linalg_lu_factor(A, pivot)"),
            linalg_matrix_exp = new("linalg_matrix_exp(self)"),
            linalg_matrix_norm_str_ord = new("linalg_matrix_norm.str_ord(self, ord, dim, keepdim)"),
            linalg_matrix_norm = new("linalg_matrix_norm(self, ord, dim, keepdim)"),
            linalg_matrix_rank_atol_rtol_float = new("linalg_matrix_rank.atol_rtol_float(self, atol, rtol, hermitian)"),
            linalg_matrix_rank_atol_rtol_tensor = new("linalg_matrix_rank.atol_rtol_tensor(input, atol, rtol, hermitian)"),
            linalg_norm = new("linalg_norm(self, ord, dim, keepdim)"),
            linalg_norm_ord_str = new("linalg_norm.ord_str(self, ord, dim, keepdim)"),
            linalg_vector_norm = new("linalg_vector_norm(self, ord, dim, keepdim)"),
            linalg_pinv_atol_rtol_float = new("linalg_pinv.atol_rtol_float(self, atol, rtol, hermitian)"),
            linalg_pinv_atol_rtol_tensor = new("linalg_pinv.atol_rtol_tensor(self, atol, rtol, hermitian)"),
            linalg_qr = new("linalg_qr(A, mode)"),
            linalg_solve = new("linalg_solve(A, B, left)"),
            linalg_solve_ex = new("linalg_solve_ex(A, B, left, check_errors)"),
            linalg_solve_triangular = new("linalg_solve_triangular(self, B, upper, left, unitriangular)"),
            linalg_svd = new("linalg_svd(A, full_matrices)"),
            linalg_svdvals = new("linalg_svdvals(A)"),
            linalg_tensorinv = new("linalg_tensorinv(self, ind)"),
            linalg_tensorsolve = new("linalg_tensorsolve(self, other, dims)"),
            linalg_vander = new("linalg_vander(x, N)"),
            linalg_vecdot = new("linalg_vecdot(x, y, dim)");
    }
}
