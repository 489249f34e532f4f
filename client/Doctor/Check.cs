namespace Ctwa.Client.Doctor;

/// <summary>What came of a check.</summary>
internal enum CheckStatus
{
    Ok,

    /// <summary>It works, but not as well as it could.</summary>
    Warn,

    /// <summary>Something will not work.</summary>
    Fail,

    /// <summary>There was nothing to check.</summary>
    Skip,
}

/// <summary>One line of <c>ctwa doctor</c>.</summary>
/// <param name="Name">What was looked at, one word or two.</param>
/// <param name="Status">What came of it.</param>
/// <param name="Text">What was found.</param>
/// <param name="Advice">What to do; null where there is nothing.</param>
internal sealed record Check(string Name, CheckStatus Status, string Text, string? Advice = null)
{
    public static Check Ok(string name, string text) => new(name, CheckStatus.Ok, text);

    public static Check Warn(string name, string text, string advice) => new(name, CheckStatus.Warn, text, advice);

    public static Check Fail(string name, string text, string advice) => new(name, CheckStatus.Fail, text, advice);

    public static Check Skip(string name, string text) => new(name, CheckStatus.Skip, text);
}
