using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using Ctwa.Grains.Hosting;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>The options about folders and about who may talk to a silo.</summary>
internal sealed class PlaceOptionGroup
{
    /// <summary>Environment variable with the cluster's secret.</summary>
    public const string SecretVariable = "CTWA_CLUSTER_SECRET";

    private readonly Option<string?> _data = Values.Of<string>("--data", "DIR", "Folder of this silo's own records; made if it is not there. Default: none are kept.", Path.GetFullPath);

    private readonly Option<string[]> _roots = new("--allow-root")
    {
        Description = "Folder below which jobs may read and write. May be repeated. Default: wherever the silo's user may.",
        HelpName = "DIR",
        DefaultValueFactory = _ => [],
        CustomParser = result =>
        {
            foreach (var missing in result.Tokens.Where(token => !Directory.Exists(token.Value))) { result.AddError($"--allow-root is '{missing.Value}', and there is no such folder."); }
            return [.. result.Tokens.Select(token => Path.GetFullPath(token.Value))];
        },
    };

    private readonly Option<string?> _secretFile = Values.Of("--secret-file", "FILE", $"File whose first line is the secret that the silos of this grid share; or the environment variable {SecretVariable}.", text => SecretFiles.Line(text, ClusterSecret.LeastBytes));
    private readonly Option<string?> _tokens = Values.Of("--tokens", "FILE", "File that says which clients may do what. Default: none; whoever reaches the gateway may do everything.", SecretFiles.Existing);
    private readonly Option<string?> _certificate = Values.Of("--tls-certificate", "FILE", "PEM file with this silo's certificate: encrypts connections between silos and to clients.", SecretFiles.Existing);
    private readonly Option<string?> _key = Values.Of("--tls-key", "FILE", "PEM file with its private key.", SecretFiles.Existing);
    private readonly Option<string?> _authority = Values.Of("--tls-ca", "FILE", "PEM file with the authority that signed the certificates of all silos; no other is trusted.", SecretFiles.Existing);

    public void AddTo(RootCommand root)
    {
        foreach (Option option in (Option[])[_data, _roots, _secretFile, _tokens, _certificate, _key, _authority]) { root.Add(option); }
    }

    /// <summary>The folders of a command line without errors.</summary>
    public GridFolders ReadFolders(ParseResult parsed) => new() { Data = parsed.GetValue(_data), AllowedRoots = parsed.GetValue(_roots) ?? [] };

    /// <summary>The rest.</summary>
    /// <exception cref="FormatException">The secret in the environment is too short.</exception>
    public SecurityOptions ReadSecurity(ParseResult parsed, Func<string, string?> environment)
    {
        string? secret = parsed.GetValue(_secretFile);
        if (secret is null && environment(SecretVariable) is { Length: > 0 } set)
        {
            if (Encoding.UTF8.GetByteCount(set) < ClusterSecret.LeastBytes) { throw new FormatException($"the environment variable {SecretVariable} has {Encoding.UTF8.GetByteCount(set)} bytes; accepted are at least {ClusterSecret.LeastBytes}."); }
            secret = set;
        }

        return new SecurityOptions
        {
            Secret = secret is null ? null : new ClusterSecret(Encoding.UTF8.GetBytes(secret)),
            Tokens = parsed.GetValue(_tokens),
            Tls = parsed.GetValue(_certificate) is { } certificate ? new TlsFiles(certificate, parsed.GetValue(_key)!, parsed.GetValue(_authority)!) : null,
        };
    }

    /// <summary>Mistakes that lie between options.</summary>
    public IEnumerable<string> Check(ParseResult parsed)
    {
        Option[] tls = [_certificate, _key, _authority];
        Option[] missing = [.. tls.Where(option => parsed.GetResult(option) is null)];
        if (missing.Length is 1 or 2) { yield return $"{string.Join(" and ", missing.Select(option => option.Name))} missing; TLS needs --tls-certificate, --tls-key and --tls-ca."; }
    }
}
