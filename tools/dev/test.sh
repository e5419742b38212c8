# shellcheck shell=bash
# The tests. Sourced by ./dev.
test_run() { die "not yet"; }
