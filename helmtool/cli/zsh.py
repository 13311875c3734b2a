"""Completion in zsh: typer's own script has the shell evaluate words and descriptions, of which it escapes only some characters."""

from __future__ import annotations

from typer import _completion_classes, _completion_shared

SCRIPT = """\
#compdef %(prog_name)s

%(complete_func)s() {
  local line word text
  local -a found
  for line in "${(@f)$(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _TYPER_COMPLETE_FISH_ACTION=get-args \
%(autocomplete_var)s=complete_fish %(prog_name)s)}"; do
    IFS=$'\\t' read -r word text <<<"$line"
    [[ -n $word ]] && found+=("${word//:/\\\\:}${text:+:$text}")
  done
  if (( $#found )); then _describe -V '' found; else _files; fi
}

compdef %(complete_func)s %(prog_name)s
"""
"""Asks as typer's script for fish does, whose answer is a word and its description on each line: nothing of it is evaluated."""


def replace_script() -> None:
    """Has typer print and install this script."""
    _completion_classes.ZshComplete.source_template = SCRIPT
    _completion_shared._completion_scripts["zsh"] = SCRIPT
