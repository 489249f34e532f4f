using System.Runtime.InteropServices;

namespace Ctwa.Training.Native;

/// <summary>
/// Matrix products of the library that libtorch multiplies with (MKL, linked into libtorch_cpu), on plain memory: no tensor is made, nothing is allocated. It has
/// the threads that libtorch's own products have (<c>torch.set_num_threads</c>).
/// </summary>
internal static unsafe class Blas
{
    private static readonly delegate* unmanaged<byte*, byte*, int*, int*, int*, float*, float*, int*, float*, int*, float*, float*, int*, void> s_sgemm = Find();

    /// <summary>Whether this libtorch has one; external builds may not.</summary>
    public static bool IsAvailable => s_sgemm is not null;

    /// <summary>C = α op(A) op(B) + β C, all row-major float32.</summary>
    /// <param name="transposeA">A is stored [k, m]; else [m, k].</param>
    /// <param name="transposeB">B is stored [n, k]; else [k, n].</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Summed over.</param>
    /// <param name="lda">Elements from one stored row of A to the next; likewise <paramref name="ldb"/>, <paramref name="ldc"/>.</param>
    public static void Multiply(bool transposeA, bool transposeB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc)
    {
        if (m == 0 || n == 0) { return; }
        // Column-major BLAS sees every matrix transposed: Cᵀ = op(B)ᵀ op(A)ᵀ.
        byte first = (byte)(transposeB ? 'T' : 'N'), second = (byte)(transposeA ? 'T' : 'N');
        s_sgemm(&first, &second, &n, &m, &k, &alpha, b, &ldb, a, &lda, &beta, c, &ldc);
    }

    private static delegate* unmanaged<byte*, byte*, int*, int*, int*, float*, float*, int*, float*, int*, float*, float*, int*, void> Find()
    {
        TorchNative.EnsureLoaded();
        // Loaded by now, or loadable by name; its soname finds the copy that is in the process.
        _ = TorchSharp.torch.get_num_threads();
        return NativeLibrary.TryLoad("libtorch_cpu.so", typeof(Blas).Assembly, null, out nint library) && NativeLibrary.TryGetExport(library, "sgemm_", out nint address)
            ? (delegate* unmanaged<byte*, byte*, int*, int*, int*, float*, float*, int*, float*, int*, float*, float*, int*, void>)address
            : null;
    }
}
