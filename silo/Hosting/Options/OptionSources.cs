using System.Collections;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>Adds to the command line what it leaves out and the environment or a file says.</summary>
internal sealed class OptionSources
{
    /// <summary>Beginning of the environment variables.</summary>
    public const string Prefix = "CTWA_SILO_";

    private const string ConfigName = "--config";

    // The parent's pipe is a matter between the two processes.
    private static readonly string[] s_commandLineOnly = [ConfigName, "--parent-stdin"];

    private readonly Dictionary<string, string> _origins = new(StringComparer.Ordinal);
    private readonly List<string> _errors = [];
    private readonly List<string> _arguments;

    private OptionSources(string[] arguments) => _arguments = [.. arguments];

    /// <summary>The completed command line.</summary>
    public IReadOnlyList<string> Arguments => _arguments;

    /// <summary>Mistakes in environment and file that are none of an option's value.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>Declares the option that names the file.</summary>
    public static void AddTo(RootCommand root) => root.Add(new Option<string?>(ConfigName) { Description = $"JSON file with options, such as {{\"lanes\": 4, \"allow-root\": [\"/runs\"]}}; or the environment variable {Prefix}CONFIG.", HelpName = "FILE" });

    /// <summary>The process' environment.</summary>
    public static Dictionary<string, string> Environment() => System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "", StringComparer.Ordinal);

    /// <summary>Reads all sources.</summary>
    public static OptionSources Read(RootCommand root, string[] arguments, IReadOnlyDictionary<string, string> environment)
    {
        var sources = new OptionSources(arguments);
        var given = root.Parse(arguments);
        Option[] options = [.. root.Options.Where(option => option is not (HelpOption or VersionOption) && !s_commandLineOnly.Contains(option.Name))];
        string? path = given.GetResult(ConfigName) is OptionResult { Implicit: false } named ? named.GetValueOrDefault<string?>() : environment.GetValueOrDefault(Prefix + "CONFIG");
        var file = path is { Length: > 0 } ? sources.ReadFile(path, options) : [];
        foreach (string unknown in environment.Keys.Where(key => key.StartsWith(Prefix, StringComparison.Ordinal) && key != Prefix + "CONFIG" && !options.Any(option => VariableOf(option) == key)).Order(StringComparer.Ordinal))
        {
            sources._errors.Add($"the environment variable {unknown} stands for no option of the silo; see ctwa-silo --help.");
        }

        foreach (var option in options.Where(option => given.GetResult(option) is null or { Implicit: true }))
        {
            if (environment.TryGetValue(VariableOf(option), out string? value) && value.Length > 0)
            {
                sources.Add(option, option.AllowsMany() ? value.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [value], $"the environment variable {VariableOf(option)}");
            }
            else if (file.TryGetValue(option.Name, out string[]? values))
            {
                sources.Add(option, values, path!);
            }
        }

        return sources;
    }

    /// <summary>Where a wrong value came from, if not from the command line; to be put behind the message.</summary>
    public string OriginOf(ParseError error)
    {
        for (var symbol = error.SymbolResult; symbol is not null; symbol = symbol.Parent)
        {
            if (symbol is OptionResult option) { return _origins.TryGetValue(option.Option.Name, out string? origin) ? $" (from {origin})" : ""; }
        }

        return "";
    }

    /// <summary><c>CTWA_SILO_HEALTH_PORT</c> for <c>--health-port</c>.</summary>
    internal static string VariableOf(Option option) => Prefix + option.Name.TrimStart('-').Replace('-', '_').ToUpperInvariant();

    private Dictionary<string, string[]> ReadFile(string path, Option[] options)
    {
        try
        {
            var read = OptionFile.Read(path);
            foreach (string unknown in read.Keys.Where(key => !options.Any(option => option.Name == key)))
            {
                _errors.Add($"{path}: '{unknown[2..]}' is no option of the silo; see ctwa-silo --help.");
            }

            foreach (var option in options.Where(option => !option.AllowsMany() && read.TryGetValue(option.Name, out string[]? values) && values.Length != 1))
            {
                _errors.Add($"{path}: '{option.Name[2..]}' has a list; accepted is one value.");
                read.Remove(option.Name);
            }

            return read;
        }
        catch (FormatException wrong)
        {
            _errors.Add(wrong.Message);
            return [];
        }
    }

    private void Add(Option option, string[] values, string origin)
    {
        _origins[option.Name] = origin;
        // Joined: a value may begin with a dash.
        _arguments.AddRange(values.Select(value => $"{option.Name}={value}"));
    }
}

internal static class OptionExtensions
{
    /// <summary>The option may be repeated.</summary>
    public static bool AllowsMany(this Option option) => option.ValueType.IsArray;
}
