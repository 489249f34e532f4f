using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.TestKit.Web;

/// <summary>A page in a headless Chromium, driven by its DevTools protocol: what a reader sees, types and hears of errors.</summary>
public sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome"];
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private int _calls;

    private Chromium(Process process, string profile) => (_process, _profile) = (process, profile);

    /// <summary>Errors, warnings, exceptions and violations of the page's policy, as the console shows them.</summary>
    public List<string> Console { get; } = [];

    /// <summary>Opens a page; skips the running test, with the reason, where there is no Chromium.</summary>
    /// <param name="address">Of a file or a server.</param>
    /// <param name="ready">JavaScript that is true once the page's own script has done its work.</param>
    /// <param name="width">Of the window, pixels.</param>
    /// <param name="height">Of the window, pixels.</param>
    public static async Task<Chromium> OpenAsync(Uri address, string ready, int width = 1280, int height = 900)
    {
        string? program = s_names.Select(Programs.Find).FirstOrDefault(path => path is not null);
        Assert.SkipWhen(program is null, "there is no chromium on the PATH; install the package chromium.");
        string profile = Directory.CreateTempSubdirectory("ctwa-chromium-").FullName;
        var process = Process.Start(new ProcessStartInfo(program!, ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-port=0", $"--user-data-dir={profile}", $"--window-size={width},{height}", "about:blank"]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var page = new Chromium(process, profile);
        try
        {
            await page.ConnectAsync();
            await page.CallAsync("Emulation.setDeviceMetricsOverride", new JsonObject { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = width < 600 });
            foreach (string domain in (string[])["Runtime.enable", "Log.enable", "Page.enable"]) { await page.CallAsync(domain); }
            await page.CallAsync("Page.navigate", new JsonObject { ["url"] = address.AbsoluteUri });
            await page.UntilAsync($"document.readyState === 'complete' && ({ready})");
            return page;
        }
        catch
        {
            await page.DisposeAsync();
            throw;
        }
    }

    /// <summary>The value of a JavaScript expression.</summary>
    public async Task<JsonElement> AskAsync(string expression)
    {
        var answer = await CallAsync("Runtime.evaluate", new JsonObject { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        Assert.False(answer.TryGetProperty("exceptionDetails", out var failure), $"{expression}: {failure}");
        return answer.GetProperty("result").TryGetProperty("value", out var value) ? value : default;
    }

    public async Task<string> TextAsync(string expression) => (await AskAsync(expression)).GetString() ?? "";

    /// <summary>Presses and releases a key, such as <c>Tab</c>, <c>Enter</c>, <c>ArrowRight</c>.</summary>
    public async Task PressAsync(string key)
    {
        int code = key switch { "Tab" => 9, "Enter" => 13, "End" => 35, "Home" => 36, "ArrowLeft" => 37, "ArrowRight" => 39, " " => 32, _ => 0 };
        JsonObject Event(string type)
        {
            var what = new JsonObject { ["type"] = type, ["key"] = key, ["code"] = key == " " ? "Space" : key, ["windowsVirtualKeyCode"] = code };
            if (key is "Enter" or " " && type == "keyDown") { what["text"] = key == "Enter" ? "\r" : " "; }
            return what;
        }

        await CallAsync("Input.dispatchKeyEvent", Event(key is "Enter" or " " ? "keyDown" : "rawKeyDown"));
        await CallAsync("Input.dispatchKeyEvent", Event("keyUp"));
    }

    /// <summary>What the reader's system prefers, or the medium, such as <c>print</c>.</summary>
    public Task MediaAsync(string scheme, string medium = "") =>
        CallAsync("Emulation.setEmulatedMedia", new JsonObject { ["media"] = medium, ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = scheme }) });

    public async Task UntilAsync(string condition)
    {
        var clock = Stopwatch.StartNew();
        while (!(await AskAsync(condition)).ValueKind.Equals(JsonValueKind.True))
        {
            Assert.True(clock.Elapsed < s_patience, $"after {s_patience.TotalSeconds:0} s it still does not hold that {condition}; the console says: {string.Join(" | ", Console)}");
            await Task.Delay(30, TestContext.Current.CancellationToken);
        }
    }

    public async Task<JsonElement> CallAsync(string method, JsonObject? parameters = null)
    {
        int id = ++_calls;
        using var deadline = new CancellationTokenSource(s_patience);
        await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] }), WebSocketMessageType.Text, true, deadline.Token);
        while (true)
        {
            var message = await ReceiveAsync(deadline.Token);
            if (message.TryGetProperty("id", out var answered) && answered.GetInt32() == id)
            {
                Assert.False(message.TryGetProperty("error", out var error), $"{method}: {error}");
                return message.GetProperty("result");
            }

            Hear(message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        try { Directory.Delete(_profile, recursive: true); }
        catch (IOException) { /* A helper of the browser may still be leaving; the folder is the system's to clear. */ }
    }

    private void Hear(JsonElement message)
    {
        string method = message.TryGetProperty("method", out var named) ? named.GetString()! : "";
        if (method == "Runtime.exceptionThrown") { Console.Add(message.GetProperty("params").GetProperty("exceptionDetails").ToString()); }
        if (method == "Runtime.consoleAPICalled" && message.GetProperty("params").GetProperty("type").GetString() is "error" or "warning" or "assert") { Console.Add(message.GetProperty("params").ToString()); }
        if (method == "Log.entryAdded" && message.GetProperty("params").GetProperty("entry").GetProperty("level").GetString() is "error" or "warning") { Console.Add(message.GetProperty("params").GetProperty("entry").ToString()); }
    }

    private async Task ConnectAsync()
    {
        string portFile = Path.Combine(_profile, "DevToolsActivePort");
        var clock = Stopwatch.StartNew();
        string[] lines = [];
        while (lines.Length < 2)
        {
            Assert.True(clock.Elapsed < s_patience && !_process.HasExited, "chromium did not open its DevTools port.");
            await Task.Delay(30, TestContext.Current.CancellationToken);
            try { lines = File.Exists(portFile) ? await File.ReadAllLinesAsync(portFile, TestContext.Current.CancellationToken) : []; }
            catch (IOException) { lines = []; }
        }

        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{lines[0]}") };
        while (true)
        {
            using var targets = JsonDocument.Parse(await http.GetStringAsync(new Uri("/json/list", UriKind.Relative), TestContext.Current.CancellationToken));
            if (targets.RootElement.EnumerateArray().FirstOrDefault(target => target.GetProperty("type").GetString() == "page") is { ValueKind: JsonValueKind.Object } found)
            {
                await _socket.ConnectAsync(new Uri(found.GetProperty("webSocketDebuggerUrl").GetString()!), TestContext.Current.CancellationToken);
                return;
            }

            Assert.True(clock.Elapsed < s_patience, "chromium has no page.");
            await Task.Delay(30, TestContext.Current.CancellationToken);
        }
    }

    private async Task<JsonElement> ReceiveAsync(CancellationToken cancellationToken)
    {
        var content = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        ValueWebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(buffer.AsMemory(), cancellationToken);
            content.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);
        using var document = JsonDocument.Parse(content.ToArray());
        return document.RootElement.Clone();
    }
}
