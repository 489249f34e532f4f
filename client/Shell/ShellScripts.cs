namespace Ctwa.Client.Shell;

/// <summary>Scripts by which shells ask <c>ctwa complete</c>.</summary>
internal static class ShellScripts
{
    /// <summary>By the shell's name.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>
    {
        ["bash"] = """
            # Completion of ctwa for bash. Now: source <(ctwa completion bash)
            # For ever: ctwa completion bash > ~/.local/share/bash-completion/completions/ctwa
            _ctwa() {
              local IFS=$'\n' line
              COMPREPLY=()
              while read -r line; do COMPREPLY+=("${line%%$'\t'*}"); done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
            }
            complete -o default -F _ctwa ctwa
            """,
        ["zsh"] = """
            #compdef ctwa
            # Completion of ctwa for zsh. Now: source <(ctwa completion zsh)
            # For ever: ctwa completion zsh > "${fpath[1]}/_ctwa"
            _ctwa() {
              local -a candidates
              local line
              while IFS= read -r line; do
                candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
              done < <("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
              if (( ${#candidates} )); then _describe ctwa candidates; else _files; fi
            }
            if [ "$funcstack[1]" = "_ctwa" ]; then _ctwa "$@"; else compdef _ctwa ctwa; fi
            """,
        ["fish"] = """
            # Completion of ctwa for fish. Now: ctwa completion fish | source
            # For ever: ctwa completion fish > ~/.config/fish/completions/ctwa.fish
            function __ctwa_complete
                set -l words (commandline -opc)
                set -l current (commandline -ct)
                set -l program $words[1]
                set -e words[1]
                $program complete -- $words "$current" 2>/dev/null
            end
            complete -c ctwa -a '(__ctwa_complete)'
            """,
    };
}
