# Runs the commands of a page, as far as that can be done without their servers: a run is validated,
# a search is started for three seconds, a target of make is looked up. An unknown command fails.
# $LOADTEST is the program, $PROJECT the checkout; the folder has the pages' files and some reports.
set -eu

loadtest() {
  case "${1-}" in
    validate | profiles | compare | report) "$LOADTEST" "$@" ;;
    # No database is there, and that is found after the words of the command.
    replay) "$LOADTEST" "$@" 2>&1 | grep -q "Connection refused" ;;
    # No worker has kept anything here, and that is found after the words of the command, too.
    merge) "$LOADTEST" "$@" 2>&1 | grep -Eq "No such file|no seconds.bin" ;;
    capacity)
      ended=0
      timeout -s KILL 3 "$LOADTEST" "$@" || ended=$?
      [ "$ended" = 137 ]
      ;;
    *) "$LOADTEST" validate "$@" ;;
  esac
}

make() { command make -C "$PROJECT" -n "$@"; }

cargo() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --bin)
        [ "$2" = loadtest ] || { [ -f "$PROJECT/$2/src/main.rs" ] && return; }
        shift 3
        # A persona that a page adds is run by a test of its own.
        case "$*" in *e=50*) ;; *) loadtest "$@" ;; esac
        return
        ;;
      -p)
        grep -qx "name = \"$2\"" "$PROJECT"/*/Cargo.toml
        return
        ;;
    esac
    shift
  done
  false
}

# The compose file has tests of its own, and these two only read.
docker() { :; }
cp() { [ -e "$PROJECT/$1" ]; }
jq() { [ -e "$2" ]; }
