using TorchSharp;

namespace Ctwa.Training.Kernels;

/// <summary>Division of kernels' work among as many threads as libtorch's own operations have on this lane (<c>torch.set_num_threads</c>). The parts are independent: their bits do not depend on the number of threads.</summary>
internal static class HostThreads
{
    // Below so many elements a second thread costs more than it gains.
    private const long Worthwhile = 32_768;

    /// <summary>Work on parts.</summary>
    /// <param name="cost">Elements of all parts together.</param>
    public static void Each(int count, long cost, Action<int> work)
    {
        int threads = torch.get_num_threads();
        if (threads == 1 || count == 1 || cost < Worthwhile)
        {
            for (int i = 0; i < count; i++) { work(i); }
            return;
        }

        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, work);
    }

    /// <summary>Work on ranges of rows.</summary>
    public static void EachRows(int rows, long cost, Action<int, int> work)
    {
        int threads = torch.get_num_threads(), parts = threads == 1 || cost < Worthwhile ? 1 : Math.Min(rows, 4 * threads);
        if (parts == 1)
        {
            work(0, rows);
            return;
        }

        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, part => work((int)((long)rows * part / parts), (int)((long)rows * (part + 1) / parts)));
    }
}
