namespace Ctwa.Training.Datasets;

/// <summary>Data that cannot be used as the job asks. The message is complete: where, what, what is accepted, what to do.</summary>
public sealed class DatasetException : Exception
{
    public DatasetException(string message)
        : base(message)
    {
    }

    public DatasetException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
