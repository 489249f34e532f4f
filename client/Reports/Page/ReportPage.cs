using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Ctwa.Client.Reports.Analysis;

namespace Ctwa.Client.Reports.Page;

/// <summary>
/// The page: a template, a style sheet, scripts (all embedded resources) and the data as JSON in one file that asks the network for nothing.
/// The data never become markup: the JSON has every character escaped that HTML could take for a tag, the scripts write texts as text,
/// and the page's own policy lets no other script run.
/// </summary>
internal static partial class ReportPage
{
    /// <summary>The first line of every page, by which a later report knows that it may replace it.</summary>
    public const string Mark = "<!doctype html><!-- ctwa report -->";

    private const string Prefix = "Ctwa.Client.Reports.Page.";

    private static readonly JsonSerializerOptions json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
        // summary.json may say that a number is none.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        // All of Unicode but what HTML, scripts and line ends are made of.
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
    };

    /// <summary>The whole page.</summary>
    public static string Write(ReportData data, string title)
    {
        string style = Resource("report.css"), script = Script();
        var parts = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["title"] = HtmlEncoder.Default.Encode(title),
            ["policy"] = $"default-src 'none'; script-src {Hash(script)}; style-src {Hash(style)}; base-uri 'none'; form-action 'none'",
            ["style"] = style,
            ["data"] = JsonSerializer.Serialize(data, json),
            ["script"] = script,
        };
        // One pass over the template: what is put in is never searched again.
        return Mark + "\n" + Place().Replace(Resource("template.html"), match => parts[match.Groups[1].Value]);
    }

    /// <summary>The scripts in the order of their names, in one scope of their own.</summary>
    private static string Script()
    {
        var names = typeof(ReportPage).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(".js", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        return $"'use strict';(() => {{\n{string.Concat(names.Select(name => Resource(name[Prefix.Length..])))}}})();\n";
    }

    private static string Hash(string text) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'";

    private static string Resource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + name) ?? throw new InvalidOperationException($"the resource {name} is missing from this build.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"\{\{([a-z]+)\}\}", RegexOptions.CultureInvariant)]
    private static partial Regex Place();
}
