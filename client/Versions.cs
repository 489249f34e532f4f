using System.Reflection;

namespace Ctwa.Client;

/// <summary>The version of this program.</summary>
internal static class Versions
{
    /// <summary>As <c>ctwa --version</c> prints it.</summary>
    public static string Short { get; } = typeof(Versions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
