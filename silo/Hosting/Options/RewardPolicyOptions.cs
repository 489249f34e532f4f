using System.CommandLine;
using System.CommandLine.Parsing;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>The options that say which programs, hosts and secrets jobs may use. Without them: none.</summary>
internal sealed class RewardPolicyOptions
{
    private readonly Option<bool> _open = new("--open-rewards") { Description = "Jobs may start any program, call any host and read any environment variable. For a silo that its own user starts." };
    private readonly Option<string[]> _programs = Entries("--allow-program", "PATH", "programs", "Absolute path of a program that jobs may start. May be repeated.");
    private readonly Option<string[]> _hosts = Entries("--allow-host", "HOST[:PORT]", "hosts", "Host that jobs may call by https; http://HOST[:PORT] allows unencrypted calls too. May be repeated.");
    private readonly Option<string[]> _secrets = Entries("--allow-secret", "NAME", "secrets", "Environment variable whose value jobs may use. May be repeated.");
    private readonly Option<string?> _file = new("--policy") { Description = "File with the lists programs, hosts and secrets (YAML or JSON), added to the options.", HelpName = "FILE" };

    public RewardPolicyOptions() => _file.Validators.Add(result => Guard(result, () => ReadFile(result.GetValueOrDefault<string?>())));

    public void AddTo(RootCommand root)
    {
        foreach (Option option in (Option[])[_open, _programs, _hosts, _secrets, _file]) { root.Add(option); }
        root.Validators.Add(result =>
        {
            if (result.GetValue(_open) && ((Option[])[_programs, _hosts, _secrets, _file]).Any(option => result.GetResult(option) is { Implicit: false })) { result.AddError("--open-rewards allows everything; leave it out to allow only what is listed."); }
        });
    }

    /// <summary>The policy of a command line without errors.</summary>
    public RewardPolicy Read(ParseResult parsed)
    {
        if (parsed.GetValue(_open)) { return RewardPolicy.Open; }
        var file = ReadFile(parsed.GetValue(_file));
        return new RewardPolicy
        {
            Programs = [.. file.Programs, .. parsed.GetValue(_programs) ?? []],
            Hosts = [.. file.Hosts, .. (parsed.GetValue(_hosts) ?? []).Select(HostPattern.Parse)],
            Secrets = [.. file.Secrets, .. parsed.GetValue(_secrets) ?? []],
        };
    }

    private static RewardPolicy ReadFile(string? path) => path is null ? RewardPolicy.Closed : RewardPolicyFile.Read(path);

    private static Option<string[]> Entries(string name, string value, string list, string description)
    {
        var option = new Option<string[]>(name) { Description = description, HelpName = value, DefaultValueFactory = _ => [] };
        option.Validators.Add(result =>
        {
            foreach (string entry in result.GetValueOrDefault<string[]>() ?? [])
            {
                if (RewardPolicyFile.Error(list, entry) is { } error) { result.AddError($"{name}: {error}"); }
            }
        });
        return option;
    }

    private static void Guard(OptionResult result, Action read)
    {
        try
        {
            read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            result.AddError($"--policy: {error.Message}");
        }
    }
}
