using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Ctwa.Grains.Abstractions;
using Ctwa.Silo.Hosting.Web;
using Ctwa.Silo.Hosting.Web.Status;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Web;

/// <summary>Whatever jobs, silos and objectives are called, the page is a page and the JSON is JSON.</summary>
public sealed partial class StatusPageTests
{
    private const string Hostile = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{x}}\u0000\u001b[31m\u202egnp\u2028\ud83d\ude00";

    public static TheoryData<string> Names => [Hostile, "<!--", "]]>", "javascript:alert(1)", "\" onfocus=alert(1) x=\"", "\ud800", new string('x', 100_000), "", "accuracy"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_that_comes_from_elsewhere_is_markup(string name)
    {
        string page = StatusPage.Write(Status(name), "NONCE");
        string content = Body().Match(page).Groups[1].Value;
        Assert.NotEmpty(content);
        // An HTML parser is more lenient: what is well-formed XML with these elements and attributes only is safe in it too.
        var main = XElement.Parse("<main>" + content.Replace("&#x0;", "", StringComparison.Ordinal).Replace("&#x1B;", "", StringComparison.Ordinal) + "</main>");
        string[] elements = [.. main.Descendants().Select(element => element.Name.LocalName).Distinct()];
        Assert.Subset(new HashSet<string> { "section", "article", "h2", "h3", "h4", "p", "dl", "dt", "dd", "div", "span", "strong", "ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td", "bdi", "data", "time", "progress", "svg", "title", "polyline", "circle", "code" }, elements.ToHashSet());
        string[] attributes = [.. main.Descendants().Attributes().Select(attribute => attribute.Name.LocalName).Distinct()];
        Assert.Subset(new HashSet<string> { "id", "class", "role", "scope", "tabindex", "colspan", "value", "max", "title", "datetime", "viewBox", "width", "height", "points", "cx", "cy", "r", "data-name", "aria-label", "aria-labelledby" }, attributes.ToHashSet());
        Assert.Equal(1, Regex.Count(page, "<script"));
        Assert.Equal(1, Regex.Count(page, "<style"));
        Assert.DoesNotContain("style=", page, StringComparison.Ordinal);
        Assert.InRange(page.Length, 1000, 300_000);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_JSON_can_be_read_and_carries_the_same_names(string name)
    {
        byte[] json = StatusJson.Write(Status(name), "page");
        using var document = JsonDocument.Parse(json);
        string written = name == "\ud800" ? "\ufffd" : name;
        Assert.Equal(written, document.RootElement.GetProperty("cluster").GetString());
        Assert.Equal(written, document.RootElement.GetProperty("jobs")[0].GetProperty("objectives")[0].GetProperty("name").GetString());
        Assert.DoesNotContain((byte)'<', json);
    }

    [Fact]
    public void Numbers_are_those_of_the_run_to_the_last_digit()
    {
        var status = Status("accuracy");
        var objective = JsonDocument.Parse(StatusJson.Write(status, "page")).RootElement.GetProperty("jobs")[0].GetProperty("objectives")[0];
        Assert.Equal("0.30000000000000004", objective.GetProperty("mean").GetRawText());
        Assert.Equal("1E-05", objective.GetProperty("weight").GetRawText());
        Assert.Equal(["0.1", "0.30000000000000004"], objective.GetProperty("means").EnumerateArray().Select(mean => mean.GetRawText()));
        string page = StatusPage.Write(status, "NONCE");
        Assert.Contains("""<data value="0.30000000000000004" title="0.30000000000000004">0.300</data>""", page, StringComparison.Ordinal);
        Assert.Contains("""<data value="1E-05" title="1E-05">1E-5</data>""", page, StringComparison.Ordinal);
        Assert.Contains("accuracy: 0.100 at step 1, 0.300 at step 2; lowest 0.100, highest 0.300", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_keeps_its_name_until_something_changes()
    {
        var status = Status("a");
        Assert.Equal(StatusPage.Content(status).Name, StatusPage.Content(status with { At = status.At.AddSeconds(5) }).Name);
        Assert.NotEqual(StatusPage.Content(status).Name, StatusPage.Content(status with { Quota = 2 }).Name);
    }

    private static GridStatus Status(string name)
    {
        var position = new JobPosition(false, 2);
        var record = new JobRecord
        {
            JobId = name, Number = 1, RunDirectory = name, SpecSha256 = "", SubmittedBy = name, SubmittedAt = DateTimeOffset.UnixEpoch, RequestId = "", State = JobState.Running, Position = position, StepsTotal = 5,
            Failure = new JobFailure(JobFailureKind.Internal, name),
        };
        StepNumbers Step(int step, string mean) => new(
            new JobPosition(false, step), new Dictionary<string, MetricNumber> { [name] = Number(mean) }, new Dictionary<string, MetricNumber> { [name] = Number("1E-05") }, Number("1.5"), null, Number("1"), [(name, name)]);
        StepNumbers[] steps = [Step(1, "0.1"), Step(2, "0.30000000000000004")];
        var activity = new JobActivity(name, 3, 1, 4, [new JobMemberActivity(name, name, 1, 2, 3, null)], 2);
        return new GridStatus
        {
            Cluster = name,
            ServedBy = name,
            At = DateTimeOffset.UnixEpoch,
            Silos = [new SiloOverview(name, SiloCondition.Active) { Device = name, Version = name, Jobs = [name], Computes = true }, new SiloOverview(name, SiloCondition.Silent)],
            Quota = 1,
            Jobs = [new JobView(record, steps, steps, activity), new JobView(record with { State = JobState.Failed }, steps, [], null)],
            JobsHidden = 3,
            Faults = [new JobFault(name, DateTimeOffset.UnixEpoch, 1, true, name)],
            Problems = [name],
        };
    }

    private static MetricNumber Number(string text) => new(text, double.Parse(text, System.Globalization.CultureInfo.InvariantCulture));

    [GeneratedRegex("<main id=\"main\" data-page=\"[0-9a-f]{16}\">(.*?)</main>", RegexOptions.Singleline)]
    private static partial Regex Body();
}
