#!/bin/sh
# Run every check of what ships the product, and print a table with times. Ends with 1 if one failed or could not run.
#   scripts/test-devops.sh            all of them
#   scripts/test-devops.sh --list     their names and commands
#   scripts/test-devops.sh NAME...    these alone
# A check whose program is missing here, or whom nobody answered, has not passed: it is counted like a failed one, and
# said apart.
set -u
cd "$(dirname "$0")/.." || exit 1

checks() {
	cat <<'CHECKS'
images|make delivery TOPIC=images
chart|make delivery TOPIC=chart
compose|make delivery TOPIC=compose
monitoring|make delivery TOPIC=monitoring
workflows|make delivery TOPIC=workflows
commands|make delivery TOPIC=commands
security|make delivery TOPIC=security
documents|make delivery TOPIC=documents
lint|make lint-all
secrets|make secrets-scan
rules|make rules-test
languages|make i18n-check
vulnerabilities|make audit-deps
packages|make sbom
built-images|make image-test
two-of-each|make two-of-each
release|make release
CHECKS
}

chosen() {
	[ $# -eq 0 ] && checks && return
	for name in "$@"; do
		checks | grep "^$name|" || echo "$name|"
	done
}

[ "${1:-}" = "--list" ] && checks && exit 0

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
chosen "$@" >"$logs/chosen"
row() {
	printf '%-16s %-14s %8s\n' "$@"
}

# A check that found something and could not do the rest has failed.
result_of() {
	[ "$1" -eq 0 ] && echo passed && return
	grep -q ", 0 found something\.$\|is missing\. Install\|: missing, so " "$2" && echo "could not run" && return
	echo FAILED
}

bad=0
all_began=$(date +%s)
row check result seconds
while IFS='|' read -r name command; do
	began=$(date +%s)
	if [ -z "$command" ]; then
		result="no such check"
	else
		# The command is one of the table above, so its words are split on purpose.
		# shellcheck disable=SC2086
		$command >"$logs/$name" 2>&1 </dev/null
		result=$(result_of $? "$logs/$name")
	fi
	[ "$result" = passed ] || bad=$((bad + 1))
	row "$name" "$result" "$(($(date +%s) - began))"
	[ "$result" = passed ] || tail -n 15 "$logs/$name" 2>/dev/null | sed 's/^/    /'
done <"$logs/chosen"
row all "$([ "$bad" -eq 0 ] && echo passed || echo "$bad did not")" "$(($(date +%s) - all_began))"
if [ "$bad" -gt 0 ]; then
	echo "$bad of $(wc -l <"$logs/chosen") did not pass."
	exit 1
fi
echo "All $(wc -l <"$logs/chosen") passed."
