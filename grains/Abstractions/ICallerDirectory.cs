namespace Ctwa.Grains.Abstractions;

/// <summary>Knows whose a token is. A grid without a file of tokens has none.</summary>
public interface ICallerDirectory
{
    /// <summary>Whose token it is; null: nobody's. Takes the same time wherever the token stands and whatever it has in common with others.</summary>
    /// <param name="token">As it was handed out.</param>
    GridPerson? FindPerson(string token);
}

/// <summary>Who calls.</summary>
/// <param name="Name">As in the file of tokens.</param>
/// <param name="Role">What they may do.</param>
public sealed record GridPerson(string Name, GridRole Role);
