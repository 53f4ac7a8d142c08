# Sourced by the scripts beside it: where things are, and how progress is shown.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
OUT=$ROOT/out                                          # programs, and what a run leaves to look at; not tracked
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/pillion          # Bazel's outputs and fetched programs, shared by all checkouts
PYTHON=/usr/bin/python3                                # Debian's: the one that python3-grpcio and the others are for
mkdir -p "$OUT/log" "$CACHE"
export PYTHONDONTWRITEBYTECODE=1

if [ -t 1 ]; then BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' PLAIN=$'\e[0m'; else BOLD='' DIM='' RED='' PLAIN=''; fi
say() { printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"; }
note() { printf '    %s%s%s\n' "$DIM" "$*" "$PLAIN"; }
fail() { printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2; exit 1; }

# What a script's --help prints: the comment at its head.
usage() { sed -n '2,/^[^#]/{/^# \{0,1\}/!d;s///;p}' "$0"; }

# Runs a command of whose output only a failure is worth seeing: quietly LOG COMMAND...
quietly() {
  local log=$OUT/log/$1; shift
  "$@" >"$log" 2>&1 || { tail -n 25 "$log" >&2; fail "$1 failed; all of its output is in $log"; }
}

# bazel COMMAND ARGUMENTS... with the shared cache, and with progress: a moving line on a terminal, else one now and then.
bazel_do() {
  local command=$1 progress=(--show_progress --show_progress_rate_limit=20 --curses=no --noshow_loading_progress --ui_event_filters=-info); shift
  if [ -t 2 ]; then progress=(--show_progress --curses=yes --ui_event_filters=-info); fi
  (cd "$ROOT" && bazel "$command" "--disk_cache=$CACHE/bazel" "${progress[@]}" "$@")
}

# A query prints names only; what Bazel says besides goes to a log.
bazel_query() { (cd "$ROOT" && bazel query --keep_going --noshow_progress "$@" 2>>"$OUT/log/query"); }
