using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Ctwa.Client.Tests.Reports;

/// <summary>The page in a real browser: its numbers are those of metrics.jsonl, nothing breaks out of its place, and it works without a mouse.</summary>
public sealed class ReportPageTests : IDisposable
{
    private const string Tables = """
        [...document.querySelectorAll('table[data-table]')].map(table => ({
          id: table.dataset.table, head: [...table.querySelectorAll('thead th')].map(th => th.textContent),
          rows: [...table.querySelectorAll('tbody tr')].map(tr => ({ step: tr.dataset.step ?? null, run: tr.dataset.run ?? null, cells: [...tr.children].map(td => ({ text: td.textContent, value: td.dataset.value ?? null })) })) }))
        """;

    private readonly ReportFolder folder = new();

    [Fact]
    public async Task Every_number_shown_of_a_run_is_that_of_its_metrics()
    {
        var run = folder.Run("run").Job("method: linear").Steps(40, gradients: true);
        Assert.Equal((0, ""), await MadeAsync("run"));
        await using var page = await ReportInBrowser.OpenAsync(run.At("report.html"), "#tables");
        var numbers = run.Numbers();
        var tables = (await page.AskAsync(Tables)).EnumerateArray().ToList();
        int compared = 0;
        foreach (var table in tables)
        {
            string id = table.GetProperty("id").GetString()!;
            string[] head = [.. table.GetProperty("head").EnumerateArray().Select(one => one.GetString()!)];
            foreach (var row in table.GetProperty("rows").EnumerateArray().Where(row => row.GetProperty("step").ValueKind == JsonValueKind.String && id != "validations"))
            {
                int step = int.Parse(row.GetProperty("step").GetString()!, CultureInfo.InvariantCulture);
                for (int c = 1; c < head.Length; c++)
                {
                    var cell = row.GetProperty("cells")[c];
                    var (stage, metric) = Metric(id, head[c], run);
                    bool has = numbers.TryGetValue((stage, step, metric), out double expected);
                    Assert.Equal(has, cell.GetProperty("value").ValueKind == JsonValueKind.String);
                    if (!has) { continue; }
                    Same(expected, cell);
                    compared++;
                }
            }
        }

        // 40 steps of, among others, two means, two weights, two covariances and half a dozen single metrics.
        Assert.InRange(compared, 40 * 12, int.MaxValue);
        string[] shown = [.. tables.Select(table => table.GetProperty("id").GetString()!)];
        Assert.All((string[])["objective-0", "objective-1", "weight", "covariance-0", "covariance-1", "length", "kl", "clip", "hypervolume", "supervised", "step-seconds", "any-metric"], id => Assert.Contains(id, shown));
        Assert.Empty(page.Console);
    }

    [Fact]
    public async Task What_is_worked_out_of_the_metrics_is_right()
    {
        var run = folder.Run("run").Job("method: linear").Steps(40, gradients: true);
        Assert.Equal((0, ""), await MadeAsync("run"));
        await using var page = await ReportInBrowser.OpenAsync(run.At("report.html"), "#tables");
        var n = run.Numbers();
        double Sum(string name) => n.Where(one => one.Key.Stage == "rl" && one.Key.Name == name).Sum(one => one.Value);
        double Value(int step, string name) => n[("rl", step, name)];
        var tables = (await page.AskAsync(Tables)).EnumerateArray().ToLookup(table => table.GetProperty("id").GetString()!);

        // The ranking: the last validation's means, the worst gain, the share of steps with interference, the time of all steps.
        var row = tables["ranking"].First().GetProperty("rows")[0].GetProperty("cells");
        double gain = run.Objectives.Min(name => Value(40, $"validation/{name}/mean") - Value(0, $"validation/{name}/mean"));
        Assert.Equal(gain, Number(row[5]), 12);
        for (int j = 0; j < 2; j++) { Assert.Equal(Value(40, $"validation/{run.Objectives[j]}/mean"), Number(row[6 + j])); }
        Assert.Equal(Value(40, "validation/hypervolume"), Number(row[8]));
        Assert.Equal(5 / 40.0, Number(row[9]));
        Assert.Equal(Sum("time/step_s"), Number(row[11]), 9);

        // Who fell while whom gained: five of forty steps.
        Assert.Equal(5, Number(tables["interference"].First().GetProperty("rows")[0].GetProperty("cells")[2]));

        // The mean cosine and the times by phase, over all steps.
        double[] cosines = [.. Enumerable.Range(1, 40).Select(step => Value(step, "gradient/cosine/accuracy/conciseness"))];
        Assert.Equal(cosines.Average(), Number(tables["cosines"].First().GetProperty("rows")[0].GetProperty("cells")[2]), 12);
        var time = tables["time"].First();
        string[] phases = [.. time.GetProperty("head").EnumerateArray().Select(one => one.GetString()!)];
        Assert.Equal(["run", "generate", "update", "validate", "rest", "all steps"], phases);
        for (int p = 1; p <= 3; p++) { Assert.Equal(Sum($"time/{phases[p]}_s"), Number(time.GetProperty("rows")[0].GetProperty("cells")[p]), 9); }

        // Predicted against realised: the numbers in the caption are over every step and objective.
        var points = (from step in Enumerable.Range(1, 40) from name in run.Objectives select (X: Value(step, $"predicted/covariance/{name}"), Y: Value(step, $"realised/{name}"))).ToList();
        double slope = points.Sum(p => p.X * p.Y) / points.Sum(p => p.X * p.X), same = (double)points.Count(p => p.X > 0 == p.Y > 0) / points.Count;
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"same sign in {same * 100:0} % of 80 points, slope {slope:0.####}"), await page.TextAsync("document.querySelector('#prediction-covariance .help').textContent"), StringComparison.Ordinal);
        Assert.Empty(page.Console);
    }

    [Fact]
    public async Task Several_runs_are_ranked_overlaid_and_can_be_hidden()
    {
        folder.Run("falls").Job("method: linear").Steps(30, slope: -0.01);
        folder.Run("rises").Job("method: ctwa, targets: [0.2, 0.1]").Steps(30, slope: 0.02);
        folder.Run("young").Job("method: linear").Steps(5, validateEvery: 100);
        File.WriteAllLines(folder.At("young/metrics.jsonl"), File.ReadAllLines(folder.At("young/metrics.jsonl")).SkipLast(1));
        var (code, output, error) = await folder.ReportAsync("falls", "rises", "young");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(["rises", "falls", "young"], output.Split('\n').Skip(1).Take(3).Select(line => line.Split(' ')[0]));
        await using var page = await ReportInBrowser.OpenAsync(folder.At("report.html"), "#tables");
        Assert.Equal("rises,falls,young", await page.TextAsync("[...document.querySelectorAll('[data-table=ranking] tbody tr')].map(tr => tr.dataset.run).join()"));
        Assert.Equal("1,2,–", await page.TextAsync("[...document.querySelectorAll('[data-table=ranking] tbody tr')].map(tr => tr.firstChild.textContent).join()"));
        // Both lines of each run are in the picture, and a target; one less after a run is hidden from the keyboard.
        Assert.Equal("step,rises, training,rises, held out,falls, training,falls, held out,young, training,young, held out", await page.TextAsync("[...document.querySelectorAll('[data-table=objective-0] thead th')].map(th => th.textContent).join()"));
        Assert.Contains("target of rises", await page.TextAsync("document.querySelector('#target-0 svg').textContent"), StringComparison.Ordinal);
        await page.AskAsync("document.querySelector('[data-run-button=\"1\"]').focus()");
        await page.PressAsync("Enter");
        Assert.Equal("false", await page.TextAsync("document.querySelector('[data-run-button=\"1\"]').getAttribute('aria-pressed')"));
        Assert.DoesNotContain("falls", await page.TextAsync("document.querySelector('[data-table=objective-0] thead').textContent"), StringComparison.Ordinal);
        Assert.Contains("scalarizer.method", await page.TextAsync("document.querySelector('[data-table=differences]').textContent"), StringComparison.Ordinal);
        Assert.Empty(page.Console);
    }

    [Fact]
    public async Task Hostile_texts_stay_texts()
    {
        const string Evil = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>{{script}}{{data}}&lt;b&gt;\u2028";
        var run = folder.Run("run").Steps(20)
            .Samples("validation-000000", ("what is 2+2? " + Evil, "five " + Evil, 0)).Samples("validation-000020", ("what is 2+2? " + Evil, "four " + Evil, 1))
            .Faults(JsonSerializer.Serialize(new { time = "2026-01-01T00:00:00Z", kind = "failed", host = Evil, process = 1, epoch = 0, message = Evil }));
        File.WriteAllText(run.At("job.yaml"), $"name: {Evil}\n");
        File.WriteAllText(run.At("summary.json"), JsonSerializer.Serialize(new { verdict = Evil, interference = new[] { new { payer = Evil, gainer = Evil, text = Evil } } }));
        File.AppendAllText(run.Metrics, JsonSerializer.Serialize(new Dictionary<string, object> { ["stage"] = "rl", ["step"] = 21, [Evil] = 1, ["objective/" + Evil.Replace("/", "", StringComparison.Ordinal) + "/mean"] = 0.5 }) + "\n");
        Assert.Equal((0, ""), await MadeAsync("run"));
        string html = File.ReadAllText(run.At("report.html"));
        Assert.Equal(2, html.Split("</script>").Length - 1);
        Assert.Equal(0, html.Split("<img").Length - 1);
        await using var page = await ReportInBrowser.OpenAsync(run.At("report.html"), "#tables");
        Assert.Equal(JsonValueKind.Undefined, (await page.AskAsync("window.broken")).ValueKind);
        Assert.Equal(0, (await page.AskAsync("document.images.length")).GetInt32());
        string text = await page.TextAsync("document.body.textContent");
        Assert.Contains("four " + Evil[..^1], await page.TextAsync("[...document.querySelectorAll('.sample pre')].map(one => one.textContent).join(' ')"), StringComparison.Ordinal);
        Assert.Contains("name: " + Evil[..20], text, StringComparison.Ordinal);
        Assert.Empty(page.Console);
        // Even markup that did get in could not run: the page's own policy forbids it.
        await page.AskAsync("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.broken = 1\">')");
        await page.UntilAsync("document.images.length === 1");
        Assert.Equal(JsonValueKind.Undefined, (await page.AskAsync("window.broken")).ValueKind);
    }

    [Fact]
    public async Task It_is_read_and_worked_without_a_mouse()
    {
        folder.Run("a").Job("method: linear").Steps(30);
        folder.Run("b").Job("method: linear").Steps(30);
        Assert.Equal((0, ""), await MadeAsync("a", "b"));
        await using var page = await ReportInBrowser.OpenAsync(folder.At("report.html"));
        await page.PressAsync("Tab");
        Assert.Equal("Skip to the report", await page.TextAsync("document.activeElement.textContent"));
        var reached = new HashSet<string>();
        for (int i = 0; i < 400; i++)
        {
            await page.PressAsync("Tab");
            string at = await page.TextAsync("document.activeElement === document.body ? 'end' : document.activeElement.tagName.toLowerCase() + ' ' + (document.activeElement.getAttribute('aria-label') || document.activeElement.textContent).slice(0, 40)");
            if (at == "end") { break; }
            reached.Add(at);
        }

        Assert.All((string[])["a Objectives", "button Colours: auto", "button a", "select ", "svg accuracy.", "summary Data table", "input "], start => Assert.Contains(reached, one => one.StartsWith(start, StringComparison.Ordinal)));
        // A picture tells its steps to the arrow keys.
        await page.AskAsync("document.querySelector('#kl svg').focus()");
        await page.PressAsync("End");
        Assert.StartsWith("step 30: a ", await page.TextAsync("document.getElementById('live').textContent"), StringComparison.Ordinal);
        await page.PressAsync("ArrowLeft");
        Assert.StartsWith("step 29: a ", await page.TextAsync("document.getElementById('live').textContent"), StringComparison.Ordinal);
        // Every picture says in words what it shows, and every form has a label.
        Assert.Equal(0, (await page.AskAsync("[...document.querySelectorAll('svg[role=img]')].filter(one => (one.getAttribute('aria-label') || '').length < 20).length")).GetInt32());
        Assert.Equal(0, (await page.AskAsync("[...document.querySelectorAll('select, input')].filter(one => one.labels.length === 0).length")).GetInt32());
        Assert.Equal(0, (await page.AskAsync("[...document.querySelectorAll('[id]')].length - new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size")).GetInt32());
        Assert.Empty(page.Console);
    }

    [Theory]
    [InlineData("light", "")]
    [InlineData("dark", "")]
    [InlineData("dark", "print")]
    public async Task Texts_stand_out_from_their_ground(string scheme, string medium)
    {
        var run = folder.Run("run").Job("method: ctwa, targets: [0.2, 0.1]").Steps(30, gradients: true).Samples("validation-000000", ("2+2", "5", 0)).Samples("validation-000030", ("2+2", "4", 1));
        Assert.Equal((0, ""), await MadeAsync("run"));
        await using var page = await ReportInBrowser.OpenAsync(run.At("report.html"), "#tables");
        await page.MediaAsync(scheme, medium);
        var poor = await page.AskAsync("""
            (() => {
              const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
              const rgb = (text, under) => { canvas.fillStyle = under || '#fff'; canvas.fillRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
              const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
              const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
              const ground = node => { const chain = []; for (let at = node; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor); return chain.reduce((under, colour) => `rgb(${rgb(colour, under).join()})`, '#fff'); };
              const found = [];
              for (const node of document.querySelectorAll('body *')) {
                const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim() !== '');
                if (!own || node.closest('script, style, noscript, title, .tip, .unseen, .skip') || node.getClientRects().length === 0) continue;
                const style = getComputedStyle(node), under = ground(node.ownerSVGElement ? node.ownerSVGElement.parentElement : node);
                const ratio = contrast(rgb(node.ownerSVGElement ? style.fill : style.color, under), rgb(under));
                if (ratio < 4.5) found.push(`${node.tagName} ${node.className.baseVal ?? node.className} "${node.textContent.slice(0, 20)}" ${ratio.toFixed(2)}`);
              }
              for (const line of document.querySelectorAll('.plot path[stroke-width], .legend line')) {
                const ratio = contrast(rgb(getComputedStyle(line).stroke), rgb(ground(line.closest('figure'))));
                if (ratio < 3) found.push(`line ${getComputedStyle(line).stroke} ${ratio.toFixed(2)}`);
              }
              return found;
            })()
            """);
        Assert.Equal([], poor.EnumerateArray().Select(one => one.GetString()));
    }

    [Theory]
    [InlineData(390)]
    [InlineData(1280)]
    public async Task Nothing_is_wider_than_the_page(int width)
    {
        var run = folder.Run("run", "accuracy", "conciseness", "clarity", "a_rather_long_name_of_an_objective_to_fit-in").Job("method: linear").Steps(30, gradients: true);
        Assert.Equal((0, ""), await MadeAsync("run"));
        await using var page = await ReportInBrowser.OpenAsync(run.At("report.html"), width: width);
        Assert.Equal("", await page.TextAsync($"[...document.querySelectorAll('body *')].filter(one => !one.closest('.scroll *, nav *, .unseen, svg *') && one.getBoundingClientRect().right > {width} + 1).map(one => one.outerHTML.slice(0, 90)).join(' | ')"));
        Assert.Equal(width, (await page.AskAsync("document.documentElement.scrollWidth")).GetInt32());
        Assert.Empty(page.Console);
    }

    [Fact]
    public async Task What_a_run_does_not_have_is_said()
    {
        var run = folder.Run("run").Job("method: linear").Steps(3, validateEvery: 10);
        File.WriteAllLines(run.Metrics, File.ReadAllLines(run.Metrics).Select(line => line.Replace("validation/", "other/", StringComparison.Ordinal)));
        Assert.Equal((0, ""), await MadeAsync("run"));
        await using var page = await ReportInBrowser.OpenAsync(run.At("report.html"));
        string text = await page.TextAsync("document.getElementById('top').innerText + document.getElementById('main').innerText");
        Assert.All(
            (string[])["There are no two validations yet to compare", "Not in this run: gradient/cosine. Gradients per objective are measured by methods that solve for them", "The method linear has no covariance targets", "The job does not validate", "holds no samples", "The run has no faults.jsonl", "Not in this run: policy/kl_reference"],
            said => Assert.Contains(said, text, StringComparison.Ordinal));
        Assert.Equal(0, (await page.AskAsync("[...document.querySelectorAll('figure')].filter(one => !one.querySelector('svg, table, .absent')).length")).GetInt32());
        Assert.Empty(page.Console);
    }

    [Fact]
    public async Task A_supervised_run_and_one_objective_have_pages_too()
    {
        var sft = folder.Run("sft");
        File.WriteAllLines(sft.Metrics, Enumerable.Range(1, 20).Select(step => FormattableString.Invariant($"{{\"stage\":\"supervised\",\"step\":{step},\"steps_total\":20,\"loss/supervised\":{2.5 / step},\"time/step_s\":0.1}}")));
        File.WriteAllText(sft.At("job.yaml"), JobText.Valid.Replace("name: tiny", "name: tiny\nkind: sft\nsupervised: { data: { task: arithmetic }, steps: 20 }", StringComparison.Ordinal));
        var single = folder.Run("single", "accuracy").Job("method: linear").Steps(20);
        foreach (var run in (MadeRun[])[sft, single])
        {
            Assert.Equal(0, (await folder.ReportAsync(Path.GetFileName(run.Folder))).Code);
            await using var page = await ReportInBrowser.OpenAsync(run.At("report.html"), "#tables");
            Assert.Empty(page.Console);
            Assert.Equal(run == sft ? "supervised" : "objective-0", await page.TextAsync($"document.querySelector('figure[id={(run == sft ? "supervised" : "objective-0")}]').id"));
        }
    }

    public void Dispose() => folder.Dispose();

    private async Task<(int Code, string Error)> MadeAsync(params string[] runs)
    {
        var (code, _, error) = await folder.ReportAsync(runs);
        return (code, error.Contains("This build cannot read its job.yaml", StringComparison.Ordinal) ? "" : error);
    }

    private static double Number(JsonElement cell) => double.Parse(cell.GetProperty("value").GetString()!, CultureInfo.InvariantCulture);

    // The cell carries the number itself, and shows it to four digits.
    private static void Same(double expected, JsonElement cell)
    {
        Assert.Equal(expected, Number(cell));
        double shown = double.Parse(cell.GetProperty("text").GetString()!, CultureInfo.InvariantCulture);
        Assert.InRange(Math.Abs(shown - expected), 0, 0.0051 * Math.Abs(expected));
    }

    /// <summary>Which metric a column of a table shows.</summary>
    private static (string Stage, string Name) Metric(string id, string column, MadeRun run) => (id.Split('-')[0], column) switch
    {
        ("objective", "training") => ("rl", $"objective/{run.Objectives[id[^1] - '0']}/mean"),
        ("objective", "held out") => ("rl", $"validation/{run.Objectives[id[^1] - '0']}/mean"),
        ("weight", _) => ("rl", $"weight/{column}"),
        ("covariance", _) => ("rl", $"covariance/{run.Objectives[id[^1] - '0']}"),
        ("length", "training") => ("rl", "response/length/mean"),
        ("length", _) => ("rl", "validation/response/length/mean"),
        ("hypervolume", _) => ("rl", "validation/hypervolume"),
        ("weights", _) => ("rl", "weights/entropy"),
        ("supervised", _) => ("supervised", column),
        _ => ("rl", column),
    };
}
