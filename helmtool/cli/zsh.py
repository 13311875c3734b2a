"""The script that completes in zsh. Typer's own has the shell evaluate what the program prints, and does not escape all of it."""

from __future__ import annotations

from typer import _completion_classes, _completion_shared

SCRIPT = r"""
#compdef %(prog_name)s

# The program prints a line for each match: the word, a tab, its description (typer's protocol for fish).
# Nothing of it is evaluated: compadd takes both literally, and quotes the word that it inserts.
%(complete_func)s() {
  local -a lines values shown
  local line width
  lines=("${(@f)$(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _TYPER_COMPLETE_FISH_ACTION=get-args \
    %(autocomplete_var)s=complete_fish %(prog_name)s)}")
  lines=("${(@)lines:#}")
  if (( ! $#lines )); then
    _files
    return
  fi
  values=("${(@)lines%%%%$'\t'*}")
  if [[ "$lines" != *$'\t'* ]]; then
    compadd -a values
    return
  fi
  width=${#${(O@)values//?/x}[1]}
  for line in "${(@)lines}"; do
    line="${(r:width:)line%%%%$'\t'*}  ${${line#*$'\t'}:#$line}"
    shown+=("${line[1,COLUMNS-1]}")
  done
  compadd -l -d shown -a values
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  %(complete_func)s "$@"
else
  compdef %(complete_func)s %(prog_name)s
fi
"""


def replace_script() -> None:
    """Has typer print and install this script for zsh."""
    _completion_shared._completion_scripts["zsh"] = SCRIPT
    _completion_classes.ZshComplete.source_template = SCRIPT
