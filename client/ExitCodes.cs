using Ctwa.Grains.Abstractions;

namespace Ctwa.Client;

/// <summary>What <c>ctwa</c> tells the shell; docs/exit-codes.md is written for users of these.</summary>
internal static class ExitCodes
{
    public const int Success = 0;
    public const int InternalError = 1;
    public const int BadInput = 2;
    public const int RewardFailed = 3;
    public const int SiloLost = 4;
    public const int StorageFailed = 5;
    public const int NumericFailure = 6;

    /// <summary><c>ctwa compare</c>: the others are in the table.</summary>
    public const int SomeRunsFailed = 7;

    public const int OutOfMemory = 8;

    /// <summary>The grid does not let this client do it.</summary>
    public const int AccessDenied = 9;

    /// <summary>A job that was waited for was paused or cancelled.</summary>
    public const int JobHalted = 10;

    /// <summary><c>ctwa doctor</c> found something that will not work.</summary>
    public const int ChecksFailed = 11;

    /// <summary>128 + SIGHUP: the terminal was closed.</summary>
    public const int HungUp = 129;

    /// <summary>128 + SIGINT, as shells write it.</summary>
    public const int Interrupted = 130;

    /// <summary>128 + SIGTERM.</summary>
    public const int Terminated = 143;

    /// <summary>Appended to <c>--help</c>.</summary>
    public const string Help =
        """
        Exit codes:
          0    success
          1    unexpected internal error
          2    bad input: arguments, the job, or files that it names; nothing was trained
          3    a reward failed
          4    the silo died or did not start; no silo of the grid answers
          5    storage: the run directory is not writable, full or locked
          6    training produced a number that is not finite
          7    compare: some runs failed; the table has the others
          8    device memory ran out
          9    the grid refused: no token, an unknown one, or one without the right
          10   the job that was waited for was paused or cancelled; it can be resumed
          11   doctor: a check failed
          130  stopped by Ctrl-C (or a question was answered with no), 143 by SIGTERM, 129 by a closed terminal; the run can be resumed
        """;

    public static int Of(JobFailureKind kind) => kind switch
    {
        JobFailureKind.BadInput => BadInput,
        JobFailureKind.Reward => RewardFailed,
        JobFailureKind.Storage => StorageFailed,
        JobFailureKind.Numeric => NumericFailure,
        JobFailureKind.Memory => OutOfMemory,
        _ => InternalError,
    };
}
