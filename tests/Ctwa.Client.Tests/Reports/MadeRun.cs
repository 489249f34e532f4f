using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.Client.Tests.Reports;

/// <summary>A run directory as training leaves it, made of formulas. It goes with the test.</summary>
internal sealed class MadeRun
{
    private readonly List<JsonObject> lines = [];

    public MadeRun(string folder, params string[] objectives)
    {
        Folder = Directory.CreateDirectory(folder).FullName;
        Objectives = objectives.Length > 0 ? objectives : ["accuracy", "conciseness"];
    }

    public string Folder { get; }

    public IReadOnlyList<string> Objectives { get; }

    public string Metrics => At("metrics.jsonl");

    public string At(params string[] names) => Path.Combine([Folder, .. names]);

    /// <summary>The job: that of <see cref="JobText"/> with a method.</summary>
    public MadeRun Job(string scalarizer = "method: linear", string more = "")
    {
        string objectives = string.Concat(Objectives.Select(name => $"  - {{ name: {name}, reward: {{ kind: math_boxed }} }}\n"));
        int from = JobText.Valid.IndexOf("objectives:", StringComparison.Ordinal), to = JobText.Valid.IndexOf("schedule:", StringComparison.Ordinal);
        File.WriteAllText(At("job.yaml"), $"{JobText.Valid[..from]}objectives:\n{objectives}{JobText.Valid[to..]}\nscalarizer: {{ {scalarizer} }}\n{more}\n");
        return this;
    }

    /// <summary>Lines of supervised steps and of reinforcement learning, with a validation in every tenth step.</summary>
    /// <param name="slope">How fast the first objective rises; below 0 it falls.</param>
    /// <param name="gradients">With gradients per objective.</param>
    public MadeRun Steps(int steps, double slope = 0.02, bool gradients = false, int supervised = 3, int validateEvery = 10)
    {
        for (int step = 1; step <= supervised; step++) { Line("supervised", step, supervised, ("loss/supervised", 4.0 / step), ("gradient/norm", 1.0 / step), ("time/step_s", 0.5)); }
        for (int step = 0; step <= steps; step++) { lines.Add(Step(step, steps, slope, gradients, validateEvery)); }
        File.WriteAllLines(Metrics, lines.Select(line => line.ToJsonString()));
        return this;
    }

    public MadeRun Samples(string name, params (string Prompt, string Response, double Score)[] samples)
    {
        Directory.CreateDirectory(At("samples"));
        int step = int.Parse(name.Split('-')[^1], CultureInfo.InvariantCulture);
        var text = new StringBuilder();
        foreach (var (prompt, response, score) in samples)
        {
            var line = new JsonObject { ["step"] = step, ["prompt"] = prompt, ["response"] = response, ["ground_truth"] = "4" };
            foreach (string objective in Objectives) { line["score/" + objective] = score; }
            text.Append(line.ToJsonString()).Append('\n');
        }

        File.WriteAllText(At("samples", name + ".jsonl"), text.ToString());
        return this;
    }

    public MadeRun Faults(params string[] json)
    {
        File.WriteAllLines(At("faults.jsonl"), json);
        return this;
    }

    /// <summary>Every number of metrics.jsonl, read by nothing of the client's.</summary>
    public IReadOnlyDictionary<(string Stage, int Step, string Name), double> Numbers()
    {
        var numbers = new Dictionary<(string, int, string), double>();
        foreach (string line in File.ReadLines(Metrics))
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            foreach (var entry in root.EnumerateObject().Where(entry => entry.Value.ValueKind == JsonValueKind.Number)) { numbers[(root.GetProperty("stage").GetString()!, root.GetProperty("step").GetInt32(), entry.Name)] = entry.Value.GetDouble(); }
        }

        return numbers;
    }

    private JsonObject Step(int step, int steps, double slope, bool gradients, int validateEvery)
    {
        var line = new JsonObject { ["stage"] = "rl", ["step"] = step, ["steps_total"] = steps };
        // No two numbers alike, and none that a rounding would hide.
        double Wave(int series) => Math.Sin((step + 1) * 0.37 + series) / 3;
        for (int j = 0; j < Objectives.Count; j++)
        {
            string name = Objectives[j];
            double mean = 0.3 + (j == 0 ? slope : 0.004) * Math.Min(step, 30) + Wave(j) / 20;
            if (step % validateEvery == 0 || step == steps)
            {
                line[$"validation/{name}/mean"] = mean - 0.01;
                line[$"validation/{name}/standard_error"] = 0.011 + Wave(j) / 1000;
                if (step > 0)
                {
                    line[$"validation/{name}/change"] = 0.05 * (j + 1) + Wave(j);
                    line[$"validation/{name}/predicted_covariance"] = 0.3 * (j + 1) + Wave(j);
                }
            }

            if (step == 0) { continue; }
            line[$"objective/{name}/mean"] = mean;
            line[$"weight/{name}"] = 1.0 / Objectives.Count + Wave(j) / 10;
            line[$"covariance/{name}"] = Wave(j + 2) / 4;
            line[$"covariance/standard_error/{name}"] = 0.01 + Math.Abs(Wave(j)) / 100;
            line[$"correlation_ema/{name}"] = Wave(j + 3);
            line[$"predicted/covariance/{name}"] = Wave(j + 2) / 4;
            line[$"realised/{name}"] = Wave(j + 2) / 9 + 0.001;
            if (step % 7 == 0 && j == 0 && Objectives.Count > 1) { line[$"interference/pair/{name}/{Objectives[1]}"] = 1; }
            if (!gradients) { continue; }
            line[$"predicted/gradient/{name}"] = Wave(j) / 30;
            for (int k = j + 1; k < Objectives.Count; k++) { line[$"gradient/cosine/{name}/{Objectives[k]}"] = Math.Sin(step * 0.2 + j + 2 * k); }
        }

        if (step % validateEvery == 0 || step == steps)
        {
            line["validation/hypervolume"] = 0.1 + step * 0.0031;
            line["validation/worst_gain"] = 0.01 + Wave(9) / 50;
            line["validation/response/length/mean"] = 25 + Wave(8);
            line["time/validate_s"] = 0.31 + Wave(2) / 100;
        }

        if (step > 0)
        {
            line["interference/events"] = step % 7 == 0 ? 1 : 0;
            line["response/length/mean"] = 24 + Wave(5);
            line["policy/kl"] = 0.0008 + Wave(6) / 10000;
            line["policy/clip_fraction"] = 0.02 + Wave(7) / 100;
            line["gradient/norm"] = 0.3 + Wave(1) / 7;
            line["weights/entropy"] = 0.69 + Wave(1) / 70;
            line["time/generate_s"] = 0.6 + Wave(1) / 10;
            line["time/update_s"] = 1.1 + Wave(3) / 10;
            line["throughput/tokens_per_s"] = 2000 + 300 * Wave(4);
        }

        line["time/step_s"] = 2.5 + Wave(4) / 10;
        return line;
    }

    private void Line(string stage, int step, int total, params (string Name, double Value)[] values)
    {
        var line = new JsonObject { ["stage"] = stage, ["step"] = step, ["steps_total"] = total };
        foreach (var (name, value) in values) { line[name] = value; }
        lines.Add(line);
    }
}
